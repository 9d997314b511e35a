import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checksumHeaders, hashesOf, saidOf } from '../../../src/protocols/generic/digests.ts';

const hex = (algorithm: string) => hash(algorithm, 'abc');
const base64 = (algorithm: string) => hash(algorithm, 'abc', 'base64');
const [MD5, SHA256, SHA512] = [hex('md5'), hex('sha256'), hex('sha512')];

describe('what an upload says of its bytes', () => {
  it.each([
    [{}, []],
    [{ 'x-checksum-md5': MD5 }, [['md5', MD5]]],
    [{ 'x-checksum-sha256': ` ${SHA256.toUpperCase()} ` }, [['sha256', SHA256]]],
    [{ 'x-checksum-sha1': '' }, [['sha1', '']]],
    [{ 'content-md5': base64('md5') }, [['md5', MD5]]],
    [{ 'content-digest': `sha-256=:${base64('sha256')}:` }, [['sha256', SHA256]]],
    [
      { 'repr-digest': `sha-512=:${base64('sha512')}:,md5=:AAAA:, SHA-256=:${base64('sha256')}:` },
      [
        ['sha512', SHA512],
        ['sha256', SHA256],
      ],
    ],
    [{ digest: `SHA-256=${base64('sha256')}` }, [['sha256', SHA256]]],
    [{ digest: `md5=${base64('md5')}, unixsum=30637` }, []],
    [{ 'content-digest': 'sha-256' }, []],
    [{ 'content-digest': 'sha-256=' }, [['sha256', '']]],
    [
      { 'content-md5': base64('md5'), 'x-checksum-md5': 'other' },
      [
        ['md5', 'other'],
        ['md5', MD5],
      ],
    ],
  ])('%j', (headers, said) => {
    expect(saidOf(headers).map(({ algorithm, value }) => [algorithm, value])).toEqual(said);
  });
});

describe('what a download says of its bytes', () => {
  it('names what is known', () => {
    expect(checksumHeaders(hashesOf({ canonical: `sha256:${SHA256}`, hashes: { md5: MD5 } }))).toEqual({
      'x-checksum-md5': MD5,
      'x-checksum-sha256': SHA256,
      'repr-digest': `sha-256=:${base64('sha256')}:`,
    });
  });
});
