/**
 * Commands for who owns the host, past users and policies: resetting a password, breaking the glass. While the server
 * runs they reach it over a socket in the data folder that only its user can open; else they open the data themselves.
 */

import { chmod, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { resetPassword } from '../application/bootstrap.ts';
import { systemCaller } from '../application/caller.ts';
import { breakGlass } from '../application/policies.ts';
import type { Config } from '../config.ts';
import { isRefusal, refuse } from '../domain/errors.ts';
import { backup } from './archive/backup.ts';
import { openSystem, type System } from './system.ts';

export type HostCommand =
  | { readonly kind: 'reset-password'; readonly name: string; readonly password?: string | undefined }
  | { readonly kind: 'break-glass'; readonly attachmentId: string; readonly reason: string }
  | { readonly kind: 'backup'; readonly file: string };

export async function perform(system: System, command: HostCommand): Promise<unknown> {
  const { core, consistency } = system;
  if (command.kind === 'backup') return backup(system, command.file);
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

export async function listenOnHost(system: System): Promise<{ close(): Promise<void> }> {
  const path = socketOf(system.config);
  await rm(path, { force: true });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    try {
      const result = await perform(system, JSON.parse(Buffer.concat(chunks).toString()) as HostCommand);
      response.writeHead(200).end(JSON.stringify(result));
    } catch (error) {
      response
        .writeHead(400)
        .end(JSON.stringify({ error: isRefusal(error) ? error.message : String(error) }));
    }
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

/** Runs a host command, on the running server when there is one. */
export async function runOnHost(config: Config, command: HostCommand): Promise<unknown> {
  const answered = await viaSocket(socketOf(config), command);
  if (answered) return answered.result;
  const system = await openSystem(config, () => undefined);
  try {
    return await perform(system, command);
  } finally {
    await system.close();
  }
}

async function viaSocket(socketPath: string, command: HostCommand): Promise<{ result: unknown } | undefined> {
  return new Promise((done, failed) => {
    const request = httpRequest({ socketPath, method: 'POST', path: '/' }, async response => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { error?: string };
      if (response.statusCode === 200) done({ result: body });
      else failed(new Error(body.error));
    });
    // nobody listens: the server is not running
    request.once('error', () => done(undefined));
    request.end(JSON.stringify(command));
  });
}
