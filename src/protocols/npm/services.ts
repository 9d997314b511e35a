/** The small services below `/-/`: who may what, and what is known of vulnerabilities. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { refuse } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/values/json.ts';
import type { ProtocolReply } from '../protocol.ts';
import { headerOf } from '../shared/headers.ts';
import { json, type Npm, parseJson } from './context.ts';
import { asObject } from './document.ts';

const MAX_PACKED = 1024 * 1024;
const MAX_AUDIT = 4 * 1024 * 1024;
/** Beyond the first of it, a tree of dependencies is not packed to less than this part. */
const [RATIO, FREE] = [50, 64 * 1024];
const inflate = promisify(gunzip);

/** `POST /-/npm/v1/security/advisories/bulk`: package → versions; answered with what is known against them. */
export async function advisories(npm: Npm): Promise<ProtocolReply> {
  const asked = asObject(parseJson(await inflated(npm)), 'the body');
  if (Object.values(asked).some(versions => !Array.isArray(versions)))
    throw refuse('REQUEST_INVALID', 'the body maps each package to a list of its versions');
  // nothing is scanned yet, so nothing is known
  return json({});
}

/** `POST /-/npm/v1/security/audits[/quick]`: the same question as older clients put it, with the whole tree. */
export async function audit(npm: Npm): Promise<ProtocolReply> {
  asObject(parseJson(await inflated(npm)), 'the body');
  const vulnerabilities = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
  const counted = { dependencies: 0, devDependencies: 0, optionalDependencies: 0, totalDependencies: 0 };
  return json({ actions: [], advisories: {}, muted: [], metadata: { vulnerabilities, ...counted } });
}

/** The body, decompressed when it says it is. @throws CONTENT_TOO_LARGE, REQUEST_INVALID */
async function inflated({ request }: Npm): Promise<Uint8Array> {
  const encoding = headerOf(request.headers, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return request.bytes(MAX_AUDIT);
  if (encoding !== 'gzip') throw refuse('REQUEST_INVALID', 'the body may be compressed with gzip only');
  const packed = await request.bytes(MAX_PACKED);
  const most = Math.min(MAX_AUDIT, packed.length * RATIO + FREE);
  try {
    return await inflate(packed, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw refuse('CONTENT_TOO_LARGE', `it unpacks to more than ${most} bytes`);
    throw refuse('REQUEST_INVALID', 'the body is not gzip');
  }
}

/** `GET /-/package/<package>/visibility` */
export async function visibility({ registry, asked }: Npm, name: string): Promise<ProtocolReply> {
  await registry.package(asked, name);
  return json({ public: asked.repository.visibility === 'public' });
}

/** `GET /-/package/<package>/collaborators`: what the caller may; others' rights are for administrators. */
export async function collaborators(npm: Npm, name: string): Promise<ProtocolReply> {
  const { registry, asked } = npm;
  await registry.package(asked, name);
  return json({ [await registry.nameOf(asked.caller)]: await rights(npm) });
}

const rights = async ({ registry, asked }: Npm) =>
  (await registry.may(asked.caller, asked.repository, 'push')) ? 'write' : 'read';

const MAX_LISTED = 10_000;

/** `GET /-/user/<name>/package`: the packages here, with what the caller may. */
export async function packagesOfUser(npm: Npm, user: string): Promise<ProtocolReply> {
  const { registry, asked } = npm;
  if ((await registry.nameOf(asked.caller)) !== user)
    throw refuse('PRINCIPAL_UNKNOWN', 'only your own packages are listed');
  const right = await rights(npm);
  const all: JsonObject[] = [];
  for (let after: string | undefined; all.length < MAX_LISTED; ) {
    const { items, more } = await registry.packages(asked, { after, limit: 1000 });
    all.push(...items.map(({ name }) => ({ [name]: right })));
    after = items.at(-1)?.name;
    if (!more) break;
  }
  return json(Object.assign({}, ...all));
}
