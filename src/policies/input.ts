import { z } from 'zod';
import type { JsonObject } from '../domain/values/json.ts';
import { canonicalText, sha256, utf8 } from './canonical.ts';

const text = z.string().max(4096);
const name = z.string().min(1).max(1024);
const instant = z.iso.datetime({ offset: true });
const json = z.record(z.string(), z.json());

const nowSchema = z.strictObject({
  ms: z.int().min(0).describe('milliseconds since 1970, UTC'),
  rfc3339: instant.describe('the same instant, e.g. 2026-01-31T12:00:00.000Z'),
});

const actorSchema = z.strictObject({
  id: name.describe('opaque id of the principal'),
  kind: z.enum(['user', 'service-account', 'anonymous', 'system']),
  roles: z.array(name).max(100).describe('roles that hold at the place of the action'),
  authentication: name.describe('how the caller proved who it is, e.g. password, token, none'),
});

const projectSchema = z.strictObject({ id: name, name });

const repositorySchema = z.strictObject({
  id: name,
  name,
  format: name.describe('e.g. oci, npm'),
  kind: z.enum(['hosted', 'proxy', 'virtual']),
  visibility: z.enum(['private', 'public']),
});

const fileSchema = z.strictObject({
  name: text,
  digest: name,
  size: z.int().min(0).describe('bytes'),
  mediaType: text,
});

const metadataSchema = z.strictObject({
  license: text.optional().describe('SPDX expression'),
  declaredLicense: text.optional().describe('what was declared, when it is no SPDX expression'),
  keywords: z.array(text).optional(),
  homepage: text.optional(),
  repository: text.optional().describe('where the source is'),
  dependencies: z
    .array(
      z.strictObject({
        name: text,
        requirement: text.optional(),
        kind: z.enum(['runtime', 'development', 'optional', 'peer', 'build']),
      }),
    )
    .optional()
    .describe('at most 1,000'),
});

const artifactSchema = z.strictObject({
  package: name.describe('name of the package, as the format normalises it'),
  version: name.describe('version; for OCI the digest of the manifest'),
  digest: name.optional(),
  mediaType: text.optional(),
  artifactType: text.optional(),
  size: z.int().min(0).optional().describe('bytes of the whole version: manifest and files'),
  files: z.array(fileSchema).max(10_000).optional(),
  tags: z.array(name).max(10_000).optional().describe('tags that name it now'),
  publishedBy: name.optional().describe('id of the principal who pushed it'),
  publishedAt: instant.optional(),
  purl: name.optional().describe('https://github.com/package-url/purl-spec'),
  metadata: metadataSchema
    .optional()
    .describe('what the version says of itself; absent where it says nothing'),
});

const tagSchema = z.strictObject({
  name,
  previousDigest: name.optional().describe('what the tag names before the action; absent: the tag is new'),
});

const promotionSchema = z.strictObject({
  from: z.strictObject({ projectId: name, repositoryId: name, name }),
  requestedBy: name,
  approvedBy: z.array(name).max(100).optional(),
  approvals: z
    .array(z.strictObject({ principal: name }))
    .max(100)
    .optional()
    .describe(
      'of persons other than the requester who may promote here; empty when the promotion is asked for',
    ),
});

const holdSchema = z.strictObject({ kind: name, everywhere: z.boolean(), hasReason: z.boolean() });

const changeSchema = z
  .object({ kind: name })
  .catchall(z.json())
  .describe('what changes; facts depend on the kind');

const common = {
  version: z.literal(1),
  now: nowSchema,
  actor: actorSchema,
  params: json.optional().describe('parameters of the attachment; always present when a policy is evaluated'),
};
const inRepository = { ...common, project: projectSchema, repository: repositorySchema };
const onArtifact = { ...inRepository, artifact: artifactSchema, tag: tagSchema.optional() };
const onConfiguration = {
  ...common,
  project: projectSchema.optional(),
  repository: repositorySchema.optional(),
  change: changeSchema,
};

/** What a policy sees, by action. Version 1: fields may be added, never removed or given another meaning. */
export const policyInputSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('push'), ...onArtifact }),
  z.strictObject({ action: z.literal('tag'), ...onArtifact, tag: tagSchema }),
  z.strictObject({ action: z.literal('promote'), ...onArtifact, promotion: promotionSchema }),
  z.strictObject({ action: z.literal('hold'), ...onArtifact, hold: holdSchema }),
  z.strictObject({ action: z.literal('release'), ...onArtifact, hold: holdSchema }),
  z.strictObject({ action: z.literal('delete'), ...onArtifact }),
  z.strictObject({ action: z.literal('restore'), ...onArtifact }),
  z.strictObject({ action: z.literal('pull'), ...onArtifact }),
  z.strictObject({ action: z.literal('repository-change'), ...onConfiguration }),
  z.strictObject({ action: z.literal('access-change'), ...onConfiguration }),
  z.strictObject({ action: z.literal('policy-change'), ...onConfiguration }),
]);

export type PolicyInput = DeepReadonly<z.infer<typeof policyInputSchema>>;
export type PolicyAction = PolicyInput['action'];
export type PolicyInputOf<Action extends PolicyAction> = Extract<PolicyInput, { action: Action }>;

/** An input in canonical form, hashed once, to which the parameters of each attachment are added. */
export interface CanonicalInput {
  /** RFC 8785 form of the input without `params` */
  readonly bytes: Uint8Array;
  /** `sha256:<hex>` of these bytes */
  readonly digest: string;
  /** RFC 8785 form of the input with these parameters: what one set is evaluated on */
  withParams(params: JsonObject): Uint8Array;
}

/** Canonicalises an input. Any `params` in it are left out: they belong to the attachment. */
export function canonicalInput(input: { readonly [key: string]: unknown }): CanonicalInput {
  // RFC 8785 sorts members, so `params` has one fixed place: between what sorts before it and after it.
  const { params: _, ...base } = input;
  const members = Object.entries(base).filter(([, value]) => value !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  const render = (part: typeof members) =>
    part.map(([key, value]) => `${canonicalText(key)}:${canonicalText(value)}`);
  const before = render(members.filter(([key]) => key < 'params'));
  const after = render(members.filter(([key]) => key > 'params'));
  const bytes = utf8(`{${[...before, ...after].join(',')}}`);
  return {
    bytes,
    digest: sha256(bytes),
    withParams: params => utf8(`{${[...before, `"params":${canonicalText(params)}`, ...after].join(',')}}`),
  };
}

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;
