import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { duration, listed, oneOf, repeated, wholeNumber } from '../../src/cli/cli.ts';
import { parseParam } from '../../src/cli/commands/policy.ts';
import { chooseScope, formatScope } from '../../src/cli/commands/scope.ts';
import { cli, leaves } from './support.ts';

const all = leaves();

describe('every command', () => {
  it('is there', () => {
    const names = all.map(({ path }) => path.join(' '));
    for (const name of ['start', 'login', 'artifact promote', 'decision replay', 'gc', 'gc list', 'backup'])
      expect(names).toContain(name);
    expect(names.length).toBeGreaterThan(55);
  });

  it.each(all.map(({ path }) => [path.join(' ')]))(
    '%s --help tells what it does, with one example of itself',
    async name => {
      const { code, stdout } = await cli([...name.split(' '), '--help']);
      expect(code).toBe(0);
      const examples = stdout.match(/Example:\n {2}\$ strongroom (.+)/g);
      expect(examples).toHaveLength(1);
      expect(stdout).toContain(`$ strongroom ${name}`);
      expect(stdout).toContain('--json');
      const command = all.find(({ path }) => path.join(' ') === name)?.command;
      expect(command?.description()).toMatch(/^[A-Z].*[^.]$/);
      expect(command?.options.map(({ long }) => long)).not.toContain('--password');
    },
  );
});

describe('usage', () => {
  it.each([
    [['bogus']],
    [['project']],
    [['project', 'create']],
    [['project', 'list', '--limit', '0']],
    [['project', 'list', '--bogus']],
    [['role', 'grant', 'alice', 'king', '--instance']],
    [['role', 'grant', 'alice', 'viewer']],
    [['role', 'grant', 'alice', 'viewer', 'main', '--instance']],
    [['artifact', 'show', 'main/oci/app']],
    [['artifact', 'restore', 'main/oci/app:1']],
    [['artifact', 'list', 'main']],
    [['token', 'create', '--expires-in', 'soon']],
    [['token', 'create', '--action', 'fly']],
    [['decision', 'replay']],
    [['decision', 'replay', 'x', '--all']],
    [['repository', 'set', 'main/oci']],
    [['user', 'create', 'alice']],
    [['login', 'http://me:secret@127.0.0.1']],
    [['login', 'http://127.0.0.1:1', '--token', '--user', 'a']],
    [['whoami', '--profile', 'nobody']],
    [['admin', 'break-glass', 'x']],
  ])('%j ends with 2, says why, and shows no stack', async args => {
    const { code, stdout, stderr } = await cli(args, { env: { STRONGROOM_CONFIG: '/nonexistent/x' } });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('does not make an installation of a folder that is none', async () => {
    const env = { STRONGROOM_DATA: '/nonexistent/data' };
    const { code, stderr } = await cli(['admin', 'reset-password'], { env });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no data') });
  });

  it('lists the settings of the server', async () => {
    expect((await cli(['start', '--help'])).stdout).toMatch(/STRONGROOM_PORT +port to listen on.*\[8080\]/);
  });

  it('prints its version', async () => {
    expect((await cli(['version', '--quiet'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await cli(['--version'])).code).toBe(0);
  });
});

describe('values of options', () => {
  it('reads times', () => {
    expect(duration('90m')).toBe(5_400_000);
    expect(duration('30d')).toBe(30 * 86_400_000);
    for (const wrong of ['30', 'd', '0d', '-1d', '1.5h', '30 d', '1s'])
      expect(() => duration(wrong)).toThrow(InvalidArgumentError);
  });

  it('collects', () => {
    expect(repeated('b', ['a'])).toEqual(['a', 'b']);
    expect(listed('b,,c', ['a'])).toEqual(['a', 'b', 'c']);
    expect(oneOf(['pull', 'push'])('pull,push')).toEqual(['pull', 'push']);
    expect(() => oneOf(['pull'])('fly')).toThrow('fly is none of pull');
    expect(wholeNumber('10')).toBe(10);
    expect(() => wholeNumber('1e3')).toThrow(InvalidArgumentError);
  });

  it('reads parameters as JSON where they are JSON', () => {
    expect(parseParam('patterns=["v*"]')).toEqual(['patterns', ['v*']]);
    expect(parseParam('max=5')).toEqual(['max', 5]);
    expect(parseParam('name=^a=b$')).toEqual(['name', '^a=b$']);
    expect(() => parseParam('=x')).toThrow('name=value');
  });

  it('chooses and shows where something applies', () => {
    expect(chooseScope('main/oci', undefined)).toEqual({ project: 'main', repository: 'oci' });
    expect(chooseScope(undefined, true)).toEqual({});
    expect(formatScope({ scope: { kind: 'instance' } })).toBe('the instance');
    expect(formatScope({ scope: { kind: 'project', id: 'p' } })).toBe('project p');
    expect(formatScope({ scope: { kind: 'repository', id: 'r' }, project: 'a', repository: 'b' })).toBe(
      'a/b',
    );
  });
});
