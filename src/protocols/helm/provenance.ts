/** Pure: which chart a provenance file is about. https://helm.sh/docs/topics/provenance/#the-provenance-file */
import { refuse } from '../../domain/errors.ts';
import { type ChartName, parseArchiveName } from './names.ts';
import { readYaml, YamlProblem } from './yaml.ts';

/** Bytes. */
export const MAX_PROVENANCE = 512 * 1024;
export const PROVENANCE_TYPE = 'application/pgp-signature';

export interface Provenance extends ChartName {
  /** the archive's, lower-case hex */
  readonly sha256: string;
}

/**
 * Reads a clear-signed text of two parts, the chart's metadata and the digests of its files. The signature itself is
 * for clients: `helm verify` has the keys. @throws PACKAGE_INVALID
 */
export function readProvenance(bytes: Buffer): Provenance {
  const sums = sumsIn(bytes.toString());
  const named = Object.entries(sums);
  const [[file, sum] = ['', ''], ...others] = named;
  const chart = parseArchiveName(file);
  const sha256 = typeof sum === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(sum)?.[1] : undefined;
  if (!chart || sha256 === undefined || others.length > 0)
    throw bad('it does not name one chart archive with its sha256');
  return { ...chart, sha256 };
}

const bad = (reason: string) => refuse('PACKAGE_INVALID', `the provenance file is not one: ${reason}`);

function sumsIn(text: string): object {
  // https://www.rfc-editor.org/rfc/rfc9580#section-7
  const lines = text.replaceAll('\r\n', '\n');
  const [, signed] =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Za-z-]+: [^\n]*\n)*\n([\s\S]*?)\n-----BEGIN PGP SIGNATURE-----\n/.exec(
      lines,
    ) ?? [];
  if (signed === undefined) throw bad('it is not clear-signed');
  const part = signed.split('\n...\n')[1];
  if (part === undefined) throw bad('it has no list of files');
  try {
    const read = readYaml(Buffer.from(part));
    if (read !== null && typeof read === 'object' && 'files' in read && isObject(read.files))
      return read.files;
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
  }
  throw bad('its list of files cannot be read');
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
