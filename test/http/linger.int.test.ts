/** Who sends a whole body before reading the answer is told why it was refused; the connection is not reset before. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, adminAt } from '../conformance/client.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { open } from './raw.ts';

const MIB = 1024 * 1024;
const PATH = '/pkg/main/generic/generic/a/1.0/x';

let server: InProcess;
let admin: Actor;
beforeAll(async () => {
  server = await startInProcess({ STRONGROOM_MAX_BLOB_BYTES: String(MIB) });
  admin = await adminAt(server);
});
afterAll(() => server?.stop());

/** Writes everything, and only then reads. */
function sendAll(head: readonly string[], body: Buffer): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('error', failed);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(body, error => {
      if (error) return;
      socket.on('data', chunk => {
        answer += chunk;
      });
    });
    socket.on('end', () => done(answer));
  });
}

describe('a refusal before the body was read', () => {
  it.each([8, 32])('reaches a client that sends %i MiB first', async size => {
    const body = Buffer.alloc(size * MIB);
    const head = [`PUT ${PATH} HTTP/1.1`, 'Host: x', `Content-Length: ${body.length}`];
    const answer = await sendAll(head, body);
    expect(answer).toMatch(/^HTTP\/1\.1 401 Log in to do this\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n[\s\S]*\r\n\r\nLog in to do this\n$/i);
  });

  it('reaches it also when a part was read', async () => {
    const chunk = Buffer.alloc(4 * MIB);
    const body = Buffer.concat([
      Buffer.from(`${chunk.length.toString(16)}\r\n`),
      ...[chunk, Buffer.from('\r\n0\r\n\r\n')],
    ]);
    const authorization = `Authorization: ${admin.authorization}`;
    const head = [`PUT ${PATH} HTTP/1.1`, 'Host: x', authorization, 'Transfer-Encoding: chunked'];
    expect(await sendAll(head, body)).toMatch(
      /^HTTP\/1\.1 413 [\s\S]*at most 1048576 bytes are taken here\n$/,
    );
  });

  it('is given at once, and who falls silent is not waited for', async () => {
    const raw = await open(server.port);
    raw.write(`PUT ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MIB}\r\n\r\nthe beginning`);
    await raw.until(/^HTTP\/1\.1 401 [\s\S]*Log in to do this\n$/);
    await raw.end();
  });
});
