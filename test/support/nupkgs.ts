/** Small NuGet packages and packages of symbols, and the form that clients push them in. */
import { makeZip, type ZipPart } from './zip-maker.ts';

export interface NupkgOptions {
  readonly id: string;
  readonly version: string;
  readonly description?: string;
  /** XML inside `metadata` */
  readonly metadata?: string;
  /** added to the archive */
  readonly extra?: readonly ZipPart[];
}

export interface Nupkg {
  readonly bytes: Buffer;
  readonly nuspec: string;
}

const NAMESPACE = 'http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd';
const MANIFEST = 'http://schemas.microsoft.com/packaging/2010/07/manifest';
const RELATIONSHIPS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const CONTENT_TYPES = 'http://schemas.openxmlformats.org/package/2006/content-types';

/** One pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

export function nuspecOf({ id, version, description = 'A package of a test', metadata = '' }: NupkgOptions) {
  return `<?xml version="1.0" encoding="utf-8"?>
<package xmlns="${NAMESPACE}">
  <metadata>
    <id>${id}</id>
    <version>${version}</version>
    <authors>Ada, Grace</authors>
    <description>${description}</description>
    ${metadata}
  </metadata>
</package>
`;
}

export function makeNupkg(options: NupkgOptions): Nupkg {
  const nuspec = nuspecOf(options);
  const types = ['rels', 'psmdcp', 'nuspec', 'txt', 'md', 'png', 'dll', 'pdb'].map(
    name => `<Default Extension="${name}" ContentType="application/octet" />`,
  );
  const parts: ZipPart[] = [
    {
      path: '_rels/.rels',
      content: `<?xml version="1.0"?><Relationships xmlns="${RELATIONSHIPS}"><Relationship Type="${MANIFEST}" Target="/${options.id}.nuspec" Id="R1" /></Relationships>`,
    },
    { path: `${options.id}.nuspec`, content: nuspec },
    {
      path: '[Content_Types].xml',
      content: `<?xml version="1.0"?><Types xmlns="${CONTENT_TYPES}">${types.join('')}</Types>`,
    },
    ...(options.extra ?? []),
  ];
  return { bytes: makeZip(parts), nuspec };
}

/** With what is embedded: a readme, an icon and a licence. */
export function makeFullNupkg(options: NupkgOptions & { readonly readme?: string }): Nupkg {
  const embedded =
    '<readme>docs/README.md</readme><icon>icon.png</icon><license type="file">LICENSE.txt</license>';
  return makeNupkg({
    ...options,
    metadata: embedded + (options.metadata ?? ''),
    extra: [
      { path: 'docs/README.md', content: options.readme ?? `# ${options.id}\n\nSome words about it.\n` },
      { path: 'icon.png', content: PNG },
      { path: 'LICENSE.txt', content: `The licence of ${options.id} ${options.version}\n` },
      ...(options.extra ?? []),
    ],
  });
}

export function makeSnupkg({ id, version, extra }: NupkgOptions): Buffer {
  const metadata = '<packageTypes><packageType name="SymbolsPackage" /></packageTypes>';
  const pdb = { path: `lib/net45/${id}.pdb`, content: `symbols of ${id} ${version}` };
  return makeNupkg({ id, version, metadata, extra: extra ?? [pdb] }).bytes;
}

/** As nuget.exe and dotnet send it. */
export function pushForm(bytes: Uint8Array): { body: Buffer; headers: Record<string, string> } {
  const boundary = '6f0c8b0e-5d1f-4e0c-9f43-2f0f9c1d9c55';
  const head = `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: form-data; name=package; filename=package.nupkg; filename*=utf-8''package.nupkg\r\n\r\n`;
  return {
    body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
  };
}
