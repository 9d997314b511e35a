/** Uploading a module: its zip, alone or as a form with .mod and .info beside it. There is no standard for this. */
import type { Asked, PublicationFile, ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { headerOf } from '../shared/headers.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import { readMultipart } from '../shared/multipart.ts';
import { purlOf } from '../shared/purl.ts';
import { describeModule } from './describe.ts';
import { escapePath } from './module.ts';
import { MAX_ZIP, type ModuleZip, readModuleZip } from './zip.ts';

const MAX_SIDE = 16 * 1024 * 1024;
const MAX_INFO = 64 * 1024;

interface Sent {
  readonly zip: ReceivedFile;
  readonly mod?: ReceivedFile | undefined;
  readonly info?: ReceivedFile | undefined;
}

export async function upload(context: Context, asked: Asked, base: string): Promise<ProtocolReply> {
  const { registry } = context;
  const sent = await receive(context, asked);
  const module = await readModuleZip(sent.zip);
  await checkMod(module, sent.mod);
  const { path, version } = module;
  const zipName = `${version}.zip`;
  const mod = await registry.receive(asked, module.mod);
  const files: PublicationFile[] = [
    { name: zipName, mediaType: 'application/zip', content: sent.zip },
    { name: `${version}.mod`, mediaType: 'text/plain; charset=utf-8', content: mod, of: zipName },
  ];
  if (sent.info) {
    await checkInfo(sent.info, version);
    files.push({ name: `${version}.info`, mediaType: 'application/json', content: sent.info, of: zipName });
  }
  const published = await registry.publish(asked, {
    ...{ package: path, version, files, mediaType: 'application/zip' },
    purl: purlOfModule(path, version),
    description: describeModule({ ...module, mod: module.mod.toString() }),
    readme: module.readme,
    // the checksum database knows a version's bytes for ever
    rules: { multiFile: false, reuse: 'same' },
  });
  const body = JSON.stringify({ module: path, version, digest: sent.zip.canonical });
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    location: `${base}/${escapePath(path)}/@v/${escapePath(version)}.zip`,
  };
  return { status: published.changed ? 201 : 200, headers, body };
}

/** `pkg:golang/example.com/acme/lib@v1.2.3`: the namespace is all but the last segment. */
function purlOfModule(path: string, version: string): string {
  const slash = path.lastIndexOf('/');
  return purlOf({
    type: 'golang',
    namespace: slash < 0 ? undefined : path.slice(0, slash),
    name: path.slice(slash + 1),
    version,
  });
}

async function receive({ request, registry }: Context, asked: Asked): Promise<Sent> {
  const type = headerOf(request.headers, 'content-type') ?? '';
  if (!type.toLowerCase().startsWith('multipart/'))
    return { zip: await registry.receive(asked, request.file(MAX_ZIP), MAX_ZIP) };
  const { files } = await readMultipart(request, {
    onFile: async ({ field, filename, stream }) => {
      const kind = /\.(zip|mod|info)$/.exec(filename ?? '')?.[1] ?? field;
      const limit = kind === 'zip' ? MAX_ZIP : MAX_SIDE;
      return { kind, content: await registry.receive(asked, stream, limit) };
    },
  });
  const of = (kind: string) => files.find(file => file.kind === kind)?.content;
  const zip = of('zip');
  if (!zip) throw refuse('PACKAGE_INVALID', 'send the module zip, as the body or as the part named zip');
  return { zip, mod: of('mod'), info: of('info') };
}

async function checkMod({ mod }: ModuleZip, sent: ReceivedFile | undefined): Promise<void> {
  if (sent && !(await sent.read()).equals(mod))
    throw refuse('PACKAGE_INVALID', 'the .mod that was sent is not the go.mod in the zip');
}

/** `{"Version": …, "Time": …}`. */
async function checkInfo(sent: ReceivedFile, version: string): Promise<void> {
  if (sent.size > MAX_INFO) throw refuse('PACKAGE_INVALID', 'the .info is too large');
  const info = await sent.read().then(bytes => {
    try {
      return readJson(bytes, { depth: 8, values: 1000 });
    } catch (error) {
      if (error instanceof JsonProblem) throw refuse('PACKAGE_INVALID', `the .info: ${error.message}`);
      throw error;
    }
  });
  const said = info !== null && typeof info === 'object' && 'Version' in info ? info.Version : undefined;
  if (said !== version) throw refuse('PACKAGE_INVALID', `the .info is of another version than ${version}`);
}
