import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Cancelled } from '../../src/cli/errors.ts';
import { confirm, readSecret } from '../../src/cli/io.ts';
import { fakeIo } from './support.ts';

/** Somebody at a terminal, who types these answers, one at each prompt. */
function person(...answers: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true as const });
  const typed = [...answers];
  const io = { ...fakeIo(), stdin };
  const stderr = Object.assign(new PassThrough(), { isTTY: true as const });
  let said = '';
  let answered = 0;
  stderr.on('data', chunk => {
    said += chunk;
    const text = stripVTControlCharacters(said);
    if (text.length === answered || !/(: |\] )$/.test(text)) return;
    answered = text.length;
    stdin.write(typed.shift() ?? '\u0003');
  });
  return { io: { ...io, stderr }, said: () => said };
}

describe('secrets', () => {
  it('are typed where nobody sees them', async () => {
    const { io, said } = person('hunter2 hunter2\r');
    expect(await readSecret(io, 'Password', { option: '--password-stdin' })).toBe('hunter2 hunter2');
    expect(said()).not.toContain('hunter2');
  });

  it('are asked for twice when they are new', async () => {
    const same = person('one password\r', 'one password\r');
    expect(await readSecret(same.io, 'New', { option: 'x', repeat: true })).toBe('one password');
    const other = person('one password\r', 'another one\r');
    await expect(readSecret(other.io, 'New', { option: 'x', repeat: true })).rejects.toThrow('not the same');
  });

  it('come from stdin without the line end, and never empty', async () => {
    const read = (input: string) => readSecret(fakeIo({ input }), 'Password', { stdin: true, option: 'x' });
    expect(await read('a b \r\n')).toBe('a b ');
    await expect(read('\n')).rejects.toThrow('empty');
  });

  it('are not waited for where there is nobody', async () => {
    await expect(readSecret(fakeIo(), 'Password', { option: '--password-stdin' })).rejects.toThrow(
      '--password-stdin',
    );
  });

  it('are given up with Ctrl-C', async () => {
    await expect(readSecret(person().io, 'Password', { option: 'x' })).rejects.toThrow(Cancelled);
  });
});

describe('confirmation', () => {
  it.each([['y\r'], ['YES\r']])('goes on with %j', async answer => {
    await confirm(person(answer).io, 'Sure?', undefined);
  });

  it.each([['n\r'], ['\r'], ['yep\r'], ['\u0003']])('stops at %j', async answer => {
    await expect(confirm(person(answer).io, 'Sure?', undefined)).rejects.toThrow(Cancelled);
  });

  it('asks nobody with --yes, or without a terminal', async () => {
    const { io, said } = person();
    await confirm(io, 'Sure?', true);
    expect(said()).toBe('');
    await confirm(fakeIo(), 'Sure?', undefined);
  });
});
