/** Pure: which form of an index a client takes. https://packaging.python.org/en/latest/specifications/simple-repository-api/#version-format-selection */
import { refuse } from '../../domain/errors.ts';

export interface IndexForm {
  readonly body: 'json' | 'html';
  /** Content-Type of the answer: never a `latest` one */
  readonly type: string;
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const HTML_TYPE = 'application/vnd.pypi.simple.v1+html';

interface Candidate extends IndexForm {
  /** what it is asked for by */
  readonly asked: readonly string[];
}

/** The first is chosen by clients that take anything: browsers, curl, and installers from before JSON. */
const CANDIDATES: readonly Candidate[] = [
  { body: 'html', type: 'text/html; charset=utf-8', asked: ['text/html'] },
  { body: 'json', type: JSON_TYPE, asked: [JSON_TYPE, 'application/vnd.pypi.simple.latest+json'] },
  { body: 'html', type: HTML_TYPE, asked: [HTML_TYPE, 'application/vnd.pypi.simple.latest+html'] },
];
const [TEXT_HTML, ...VERSIONED] = CANDIDATES as [Candidate, ...Candidate[]];
/** By preference, where a client names several with the same weight. */
const PREFERRED = [...VERSIONED, TEXT_HTML];

const MAX_ACCEPT = 4096;

/**
 * @param accept the header; what fits nothing gets HTML, which every client reads
 * @param format of the query: a type that wins over the header. @throws REQUEST_INVALID when it is none of ours
 */
export function chooseForm(accept: string | undefined, format?: string): IndexForm {
  if (format !== undefined) {
    const asked = CANDIDATES.find(candidate => candidate.asked.includes(format.toLowerCase()));
    if (asked) return asked;
    throw refuse('REQUEST_INVALID', 'there is no index of this format');
  }
  const ranges = parseAccept(accept ?? '');
  let best: { form: Candidate; q: number } | undefined;
  for (const form of PREFERRED) {
    const q = Math.max(0, ...ranges.filter(({ type }) => form.asked.includes(type)).map(range => range.q));
    if (q > (best?.q ?? 0)) best = { form, q };
  }
  return best && best.q >= wildcard(ranges) ? best.form : TEXT_HTML;
}

interface MediaRange {
  readonly type: string;
  readonly q: number;
}

function parseAccept(header: string): MediaRange[] {
  return header
    .slice(0, MAX_ACCEPT)
    .split(',')
    .map(part => {
      const [type = '', ...parameters] = part.split(';').map(piece => piece.trim().toLowerCase());
      const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2);
      const q = weight === undefined ? 1 : Number(weight);
      return { type, q: q >= 0 && q <= 1 ? q : 0 };
    });
}

const wildcard = (ranges: readonly MediaRange[]) =>
  Math.max(0, ...ranges.filter(({ type }) => type === '*/*' || type === 'text/*').map(({ q }) => q));
