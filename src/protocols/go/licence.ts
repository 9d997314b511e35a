/** Pure: which licence a LICENSE file is the text of, as an SPDX expression. Modules declare it nowhere else. */

interface Known {
  /** as SPDX lists it; of the GNU licences the family, since only a notice says whether later versions are meant */
  readonly id: string;
  /** all are in it, in lower case with single spaces */
  readonly phrases: readonly string[];
  readonly without?: readonly string[];
  /** characters: what has more says more than the licence; undefined: a text that is its own whole file */
  readonly max?: number;
}

const FREE_OF_CHARGE = 'permission is hereby granted, free of charge, to any person obtaining a copy of this';
const PERMISSION_NOTICE = 'the above copyright notice and this permission notice';
const SOURCE_AND_BINARY = 'redistribution and use in source and binary forms';
const ENDORSE = 'endorse or promote products derived from';
const WITHOUT_FEE = 'software for any purpose with or without fee is hereby granted';
const APPEAR = 'copyright notice and this permission notice appear in all copies';

const KNOWN: readonly Known[] = [
  { id: 'MIT', phrases: [FREE_OF_CHARGE, PERMISSION_NOTICE], max: 1800 },
  { id: 'MIT-0', phrases: [FREE_OF_CHARGE], without: [PERMISSION_NOTICE], max: 1500 },
  { id: 'Apache-2.0', phrases: ['apache license version 2.0, january 2004'], max: 14_000 },
  {
    id: 'BSD-3-Clause',
    phrases: [SOURCE_AND_BINARY, ENDORSE],
    without: ['advertising materials'],
    max: 2500,
  },
  {
    id: 'BSD-2-Clause',
    phrases: [SOURCE_AND_BINARY],
    without: [ENDORSE, 'advertising materials'],
    max: 2000,
  },
  { id: 'ISC', phrases: [WITHOUT_FEE, APPEAR], max: 1400 },
  { id: '0BSD', phrases: [WITHOUT_FEE], without: [APPEAR], max: 1200 },
  { id: 'MPL-2.0', phrases: ['mozilla public license version 2.0'], max: 20_000 },
  {
    id: 'Unlicense',
    phrases: ['this is free and unencumbered software released into the public domain'],
    max: 1800,
  },
  { id: 'CC0-1.0', phrases: ['cc0 1.0 universal'], max: 9000 },
];

/** GNU licences: the title, and its version. */
const GNU = /\bgnu (affero |lesser |library )?general public license version (\d(?:\.\d)?),/;
const FAMILY: Readonly<Record<string, string>> = { affero: 'AGPL', lesser: 'LGPL', library: 'LGPL' };
/** Words of conditions that are put around licences, and take back what those give. */
const RESTRICTED = /commons clause|business source license|server side public license/;

const MAX = 100_000;

/** An expression where the text is one licence and nothing else; otherwise what it seems to be. */
export function licenceOfText(text: string | undefined): { license?: string; declaredLicense?: string } {
  const plain = (text ?? '')
    .slice(0, MAX)
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replaceAll('license, version', 'license version');
  const has = (phrase: string) => plain.includes(phrase);
  const found = KNOWN.filter(({ phrases, without = [] }) => phrases.every(has) && !without.some(has));
  const gnu = gnuIn(plain);
  const names = [...(gnu === undefined ? [] : [gnu]), ...found.map(({ id }) => id)];
  const [only] = found;
  if (only === undefined || names.length > 1 || plain.length > (only.max ?? MAX) || RESTRICTED.test(plain))
    return names.length === 0 ? {} : { declaredLicense: names.join(', ') };
  return { license: only.id };
}

function gnuIn(plain: string): string | undefined {
  const [, kind = '', version = ''] = GNU.exec(plain) ?? [];
  if (version === '') return undefined;
  return `${FAMILY[kind.trim()] ?? 'GPL'}-${version.includes('.') ? version : `${version}.0`}`;
}
