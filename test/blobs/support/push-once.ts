/** A process that pushes one small blob and two uploads, and says so on its standard output. For tracing. */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { openFilesystemBlobs } from '../../../src/blobs/filesystem.ts';

const [root = ''] = process.argv.slice(2);
const store = await openFilesystemBlobs({ root });

writeSync(1, 'BEGIN put\n');
const { digest } = await store.put(Buffer.from('a manifest'));
writeSync(1, `REPLY ${digest}\n`);

const layer = Buffer.alloc(300_000, 'layer');
const expected = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
writeSync(1, 'BEGIN upload\n');
const { id } = await store.openUpload({});
await store.appendUpload(id, Readable.from([layer], { objectMode: false }), {});
await store.commitUpload(id, expected);
writeSync(1, `REPLY ${expected}\n`);

const whole = Buffer.alloc(300_000, 'whole');
const digestOfWhole = `sha256:${createHash('sha256').update(whole).digest('hex')}`;
writeSync(1, 'BEGIN whole upload\n');
const upload = await store.openUpload({});
await store.appendUpload(upload.id, Readable.from([whole], { objectMode: false }), { last: true });
await store.commitUpload(upload.id, digestOfWhole);
writeSync(1, `REPLY ${digestOfWhole}\n`);
await store.close();
