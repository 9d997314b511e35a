/**
 * Takes packages and their symbols as nuget and dotnet push them; what they are is in their .nuspec, and nowhere else.
 * https://learn.microsoft.com/en-us/nuget/api/package-publish-resource
 */
import type { Asked, PublicationFile, PublishedVersion, ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Context } from '../shared/content.ts';
import { readMultipart } from '../shared/multipart.ts';
import { purlOf } from '../shared/purl.ts';
import { describe } from './describe.ts';
import { nupkgName, nuspecName, snupkgName } from './names.ts';
import { type PackageArchive, readPackage, readSymbols } from './package.ts';

const PACKAGE_TYPE = 'application/vnd.nuget.package';
const BINARY = 'application/octet-stream';

/** @throws PACKAGE_INVALID, VERSION_EXISTS */
export async function pushPackage(context: Context, asked: Asked): Promise<PublishedVersion> {
  const content = await receive(context, asked);
  const archive = await readPackage(content);
  const { id, name, version, shown } = archive.nuspec;
  const principal = nupkgName(name, version);
  const sidecars = await sidecarsOf(context, asked, archive);
  return context.registry.publish(asked, {
    package: name,
    displayName: id,
    version,
    mediaType: PACKAGE_TYPE,
    files: [
      { name: principal, mediaType: BINARY, content },
      ...sidecars.map(sidecar => ({ ...sidecar, of: principal })),
    ],
    purl: purlOf({ type: 'nuget', name: id, version: shown.split('+', 1)[0] }),
    description: describe(archive.nuspec),
    readme: archive.embedded.find(one => one.name === 'readme')?.bytes.toString(),
    describes: true,
    // clients keep a version for ever under its name
    rules: { multiFile: true, reuse: 'same' },
  });
}

/**
 * Symbols come after the package that they are of, by themselves, and may be sent again where versions can be replaced.
 * https://learn.microsoft.com/en-us/nuget/api/symbol-package-publish-resource
 */
export async function pushSymbols(context: Context, asked: Asked): Promise<PublishedVersion> {
  const { registry } = context;
  const content = await receive(context, asked);
  const { id, name, version } = await readSymbols(content);
  if (!(await registry.placed(asked, { package: name, version, file: nupkgName(name, version) })))
    throw refuse('VERSION_UNKNOWN', `push ${id} ${version} itself before its symbols`);
  return registry.publish(asked, {
    package: name,
    displayName: id,
    version,
    mediaType: PACKAGE_TYPE,
    files: [{ name: snupkgName(name, version), mediaType: BINARY, content }],
    rules: { multiFile: true, reuse: 'same', replaceable: true },
  });
}

/** One file, whatever the form calls it. */
async function receive({ request, registry }: Context, asked: Asked): Promise<ReceivedFile> {
  const { files } = await readMultipart(request, {
    fields: 16,
    onFile: ({ stream }) => registry.receive(asked, stream),
  });
  const [file] = files;
  if (!file) throw refuse('REQUEST_INVALID', 'send the package as a file of the form');
  return file;
}

async function sidecarsOf(
  { registry }: Context,
  asked: Asked,
  { nuspec, source, embedded }: PackageArchive,
): Promise<PublicationFile[]> {
  const parts = [{ name: nuspecName(nuspec.name), mediaType: 'application/xml', bytes: source }, ...embedded];
  return Promise.all(
    parts.map(async ({ name, mediaType, bytes }) => ({
      name,
      mediaType,
      content: await registry.receive(asked, bytes),
    })),
  );
}
