import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/domain/values/json.ts';
import { sha256 } from '../../src/policies/canonical.ts';
import type { Attachment } from '../../src/policies/decision.ts';
import { canonicalInput, type PolicyInput, type PolicyInputOf } from '../../src/policies/input.ts';
import type { ModuleSource, PolicyModule } from '../../src/policies/port.ts';

function fixture(name: string): PolicyModule {
  const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.wasm`)));
  return { digest: sha256(bytes), bytes };
}

/** Does what `input.change` says. */
export const probe = fixture('probe');
/** Asks for http.send, time.now_ns and rand.intn. */
export const network = fixture('network');

export const fixtureModules: ModuleSource = digest =>
  [probe, network].find(module => module.digest === digest)?.bytes;

/** An input that makes the probe do something. */
export function probing(change: JsonObject & { kind: string }): PolicyInputOf<'repository-change'> {
  return {
    version: 1,
    action: 'repository-change',
    now: { ms: 1769860800000, rfc3339: '2026-01-31T12:00:00.000Z' },
    actor: { id: 'pr_ann', kind: 'user', roles: ['admin'], authentication: 'password' },
    project: { id: 'pj_1', name: 'main' },
    repository: { id: 'rp_1', name: 'oci', format: 'oci', kind: 'hosted', visibility: 'private' },
    change,
  };
}

export const nothing = { deny: [], warn: [], obligations: [] };

/** The probe returns this value as its result. */
export function giving(give: JsonObject | string | number | boolean | null): PolicyInput {
  return probing({ kind: 'give', give });
}

export function denying(...codes: string[]): PolicyInput {
  return giving({ ...nothing, deny: codes.map(code => ({ code, msg: `because of ${code}` })) });
}

export function attach(level: Attachment['level'], more: Partial<Attachment> = {}): Attachment {
  return {
    id: `at_${level}`,
    scope: { kind: 'instance' },
    set: 'probe',
    moduleDigest: probe.digest,
    level,
    ...more,
  };
}

export function bytesOf(input: PolicyInput, params: JsonObject = {}): Uint8Array {
  return canonicalInput(input).withParams(params);
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
