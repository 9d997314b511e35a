/** Taking a file: conditions first, then its bytes, then the comparison with what was said of them. */
import type { Asked, ReceivedFile } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { preconditionFails } from '../shared/conditional.ts';
import { type Context, warned } from '../shared/content.ts';
import { headerOf } from '../shared/headers.ts';
import { purlOf } from '../shared/purl.ts';
import { saidOf } from './digests.ts';
import type { GenericFile } from './parse.ts';

const BINARY = 'application/octet-stream';

/** @throws PRECONDITION_FAILED, DIGEST_INVALID, VERSION_EXISTS */
export async function put(context: Context, asked: Asked, route: GenericFile): Promise<ProtocolReply> {
  const { request, registry } = context;
  refuseParts(request);
  await checkConditions(context, asked, route);
  const content = await registry.receive(asked, request.file());
  verify(request, content);
  // time has passed while the bytes came
  await checkConditions(context, asked, route);
  const published = await publish(context, asked, { ...route, content });
  const body = JSON.stringify({ path: route.file, size: content.size, digest: content.canonical });
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    location: request.path,
    etag: `"${content.canonical}"`,
    ...warned(published),
  };
  return { status: published.changed ? 201 : 200, headers, body };
}

/**
 * A part would pass for the whole file (`curl -C 100 -T`). And who names content by its checksum only, to save sending
 * it, must send it: to know a checksum is not to have the bytes. https://www.rfc-editor.org/rfc/rfc9110#section-14.5
 */
function refuseParts({ headers }: ProtocolRequest): void {
  const range = headerOf(headers, 'content-range');
  const [, last, size] = /^bytes 0-(\d{1,15})\/(\d{1,15})$/.exec(range?.trim() ?? '') ?? [];
  if (range !== undefined && (size === undefined || Number(last) + 1 !== Number(size)))
    throw refuse('REQUEST_INVALID', 'uploads are not resumed: send the whole file');
  if (headerOf(headers, 'x-checksum-deploy')?.trim().toLowerCase() === 'true')
    throw refuse('FILE_UNKNOWN', 'files are not deployed by checksum: send the content');
}

/** @throws PRECONDITION_FAILED */
export async function checkConditions(
  { request, registry }: Context,
  asked: Asked,
  route: GenericFile,
): Promise<void> {
  const placed = await registry.placed(asked, route);
  if (preconditionFails(request.headers, placed && `"${placed.canonical}"`))
    throw refuse(
      'PRECONDITION_FAILED',
      placed ? `${route.file} is ${placed.canonical}` : `${route.file} is not there`,
    );
}

/** A client may say what it sends, to be told when something else arrived. @throws DIGEST_INVALID */
function verify({ headers }: ProtocolRequest, { digests }: ReceivedFile): void {
  for (const { algorithm, value } of saidOf(headers))
    if (value !== digests[algorithm])
      throw refuse('DIGEST_INVALID', `the content has ${algorithm} ${digests[algorithm]}`);
}

async function publish(
  { request, registry }: Context,
  asked: Asked,
  { content, ...route }: GenericFile & { readonly content: ReceivedFile },
) {
  const { package: name, version, file } = route;
  // whoever said `If-None-Match: *` replaces nothing, whoever else came meanwhile
  const onlyNew = headerOf(request.headers, 'if-none-match')?.trim() === '*';
  const reuse = onlyNew && !asked.repository.immutableVersions ? 'any' : 'same';
  const mediaType = mediaTypeOf(headerOf(request.headers, 'content-type'));
  const publishing = registry.publish(asked, {
    package: name,
    version,
    mediaType: BINARY,
    files: [{ name: file, mediaType, content }],
    purl: purlOf({ type: 'generic', name, version }),
    rules: { multiFile: true, reuse, replaceable: !onlyNew },
  });
  if (!onlyNew) return publishing;
  const published = await publishing.catch(async error => {
    if (isRefusal(error, 'VERSION_EXISTS')) await checkConditions({ request, registry }, asked, route);
    throw error;
  });
  if (!published.changed) throw refuse('PRECONDITION_FAILED', `${file} is ${content.canonical}`);
  return published;
}

/** @returns the type as it was sent when it is one, without parameters */
function mediaTypeOf(header: string | undefined): string {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const form = type === 'application/x-www-form-urlencoded';
  return /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(type) && !form ? type : BINARY;
}
