/**
 * The few things that a bucket is asked for, as calls of the client library. Every method rejects
 * with STORAGE_UNAVAILABLE when S3 does not do its part; "not there" is only what S3 says in so many words.
 */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { refuse } from '../../domain/errors.ts';
import type { ByteRange } from '../range.ts';
import type { S3Address } from './address.ts';
import { createClient, type Timeouts } from './client.ts';
import { asUnavailable, damaged, nameOf, statusOf } from './faults.ts';

export interface ObjectInfo {
  /** without the prefix of the installation */
  readonly key: string;
  /** bytes */
  readonly size: number;
  readonly etag: string;
  /** milliseconds since the epoch, in whole seconds: some answers of S3 say no more */
  readonly modifiedAt: number;
}

/** Of a copy: the object must still be the one that was seen. */
export type Source = Pick<ObjectInfo, 'key' | 'etag'>;

export interface Found {
  /** of the whole object, also when only a range of it comes */
  readonly info: ObjectInfo;
  readonly body: Readable;
}

const OCTETS = 'application/octet-stream';

export class Bucket {
  readonly stall: number;
  readonly #client: S3Client;
  readonly #timeouts: Timeouts;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(address: S3Address, timeouts: Timeouts) {
    this.#bucket = address.bucket;
    this.#prefix = address.prefix;
    this.#timeouts = timeouts;
    this.stall = timeouts.stall;
    this.#client = createClient(address, timeouts);
  }

  /** undefined only when S3 says that there is no such key: a bare 404 may be another server's, or of a lost bucket. */
  async head(key: string): Promise<ObjectInfo | undefined> {
    try {
      const so = await this.#client.send(new HeadObjectCommand(this.#named(key)));
      return described(key, so.ContentLength, so);
    } catch (error) {
      if (statusOf(error) !== 404) throw asUnavailable(error);
    }
    const found = await this.get(key);
    found?.body.destroy();
    return found?.info;
  }

  /**
   * Inclusive range. RANGE_INVALID without the size when no byte is in it. With an `etag`, an object that became
   * another one is STORAGE_UNAVAILABLE.
   */
  async get(key: string, of: { range?: ByteRange; etag?: string } = {}): Promise<Found | undefined> {
    const { range, etag } = of;
    try {
      const so = await this.#client.send(
        new GetObjectCommand({
          ...this.#named(key),
          ...(range && { Range: `bytes=${range.start}-${range.end}` }),
          ...(etag && { IfMatch: etag }),
        }),
      );
      const body = so.Body as Readable;
      body.on('error', () => undefined);
      const size = range ? wholeSize(so.ContentRange) : so.ContentLength;
      return { info: described(key, size, so), body };
    } catch (error) {
      if (nameOf(error) === 'NoSuchKey') return undefined;
      if (statusOf(error) === 416) throw refuse('RANGE_INVALID');
      throw asUnavailable(error);
    }
  }

  /** Gives the etag; with `ifAbsent` undefined when somebody else wrote the key before. */
  async put(key: string, bytes: Uint8Array, { ifAbsent = false } = {}): Promise<string | undefined> {
    const writer = randomUUID();
    const command = new PutObjectCommand({
      ...this.#named(key),
      Body: bytes,
      ContentType: OCTETS,
      ...(ifAbsent && { IfNoneMatch: '*', Metadata: { writer } }),
    });
    try {
      const { ETag } = await this.#client.send(command, { requestTimeout: this.#timeouts.work });
      return ETag ?? '';
    } catch (error) {
      if (!ifAbsent || ![409, 412].includes(statusOf(error) ?? 0)) throw asUnavailable(error);
    }
    return this.#writtenBy(key, writer);
  }

  /** A write whose answer was lost is sent again by the client, and then finds its own work. */
  async #writtenBy(key: string, writer: string): Promise<string | undefined> {
    const so = await this.#send(() => this.#client.send(new HeadObjectCommand(this.#named(key))));
    return so.Metadata?.writer === writer ? so.ETag : undefined;
  }

  /** Writes what may be there already; gives true when it was not. */
  async rewrite(key: string, bytes: Uint8Array): Promise<boolean> {
    if ((await this.put(key, bytes, { ifAbsent: true })) !== undefined) return true;
    await this.put(key, bytes);
    return false;
  }

  /** Good enough where nothing depends on it: see `head`. */
  async seems(key: string): Promise<boolean> {
    try {
      await this.#client.send(new HeadObjectCommand(this.#named(key)));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw asUnavailable(error);
    }
  }

  /** S3 answers alike whether it was there or not. */
  async remove(key: string): Promise<void> {
    await this.#send(() => this.#client.send(new DeleteObjectCommand(this.#named(key))));
  }

  /** In the order of keys. */
  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    for (let token: string | undefined, more = true; more; ) {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        ContinuationToken: token,
      });
      const page = await this.#send(() => this.#client.send(command));
      for (const so of page.Contents ?? []) {
        if (so.Key !== undefined) yield described(so.Key.slice(this.#prefix.length), so.Size, so);
      }
      token = page.NextContinuationToken;
      more = page.IsTruncated === true;
      if (more && !token) throw damaged('S3 gave a listing without its end');
    }
  }

  async copy(key: string, source: Source): Promise<void> {
    const command = new CopyObjectCommand({
      ...this.#named(key),
      ...this.#from(source),
      MetadataDirective: 'REPLACE',
      ContentType: OCTETS,
    });
    await this.#work(() => this.#client.send(command, { requestTimeout: this.#timeouts.work }));
  }

  /** Begins an object of parts; gives the id under which they are sent. */
  async begin(key: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({ ...this.#named(key), ContentType: OCTETS });
    const { UploadId } = await this.#send(() => this.#client.send(command));
    if (!UploadId) throw damaged('S3 began an object without an id');
    return UploadId;
  }

  /** Parts are numbered from 1; gives the part's etag. */
  async part(key: string, of: { id: string; number: number }, from: Source | Uint8Array): Promise<string> {
    const named = { ...this.#named(key), UploadId: of.id, PartNumber: of.number };
    const timeout = { requestTimeout: this.#timeouts.work };
    if (from instanceof Uint8Array) {
      const command = new UploadPartCommand({ ...named, Body: from });
      const { ETag } = await this.#send(() => this.#client.send(command, timeout));
      return ETag ?? '';
    }
    const command = new UploadPartCopyCommand({ ...named, ...this.#from(from) });
    const { CopyPartResult } = await this.#work(() => this.#client.send(command, timeout));
    return CopyPartResult?.ETag ?? '';
  }

  /** Makes the object of its parts, all at once. */
  async complete(key: string, id: string, etags: readonly string[]): Promise<void> {
    const Parts = etags.map((ETag, at) => ({ ETag, PartNumber: at + 1 }));
    const command = new CompleteMultipartUploadCommand({
      ...this.#named(key),
      UploadId: id,
      MultipartUpload: { Parts },
    });
    await this.#send(() => this.#client.send(command, { requestTimeout: this.#timeouts.work }));
  }

  async abandon(key: string, id: string): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#named(key), UploadId: id });
    await this.#send(() => this.#client.send(command));
  }

  /** Objects of parts that were begun before (ms) and never completed. */
  async *begun(prefix: string, before: number): AsyncGenerator<{ key: string; id: string }> {
    for (let marker = {}, more = true; more; ) {
      const command = new ListMultipartUploadsCommand({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        ...marker,
      });
      const page = await this.#send(() => this.#client.send(command));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || !UploadId || !Initiated || Initiated.getTime() >= before) continue;
        yield { key: Key.slice(this.#prefix.length), id: UploadId };
      }
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      more = page.IsTruncated === true;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #named(key: string) {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  #from({ key, etag }: Source) {
    return { CopySource: `${this.#bucket}/${this.#prefix}${key}`, CopySourceIfMatch: etag };
  }

  async #send<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** A copy of what is not as it was seen. */
  async #work<T>(call: () => Promise<T>): Promise<T> {
    return this.#send(async () => {
      try {
        return await call();
      } catch (error) {
        const changed = statusOf(error) === 412 || nameOf(error) === 'NoSuchKey';
        throw changed ? refuse('STATE_CONFLICT', 'another request works on this upload') : error;
      }
    });
  }
}

/** `bytes 0-9/1234` */
function wholeSize(contentRange: string | undefined): number | undefined {
  const digits = /^bytes \d+-\d+\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function described(
  key: string,
  size: number | undefined,
  { ETag, LastModified }: { ETag?: string | undefined; LastModified?: Date | undefined },
): ObjectInfo {
  if (size === undefined || !LastModified) throw damaged('S3 told of an object without its size or time');
  return { key, size, etag: ETag ?? '', modifiedAt: Math.floor(LastModified.getTime() / 1000) * 1000 };
}
