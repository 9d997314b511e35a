import { describe, expect, it } from 'vitest';
import { parseGeneric } from '../../../src/protocols/generic/parse.ts';

const BASE = '/pkg/main/files/generic';

/** What follows the repository → what it asks for. */
const READ: Readonly<Record<string, object>> = {
  '': { kind: 'list', package: undefined, version: undefined, folder: undefined },
  '/': { kind: 'list', package: undefined, version: undefined, folder: undefined },
  '/app': { kind: 'list', package: 'app', version: undefined, folder: undefined },
  '/app/': { kind: 'list', package: 'app', version: undefined, folder: undefined },
  '/app/1.0': { kind: 'list', package: 'app', version: '1.0', folder: undefined },
  '/app/1.0/': { kind: 'list', package: 'app', version: '1.0', folder: undefined },
  '/app/1.0/bin/': { kind: 'list', package: 'app', version: '1.0', folder: 'bin' },
  '/app/1.0/bin/linux/': { kind: 'list', package: 'app', version: '1.0', folder: 'bin/linux' },
  '/app/1.0/tool': { kind: 'file', package: 'app', version: '1.0', file: 'tool' },
  '/app/1.0/bin/tool': { kind: 'file', package: 'app', version: '1.0', file: 'bin/tool' },
  // as files on disk are called
  '/App_2.x-y/1.0+b~1/a b.txt': { kind: 'file', package: 'App_2.x-y', version: '1.0+b~1', file: 'a b.txt' },
  '/app/1.0%2Bb/a%20b.txt': { kind: 'file', version: '1.0+b', file: 'a b.txt' },
  '/app/1.0/.hidden': { kind: 'file', file: '.hidden' },
  '/app/1.0/...': { kind: 'file', file: '...' },
  '/app/1.0/a:b;c=d@e': { kind: 'file', file: 'a:b;c=d@e' },
  // decoded once only
  '/app/1.0/%252e%252e/x': { kind: 'file', file: '%2e%2e/x' },
  // composed and decomposed are one name
  '/app/1.0/caf%C3%A9': { kind: 'file', file: 'caf\u00e9' },
  '/app/1.0/cafe%CC%81': { kind: 'file', file: 'caf\u00e9' },
  '/app/1.0/cafe%CC%81/': { kind: 'list', folder: 'caf\u00e9' },
};

const REFUSED: Readonly<Record<string, string>> = {
  '//': 'NAME_INVALID',
  '/app//tool': 'NAME_INVALID',
  '/app/1.0//tool': 'NAME_INVALID',
  '/app/1.0/bin//': 'NAME_INVALID',
  '/.app/1.0/tool': 'NAME_INVALID',
  '/app-/1.0/tool': 'NAME_INVALID',
  '/ap%20p/1.0/tool': 'NAME_INVALID',
  '/%C3%A4pp/1.0/tool': 'NAME_INVALID',
  '/app/-1/tool': 'VERSION_INVALID',
  '/app/1.0%20/tool': 'VERSION_INVALID',
  '/app/1.0/../tool': 'NAME_INVALID',
  '/app/1.0/./tool': 'NAME_INVALID',
  '/app/1.0/%2e%2e/tool': 'NAME_INVALID',
  '/app/1.0/%2E%2e': 'NAME_INVALID',
  '/app/1.0/a%2Fb': 'NAME_INVALID',
  '/app/1.0/a%2F..%2Fb': 'NAME_INVALID',
  '/app/1.0/a%5Cb': 'NAME_INVALID',
  '/app/1.0/a%00b': 'NAME_INVALID',
  '/app/1.0/a%0Ab': 'NAME_INVALID',
  '/app/1.0/a%7Fb': 'NAME_INVALID',
  '/app/1.0/%FF': 'NAME_INVALID',
  '/app/1.0/%C0%AE%C0%AE/x': 'NAME_INVALID',
  '/app/1.0/%zz': 'NAME_INVALID',
  // what looks like another name than it is
  '/app/1.0/photo%E2%80%AEgpj.exe': 'NAME_INVALID',
  '/app/1.0/a%E2%80%8Bb': 'NAME_INVALID',
  '/app/1.0/%EF%BB%BFa': 'NAME_INVALID',
  '/app/1.0/a%E2%80%A8b': 'NAME_INVALID',
  '/app/1.0/a%20': 'NAME_INVALID',
  '/app/1.0/%20a': 'NAME_INVALID',
  '/app/1.0/bin%C2%A0/a': 'NAME_INVALID',
};

/** Longer than file systems and clients take. */
const LONG: Readonly<Record<string, string>> = {
  'a package of 257': `/${'a'.repeat(257)}/1.0/tool`,
  'a segment of 256': `/app/1.0/${'x'.repeat(256)}`,
  'a segment of 256 bytes': `/app/1.0/${'%C3%A9'.repeat(128)}`,
  'a file of 1002': `/app/1.0/${'x/'.repeat(500)}xx`,
  'a folder of 1019': `/app/1.0/${'xx/'.repeat(340)}`,
  'a path of 5000': `/app/1.0/${'x/'.repeat(2500)}`,
};

describe('requests', () => {
  it.each(Object.entries(READ))('%s', (path, wanted) => {
    expect(parseGeneric(BASE + path)).toMatchObject({
      name: { project: 'main', repository: 'files' },
      base: BASE,
      ...wanted,
    });
  });

  it.each(Object.entries(REFUSED))('%s is refused', (path, code) => {
    const parse = () => parseGeneric(BASE + path);
    expect(parse).toThrow(expect.objectContaining({ code }));
  });

  it.each(Object.entries(LONG))('%s is refused', (_what, path) => {
    expect(() => parseGeneric(BASE + path)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });

  it('takes names as long as file systems do', () => {
    const file = 'x'.repeat(255);
    expect(parseGeneric(`${BASE}/app/1.0/${file}`)).toMatchObject({ kind: 'file', file });
    const parse = () => parseGeneric(`${BASE}/app/${'1'.repeat(129)}/tool`);
    expect(parse).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' }));
  });
});
