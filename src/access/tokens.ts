/**
 * API tokens: `sr_<token id>_<secret>`. The secret has 190 bits, so a fast hash guards it as well as a slow one would,
 * and nobody guesses it. It is shown once; the vault keeps its sha256.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { TokenVerifier } from './vault.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 32;
const ID_LENGTH = 16;
const GRAMMAR = /^sr_([A-Za-z0-9-]{8,64})_([A-Za-z0-9]{32})$/;

export type RandomBytes = (size: number) => Uint8Array;

export interface MintedToken {
  readonly tokenId: string;
  /** the whole token: shown once, kept nowhere */
  readonly token: string;
  /** for the vault */
  readonly verifier: TokenVerifier;
}

/** @param tokenId 8 to 64 letters, digits and dashes (a UUID is one) */
export function mintToken(
  principalId: string,
  tokenId: string = newTokenId(),
  random: RandomBytes = randomBytes,
): MintedToken {
  const secret = base62(SECRET_LENGTH, random);
  const token = `sr_${tokenId}_${secret}`;
  if (!isTokenShaped(token)) throw new TypeError('a token id has 8 to 64 letters, digits and dashes');
  return { tokenId, token, verifier: { principalId, sha256: sha256(secret).toString('hex') } };
}

export function newTokenId(random: RandomBytes = randomBytes): string {
  return base62(ID_LENGTH, random);
}

export function isTokenShaped(text: string): boolean {
  return GRAMMAR.test(text);
}

/** The parts of a token, or undefined when the text is not one. */
export function parseToken(text: string): { readonly tokenId: string; readonly secret: string } | undefined {
  const match = GRAMMAR.exec(text);
  return match ? { tokenId: match[1] ?? '', secret: match[2] ?? '' } : undefined;
}

/** Constant time; without a verifier it does the same work and says no. */
export function fitsToken(secret: string, verifier: TokenVerifier | undefined): boolean {
  const expected = verifier ? Buffer.from(verifier.sha256, 'hex') : Buffer.alloc(32);
  return timingSafeEqual(sha256(secret), expected) && verifier !== undefined;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** Uniform: bytes beyond the last whole multiple of 62 are thrown away. */
function base62(length: number, random: RandomBytes): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
  }
  return text;
}
