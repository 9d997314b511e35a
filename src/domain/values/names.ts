/** Names of projects, repositories, principals and OCI packages and tags. */
import { z } from 'zod';
import { refuse } from '../errors.ts';

/** Projects and repositories: one OCI path component, so that every name works in every client's URL. */
const SLUG = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
export const slug = z.string().max(64).regex(SLUG);

/** @throws NAME_INVALID */
export function parseSlug(text: string, what: string): string {
  if (text.length <= 64 && SLUG.test(text)) return text;
  throw refuse(
    'NAME_INVALID',
    `a ${what} name has 1 to 64 lower-case letters and digits, separated by single dots, underscores or dashes`,
  );
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
export const OCI_NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
export const OCI_TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Log-in names: what a shell and a URL carry without quoting. @throws NAME_INVALID */
export function parsePrincipalName(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?$/.test(text)) return text;
  throw refuse(
    'NAME_INVALID',
    'a user name has 1 to 64 lower-case letters, digits and ._@- and starts and ends with a letter or digit',
  );
}
