/** Pure: the document that npm sends to publish, to deprecate, and to take versions away. */
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import { checkName, checkTag, checkVersion, unscoped } from './names.ts';

/** One version to publish, as its publisher says it is. */
export interface NewVersion {
  readonly name: string;
  readonly version: string;
  /** the package.json as the client prepared it */
  readonly manifest: JsonObject;
  readonly tags: readonly string[];
  /** name of the attachment that is the tarball */
  readonly attachment: string;
  /** a sigstore bundle, as text */
  readonly provenance?: string;
  readonly readme?: string;
  /** what the client computed over the tarball */
  readonly shasum?: string;
  readonly integrity?: string;
}

/** @throws NAME_INVALID, VERSION_INVALID, TAG_INVALID, PACKAGE_INVALID */
export function newVersionOf(document: Json, packageName: string): NewVersion {
  const root = asObject(document, 'the document');
  const name = checkName(packageName);
  if ((root.name ?? name) !== name || (root._id ?? name) !== name)
    throw refuse('PACKAGE_INVALID', `the document is about another package than ${name}`);
  const versions = Object.entries(asObject(own(root, 'versions'), 'versions'));
  const [entry] = versions;
  if (entry === undefined || versions.length > 1)
    throw refuse('PACKAGE_INVALID', 'publish one version at a time');
  const version = checkVersion(entry[0]);
  const manifest = asObject(entry[1], 'the version');
  if (manifest.name !== name || checkVersion(textOf(manifest.version) ?? '') !== version)
    throw refuse('PACKAGE_INVALID', 'the version says another name or version of itself');
  const dist = optionalObject(own(manifest, 'dist'));
  const readme = textOf(own(manifest, 'readme')) ?? textOf(own(root, 'readme'));
  const provenance = provenanceIn(root, name);
  return {
    ...{ name, version, manifest },
    tags: tagsOf(root, entry[0]),
    attachment: attachmentIn(root),
    ...(provenance === undefined ? {} : { provenance }),
    ...(readme === undefined ? {} : { readme }),
    ...optional('shasum', textOf(dist.shasum)),
    ...optional('integrity', textOf(dist.integrity)),
  };
}

/** Whether a document brings a tarball; without one it changes what is there. */
export const hasAttachments = (document: Json): boolean =>
  Object.keys(optionalObject(own(optionalObject(document), '_attachments'))).length > 0;

function tagsOf(root: JsonObject, version: string): string[] {
  const tags = Object.entries(optionalObject(own(root, 'dist-tags')));
  if (tags.length > 20) throw refuse('TAG_INVALID', 'too many dist-tags');
  if (tags.some(([, to]) => to !== version))
    throw refuse('TAG_INVALID', 'the dist-tags name another version than the one to publish');
  return tags.map(([tag]) => checkTag(tag));
}

function attachmentIn(root: JsonObject): string {
  const names = Object.keys(optionalObject(own(root, '_attachments'))).filter(one => one.endsWith('.tgz'));
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw refuse('PACKAGE_INVALID', 'the document needs one tarball among its attachments');
  return name;
}

function provenanceIn(root: JsonObject, name: string): string | undefined {
  const attachments = optionalObject(own(root, '_attachments'));
  const key = Object.keys(attachments).find(one => one.endsWith('.sigstore'));
  if (key === undefined) return undefined;
  const data = textOf(optionalObject(own(attachments, key)).data);
  if (!key.includes(unscoped(name)) || data === undefined)
    throw refuse('PACKAGE_INVALID', 'the provenance bundle is not readable');
  return data;
}

/** What an edited packument asks for: npm sends all of it back with its change made. */
export interface Edited {
  readonly revision: string | undefined;
  /** version → advice against it, '' for none */
  readonly deprecations: ReadonlyMap<string, string>;
}

const MAX_ADVICE = 2000;

/** Of all the fields none but the advice and which versions are left is believed. @throws REQUEST_INVALID */
export function editedOf(document: Json): Edited {
  const root = asObject(document, 'the document');
  if (own(root, 'versions') === undefined)
    throw refuse('METHOD_UNSUPPORTED', 'owners are managed by roles here, not by packages');
  const entries = Object.entries(asObject(root.versions, 'versions'));
  const deprecations = entries.map(([version, manifest]): [string, string] => {
    const advice = optionalObject(manifest).deprecated;
    return [version, advice === true ? 'deprecated' : (textOf(advice) ?? '').slice(0, MAX_ADVICE)];
  });
  return { revision: textOf(own(root, '_rev')), deprecations: new Map(deprecations) };
}

export function asObject(value: Json | undefined, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw refuse('REQUEST_INVALID', `${what} is not a JSON object`);
}

export const optionalObject = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

export const textOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

const optional = <K extends string>(key: K, value: string | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [k in K]?: string };
