/** Takes charts and their provenance files, alone or together, as bodies or as forms. */
import type { Asked, ListedVersion, PublicationFile, ReceivedFile } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { decodeQuery } from '../shared/decode.ts';
import { headerOf } from '../shared/headers.ts';
import { type FilePart, readMultipart } from '../shared/multipart.ts';
import { purlOf } from '../shared/purl.ts';
import { type Chart, MAX_CHART, readChart } from './chart.ts';
import { describe } from './describe.ts';
import { archiveName, type ChartName, otherSpelling } from './names.ts';
import { MAX_PROVENANCE, PROVENANCE_TYPE, type Provenance, readProvenance } from './provenance.ts';

/** https://helm.sh/docs/topics/registries/ has no type for archives outside of OCI. */
export const CHART_TYPE = 'application/gzip';
const VERSION_TYPE = 'application/vnd.cncf.helm.chart.v1';

type Kind = 'chart' | 'prov';
interface Sent {
  readonly kind: Kind;
  readonly content: ReceivedFile;
}
interface Signature extends Provenance {
  readonly content: ReceivedFile;
}

/**
 * @param body what a request that is no form carries
 * @throws PACKAGE_INVALID, VERSION_EXISTS
 */
export async function upload(context: Context, asked: Asked, body: Kind): Promise<ProtocolReply> {
  const sent = await receive(context, asked, body);
  const chart = one(sent, 'chart');
  const prov = one(sent, 'prov');
  const signature = prov && { ...readProvenance(await prov.read()), content: prov };
  if (chart) await publishChart(context, asked, { content: chart, signature });
  else if (signature) await addSignature(context, asked, signature);
  else throw refuse('REQUEST_INVALID', 'send a chart, as the body or as the part named chart');
  // what was there already is saved, too: helm's push plugin takes nothing but 201 for success
  return reply(201, { saved: true });
}

export function reply(status: number, value: object): ProtocolReply {
  const body = JSON.stringify(value);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  return { status, headers, body };
}

async function receive({ request, registry }: Context, asked: Asked, body: Kind): Promise<readonly Sent[]> {
  const type = headerOf(request.headers, 'content-type') ?? '';
  if (!/^multipart\//i.test(type))
    return [{ kind: body, content: await registry.receive(asked, request.file(LIMITS[body]), LIMITS[body]) }];
  const onFile = async ({ field, stream }: FilePart): Promise<Sent> => {
    if (field !== 'chart' && field !== 'prov')
      throw refuse('REQUEST_INVALID', 'the parts of the form are named chart and prov');
    return { kind: field, content: await registry.receive(asked, stream, LIMITS[field]) };
  };
  return (await readMultipart(request, { onFile, files: 2 })).files;
}

const LIMITS: Readonly<Record<Kind, number>> = { chart: MAX_CHART, prov: MAX_PROVENANCE };

function one(sent: readonly Sent[], kind: Kind): ReceivedFile | undefined {
  const [first, ...others] = sent.filter(file => file.kind === kind);
  if (others.length > 0) throw refuse('REQUEST_INVALID', `the form has ${kind} twice`);
  return first?.content;
}

/** `?force`: bytes are replaced where the repository allows it. */
const rulesOf = ({ request }: Context) => ({
  multiFile: true,
  reuse: 'same' as const,
  replaceable: decodeQuery(request.query).all('force').length > 0,
});

async function publishChart(
  context: Context,
  asked: Asked,
  { content, signature }: { content: ReceivedFile; signature: Signature | undefined },
): Promise<void> {
  const { registry } = context;
  const chart = await readChart(content);
  if (signature) checkSignature(signature, chart, content.canonical);
  await refuseOtherSpelling(context, asked, chart);
  const stale = signature ? false : await isReplaced(context, asked, { chart, content });
  const file = archiveName(chart);
  await registry.publish(asked, {
    ...versionOf(chart, [
      { name: file, mediaType: CHART_TYPE, content },
      ...(signature ? [signatureFile(signature)] : []),
    ]),
    description: describe(chart.metadata),
    readme: chart.readme,
    describes: true,
    rules: rulesOf(context),
  });
  if (stale) await removeStale(context, asked, chart);
}

const versionOf = ({ name, version }: ChartName, files: readonly PublicationFile[]) => ({
  ...{ package: name, version, files, mediaType: VERSION_TYPE },
  purl: purlOf({ type: 'helm', name, version }),
});

const provenanceName = (chart: ChartName) => `${archiveName(chart)}.prov`;

const signatureFile = (signature: Signature): PublicationFile => ({
  name: provenanceName(signature),
  mediaType: PROVENANCE_TYPE,
  content: signature.content,
  of: archiveName(signature),
});

/** @throws PACKAGE_INVALID when the provenance is of other bytes: helm would refuse the chart for it */
function checkSignature(signature: Signature, chart: ChartName, canonical: string): void {
  if (archiveName(signature) !== archiveName(chart) || canonical !== `sha256:${signature.sha256}`)
    throw refuse('PACKAGE_INVALID', `the provenance file is not of this ${archiveName(chart)}`);
}

/** A provenance file that comes after its chart. @throws VERSION_UNKNOWN */
async function addSignature(context: Context, asked: Asked, signature: Signature): Promise<void> {
  const { registry } = context;
  const { name, version } = signature;
  const known = await registry.placed(asked, {
    package: name,
    version,
    file: archiveName(signature),
  });
  if (!known) throw refuse('VERSION_UNKNOWN', `upload ${archiveName(signature)} first`);
  checkSignature(signature, signature, known.canonical);
  const listed = (await registry.package(asked, name)).versions.find(one_ => one_.version === version);
  await registry.publish(asked, {
    ...versionOf(signature, [signatureFile(signature)]),
    ...describedAs(listed),
    rules: rulesOf(context),
  });
}

/** Policies judge the file by what the version says of itself. */
const describedAs = (listed: ListedVersion | undefined) =>
  listed?.description === undefined ? {} : { description: listed.description };

/** @throws VERSION_EXISTS for `v1.2.3` beside `1.2.3`: a range could not tell them apart */
async function refuseOtherSpelling({ registry }: Context, asked: Asked, chart: Chart): Promise<void> {
  const { name, version } = chart;
  const other = otherSpelling(version);
  const file = archiveName({ name, version: other });
  if (await registry.placed(asked, { package: name, version: other, file }))
    throw refuse('VERSION_EXISTS', `${name} ${version} already exists here as ${other}`);
}

async function isReplaced(
  { registry }: Context,
  asked: Asked,
  { chart, content }: { chart: Chart; content: ReceivedFile },
): Promise<boolean> {
  const { name, version } = chart;
  const known = await registry.placed(asked, { package: name, version, file: archiveName(chart) });
  return known !== undefined && known.canonical !== content.canonical;
}

/** The signature of bytes that were replaced; without the right to take it away it stays, and helm refuses it. */
async function removeStale({ registry }: Context, asked: Asked, chart: Chart): Promise<void> {
  const { name, version } = chart;
  try {
    await registry.removeFile(asked, { package: name, version, file: provenanceName(chart) });
  } catch (error) {
    if (!isRefusal(error, 'FILE_UNKNOWN', 'FORBIDDEN', 'POLICY_DENIED')) throw error;
  }
}
