import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandIdOf, parseAuthorization } from '../../src/access/credentials.ts';
import { mintToken } from '../../src/access/tokens.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import { basic } from './fakes.ts';

const bytes = (...values: number[]) => `Basic ${Buffer.from(values).toString('base64')}`;
const invalid = expect.toSatisfy(error => isRefusal(error, 'CREDENTIALS_INVALID'));

describe('the Authorization header', () => {
  const { tokenId, token } = mintToken('p1');
  const secret = token.slice(-32);

  it.each([
    [undefined, { kind: 'none' }],
    [basic('admin', 'secret'), { kind: 'password', name: 'admin', password: 'secret' }],
    [basic('admin', 'with:colon:'), { kind: 'password', name: 'admin', password: 'with:colon:' }],
    [basic('ädmin', 'pässwörd😀'), { kind: 'password', name: 'ädmin', password: 'pässwörd😀' }],
    [basic('', ''), { kind: 'password', name: '', password: '' }],
    [
      basic('a', 'b').replace('Basic', 'bAsIc').replaceAll('=', ''),
      { kind: 'password', name: 'a', password: 'b' },
    ],
    [basic('a', 'b').replace(' ', '   '), { kind: 'password', name: 'a', password: 'b' }],
    [basic('__token__', token), { kind: 'token', tokenId, secret }],
    [basic('anybody', token), { kind: 'token', tokenId, secret }],
    [`Bearer ${token}`, { kind: 'token', tokenId, secret }],
    ['bearer a.b.c', { kind: 'bearer', jwt: 'a.b.c' }],
  ])('%j', (header, presented) => expect(parseAuthorization(header)).toEqual(presented));

  it.each([
    ['empty', ''],
    ['blank', '   '],
    ['a scheme alone', 'Basic'],
    ['a scheme and blanks', 'Basic   '],
    ['another scheme', 'Digest username="admin"'],
    ['another scheme', 'Negotiate YII='],
    ['no scheme', 'YWRtaW46c2VjcmV0'],
    ['not base64', 'Basic !!!!'],
    ['base64url', 'Basic _-__'],
    ['padding in the middle', 'Basic YW==RtaW4='],
    ['two values', 'Basic YTpi, Basic YTpi'],
    ['no colon', bytes(...Buffer.from('admin'))],
    ['invalid UTF-8', bytes(0x61, 0x3a, 0xff, 0xfe)],
    ['overlong UTF-8', bytes(0x61, 0x3a, 0xc0, 0x80)],
    ['a surrogate', bytes(0x61, 0x3a, 0xed, 0xa0, 0x80)],
    ['NUL in the name', basic('ad\0min', 'secret')],
    ['NUL in the password', basic('admin', 'sec\0ret')],
    ['a line break', basic('admin', 'secret\r\n')],
    ['NUL outside', 'Bearer a\0b'],
    ['other than ASCII outside', 'Bearer tökén'],
    ['too long', `Bearer ${'x'.repeat(8192)}`],
    ['huge', basic('admin', 'x'.repeat(10_000_000))],
  ])('is refused: %s', (_what, header) => expect(() => parseAuthorization(header)).toThrow(invalid));

  it('with anything in it is never taken for nobody and never crashes', () => {
    const headers = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.uint8Array().map(value => bytes(...value)),
      fc.string().map(value => `Bearer ${value}`),
    );
    fc.assert(
      fc.property(headers, header => {
        try {
          expect(parseAuthorization(header).kind).not.toBe('none');
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a command id', () => {
  it('is a UUID, the same for the same key of the same actor', () => {
    const id = commandIdOf('p1', 'key');
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(commandIdOf('p1', 'key')).toBe(id);
    expect(commandIdOf('p2', 'key')).not.toBe(id);
    expect(commandIdOf('p1', 'key2')).not.toBe(id);
    expect(commandIdOf('p1', undefined)).toBeUndefined();
  });

  it.each(['', 'with space', 'ü', 'x'.repeat(256), 'a\0b', 'a\n'])('is not made of %j', key => {
    const refused = expect.toSatisfy(error => isRefusal(error, 'REQUEST_INVALID'));
    expect(() => commandIdOf('p1', key)).toThrow(refused);
  });
});
