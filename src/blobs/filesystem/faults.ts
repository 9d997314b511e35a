/** What the operating system says, in the words of the catalogue. Paths stay in `cause`, for the log only. */
import { refuse, StrongroomError } from '../../domain/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk reports an input/output error',
  EROFS: 'the disk is mounted read-only',
  EACCES: 'the server has no permission for its blob folder',
  EPERM: 'the server has no permission for its blob folder',
  EMFILE: 'the server has too many files open',
  ENFILE: 'the machine has too many files open',
  ENOENT: 'the blob folder is missing or incomplete',
  ENOTDIR: 'the blob folder is missing or incomplete',
};
const RETRY_AFTER_SECONDS = 5;

/** Errors of the operating system become STORAGE_UNAVAILABLE; refusals and mistakes of the program pass unchanged. */
export function asUnavailable(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const reason = REASONS[error.code] ?? `the file system answered ${error.code}`;
  return new StrongroomError(
    'STORAGE_UNAVAILABLE',
    { reason, retryAfter: RETRY_AFTER_SECONDS },
    { cause: error },
  );
}

/** The bytes under a name are not what the name says: the disk lost or changed them. */
export function damaged(reason: string): StrongroomError {
  return refuse('STORAGE_UNAVAILABLE', { reason });
}

function isSystemError(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && typeof syscall === 'string';
}
