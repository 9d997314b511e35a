/** Connections whose client stops in the middle of a body are closed, and no others. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { endSilence } from '../../src/http/silence.ts';
import { open } from './raw.ts';

const SILENCE = 300;
const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n';

let close = () => {};
afterEach(() => close());

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  endSilence(server, SILENCE);
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

const reading: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end('done'));
};

describe('a client', () => {
  it('that stops in the middle of a body is left', async () => {
    const connection = await open(await serve(reading));
    connection.write(`${HEAD}123`);
    expect(await connection.end()).toBe('');
  });

  it('that sends slowly, but sends, is heard to its end', async () => {
    const connection = await open(await serve(reading));
    connection.write(HEAD);
    for (const byte of '1234567890') {
      await setTimeout(SILENCE / 10);
      connection.write(byte);
    }
    expect(await connection.until(/done/)).toContain('200 OK');
  });

  it('that waits for a long answer gets it, on a connection that can be used again', async () => {
    const port = await serve((request, response) => {
      request.resume().on('end', () => void setTimeout(SILENCE * 3).then(() => response.end('late')));
    });
    const connection = await open(port);
    connection.write(`${HEAD}1234567890`);
    await connection.until(/late/);
    connection.write(`${HEAD}1234567890`);
    expect(await connection.until(/late[\s\S]*late/)).toContain('200 OK');
  });

  it('that nobody listens to is not blamed for it', async () => {
    const port = await serve((request, response) => {
      void setTimeout(SILENCE * 3).then(() => reading(request, response));
    });
    const connection = await open(port);
    connection.write(HEAD.replace('10', String(256 * 1024)));
    connection.write(Buffer.alloc(256 * 1024));
    expect(await connection.until(/done/)).toContain('200 OK');
  });
});
