/** Small wheels and source distributions, and the form that twine sends them in. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { makeZip, type ZipPart } from './zip-maker.ts';

export interface Dist {
  readonly filename: string;
  readonly bytes: Buffer;
  /** the text of METADATA or PKG-INFO */
  readonly metadata: string;
  readonly name: string;
  readonly version: string;
}

export interface DistOptions {
  readonly name: string;
  readonly version: string;
  /** more headers, as lines */
  readonly headers?: readonly string[];
  readonly metadataVersion?: string;
  readonly readme?: string;
  /** what `import <name>` gives as its VERSION, so that installs can be told apart */
  readonly value?: string;
  readonly filename?: string;
  /** added to the archive */
  readonly extra?: readonly ZipPart[];
}

const module = (name: string) => name.toLowerCase().replaceAll(/[-_.]+/g, '_');

function metadataOf({ name, version, headers = [], metadataVersion = '2.1', readme }: DistOptions): string {
  const lines = [`Metadata-Version: ${metadataVersion}`, `Name: ${name}`, `Version: ${version}`, ...headers];
  return `${lines.join('\n')}\n${readme === undefined ? '' : `\n${readme}`}`;
}

export function makeWheel(options: DistOptions): Dist {
  const { name, version, extra = [], value = version } = options;
  const metadata = metadataOf(options);
  const info = `${module(name)}-${version}.dist-info`;
  const wheel = 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n';
  const parts: ZipPart[] = [
    { path: `${module(name)}.py`, content: `VERSION = ${JSON.stringify(value)}\n` },
    { path: `${info}/METADATA`, content: metadata },
    { path: `${info}/WHEEL`, content: wheel },
    ...extra,
  ];
  const record = parts.map(
    ({ path, content = '' }) => `${path},${recordHash(content)},${Buffer.from(content).length}`,
  );
  const bytes = makeZip([
    ...parts,
    { path: `${info}/RECORD`, content: `${record.join('\n')}\n${info}/RECORD,,\n` },
  ]);
  const filename = options.filename ?? `${module(name)}-${version}-py3-none-any.whl`;
  return { filename, bytes, metadata, name, version };
}

const recordHash = (content: string | Uint8Array) =>
  `sha256=${createHash('sha256').update(content).digest('base64url')}`;

/** A source distribution that builds with setuptools. */
export async function makeSdist(options: DistOptions): Promise<Dist> {
  const { name, version, extra = [], value = version } = options;
  const metadata = metadataOf(options);
  const top = `${module(name)}-${version}`;
  const files: Readonly<Record<string, string>> = {
    'PKG-INFO': metadata,
    'setup.py': `from setuptools import setup\nsetup(name=${JSON.stringify(name)}, version=${JSON.stringify(version)}, py_modules=[${JSON.stringify(module(name))}])\n`,
    [`${module(name)}.py`]: `VERSION = ${JSON.stringify(value)}\n`,
  };
  const archive = pack();
  for (const [path, content] of Object.entries(files))
    archive.entry({ name: `${top}/${path}`, mtime: new Date(0) }, content);
  for (const { path, content = '' } of extra)
    archive.entry({ name: path, mtime: new Date(0) }, Buffer.from(content));
  archive.finalize();
  const filename = options.filename ?? `${top}.tar.gz`;
  return { filename, bytes: gzipSync(await buffer(archive)), metadata, name, version };
}

const BOUNDARY = 'b0undary-of-a-form';

/** The body of an upload with its Content-Type; `fields` are added to what twine says, or replace it. */
export function uploadForm(dist: Dist, fields: Readonly<Record<string, string>> = {}) {
  const hash = (algorithm: string) => createHash(algorithm).update(dist.bytes).digest('hex');
  const all = {
    name: dist.name,
    version: dist.version,
    filetype: dist.filename.endsWith('.whl') ? 'bdist_wheel' : 'sdist',
    metadata_version: '2.1',
    sha256_digest: hash('sha256'),
    md5_digest: hash('md5'),
    ':action': 'file_upload',
    protocol_version: '1',
    ...fields,
  };
  const texts = Object.entries(all).map(
    ([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="${dist.filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.concat([
      Buffer.from(texts.join('') + file),
      dist.bytes,
      Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
    ]),
  };
}
