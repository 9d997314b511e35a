/**
 * Pure: names of files in a Maven repository.
 * https://maven.apache.org/repositories/layout.html · https://maven.apache.org/repositories/artifacts.html
 */

/** One deployment of a snapshot: `20260131.120000-7`. */
export interface Build {
  /** `yyyyMMdd.HHmmss`, by the deployer's clock */
  readonly timestamp: string;
  readonly number: number;
}

/** What a file's name says. */
export interface NamedFile {
  /** of a snapshot that was deployed under a name of its own; undefined for releases and literal `-SNAPSHOT` files */
  readonly build: Build | undefined;
  /** what stands between artifact and classifier: the version, or the base version with the build */
  readonly value: string;
  readonly classifier: string | undefined;
  /** without its dot: `jar`, `tar.gz`, `jar.asc` */
  readonly extension: string;
  /** of a signature: the name of the file that it signs */
  readonly signs: string | undefined;
}

export interface Coordinates {
  readonly group: string;
  readonly artifact: string;
  /** `1.0`, `1.0-SNAPSHOT` */
  readonly version: string;
}

const SNAPSHOT = '-SNAPSHOT';
const SIGNATURES = ['.asc', '.sigstore.json', '.sigstore'];
const COMPOUND = /\.(?:tar\.[A-Za-z0-9]+|spdx\.json|cyclonedx\.json)$/;

export const isSnapshot = (version: string): boolean => version === 'SNAPSHOT' || version.endsWith(SNAPSHOT);

/** What a file of `artifact` in the folder of `version` is; undefined when it does not belong there. */
export function parseFileName({ artifact, version }: Omit<Coordinates, 'group'>, file: string) {
  const start = `${artifact}-`;
  if (!file.startsWith(start)) return undefined;
  const rest = file.slice(start.length);
  const build = isSnapshot(version) ? parseBuild(version, rest) : undefined;
  const value = build === undefined ? version : build.value;
  if (!rest.startsWith(value)) return undefined;
  return describe(file, rest.slice(value.length), { build: build?.build, value });
}

function parseBuild(version: string, rest: string): { build: Build; value: string } | undefined {
  const base = version.slice(0, -'SNAPSHOT'.length);
  if (!rest.startsWith(base)) return undefined;
  const match = /^([0-9]{8}\.[0-9]{6})-([0-9]{1,9})(?=[-.])/.exec(rest.slice(base.length));
  const [qualifier, timestamp = '', number = ''] = match ?? [];
  if (qualifier === undefined) return undefined;
  return { build: { timestamp, number: Number(number) }, value: `${base}${qualifier}` };
}

/** @param tail what follows the version: `-sources.jar`, `.pom.asc` */
function describe(
  file: string,
  tail: string,
  of: { readonly build: Build | undefined; readonly value: string },
): NamedFile | undefined {
  const signature = SIGNATURES.find(suffix => tail.endsWith(suffix) && tail.length > suffix.length) ?? '';
  const signed = tail.slice(0, tail.length - signature.length);
  const dot = signed.startsWith('.') ? 0 : (COMPOUND.exec(signed)?.index ?? signed.lastIndexOf('.'));
  const extension = signed.slice(dot + 1);
  const classifier = signed.slice(1, dot);
  if (dot < 0 || extension === '' || (dot > 0 && (signed[0] !== '-' || classifier === ''))) return undefined;
  return {
    ...of,
    classifier: dot === 0 ? undefined : classifier,
    extension: `${extension}${signature}`,
    signs: signature === '' ? undefined : file.slice(0, file.length - signature.length),
  };
}

/** Type by extension; Maven's clients do not look at it. */
export function mediaTypeOf({ extension }: NamedFile): string {
  return TYPES.get(extension) ?? (extension.endsWith('.asc') ? 'application/pgp-signature' : BINARY);
}

const BINARY = 'application/octet-stream';
const JAVA_ARCHIVE = 'application/java-archive';
const TYPES: ReadonlyMap<string, string> = new Map([
  ['jar', JAVA_ARCHIVE],
  ['war', JAVA_ARCHIVE],
  ['ear', JAVA_ARCHIVE],
  ['aar', BINARY],
  ['zip', 'application/zip'],
  ['tar.gz', 'application/gzip'],
  ['pom', 'application/xml'],
  ['xml', 'application/xml'],
  ['json', 'application/json'],
  ['module', 'application/vnd.org.gradle.module+json'],
]);
