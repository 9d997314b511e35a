/** Where the blobs are: `s3://bucket/prefix?region=…&endpoint=…&pathStyle=…`. It never holds a secret. */

export interface S3Address {
  readonly bucket: string;
  /** empty, or ends with `/` */
  readonly prefix: string;
  readonly region: string | undefined;
  /** of a server that is not AWS */
  readonly endpoint: string | undefined;
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key` */
  readonly pathStyle: boolean;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What needs no escaping anywhere: in a URL, in a header that names a source, in a listing. */
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const MAX_PREFIX = 512;
const OPTIONS = ['region', 'endpoint', 'pathStyle'];

/** @throws Error with one sentence that says what is wrong, and repeats nothing of the URL that could be a secret */
export function parseS3Address(text: string): S3Address {
  const url = URL.parse(text);
  if (url?.protocol !== 's3:') throw new Error('the address of an S3 bucket looks like s3://bucket/prefix');
  if (url.username || url.password)
    throw new Error('credentials do not belong into the S3 address: use the AWS_… variables');
  if (!BUCKET.test(url.host)) throw new Error('the S3 address names no valid bucket');
  const unknown = [...url.searchParams.keys()].find(name => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new Error(`the S3 address takes ${OPTIONS.join(', ')}, not ${unknown}`);
  const endpoint = parseEndpoint(url.searchParams.get('endpoint'));
  return {
    bucket: url.host,
    prefix: parsePrefix(url.pathname),
    region: url.searchParams.get('region') || undefined,
    endpoint,
    pathStyle: parseSwitch(url.searchParams.get('pathStyle'), endpoint !== undefined),
  };
}

function parsePrefix(pathname: string): string {
  const prefix = pathname.replace(/^\//, '').replace(/\/$/, '');
  if (prefix === '') return '';
  if (!PREFIX.test(prefix) || prefix.length > MAX_PREFIX)
    throw new Error('the prefix in the S3 address may have letters, digits, dots, - and _, between single /');
  return `${prefix}/`;
}

function parseEndpoint(text: string | null): string | undefined {
  if (!text) return undefined;
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.search)
    throw new Error('the endpoint in the S3 address looks like https://s3.example.org');
  return text;
}

function parseSwitch(text: string | null, fallback: boolean): boolean {
  if (text === null) return fallback;
  if (text !== 'true' && text !== 'false') throw new Error('pathStyle in the S3 address is true or false');
  return text === 'true';
}
