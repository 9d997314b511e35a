import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/errors.ts';
import {
  formatPlace,
  parseArtifact,
  parsePlace,
  parseRepository,
  parseScope,
} from '../../src/cli/reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('names of artifacts', () => {
  it.each([
    ['main/oci/app:1.0', { project: 'main', repository: 'oci', package: 'app', tag: '1.0' }],
    ['main/oci/team/app:v1', { project: 'main', repository: 'oci', package: 'team/app', tag: 'v1' }],
    [`main/oci/app@${DIGEST}`, { project: 'main', repository: 'oci', package: 'app', version: DIGEST }],
    ['main/npm/@acme/w:latest', { project: 'main', repository: 'npm', package: '@acme/w', tag: 'latest' }],
    ['main/npm/@acme/w@1.0.0', { project: 'main', repository: 'npm', package: '@acme/w', version: '1.0.0' }],
    ['main/maven/g.h:a@1.0', { project: 'main', repository: 'maven', package: 'g.h:a', version: '1.0' }],
  ])('takes %s apart', (text, parts) => {
    expect(parseArtifact(text)).toEqual(parts);
  });

  it.each([
    ['main/oci/app', 'say which'],
    ['main/oci', 'an artifact is'],
    ['main/oci:1.0', 'belongs to'],
    ['main/oci/app:', 'the tag is empty'],
    ['main/oci/app@sha256:abc', 'a whole digest'],
    ['main/oci/app@', 'a version or a digest'],
    [`main/oci/app:1@${DIGEST}`, 'not both'],
    ['main//app:1', 'is empty'],
    ['/main/oci/app:1', 'is empty'],
    ['', 'is empty'],
    ['127.0.0.1:8080/main/oci/app:1', 'leave out the address'],
  ])('refuses %s', (text, why) => {
    expect(() => parseArtifact(text)).toThrow(UsageError);
    expect(() => parseArtifact(text)).toThrow(why);
  });

  it('reads back what it writes', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const which = fc.oneof(
      fc.record({ tag: fc.stringMatching(/^\w[\w.-]{0,20}$/) }),
      fc.constant({ version: DIGEST }),
    );
    const inside = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));
    const name = fc.tuple(part, part, inside, which);
    fc.assert(
      fc.property(name, ([project, repository, inner, version]) => {
        const artifact = { project, repository, package: inner, ...version };
        expect(parseArtifact(formatPlace(artifact))).toEqual(artifact);
      }),
    );
  });
});

describe('names of places', () => {
  it('goes as deep as is named', () => {
    expect(parsePlace('main')).toEqual({ project: 'main' });
    expect(parsePlace('main/oci')).toEqual({ project: 'main', repository: 'oci' });
    expect(parsePlace('main/oci/a/b')).toEqual({ project: 'main', repository: 'oci', package: 'a/b' });
  });

  it('asks for a repository, not more and not less', () => {
    expect(parseRepository('main/oci')).toEqual({ project: 'main', repository: 'oci' });
    expect(() => parseRepository('main')).toThrow('<project>/<repository>');
    expect(() => parseRepository('main/oci/app')).toThrow('<project>/<repository>');
  });

  it('takes a project or a repository as a scope', () => {
    expect(parseScope('main')).toEqual({ project: 'main' });
    expect(parseScope('main/oci')).toEqual({ project: 'main', repository: 'oci' });
    expect(() => parseScope('main/oci/app')).toThrow(UsageError);
  });
});
