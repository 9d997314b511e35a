/** Makes small Helm charts and provenance files of the right shape, the same bytes for the same words. */
import { hash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { makeTar } from './tar.ts';

export interface ChartParts {
  readonly name: string;
  readonly version: string;
  /** lines added to Chart.yaml */
  readonly more?: string;
  /** what its ConfigMap says */
  readonly text?: string;
  /** path below the chart's folder → content */
  readonly files?: Readonly<Record<string, string>>;
}

export function makeChart({ name, version, more = '', text = 'hello', files = {} }: ChartParts): Buffer {
  const chartYaml = `apiVersion: v2\nname: ${name}\nversion: ${version}\n${more}`;
  const template = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-text\ndata:\n  text: {{ .Values.text | quote }}\n`;
  const all: Record<string, string> = {
    'Chart.yaml': chartYaml,
    'values.yaml': `text: ${JSON.stringify(text)}\n`,
    'templates/text.yaml': template,
    ...files,
  };
  const paths = Object.entries(all).map(([path, content]) => [`${name}/${path}`, content]);
  return gzipSync(makeTar(Object.fromEntries(paths)));
}

/** Clear-signed by nobody: what a registry reads of it is right. */
export function fakeProvenance({ name, version }: ChartParts, chart: Buffer): Buffer {
  const sum = hash('sha256', chart);
  const signed = `apiVersion: v2\nname: ${name}\nversion: ${version}\n\n...\nfiles:\n  ${name}-${version}.tgz: sha256:${sum}\n`;
  return Buffer.from(
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${signed}-----BEGIN PGP SIGNATURE-----\n\nwsBcBAEBCgAQ\n=abcd\n-----END PGP SIGNATURE-----`,
  );
}
