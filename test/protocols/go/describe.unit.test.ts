/** What a module zip says of its module. */
import { describe, expect, it } from 'vitest';
import { describeModule } from '../../../src/protocols/go/describe.ts';
import { licenceOfText } from '../../../src/protocols/go/licence.ts';

const MIT = `MIT License

Copyright (c) 2026 Ann Lee

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND.
`;
const BSD = `Copyright 2009 The Authors.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

   * Redistributions of source code must retain the above copyright notice.
   * Redistributions in binary form must reproduce the above copyright notice.
`;
const ENDORSE = `   * Neither the name of Acme nor the names of its contributors may be used to
endorse or promote products derived from this software.
`;
const ISC = `Permission to use, copy, modify, and distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.
`;
const APACHE = `                                 Apache License
                           Version 2.0, January 2004
                        http://www.apache.org/licenses/

   TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION
`;

describe('the licence of a text', () => {
  it.each([
    ['MIT', MIT],
    ['MIT', MIT.replaceAll('\n', '\r\n')],
    ['BSD-3-Clause', BSD + ENDORSE],
    ['BSD-2-Clause', BSD],
    ['ISC', ISC],
    ['ISC', ISC.replace('and distribute', 'and/or distribute')],
    ['0BSD', ISC.replace(/, provided[\s\S]*/, '.')],
    ['Apache-2.0', APACHE],
    ['MPL-2.0', 'Mozilla Public License Version 2.0\n==================\n\n1. Definitions\n'],
    ['MPL-2.0', 'Mozilla Public License, version 2.0\n\n1. Definitions\n'],
    ['Unlicense', 'This is free and unencumbered software released into the public domain.\n'],
    ['CC0-1.0', 'Creative Commons Legal Code\n\nCC0 1.0 Universal\n'],
  ])('%s', (license, text) => {
    expect(licenceOfText(text)).toEqual({ license });
  });

  it.each([
    [
      'which of its versions is not in it',
      'GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n',
      'GPL-3.0',
    ],
    ['Affero', 'GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007\n', 'AGPL-3.0'],
    ['Lesser', 'GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999\n', 'LGPL-2.1'],
    ['two texts, and nobody knows whether both bind', `${MIT}\n${APACHE}`, 'MIT, Apache-2.0'],
    ['a condition was added', `${MIT}\n"Commons Clause" License Condition v1.0\n`, 'MIT'],
    ['much was added', `${MIT}\n${'Nobody may sell it. '.repeat(100)}`, 'MIT'],
  ])('is only declared where %s', (_why, text, declaredLicense) => {
    expect(licenceOfText(text)).toEqual({ declaredLicense });
  });

  it('is none where nothing is known', () => {
    expect(licenceOfText('All rights reserved.')).toEqual({});
    expect(licenceOfText(undefined)).toEqual({});
  });
});

describe('a module', () => {
  const module = {
    path: 'github.com/Acme/lib/sub/v2',
    mod: 'module github.com/Acme/lib/sub/v2\n\nrequire (\n\tgolang.org/x/text v0.3.0\n\tb.example/c v1.0.0 // indirect\n)\n',
    licence: MIT,
    doc: '// Copyright\n\n// Package sub does\n// one thing. And another.\n//\n// More.\npackage sub\n',
  };

  it('is described by its licence, its documentation, its path and its go.mod', () => {
    expect(describeModule(module)).toEqual({
      summary: 'Package sub does one thing.',
      license: 'MIT',
      repository: 'https://github.com/Acme/lib',
      dependencies: [
        { name: 'golang.org/x/text', requirement: 'v0.3.0', kind: 'runtime' },
        { name: 'b.example/c', requirement: 'v1.0.0', kind: 'build' },
      ],
    });
  });

  it.each([
    ['git.example.org/team/lib', undefined],
    ['git.example.org/team/lib.git/sub', 'https://git.example.org/team/lib'],
    ['github.com/acme', undefined],
  ])('of which only the path is known: %s', (path, repository) => {
    const said = describeModule({ path, mod: `module ${path}\n`, licence: undefined, doc: 'package lib\n' });
    expect(said).toEqual(repository === undefined ? {} : { repository });
  });
});
