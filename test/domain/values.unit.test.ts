import { describe, expect, it } from 'vitest';
import { CATALOGUE, type ErrorCode, isRefusal, refuse } from '../../src/domain/errors.ts';
import {
  algorithmOf,
  canonicalDigest,
  digest,
  isDigest,
  parseDigest,
} from '../../src/domain/values/digest.ts';
import { OCI_NAME, OCI_TAG, parsePrincipalName, parseSlug, slug } from '../../src/domain/values/names.ts';
import { own } from '../../src/domain/values/own.ts';
import { instant, scope, size } from '../../src/domain/values/schemas.ts';
import { refusalOf } from '../support/spec.ts';
import { sha256, sha512 } from './facts.ts';

describe('digests', () => {
  it.each([sha256('x'), sha512('x')])('%s is one', text => {
    expect(isDigest(text)).toBe(true);
    expect(parseDigest(text)).toBe(text);
    expect(digest.parse(text)).toBe(text);
  });

  it.each([
    '',
    ':',
    'sha256',
    'sha256:',
    sha256('x').slice(0, -1),
    `${sha256('x')}0`,
    sha256('x').toUpperCase(),
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    ` ${sha256('x')}`,
    `${sha256('x')}\n`,
    'md5',
    `sha256:${'é'.repeat(64)}`,
    '../../etc/passwd',
  ])('%j is malformed', text => {
    expect(isDigest(text)).toBe(false);
    expect(refusalOf(() => parseDigest(text)).code).toBe('DIGEST_INVALID');
    expect(digest.safeParse(text).success).toBe(false);
  });

  it.each([
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    'sha384:ab',
    'blake3:00',
    'multihash+base58:QmRZ',
    'constructor:ab',
  ])('%s is well-formed, of another algorithm', text => {
    expect(isDigest(text)).toBe(false);
    expect(refusalOf(() => parseDigest(text)).code).toBe('DIGEST_UNSUPPORTED');
  });

  it('are not repeated at length in a refusal', () => {
    const { detail } = refusalOf(() => parseDigest('x'.repeat(100_000)));
    expect(String(detail.digest)).toHaveLength(200);
  });

  it('name their algorithm', () => {
    expect(algorithmOf(sha256('x'))).toBe('sha256');
    expect(algorithmOf(sha512('x'))).toBe('sha512');
  });

  it('are canonical as sha256 only', () => {
    expect(canonicalDigest.safeParse(sha256('x')).success).toBe(true);
    for (const text of [sha512('x'), `${sha256('x')}\n`, sha256('x').toUpperCase()])
      expect(canonicalDigest.safeParse(text).success).toBe(false);
  });
});

describe('names of projects and repositories', () => {
  it.each(['a', '0', 'main', 'my-repo', 'a.b', 'a_b', 'a__b', 'a---b', 'a'.repeat(64)])('%s is one', text => {
    expect(parseSlug(text, 'project')).toBe(text);
    expect(slug.parse(text)).toBe(text);
  });

  it.each([
    '',
    'A',
    '-a',
    'a-',
    'a..b',
    'a___b',
    'a.-b',
    'a/b',
    'a b',
    'ä',
    'a\n',
    '__proto__',
    'a'.repeat(65),
  ])('%j is none', text => {
    expect(refusalOf(() => parseSlug(text, 'project')).code).toBe('NAME_INVALID');
    expect(slug.safeParse(text).success).toBe(false);
  });

  it('are refused with what they name', () => {
    expect(refusalOf(() => parseSlug('A', 'repository')).detail.reason).toContain('a repository name');
  });

  it('take no exponential time', () => {
    expect(refusalOf(() => parseSlug(`${'a'.repeat(63)}!`, 'project')).code).toBe('NAME_INVALID');
    expect(OCI_NAME.test(`${'a-'.repeat(20_000)}!`)).toBe(false);
  });
});

describe('OCI names and tags', () => {
  it.each(['a', 'team/app', 'a/b/c.d_e__f---g', '0/1'])('%s is a name', text => {
    expect(OCI_NAME.test(text)).toBe(true);
  });

  it.each(['', '/', 'a/', '/a', 'a//b', 'A', 'a/../b', 'a b', 'a\n'])('%j is no name', text => {
    expect(OCI_NAME.test(text)).toBe(false);
  });

  it.each(['latest', '_x', 'V1.2-rc.1', 'a'.repeat(128)])('%s is a tag', text => {
    expect(OCI_TAG.test(text)).toBe(true);
  });

  it.each(['', '.a', '-a', 'a/b', 'a:b', 'a b', 'a\n', 'ä', 'a'.repeat(129)])('%j is no tag', text => {
    expect(OCI_TAG.test(text)).toBe(false);
  });
});

describe('log-in names', () => {
  it.each(['a', 'ada', 'ada.lovelace@example.org', 'ci_bot-1', 'a'.repeat(64)])('%s is one', text => {
    expect(parsePrincipalName(text)).toBe(text);
  });

  it.each(['', 'Ada', '.ada', 'ada-', 'a b', 'a:b', 'a\n', 'ä', 'a'.repeat(65)])('%j is none', text => {
    expect(refusalOf(() => parsePrincipalName(text)).code).toBe('NAME_INVALID');
  });
});

describe('small schemas', () => {
  it('an instant is UTC with milliseconds', () => {
    expect(instant.safeParse('2026-01-01T00:00:00.000Z').success).toBe(true);
    for (const text of [
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.000+01:00',
      '2026-02-30T00:00:00.000Z',
      'now',
    ])
      expect(instant.safeParse(text).success).toBe(false);
  });

  it('a size is a whole number of bytes', () => {
    expect(size.parse(0)).toBe(0);
    for (const bytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(size.safeParse(bytes).success).toBe(false);
  });

  it('a scope has an id unless it is the instance', () => {
    expect(scope.safeParse({ kind: 'instance' }).success).toBe(true);
    expect(scope.safeParse({ kind: 'project', id: 'p1' }).success).toBe(true);
    for (const value of [
      { kind: 'instance', id: 'x' },
      { kind: 'project' },
      { kind: 'world' },
      { kind: 'repository', id: '' },
    ])
      expect(scope.safeParse(value).success).toBe(false);
  });
});

describe('own', () => {
  it('gives what was put in, and nothing that every object inherits', () => {
    const record: Record<string, number> = JSON.parse('{"a": 1, "__proto__": 2}');
    expect(own(record, 'a')).toBe(1);
    expect(own(record, '__proto__')).toBe(2);
    expect(own(record, 'constructor')).toBeUndefined();
    expect(own(record, 'b')).toBeUndefined();
  });
});

describe('refusals', () => {
  it('complete their summary with a reason', () => {
    expect(refuse('TAG_INVALID').message).toBe(CATALOGUE.TAG_INVALID.summary);
    expect(refuse('TAG_INVALID', 'too long').message).toBe(`${CATALOGUE.TAG_INVALID.summary}: too long`);
    expect(refuse('TAG_INVALID', { reason: 'too long', tag: 'x' })).toMatchObject({
      code: 'TAG_INVALID',
      kind: 'invalid',
      name: 'StrongroomError',
      detail: { reason: 'too long', tag: 'x' },
    });
  });

  it('are told from other errors, and by code', () => {
    expect(isRefusal(refuse('INTERNAL'))).toBe(true);
    expect(isRefusal(refuse('INTERNAL'), 'INTERNAL', 'FORBIDDEN')).toBe(true);
    expect(isRefusal(refuse('INTERNAL'), 'FORBIDDEN')).toBe(false);
    expect(isRefusal(new Error('INTERNAL'))).toBe(false);
    expect(isRefusal(undefined)).toBe(false);
  });

  it('each have a summary of their own', () => {
    const summaries = (Object.keys(CATALOGUE) as ErrorCode[]).map(code => CATALOGUE[code].summary);
    expect(new Set(summaries).size).toBe(summaries.length);
  });
});
