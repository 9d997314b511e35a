/** A promotion as the API shows it: only what the caller may know of. */
import { z } from 'zod';
import type { Caller } from '../../../application/caller.ts';
import type { Core } from '../../../application/core.ts';
import type { KnownPromotion } from '../../../application/promotion-approval.ts';
import { at, mayDo } from '../../../application/rights.ts';
import type { RepositoryInfo } from '../../../projections/queries.ts';

export const status = z
  .enum(['waiting', 'requested', 'completed', 'refused', 'rejected', 'withdrawn', 'expired'])
  .describe('waiting: for approvals; requested: it is being carried out');
const side = z.object({ project: z.string(), repository: z.string() });

export const promotionShape = z.object({
  id: z.string(),
  status,
  from: side.optional().describe('absent when it is gone, or the caller may not know of it'),
  to: side.optional(),
  package: z.string(),
  version: z.string(),
  tag: z.string().optional(),
  code: z.string().optional().describe('why it was refused'),
  versions: z.number().describe('manifests that are taken along'),
  required: z.number().describe('approvals that it asked for'),
  approvals: z.number().describe('approvals that it has'),
  requestedBy: z.string(),
  requestedAt: z.string(),
  expiresAt: z.string().optional().describe('when it ends if it is not approved by then'),
  finishedAt: z.string().optional(),
});
const approvalShape = z.object({ by: z.string(), at: z.string(), reason: z.string().optional() });
export const detailShape = promotionShape.extend({
  closure: z.string().optional().describe('digest of all that is taken along: what an approval names'),
  content: z.array(
    z.object({
      version: z.string(),
      files: z.array(z.object({ name: z.string(), canonical: z.string() })).optional(),
      sidecarTags: z.array(z.string()).optional(),
    }),
  ),
  reason: z.string().optional(),
  approvedBy: z.array(approvalShape),
  finishedBy: z.string().optional(),
  finishedReason: z.string().optional(),
});

const names = async (core: Core, caller: Caller, end: RepositoryInfo | undefined) =>
  end && (await mayDo(core, caller, 'pull', at(end))).allowed
    ? { project: end.projectName, repository: end.name }
    : undefined;

/** Without what is not there. */
export const given = <T extends object>(values: T) =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as Partial<{ [K in keyof T]: NonNullable<T[K]> }>;

export async function show(core: Core, caller: Caller, { row, from, to }: KnownPromotion) {
  const { tag, code, expiresAt, finishedAt } = row;
  return {
    id: row.promotionId,
    status: row.status,
    package: row.package,
    version: row.version,
    versions: row.closure.length,
    required: row.required,
    approvals: row.approvals.length,
    requestedBy: row.requestedBy,
    requestedAt: row.requestedAt,
    ...given({ tag, code, expiresAt, finishedAt }),
    ...given({ from: await names(core, caller, from), to: await names(core, caller, to) }),
  };
}

export async function showDetail(core: Core, caller: Caller, known: KnownPromotion) {
  const { row } = known;
  const open = async (sealed: string | null | undefined) =>
    sealed ? await core.sealing.unseal(sealed) : undefined;
  const approvedBy = row.approvals.map(async approval => ({
    by: approval.by,
    at: approval.at,
    ...given({ reason: await open(approval.reason) }),
  }));
  return {
    ...(await show(core, caller, known)),
    content: row.closure.map(({ version, files, sidecarTags }) => ({
      version,
      ...given({ files, sidecarTags }),
    })),
    approvedBy: await Promise.all(approvedBy),
    ...given({
      closure: row.closureDigest,
      reason: await open(row.reason),
      finishedBy: row.finishedBy,
      finishedReason: await open(row.finishedReason),
    }),
  };
}
