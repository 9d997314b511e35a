/** What can go wrong on this side and on the other, its exit code, and what to tell the person about it. */
import { clean } from './output/text.ts';

export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3, unauthenticated: 4 } as const;

/** The command line itself is wrong: nothing was sent. */
export class UsageError extends Error {}

/** No answer, or an answer that is not Strongroom's. */
export class Unreachable extends Error {}

/** The person said no, or closed the prompt. */
export class Cancelled extends Error {}

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly [fact: string]: unknown;
}

/** The server's refusal, as it told it. https://www.rfc-editor.org/rfc/rfc9457 */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.problem = problem;
  }
}

/** What to do about a refusal, where the detail does not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'log in: strongroom login <url>',
  CREDENTIALS_INVALID:
    'log in again: strongroom login <url>; a lost password is replaced on the host: strongroom admin reset-password',
  FORBIDDEN: 'strongroom whoami shows your roles; an administrator grants more: strongroom role grant',
  ARTIFACT_HELD:
    'strongroom artifact show tells its holds; who may lifts one: strongroom artifact release <hold>',
  POLICY_DENIED:
    'strongroom policy attachments tells what binds here; a soft denial is passed with --override and --reason',
  TAG_IMMUTABLE: 'strongroom repository show tells which tags are immutable',
  PROJECT_UNKNOWN: 'strongroom project list shows those that you may see',
  REPOSITORY_UNKNOWN: 'strongroom repository list shows those that you may see',
  TAG_UNKNOWN: 'strongroom artifact list <project>/<repository>/<package> shows the tags',
  POLICY_UNKNOWN: 'strongroom policy list shows those that there are',
  ATTACHMENT_UNKNOWN: 'strongroom policy attachments shows those that there are',
  HOLD_UNKNOWN: 'strongroom artifact holds shows the open ones',
  PROMOTION_UNKNOWN: 'strongroom promotion list shows those that wait',
  DECISION_UNKNOWN: 'strongroom decision list shows those that were recorded',
  INTERNAL: 'look for the request id in the log of the server',
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Unreachable) return EXIT.unreachable;
  if (error instanceof Refused && error.problem.status === 401) return EXIT.unauthenticated;
  return EXIT.refused;
}

/** What a person reads on stderr: the code and the reason, the facts, what to do. No stack. */
export function explain(error: unknown): string {
  if (error instanceof Refused) return explainProblem(error);
  const message = (error instanceof Error ? error.message : String(error))
    .split('\n')
    .map(clean)
    .join('\n  ');
  if (error instanceof UsageError) return `error: ${message}\n  strongroom <command> --help tells more`;
  return `${isLocalRefusal(error) ? error.code : 'error'}: ${message}`;
}

/** A refusal of the catalogue from this process itself, without the catalogue being loaded for it. */
function isLocalRefusal(error: unknown): error is { readonly code: string } {
  return error instanceof Error && error.name === 'StrongroomError' && 'code' in error;
}

function explainProblem({ message, problem }: Refused): string {
  const advice = ADVICE[problem.code];
  const lines = [`${problem.code}: ${message}`, ...facts(problem)];
  if (problem.code === 'INTERNAL') lines.push(`  request id ${String(problem.requestId)}`);
  if (advice) lines.push(`  what to do: ${advice}`);
  return lines.map(clean).join('\n');
}

/** The findings of policies and the holds that a refusal names, one a line. */
function facts({ findings, holds }: Problem): string[] {
  const found = list(findings).map(
    ({ code, msg, set, level }) => `  - ${code} (policy ${set}, ${level}): ${msg}`,
  );
  const held = list(holds).map(({ holdId, kind }) => `  - hold ${holdId} (${kind})`);
  return [...found, ...held];
}

const list = (value: unknown) => (Array.isArray(value) ? (value as Record<string, unknown>[]) : []);
