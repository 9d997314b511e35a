/**
 * Small real images, written as OCI layouts without any tool or network: random content, so that no two are alike.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What was written: `descriptor` of the manifest, its exact bytes, and what it names, in order. */
export interface Layout {
  readonly dir: string;
  readonly tag: string;
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** layers of an image or artifact (the config first), children of an index */
  readonly parts: readonly Descriptor[];
}

export const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const EMPTY = 'application/vnd.oci.empty.v1+json';

export interface ImageOptions {
  readonly tag?: string;
  readonly architecture?: string;
  /** bytes of random content in each layer */
  readonly layers?: readonly number[];
  /** layers of another image in the same folder, put below */
  readonly base?: Layout;
}

/** Adds an image for linux to the layout in `dir`. */
export function makeImage(dir: string, options: ImageOptions = {}): Layout {
  const { tag = 'latest', architecture = 'amd64', layers = [1000, 500], base } = options;
  const below = base ? readConfig(base) : [];
  const made = layers.map((size, number) => makeLayer(dir, `file-${number}`, size));
  const config = putJson(dir, CONFIG, {
    created: '2026-01-01T00:00:00Z',
    architecture,
    os: 'linux',
    config: { Cmd: ['/file-0'] },
    rootfs: { type: 'layers', diff_ids: [...below, ...made.map(layer => layer.diffId)] },
  });
  const parts = [...(base?.parts.slice(1) ?? []), ...made.map(layer => layer.descriptor)];
  const manifest = { schemaVersion: 2, mediaType: OCI_IMAGE, config, layers: parts };
  return finish(dir, tag, manifest, [config, ...parts]);
}

/** Adds an index of one image for each architecture. The images are named by the index only. */
export function makeIndex(
  dir: string,
  options: { readonly tag?: string; readonly architectures?: readonly string[] } = {},
): Layout {
  const { tag = 'multi', architectures = ['amd64', 'arm64'] } = options;
  const children = architectures.map(architecture => ({
    ...makeImage(dir, { tag: '', architecture, layers: [700] }).descriptor,
    platform: { os: 'linux', architecture },
  }));
  return finish(dir, tag, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: children }, children);
}

/** Adds an artifact about `subject`: one layer of text, an empty config. */
export function makeArtifact(
  dir: string,
  options: { readonly tag?: string; readonly subject?: Descriptor; readonly artifactType?: string } = {},
): Layout {
  const { tag = 'artifact', subject, artifactType = 'application/vnd.example.note.v1' } = options;
  const config = put(dir, EMPTY, Buffer.from('{}'));
  const layer = put(dir, 'text/plain', Buffer.from(`a note ${randomBytes(8).toString('hex')}\n`));
  const about = subject && { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_IMAGE,
    artifactType,
    config,
    layers: [layer],
    ...(about ? { subject: about } : {}),
    annotations: { 'org.example.note': 'yes' },
  };
  return finish(dir, tag, manifest, [config, layer]);
}

/** The bytes of a blob or manifest of a layout. */
export const readBlob = (dir: string, digest: string): Buffer => readFileSync(pathOf(dir, digest));

/** The top descriptors of a layout, as a client left it. */
export function readIndex(dir: string): readonly Descriptor[] {
  return JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8')).manifests;
}

/** Every digest reachable from a manifest of the layout, itself first. */
export function closure(dir: string, digest: string): string[] {
  const { config, layers = [], manifests = [] } = JSON.parse(readBlob(dir, digest).toString('utf8'));
  const blobs = [config, ...layers].filter(part => part !== undefined).map((part: Descriptor) => part.digest);
  return [digest, ...blobs, ...manifests.flatMap((child: Descriptor) => closure(dir, child.digest))];
}

function finish(
  dir: string,
  tag: string,
  manifest: { mediaType: string; [field: string]: unknown },
  parts: readonly Descriptor[],
): Layout {
  const descriptor = putJson(dir, manifest.mediaType, manifest);
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const path = join(dir, 'index.json');
  const known = existsSync(path) ? readIndex(dir) : [];
  const named = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
  const manifests = tag === '' ? known : [...known, named];
  writeFileSync(path, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  return { dir, tag, descriptor, bytes: readBlob(dir, descriptor.digest), parts };
}

function readConfig(image: Layout): string[] {
  const [config] = image.parts;
  return JSON.parse(readBlob(image.dir, config?.digest ?? '').toString('utf8')).rootfs.diff_ids;
}

function makeLayer(dir: string, name: string, size: number) {
  const tar = tarOf(name, randomBytes(size));
  return { descriptor: put(dir, LAYER, gzipSync(tar)), diffId: `sha256:${sha256(tar)}` };
}

/** A tar of one file, as POSIX says: a header, the content padded to 512 bytes, two empty blocks. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000755\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

const putJson = (dir: string, mediaType: string, value: unknown): Descriptor =>
  put(dir, mediaType, Buffer.from(JSON.stringify(value)));

function put(dir: string, mediaType: string, bytes: Buffer): Descriptor {
  const digest = `sha256:${sha256(bytes)}`;
  mkdirSync(join(dir, 'blobs', 'sha256'), { recursive: true });
  writeFileSync(pathOf(dir, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

const pathOf = (dir: string, digest: string) => join(dir, 'blobs', ...digest.split(':'));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
