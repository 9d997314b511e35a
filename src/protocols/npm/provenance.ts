/**
 * Provenance bundles: signed statements about where a tarball was built. Stored and served as they came; what they are
 * about is checked, their signatures are not. https://github.com/sigstore/protobuf-specs (bundle), https://slsa.dev
 */
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import { asObject, optionalObject, textOf } from './document.ts';

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=[0-9.]{1,10}|\.v[0-9.]{1,10}\+json)$/;
const MAX_BUNDLE = 1024 * 1024;

export interface Bundle {
  readonly mediaType: string;
  /** of the statement inside: `https://slsa.dev/provenance/v1` */
  readonly predicateType: string;
}

/** @throws PACKAGE_INVALID when it is no bundle, or about another package, version or tarball */
export function readBundle(
  text: string,
  subject: { readonly purl: string; readonly sha512: string },
): Bundle {
  if (text.length > MAX_BUNDLE) throw refuse('PACKAGE_INVALID', 'the provenance bundle is too large');
  const bundle = parse(Buffer.from(text));
  const mediaType = textOf(own(bundle, 'mediaType')) ?? '';
  if (!MEDIA_TYPE.test(mediaType)) throw refuse('PACKAGE_INVALID', 'the provenance is no sigstore bundle');
  const payload = textOf(optionalObject(own(bundle, 'dsseEnvelope')).payload) ?? '';
  const statement = parse(Buffer.from(payload, 'base64'));
  const subjects = Array.isArray(statement.subject) ? statement.subject : [];
  const about = subjects.map(one => optionalObject(one as Json));
  const [first] = about;
  const fits = first?.name === subject.purl && optionalObject(first.digest).sha512 === subject.sha512;
  if (about.length !== 1 || !fits)
    throw refuse('PACKAGE_INVALID', 'the provenance bundle is about another package, version or tarball');
  return { mediaType, predicateType: textOf(own(statement, 'predicateType'))?.slice(0, 500) ?? '' };
}

/** What `npm audit signatures` asks for. https://github.com/npm/rfcs/blob/main/accepted/0049-link-packages-to-source-and-build.md */
export function attestationsOf(bundle: Uint8Array): JsonObject {
  const parsed = parse(bundle);
  const payload = textOf(optionalObject(own(parsed, 'dsseEnvelope')).payload) ?? '';
  const { predicateType = '' } = parse(Buffer.from(payload, 'base64'));
  return { attestations: [{ predicateType, bundle: parsed }] };
}

function parse(bytes: Uint8Array): JsonObject {
  try {
    return asObject(readJson(bytes, { depth: 32, values: 50_000 }), 'the provenance bundle');
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw refuse('PACKAGE_INVALID', `the provenance bundle is not acceptable: ${error.message}`);
  }
}
