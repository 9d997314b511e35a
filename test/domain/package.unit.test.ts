import { expect, it } from 'vitest';
import { packageAggregate, packageStream } from '../../src/domain/package/package.ts';
import { given } from '../support/spec.ts';

const data = { repositoryId: 'repo-1', format: 'python', name: 'my-pkg', displayName: 'My_Pkg' };
const registered = { type: 'PackageRegistered', data } as const;

it('is registered as its first publisher wrote it', () => {
  given(packageAggregate)
    .when({ kind: 'RegisterPackage', ...data })
    .thenEvents([registered]);
});

it('registered again changes nothing, however it is written', () => {
  given(packageAggregate, [registered])
    .when({ kind: 'RegisterPackage', ...data })
    .thenNothing();
  given(packageAggregate, [registered])
    .when({ kind: 'RegisterPackage', ...data, displayName: 'MY.PKG' })
    .thenNothing();
});

it('has a stream of its own', () =>
  expect(packageStream('repo-1', 'team/app')).toBe('package-repo-1/team/app'));
