/** Formats that a repository can have: those that a protocol serves, and what they take for the same name. */
import { isRefusal } from '../../domain/errors.ts';
import { PROTOCOLS } from '../../protocols/index.ts';
import type { Protocol } from '../../protocols/protocol.ts';

export const PROJECT_FORMATS: readonly string[] = PROTOCOLS.map(({ format }) => format);

const NORMALIZE: ReadonlyMap<string, Protocol['normalize']> = new Map(
  PROTOCOLS.map((protocol: Protocol) => [protocol.format, protocol.normalize]),
);

/** Any spelling of a package's name, as repositories of this format keep it; what is no name there stays as it is. */
export const packageAsKept = (format: string, name: string): string =>
  kept(name, NORMALIZE.get(format)?.package);

/** Any spelling of a version, likewise. */
export const versionAsKept = (format: string, version: string): string =>
  kept(version, NORMALIZE.get(format)?.version);

function kept(text: string, normalize: ((text: string) => string) | undefined): string {
  try {
    return normalize?.(text) ?? text;
  } catch (error) {
    if (isRefusal(error, 'NAME_INVALID', 'VERSION_INVALID')) return text;
    throw error;
  }
}
