/** Images and indexes in memory, pushed request by request: small, random or from a seed. */
import { createHash, randomBytes } from 'node:crypto';
import type { Actor, Answer } from './client.ts';
import type { Place } from './fixture.ts';

export const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export const sha256 = (bytes: Uint8Array | string) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
export const sha512 = (bytes: Uint8Array | string) =>
  `sha512:${createHash('sha512').update(bytes).digest('hex')}`;

export interface Blob {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

export interface Manifest {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
  readonly blobs: readonly Blob[];
}

const blob = (bytes: Buffer, mediaType: string): Blob => ({ bytes, digest: sha256(bytes), mediaType });
const descriptor = ({ mediaType, digest, bytes }: Blob | Manifest) => ({
  mediaType,
  digest,
  size: bytes.length,
});

/** The same seed gives the same bytes; without one they are random. */
export function layerOf(seed = randomBytes(12).toString('hex')): Blob {
  return blob(Buffer.from(`layer ${seed} `.repeat(20)), LAYER);
}

export interface ImageOptions {
  readonly seed?: string;
  readonly layers?: readonly Blob[];
  /** what it is about */
  readonly subject?: Manifest;
  readonly artifactType?: string;
}

export function image({
  seed = randomBytes(12).toString('hex'),
  layers,
  subject,
  artifactType,
}: ImageOptions = {}): Manifest {
  const config = blob(Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', seed })), CONFIG);
  const all = layers ?? [layerOf(`${seed} a`), layerOf(`${seed} b`)];
  return finish(IMAGE, [config, ...all], {
    ...(artifactType ? { artifactType } : {}),
    config: descriptor(config),
    layers: all.map(descriptor),
    ...(subject ? { subject: descriptor(subject) } : {}),
  });
}

export function index(children: readonly Manifest[]): Manifest {
  const manifests = children.map(child => ({
    ...descriptor(child),
    platform: { os: 'linux', architecture: 'amd64' },
  }));
  return finish(INDEX, [], {
    manifests,
    annotations: { 'org.example.nonce': randomBytes(6).toString('hex') },
  });
}

function finish(mediaType: string, blobs: readonly Blob[], rest: object): Manifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...rest }));
  return { bytes, digest: sha256(bytes), mediaType, blobs };
}

export const base = ({ project, repository }: Place, name: string) => `/v2/${project}/${repository}/${name}`;

/** POST and PUT; a blob that is there already is sent again all the same. */
export async function pushBlob(
  actor: Actor,
  place: Place,
  name: string,
  { bytes, digest }: Pick<Blob, 'bytes' | 'digest'>,
) {
  const started = await actor.ask('POST', `${base(place, name)}/blobs/uploads/`);
  const location = started.headers.get('location');
  if (started.status !== 202 || !location) return started;
  return actor.ask('PUT', `${location}?digest=${digest}`, { body: bytes });
}

export function putManifest(
  actor: Actor,
  to: { place: Place; name: string; reference: string },
  { bytes, mediaType }: Pick<Manifest, 'bytes' | 'mediaType'>,
): Promise<Answer> {
  return actor.ask('PUT', `${base(to.place, to.name)}/manifests/${to.reference}`, {
    headers: { 'content-type': mediaType },
    body: bytes,
  });
}

/** Pushes all blobs and then the manifest. @throws when any of it is refused, unless it is the manifest */
export async function pushImage(
  actor: Actor,
  to: { place: Place; name: string; reference?: string },
  manifest: Manifest,
): Promise<Answer> {
  for (const part of manifest.blobs) {
    const answer = await pushBlob(actor, to.place, to.name, part);
    if (answer.status !== 201) return answer;
  }
  return putManifest(actor, { ...to, reference: to.reference ?? manifest.digest }, manifest);
}
