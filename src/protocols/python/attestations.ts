/** Attestations that come with an upload, as installers get them. https://packaging.python.org/en/latest/specifications/index-hosted-attestations/ */
import { z } from 'zod';
import { refuse } from '../../domain/errors.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import { parseDistributionName } from './names.ts';

const MAX_ATTESTATIONS = 512 * 1024;
const LIMITS = { depth: 32, values: 20_000 };
const base64 = z.base64().max(MAX_ATTESTATIONS);

const attestation = z.looseObject({
  version: z.literal(1),
  verification_material: z.looseObject({
    certificate: base64,
    transparency_entries: z.array(z.looseObject({})).min(1).max(16),
  }),
  envelope: z.looseObject({ statement: base64, signature: base64 }),
});
const attestations = z.array(attestation).min(1).max(16);

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
const statement = z.looseObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z
    .array(z.looseObject({ name: z.string(), digest: z.looseObject({ sha256: z.string() }) }))
    .length(1),
  predicateType: z.string(),
});

export const PROVENANCE_TYPE = 'application/vnd.pypi.integrity.v1+json';

/**
 * The provenance object of a file. What the attestations say is checked (this file, these bytes); who signed them is
 * not: whoever relies on them verifies them.
 * @param field the form's: a JSON array. @throws PACKAGE_INVALID
 */
export function provenanceOf(field: string, file: { filename: string; sha256: string }): string {
  const found = attestations.safeParse(parse(Buffer.from(field)));
  if (!found.success) throw refuse('PACKAGE_INVALID', 'its attestations are not of PEP 740');
  for (const { envelope } of found.data) {
    const said = statement.safeParse(parse(Buffer.from(envelope.statement, 'base64')));
    const subject = said.data?.subject[0];
    if (!subject || !isSameFile(subject.name, file.filename) || subject.digest.sha256 !== file.sha256)
      throw refuse('PACKAGE_INVALID', 'its attestations are about another file');
  }
  const bundle = { publisher: { kind: 'Strongroom', claims: null }, attestations: found.data };
  return JSON.stringify({ version: 1, attestation_bundles: [bundle] });
}

/** Signers normalise the name. */
const isSameFile = (one: string, other: string) =>
  one === other || parseDistributionName(one).canonical === parseDistributionName(other).canonical;

function parse(bytes: Buffer) {
  if (bytes.length > MAX_ATTESTATIONS) throw refuse('PACKAGE_INVALID', 'its attestations are too long');
  try {
    return readJson(bytes, LIMITS);
  } catch (error) {
    if (error instanceof JsonProblem)
      throw refuse('PACKAGE_INVALID', `its attestations cannot be read: ${error.message}`);
    throw error;
  }
}
