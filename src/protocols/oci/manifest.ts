/**
 * Manifests as values. The bytes are stored and served as they came; this says what they refer to.
 * Accepted are OCI image manifests and indexes, Docker's version 2 manifests and lists, and JSON of another
 * `application/vnd.…+json` type that has the shape of one of them: only then can what it needs be kept together with it.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md, image-index.md
 */
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import {
  asList,
  asMediaType,
  asObject,
  invalid,
  type ManifestReference,
  parseDescriptor,
} from './descriptor.ts';

export interface ParsedManifest {
  /** as it is served; equal to the `mediaType` inside when there is one */
  readonly mediaType: string;
  readonly shape: 'image' | 'index';
  /** of an image manifest without one: the media type of its config, as the referrers API wants it */
  readonly artifactType?: string;
  /** in document order, each digest once per relation */
  readonly references: readonly ManifestReference[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** What the referrers API lists. */
export interface ReferrerDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** bytes; what the specification wants registries and clients to be able to carry */
export const MAX_MANIFEST = 4 * 1024 * 1024;
const LIMITS = { depth: 32, values: 100_000 };
const MAX_REFERENCES = 2000;

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const SHAPES: Readonly<Record<string, 'image' | 'index'>> = {
  'application/vnd.oci.image.manifest.v1+json': 'image',
  'application/vnd.docker.distribution.manifest.v2+json': 'image',
  [OCI_INDEX]: 'index',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
};
const DOCKER_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;
const WITHDRAWN = 'application/vnd.oci.artifact.manifest.v1+json';
const OTHER = /^application\/vnd\.[a-z0-9!#$&^_.+-]{1,120}\+json$/;

const USE_VERSION_2 =
  'Docker schema 1 is not supported: push with a client that writes OCI or Docker schema 2 manifests, ' +
  'for example skopeo copy --format oci';

/**
 * @param bytes the request's body
 * @param contentType the request's header, undefined when there was none: then the `mediaType` inside decides
 * @throws MANIFEST_INVALID with a reason, CONTENT_TOO_LARGE
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  if (bytes.length > MAX_MANIFEST)
    throw refuse('CONTENT_TOO_LARGE', `a manifest has at most ${MAX_MANIFEST} bytes`);
  const document = asObject(parseJson(bytes), 'the document');
  const mediaType = typeOf(document, contentType);
  const shape = shapeOf(document, mediaType);
  const references = shape === 'image' ? imageReferences(document) : indexReferences(document);
  const config = references.find(reference => reference.relation === 'config');
  const artifactType = document.artifactType
    ? asMediaType(document.artifactType, 'the artifact (artifactType)')
    : config?.mediaType;
  return {
    mediaType,
    shape,
    ...(artifactType === undefined ? {} : { artifactType }),
    references: unique(references),
    annotations: annotationsOf(document.annotations),
  };
}

/** How a manifest appears in the list of what refers to its subject. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers */
export function referrerDescriptor(
  manifest: Pick<ParsedManifest, 'mediaType' | 'artifactType' | 'annotations'>,
  digest: string,
  size: number,
): ReferrerDescriptor {
  const { mediaType, artifactType, annotations } = manifest;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** The answer of the referrers API: an index, also when nothing refers to the subject. */
export function referrersIndex(descriptors: readonly ReferrerDescriptor[]) {
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: descriptors } as const;
}

function parseJson(bytes: Uint8Array): Json {
  try {
    return readJson(bytes, LIMITS);
  } catch (error) {
    if (error instanceof JsonProblem) throw invalid(error.message);
    throw error;
  }
}

/** The one media type that header and document agree on. */
function typeOf(document: JsonObject, contentType: string | undefined): string {
  const announced = contentType?.split(';', 1)[0]?.trim().toLowerCase() || undefined;
  const embedded = document.mediaType;
  if (announced !== undefined && DOCKER_1.test(announced)) throw invalid(USE_VERSION_2);
  if (embedded !== undefined && embedded !== '' && typeof embedded !== 'string')
    throw invalid('its mediaType is not a string');
  const inside = embedded || undefined;
  if (announced && inside && announced !== inside)
    throw invalid('the Content-Type of the request and the mediaType inside differ');
  const mediaType = announced ?? inside;
  if (mediaType === undefined) throw invalid('neither Content-Type nor mediaType says what it is');
  return mediaType;
}

/** Whether it is read as an image or as an index. */
function shapeOf(document: JsonObject, mediaType: string): 'image' | 'index' {
  if (document.schemaVersion === 1) throw invalid(USE_VERSION_2);
  if (document.schemaVersion !== 2) throw invalid('its schemaVersion is not 2');
  const expected = expectedShape(mediaType);
  const actual = actualShape(document);
  if (expected === 'either' || expected === actual) return actual;
  throw invalid(`it lacks the fields of ${expected === 'index' ? 'an index' : 'an image manifest'}`);
}

function expectedShape(mediaType: string): 'image' | 'index' | 'either' {
  if (DOCKER_1.test(mediaType)) throw invalid(USE_VERSION_2);
  if (mediaType === WITHDRAWN)
    throw invalid('OCI withdrew the artifact manifest: push an image manifest with an artifactType');
  const known = Object.hasOwn(SHAPES, mediaType) ? SHAPES[mediaType] : undefined;
  if (known) return known;
  if (OTHER.test(mediaType)) return 'either';
  throw invalid('its media type is not for manifests: push it as a layer of an OCI image manifest');
}

/** A document that could be read as both is neither (CVE-2021-41190). */
function actualShape(document: JsonObject): 'image' | 'index' {
  const index = 'manifests' in document;
  const image = 'layers' in document || 'config' in document;
  if ('fsLayers' in document || (index && image))
    throw invalid('it has the fields of more than one kind of manifest');
  if (!index && !image) throw invalid('it has neither layers nor manifests');
  return index ? 'index' : 'image';
}

function imageReferences(document: JsonObject): ManifestReference[] {
  const layers = bounded(asList(document.layers, 'layers'));
  return [
    parseDescriptor(document.config, 'config'),
    ...layers.map(layer => parseDescriptor(layer, 'layer')),
    ...subjectOf(document),
  ];
}

function indexReferences(document: JsonObject): ManifestReference[] {
  const manifests = bounded(asList(document.manifests, 'manifests'));
  return [...manifests.map(child => parseDescriptor(child, 'child')), ...subjectOf(document)];
}

function subjectOf(document: JsonObject): ManifestReference[] {
  const { subject } = document;
  return subject === undefined || subject === null ? [] : [parseDescriptor(subject, 'subject')];
}

function bounded(list: readonly Json[]): readonly Json[] {
  if (list.length > MAX_REFERENCES) throw invalid(`it has more than ${MAX_REFERENCES} entries`);
  return list;
}

/** Images repeat layers (empty ones, above all): one reference each will do, if they agree. */
function unique(references: readonly ManifestReference[]): ManifestReference[] {
  const sizes = new Map<string, number>();
  const seen = new Map<string, ManifestReference>();
  for (const reference of references) {
    const size = sizes.get(reference.digest) ?? reference.size;
    if (size !== reference.size) throw invalid('it gives two sizes for one digest');
    sizes.set(reference.digest, size);
    const key = `${reference.relation} ${reference.digest}`;
    // A layer that is foreign in one place and not in the other must be here.
    const known = seen.get(key);
    if (!known || known.foreign) seen.set(key, reference);
  }
  return [...seen.values()];
}

function annotationsOf(value: Json | undefined): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid('its annotations are not an object');
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string' || !text.isWellFormed() || !key.isWellFormed())
      throw invalid('an annotation is not a string');
  return value as Readonly<Record<string, string>>;
}
