/** A registry client that costs little: keep-alive connections, no retries, no progress. */
import { createHash, hash, randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Peer } from './peers.ts';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly etag: string | undefined;
  /** of the body */
  readonly bytes: number;
}

export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface Image {
  readonly config: Blob;
  readonly layer: Blob;
  readonly manifest: Blob;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** @throws when the status is 400 or above: a benchmark of refusals would look fast */
export function send(
  url: string,
  of: { method: string; headers?: OutgoingHttpHeaders; body?: Buffer },
): Promise<Answer> {
  const headers = { ...of.headers, ...(of.body ? { 'content-length': of.body.length } : {}) };
  return new Promise((done, failed) => {
    const call = request(url, { method: of.method, headers, agent }, response => {
      finish(response, url).then(done, failed);
    });
    call.once('error', failed);
    call.end(of.body);
  });
}

async function finish(response: IncomingMessage, url: string): Promise<Answer> {
  const status = response.statusCode ?? 0;
  let bytes = 0;
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (status >= 400) text += chunk;
  }
  if (status >= 400) throw new Error(`${url}: ${status} ${text.slice(0, 300)}`);
  return { status, location: response.headers.location, etag: response.headers.etag, bytes };
}

export function blobOf(bytes: Buffer): Blob {
  const hex = bytes.length < 1e6 ? hash('sha256', bytes) : createHash('sha256').update(bytes).digest('hex');
  return { digest: `sha256:${hex}`, bytes };
}

/** An image that nobody has seen, with one layer of `size` bytes. */
export function newImage(size: number): Image {
  const layer = blobOf(randomBytes(size));
  const config = blobOf(
    Buffer.from(JSON.stringify({ created: randomBytes(8).toString('hex'), os: 'linux' })),
  );
  const entry = (blob: Blob, mediaType: string) => ({
    mediaType,
    digest: blob.digest,
    size: blob.bytes.length,
  });
  const manifest = blobOf(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: entry(config, 'application/vnd.oci.image.config.v1+json'),
        layers: [entry(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')],
      }),
    ),
  );
  return { config, layer, manifest };
}

export interface Destination {
  readonly peer: Peer;
  readonly image: string;
  readonly authorization: string | undefined;
}

const headersOf = ({ authorization }: Destination) => (authorization ? { authorization } : {});

/** POST, then PUT with the whole body: what most clients do for a layer that they have in one piece. */
export async function pushBlob(to: Destination, { digest, bytes }: Blob): Promise<void> {
  const base = `${to.peer.url}/v2/${to.peer.prefix}${to.image}`;
  const headers = headersOf(to);
  const { location = '' } = await send(`${base}/blobs/uploads/`, { method: 'POST', headers });
  const target = new URL(location, to.peer.url);
  target.searchParams.set('digest', digest);
  await send(target.href, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body: bytes,
  });
}

/** Config and layers (side by side, as clients do), then the manifest by tag. */
export async function pushImage(to: Destination, image: Image, tag: string): Promise<void> {
  await Promise.all([pushBlob(to, image.config), pushBlob(to, image.layer)]);
  await send(`${to.peer.url}/v2/${to.peer.prefix}${to.image}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...headersOf(to), 'content-type': MANIFEST },
    body: image.manifest.bytes,
  });
}

/** Runs `work` on `workers` loops for some seconds; each call's time in milliseconds. */
export async function during(seconds: number, workers: number, work: () => Promise<void>): Promise<number[]> {
  const until = performance.now() + seconds * 1000;
  const times: number[] = [];
  const loop = async () => {
    while (performance.now() < until) {
      const began = performance.now();
      await work();
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: workers }, loop));
  return times;
}
