/** Pure: core metadata, the headers of a METADATA or PKG-INFO file. https://packaging.python.org/en/latest/specifications/core-metadata/ */
import { refuse } from '../../domain/errors.ts';

export interface CoreMetadata {
  readonly metadataVersion: string;
  readonly name: string;
  readonly version: string;
  /** The value of a field that appears once, folded lines joined; undefined also for an empty or `UNKNOWN` one. */
  one(field: string): string | undefined;
  /** every value of a repeatable field */
  all(field: string): readonly string[];
  /** the README */
  readonly description: string | undefined;
}

const MAX_FIELDS = 20_000;
/** Two readers could take different ones. */
const SINGLE = ['metadata-version', 'name', 'version', 'requires-python', 'description-content-type'];

/** @throws PACKAGE_INVALID when it is no core metadata, or says two things */
export function parseMetadata(bytes: Uint8Array): CoreMetadata {
  const text = Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  if (head.includes('\r')) throw refuse('PACKAGE_INVALID', 'its metadata has a line that only some read');
  const fields = readFields(head.split('\n'));
  const all = (field: string): readonly string[] => fields.get(field.toLowerCase()) ?? [];
  const one = (field: string): string | undefined => {
    const value = all(field)[0]?.trim();
    return value === '' || value === 'UNKNOWN' ? undefined : value;
  };
  for (const field of SINGLE)
    if (all(field).length > 1) throw refuse('PACKAGE_INVALID', `its metadata says ${field} twice`);
  const required = (field: string): string => {
    const value = one(field);
    if (value === undefined) throw refuse('PACKAGE_INVALID', `its metadata has no ${field}`);
    return value;
  };
  const body = end < 0 ? '' : text.slice(end + 2);
  const written = body.trim() === '' ? unindented(all('description')[0]) : body;
  return {
    metadataVersion: required('Metadata-Version'),
    name: required('Name'),
    version: required('Version'),
    one,
    all,
    description: written?.trim() === '' || written?.trim() === 'UNKNOWN' ? undefined : written,
  };
}

function readFields(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const unfolded = unfold(lines);
  if (unfolded.length > MAX_FIELDS)
    throw refuse('PACKAGE_INVALID', `its metadata has more than ${MAX_FIELDS} fields`);
  for (const line of unfolded) {
    const [, name, value = ''] = /^([A-Za-z][A-Za-z0-9-]{0,63}):[ \t]*(.*)$/s.exec(line) ?? [];
    if (name === undefined) throw refuse('PACKAGE_INVALID', 'its metadata has a line that is no field');
    const values = fields.get(name.toLowerCase());
    if (values) values.push(value);
    else fields.set(name.toLowerCase(), [value]);
  }
  return fields;
}

/** Lines that begin with a space go on with the field before. */
function unfold(lines: readonly string[]): string[] {
  const whole: string[][] = [];
  for (const line of lines) {
    const last = whole.at(-1);
    if (last && /^[ \t]/.test(line)) last.push(line);
    else if (line.trim() !== '') whole.push([line]);
  }
  return whole.map(parts => parts.join('\n'));
}

/** Old metadata has the README as a field, its lines marked with `        |` or indented. */
const unindented = (text: string | undefined): string | undefined =>
  text?.replaceAll(/\n(?: {7}\|| {8}\|?|\t\|?)/g, '\n');

const BUILT = ['requires-dist', 'requires-python', 'provides-extra', 'name', 'version'];

/**
 * Whether a source distribution's metadata is what its wheels' will be, so that installers may resolve by it.
 * https://packaging.python.org/en/latest/specifications/core-metadata/#dynamic-multiple-use
 */
export function isReliable(metadata: CoreMetadata): boolean {
  const [major = 0, minor = 0] = metadata.metadataVersion.split('.').map(Number);
  const dynamic = metadata.all('Dynamic').map(field => field.trim().toLowerCase());
  return (major > 2 || (major === 2 && minor >= 2)) && !dynamic.some(field => BUILT.includes(field));
}
