/** Writes a small real image as an OCI layout, for trying things out: node examples/make-image.js <folder> [tag] */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [folder, tag = 'latest'] = process.argv.slice(2);
if (!folder) {
  process.stderr.write('usage: node examples/make-image.js <folder> [tag]\n');
  process.exit(2);
}

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex');
const blobs = join(folder, 'blobs', 'sha256');
mkdirSync(blobs, { recursive: true });

function put(mediaType, content) {
  const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  const hex = sha256(bytes);
  writeFileSync(join(blobs, hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

/** A tar of one file. https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 */
function tarOf(name, content) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        0ustar\x0000', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(512 - (content.length % 512) + 1024)]);
}

const layer = tarOf('hello.txt', Buffer.from(`hello from Strongroom, ${randomBytes(8).toString('hex')}\n`));
const config = put('application/vnd.oci.image.config.v1+json', {
  architecture: 'amd64',
  os: 'linux',
  config: { Cmd: ['/hello.txt'] },
  rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
});
const manifest = put('application/vnd.oci.image.manifest.v1+json', {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config,
  layers: [put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer))],
});
writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
writeFileSync(
  join(folder, 'index.json'),
  JSON.stringify({
    schemaVersion: 2,
    manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } }],
  }),
);
process.stdout.write(`${folder}:${tag} is ${manifest.digest}\n`);
