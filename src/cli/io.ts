/** The outside of a run: streams, environment, prompts. Tests pass their own. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Cancelled, UsageError } from './errors.ts';

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export const processIo = (): Io => process;

/** Waits while the reader of the stream is slower than we are. */
export async function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}

/** Whether there is a person to ask. */
export const isInteractive = ({ stdin, stderr }: Io): boolean =>
  stdin.isTTY === true && stderr.isTTY === true;

/** @throws Cancelled when the person ends the input */
export function ask(io: Io, question: string, { hidden = false } = {}): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new Promise((done, failed) => {
    // first the terminal's echo off, then the question: who types fast is not seen either
    const lines = createInterface({ input: io.stdin, output: hidden ? nowhere : io.stderr, terminal: true });
    let answer: string | undefined;
    lines.once('line', line => {
      answer = line;
      lines.close();
    });
    lines.on('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (hidden || answer === undefined) io.stderr.write('\n');
      if (answer === undefined) failed(new Cancelled('cancelled: nothing was changed'));
      else done(answer);
    });
    if (hidden) io.stderr.write(question);
    else {
      lines.setPrompt(question);
      lines.prompt();
    }
  });
}

/** @throws Cancelled unless the answer is yes; asks nobody when there is nobody or `yes` is given */
export async function confirm(io: Io, question: string, yes: boolean | undefined): Promise<void> {
  if (yes || !isInteractive(io)) return;
  const answer = await ask(io, `${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Cancelled('cancelled: nothing was changed');
}

/** All of stdin, without the line end that `echo` adds. */
async function readStdin({ stdin }: Io): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

export interface SecretOptions {
  /** read it from stdin also when that is a terminal's */
  readonly stdin?: boolean | undefined;
  /** ask twice: it is a new one */
  readonly repeat?: boolean;
  /** the option that makes it read stdin, for the message */
  readonly option: string;
}

/** A password or token: from stdin, or typed where nobody sees it. Never an argument: those are in the process list. */
export async function readSecret(io: Io, prompt: string, options: SecretOptions): Promise<string> {
  const secret = options.stdin ? await readStdin(io) : await typeSecret(io, prompt, options);
  if (secret === '') throw new UsageError(`${prompt.toLowerCase()} is empty`);
  return secret;
}

async function typeSecret(io: Io, prompt: string, { option, repeat }: SecretOptions): Promise<string> {
  if (!isInteractive(io))
    throw new UsageError(`there is no terminal to ask at: pipe it in and give ${option}`);
  const first = await ask(io, `${prompt}: `, { hidden: true });
  if (repeat && (await ask(io, `${prompt} again: `, { hidden: true })) !== first)
    throw new UsageError('the two are not the same');
  return first;
}
