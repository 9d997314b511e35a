/** Pure: reads what a client sent as `Authorization` and `Idempotency-Key`. */
import { createHash } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import { parseToken } from './tokens.ts';

export const MAX_AUTHORIZATION = 8192;

export type Presented =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly name: string; readonly password: string }
  | { readonly kind: 'token'; readonly tokenId: string; readonly secret: string }
  | { readonly kind: 'bearer'; readonly jwt: string };

/**
 * https://www.rfc-editor.org/rfc/rfc7617 and https://www.rfc-editor.org/rfc/rfc6750
 * Only an absent header means "nobody": whoever sends something meant to be somebody.
 * @throws CREDENTIALS_INVALID
 */
export function parseAuthorization(header: string | undefined): Presented {
  if (header === undefined) return { kind: 'none' };
  if (header.length > MAX_AUTHORIZATION) throw malformed('it is too long');
  const match = /^(basic|bearer) +([!-~]+) *$/i.exec(header);
  if (!match) throw malformed('use Basic or Bearer');
  const [, scheme = '', value = ''] = match;
  if (scheme.toLowerCase() === 'basic') return parseBasic(value);
  const token = parseToken(value);
  return token ? { kind: 'token', ...token } : { kind: 'bearer', jwt: value };
}

/** An API token is recognised as the password of any user name: `__token__`, the owner's, or what the client demands. */
function parseBasic(value: string): Presented {
  const text = decodeBase64(value);
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed('Basic credentials are a name and a password with a colon between');
  if (/\p{Cc}/u.test(text)) throw malformed('Basic credentials have no control characters');
  const [name, password] = [text.slice(0, colon), text.slice(colon + 1)];
  const token = parseToken(password);
  return token ? { kind: 'token', ...token } : { kind: 'password', name, password };
}

function decodeBase64(value: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw malformed('it is not base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'));
  } catch {
    throw malformed('it is not UTF-8');
  }
}

const malformed = (reason: string) =>
  refuse('CREDENTIALS_INVALID', `the Authorization header is malformed: ${reason}`);

/**
 * The command id of a caller's Idempotency-Key, scoped to the actor: a UUID of version 8 from its sha256.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @throws REQUEST_INVALID
 */
export function commandIdOf(actorId: string, idempotencyKey: string | undefined): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  if (!/^[!-~]{1,255}$/.test(idempotencyKey))
    throw refuse('REQUEST_INVALID', 'an Idempotency-Key has 1 to 255 visible ASCII characters');
  const hash = createHash('sha256').update(`${actorId}\0${idempotencyKey}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}
