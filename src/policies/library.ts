import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse } from '../domain/errors.ts';
import type { JsonObject } from '../domain/values/json.ts';
import { sha256 } from './canonical.ts';

/** A policy set that comes with the program. It is attached to nothing until somebody attaches it. */
export interface ShippedSet {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** `sha256:<hex>` of the compiled module */
  readonly moduleDigest: string;
  /** `sha256:<hex>` of what it was compiled from: the policy and its wrapper, as canonical JSON */
  readonly sourceDigest: string;
  /** the compiled module */
  readonly bytes: Uint8Array;
  /** JSON Schema of the parameters that an attachment may give; all are optional */
  readonly paramsSchema: JsonObject;
  /** what holds for parameters that are not given */
  readonly defaults: JsonObject;
}

const manifestSchema = z.object({
  opa: z.string(),
  sets: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      summary: z.string(),
      params: z.record(z.string(), z.json()),
      defaults: z.record(z.string(), z.json()),
      source: z.string(),
      module: z.string(),
    }),
  ),
});

let sets: readonly ShippedSet[] | undefined;

/** All sets that are shipped, by name; read from the program's own files once, and verified against their digests. */
export function shippedSets(): readonly ShippedSet[] {
  sets ??= readSets();
  return sets;
}

/** The modules of these sets, by digest; undefined for every other digest. */
export function moduleSource(of: readonly ShippedSet[]): (digest: string) => Uint8Array | undefined {
  const modules = new Map(of.map(({ moduleDigest, bytes }) => [moduleDigest, bytes]));
  return digest => modules.get(digest);
}

/**
 * Checks the parameters of an attachment against the set's schema.
 *
 * @throws REQUEST_INVALID naming the parameter
 */
export function checkParams(set: ShippedSet, params: JsonObject): void {
  const schema = z.fromJSONSchema(set.paramsSchema as Parameters<typeof z.fromJSONSchema>[0]);
  const parsed = schema.safeParse(params);
  if (parsed.success) return;
  const issue = parsed.error.issues[0];
  const where = ['params', ...(issue?.path ?? [])].join('.');
  throw refuse('REQUEST_INVALID', `${where} of the policy set ${set.name}: ${issue?.message}`);
}

function readSets(): ShippedSet[] {
  const folder = join(import.meta.dirname, 'compiled');
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  return manifest.sets.map(({ name, title, summary, params, defaults, source, module }) => {
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.wasm`)));
    if (sha256(bytes) !== module)
      throw new Error(`the policy ${name}.wasm is damaged: reinstall the program`);
    return {
      name,
      title,
      summary,
      moduleDigest: module,
      sourceDigest: source,
      bytes,
      paramsSchema: params as JsonObject,
      defaults: defaults as JsonObject,
    };
  });
}
