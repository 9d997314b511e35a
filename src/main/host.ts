/**
 * Commands for who owns the host, past users and policies: resetting a password, breaking the glass. While the server
 * runs they reach it over a socket in the data folder that only its user can open; else they open the data themselves.
 */

import { chmod, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { resetPassword } from '../application/bootstrap.ts';
import { systemCaller } from '../application/caller.ts';
import { breakGlass } from '../application/policies.ts';
import type { Config } from '../config.ts';
import { refuse } from '../domain/errors.ts';
import { backup } from './archive/backup.ts';
import type { Progress } from './archive/format.ts';
import { openSystem, type System } from './system.ts';

export type HostCommand =
  | { readonly kind: 'reset-password'; readonly name: string; readonly password?: string | undefined }
  | { readonly kind: 'break-glass'; readonly attachmentId: string; readonly reason: string }
  | { readonly kind: 'backup'; readonly file: string };

export async function perform(
  system: System,
  command: HostCommand,
  onProgress: Progress = () => undefined,
): Promise<unknown> {
  const { core, consistency } = system;
  if (command.kind === 'backup') return backup(system, command.file, onProgress);
  if (command.kind === 'reset-password') return resetPassword(core, consistency, command);
  await consistency.settle();
  const attachment = await core.queries.attachmentById(command.attachmentId);
  if (!attachment) throw refuse('ATTACHMENT_UNKNOWN');
  await consistency.wait(
    await breakGlass(core, systemCaller(core.newId(), 'host'), attachment, command.reason),
  );
  return { detached: command.attachmentId };
}

const socketOf = (config: Config) => join(config.data, 'host.sock');
/** What every supported system takes as the path of a socket, bytes. */
const MAX_SOCKET_PATH = 103;

/** One line of the answer: how far it is, or how it ended. */
type Line =
  | { readonly progress: Parameters<Progress>[0] }
  | { readonly result: unknown }
  | { readonly error: string };

export async function listenOnHost(system: System): Promise<{ close(): Promise<void> }> {
  const path = socketOf(system.config);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    const reason =
      'the path of the data folder is too long for a socket: stop the server for commands on the host';
    system.logger.warn({}, reason);
    return { close: async () => undefined };
  }
  // of several processes on one folder, the first one serves the host
  if (await answers(path)) return { close: async () => undefined };
  await rm(path, { force: true });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const say = (line: Line) => response.write(`${JSON.stringify(line)}\n`);
    try {
      const command = JSON.parse(Buffer.concat(chunks).toString()) as HostCommand;
      say({ result: await perform(system, command, progress => say({ progress })) });
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
    response.end();
  });
  await new Promise<void>((done, failed) => server.once('error', failed).listen(path, done));
  await chmod(path, 0o600);
  return {
    close: async () => {
      await new Promise<void>(done => server.close(() => done()));
      await rm(path, { force: true });
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise(done => {
    const socket = connectTo(path, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** Runs a host command, on the running server when there is one. */
export async function runOnHost(
  config: Config,
  command: HostCommand,
  onProgress: Progress = () => undefined,
): Promise<unknown> {
  const response = await connect(socketOf(config), command);
  if (response) return outcome(response, onProgress);
  const system = await openSystem(config, () => undefined);
  try {
    return await perform(system, command, onProgress);
  } finally {
    await system.close();
  }
}

/** undefined: nobody listens, the server is not running */
function connect(socketPath: string, command: HostCommand): Promise<IncomingMessage | undefined> {
  return new Promise(done => {
    const request = httpRequest({ socketPath, method: 'POST', path: '/' }, done);
    request.once('error', () => done(undefined));
    request.end(JSON.stringify(command));
  });
}

async function outcome(response: IncomingMessage, onProgress: Progress): Promise<unknown> {
  for await (const text of createInterface({ input: response })) {
    const line = JSON.parse(text) as Line;
    if ('error' in line) throw new Error(line.error);
    if ('result' in line) return line.result;
    onProgress(line.progress);
  }
  throw new Error('the server ended before the command was done');
}
