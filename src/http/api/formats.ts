/** Formats that a repository can have: those that a protocol serves. */
import { PROTOCOLS } from '../../protocols/index.ts';

export const PROJECT_FORMATS: readonly string[] = PROTOCOLS.map(({ format }) => format);
