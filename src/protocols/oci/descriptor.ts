/** Descriptors as they stand in manifests. https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
import { createHash } from 'node:crypto';
import { refuse } from '../../domain/errors.ts';
import { algorithmOf, isDigest } from '../../domain/values/digest.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';

export type Relation = 'config' | 'layer' | 'child' | 'subject';

/** What a manifest names, and in what role. */
export interface ManifestReference {
  readonly relation: Relation;
  readonly digest: string;
  readonly mediaType: string;
  /** bytes, as the manifest says */
  readonly size: number;
  /** a layer that is fetched from elsewhere (non-distributable, or with `urls`): it need not be here */
  readonly foreign?: true;
}

const FOREIGN =
  /^application\/vnd\.(?:docker\.image\.rootfs\.foreign\.|oci\.image\.layer\.nondistributable\.)/;
/** RFC 6838 names; parameters are tolerated in descriptors because published artifacts have them. */
const MEDIA_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?:[ ]{0,3};[ -~]{0,200})?$/i;
const MAX_URLS = 20;

/** Go reads `Layers` or `layerſ` as `layers`: a document that uses it means different things to different readers. */
const KNOWN_FIELDS = new Map(
  [
    'schemaVersion mediaType artifactType config layers manifests subject annotations',
    'digest size urls data platform blobs',
  ]
    .flatMap(fields => fields.split(' '))
    .map(field => [fold(field), field]),
);

/** A refusal of the manifest; the reason completes "The manifest is not valid". */
export const invalid = (reason: string) => refuse('MANIFEST_INVALID', reason);

/** The value as an object whose fields have one meaning only. `where` names it in the reason. @throws MANIFEST_INVALID */
export function asObject(value: Json | undefined, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${where} is not an object`);
  for (const key of Object.keys(value)) {
    const known = KNOWN_FIELDS.get(fold(key));
    if (known !== undefined && known !== key) throw invalid(`${where} misspells the field ${known}`);
  }
  return value as JsonObject;
}

/** An array of descriptors; null is none, as Go writes it. @throws MANIFEST_INVALID */
export function asList(value: Json | undefined, where: string): readonly Json[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${where} is not a list`);
  return value;
}

/** @throws MANIFEST_INVALID */
export function asMediaType(value: Json | undefined, where: string): string {
  if (typeof value === 'string' && value.length <= 255 && MEDIA_TYPE.test(value)) return value;
  throw invalid(`the media type of ${where} is missing or malformed`);
}

/** @throws MANIFEST_INVALID */
export function parseDescriptor(value: Json | undefined, relation: Relation): ManifestReference {
  const where = `a ${relation} descriptor`;
  const fields = asObject(value, where);
  const { digest, size } = fields;
  const mediaType = asMediaType(fields.mediaType, where);
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid(`${where} has no valid sha256 or sha512 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${where} has no valid size`);
  checkData(fields.data, digest, size);
  const urls = checkUrls(fields.urls);
  const foreign = relation === 'layer' && (urls > 0 || FOREIGN.test(mediaType));
  return { relation, digest, mediaType, size, ...(foreign ? { foreign } : {}) };
}

/** Clients may use embedded bytes instead of the blob, so they must be those bytes. */
function checkData(data: Json | undefined, digest: string, size: number): void {
  if (data === undefined) return;
  const bytes = typeof data === 'string' ? Buffer.from(data, 'base64') : undefined;
  if (bytes?.toString('base64') !== data) throw invalid('the data of a descriptor is not base64');
  const algorithm = algorithmOf(digest);
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (bytes.length !== size || actual !== digest)
    throw invalid('the data of a descriptor is not what its digest and size say');
}

function checkUrls(urls: Json | undefined): number {
  if (urls === undefined || urls === null) return 0;
  if (!Array.isArray(urls) || urls.length > MAX_URLS || !urls.every(isWebAddress))
    throw invalid(`the urls of a descriptor are at most ${MAX_URLS} http or https addresses`);
  return urls.length;
}

function isWebAddress(value: Json): boolean {
  return typeof value === 'string' && /^https?:\/\/[!-~]{1,2000}$/i.test(value) && URL.canParse(value);
}

/** Case folding as Go's JSON reader does it: it also takes the long s and the Kelvin sign for letters. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}
