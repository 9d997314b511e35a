/** Form uploads, streamed: fields in memory under limits, files to whoever takes them. https://www.rfc-editor.org/rfc/rfc7578 */
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { isRefusal, refuse, type StrongroomError } from '../../domain/errors.ts';
import type { ProtocolRequest } from '../protocol.ts';
import { headerOf } from './headers.ts';

export interface MultipartLimits {
  /** number of fields that are no files */
  readonly fields?: number;
  /** of one field's value, bytes */
  readonly fieldSize?: number;
  /** of all fields' names and values together, characters */
  readonly fieldsSize?: number;
  readonly files?: number;
}

export interface FilePart {
  /** the form's name for it */
  readonly field: string;
  /** as sent, paths included: check it before use */
  readonly filename: string | undefined;
  /** lower case, without parameters */
  readonly mediaType: string;
  /** must be read to its end, unless `onFile` rejects */
  readonly stream: Readable;
}

export interface MultipartOptions<T> extends MultipartLimits {
  readonly onFile: (part: FilePart) => Promise<T>;
}

export interface Multipart<T> {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** what `onFile` made of them, in their order */
  readonly files: readonly T[];
}

const DEFAULTS = { fields: 1000, fieldSize: 1024 * 1024, fieldsSize: 4 * 1024 * 1024, files: 1 };
const HEADERS = { headerPairs: 32, headerSize: 16 * 1024 };

/**
 * Reads the whole body. A file is only known to be complete once this resolves: what `onFile` made of a body that was
 * cut short must not be used before.
 * @throws REQUEST_INVALID for another kind of body or a damaged one, CONTENT_TOO_LARGE beyond the limits, SIZE_INVALID
 * when it was cut short, and whatever `onFile` throws
 */
export async function readMultipart<T>(
  request: ProtocolRequest,
  { onFile, ...asked }: MultipartOptions<T>,
): Promise<Multipart<T>> {
  const limits = { ...DEFAULTS, ...asked };
  const parser = parserFor(headerOf(request.headers, 'content-type') ?? '', limits);
  const collected = collect(parser, limits, onFile);
  const { fields, files, streams } = collected;
  try {
    await Promise.race([feed(request.body(), parser, collected.failed), collected.failed]);
    return { fields, files: await Promise.all(files) };
  } catch (error) {
    // whoever takes a file would wait for its end for ever, and keep what it has of it
    for (const stream of streams) stream.destroy(new Error('the form was given up'));
    await Promise.allSettled(files);
    throw error;
  }
}

function parserFor(contentType: string, limits: Required<MultipartLimits>): BusboyInstance {
  if (!/^multipart\/form-data\s*;/i.test(contentType))
    throw refuse('REQUEST_INVALID', 'send the form as multipart/form-data');
  const { fields, fieldSize, files } = limits;
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      preservePath: true,
      limits: { ...HEADERS, fields, fieldSize, files, parts: fields + files },
    });
  } catch {
    throw refuse('REQUEST_INVALID', 'the multipart form has no boundary');
  }
}

function collect<T>(
  parser: BusboyInstance,
  { fieldsSize }: Required<MultipartLimits>,
  onFile: (part: FilePart) => Promise<T>,
) {
  const fields = new Map<string, string[]>();
  const files: Promise<T>[] = [];
  const streams: Readable[] = [];
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {}); // whoever waits sees it; nobody may be waiting any more
  let size = 0;
  parser.on('field', (...[name, value, , truncated]) => {
    size += (name?.length ?? 0) + value.length;
    if (truncated || size > fieldsSize)
      reject(refuse('CONTENT_TOO_LARGE', 'a field of the form is too long'));
    else if (name === undefined) reject(damaged());
    else fields.set(name, [...(fields.get(name) ?? []), value]);
  });
  parser.on('file', (...[field, stream, filename, , mediaType]) => {
    // the parser reports a cut body but does not end the stream with it
    stream.on('error', error => stream.destroy(error));
    const taken = onFile({ field: field ?? '', filename, mediaType, stream });
    taken.catch(reject);
    files.push(taken);
    streams.push(stream);
  });
  for (const event of ['fieldsLimit', 'filesLimit', 'partsLimit'] as const)
    parser.on(event, () => reject(refuse('REQUEST_INVALID', 'the form has too many parts')));
  parser.on('error', () => reject(damaged()));
  return { fields, files, streams, failed };
}

const damaged = (): StrongroomError =>
  refuse('REQUEST_INVALID', 'the multipart form is damaged or cut short');

/** Hands the body to the parser at its pace; resolves when all parts were read. */
async function feed(body: Readable, parser: BusboyInstance, failed: Promise<never>): Promise<void> {
  const finished = new Promise<void>(resolve => parser.once('finish', () => resolve()));
  const chunks = body.iterator({ destroyOnReturn: false });
  for (;;) {
    const { value, done } = await Promise.race([nextOf(chunks), failed]);
    if (done) break;
    if (parser.write(value)) continue;
    const drained = new Promise<void>(resolve => parser.once('drain', () => resolve()));
    await Promise.race([drained, failed]);
  }
  parser.end();
  await Promise.race([finished, failed]);
}

async function nextOf(chunks: AsyncIterator<unknown>): Promise<{ value: Uint8Array; done: boolean }> {
  try {
    const { value, done = false } = await chunks.next();
    return { value: value as Uint8Array, done };
  } catch (error) {
    if (isRefusal(error)) throw error;
    throw refuse('SIZE_INVALID', 'the body was cut short');
  }
}
