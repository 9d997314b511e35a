/** A registry with somebody who asks for promotions and others who approve them. */
import { expect } from 'vitest';
import type { Core } from '../../src/application/core.ts';
import { type Actor, type Answer, jsonOf, person } from '../conformance/client.ts';
import { image, index, type Manifest, pushImage } from '../conformance/oci-images.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { getManifest, MAIN, tokenOf, withToken } from './support.ts';

/** It asks for one approval. */
export const RELEASE = { project: 'main', repository: 'release' };
/** It asks for none. */
export const STAGE = { project: 'main', repository: 'stage' };
export const NAME = 'app';

export interface Asked {
  readonly id: string;
  readonly status: string;
  readonly closure: string;
  readonly required: number;
  readonly placed: number;
  readonly expiresAt?: string;
  readonly warnings: readonly string[];
}

export interface Pushed {
  readonly top: Manifest;
  readonly all: readonly Manifest[];
  readonly tag: string;
}

export interface Scene {
  readonly server: InProcess;
  readonly core: Core;
  readonly admin: Actor;
  /** asks */
  readonly ann: Actor;
  /** approve */
  readonly bob: Actor;
  readonly eve: Actor;
  readonly viewer: Actor;
  push(manifest: Manifest, reference?: string): Promise<Answer>;
  /** An index of one image, and a tag that nothing has; pushed by the administrator. */
  pushed(): Promise<Pushed>;
  show(id: string, who?: Actor): Promise<Record<string, unknown>>;
  /** the status of a reference where approvals are asked for */
  visible(reference: string): Promise<number>;
}

export async function openScene(): Promise<Scene> {
  const server = await startInProcess();
  const admin = withToken(server.url, await tokenOf(server));
  for (const { repository: name } of [RELEASE, STAGE])
    await server.api('POST', '/projects/main/repositories', { name, format: 'oci' });
  await server.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 1 });
  const contributor = { role: 'contributor', project: 'main' };
  const someone = (name: string) => person(server, name, [contributor]);
  const push = (manifest: Manifest, reference = manifest.digest) =>
    pushImage(admin, { place: MAIN, name: NAME, reference }, manifest);
  let count = 0;
  return {
    ...{ server, core: server.system.core, admin },
    ...{ ann: await someone('ann'), bob: await someone('bob'), eve: await someone('eve') },
    viewer: await person(server, 'vic', [{ role: 'viewer', project: 'main' }]),
    push,
    async pushed() {
      const child = image();
      const top = index([child]);
      for (const manifest of [child, top]) expect((await push(manifest)).status).toBe(201);
      return { top, all: [child, top], tag: `v${++count}` };
    },
    show: async (id, who = admin) => jsonOf(await who.api('GET', `/promotions/${id}`)),
    visible: async reference => (await getManifest(admin, RELEASE, NAME, reference)).status,
  };
}

export const ask = (who: Actor, version: string, more: object = {}): Promise<Answer> =>
  who.api('POST', '/promotions', { from: { ...MAIN, package: NAME, version }, to: RELEASE, ...more });

export async function asked(who: Actor, version: string, more: object = {}): Promise<Asked> {
  const answer = await ask(who, version, more);
  expect(answer.status, answer.text).toBe(201);
  return jsonOf<Asked & Record<string, unknown>>(answer);
}

export const approve = (who: Actor, { id, closure }: Pick<Asked, 'id' | 'closure'>, more: object = {}) =>
  who.api('POST', `/promotions/${id}/approve`, { closure, ...more });

export const reject = (who: Actor, id: string, reason = 'not now'): Promise<Answer> =>
  who.api('POST', `/promotions/${id}/reject`, { reason });
