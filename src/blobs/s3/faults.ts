/** What an S3 server or the way to it can do to us, in the catalogue's words. The client's own error stays in `cause`. */
import { refuse, StrongroomError } from '../../domain/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'the bucket does not exist',
  AccessDenied: 'S3 denies access: the server needs to read, write, list and delete in its bucket',
  Forbidden: 'S3 denies access: the server needs to read, write, list and delete in its bucket',
  InvalidAccessKeyId: 'S3 does not know the access key',
  SignatureDoesNotMatch: 'S3 does not accept the secret key',
  ExpiredToken: 'the S3 credentials have expired',
  CredentialsProviderError: 'no S3 credentials were found',
  RequestTimeTooSkewed: 'the clock of this machine and that of S3 differ too much',
  PermanentRedirect: 'the bucket is in another region',
  AuthorizationHeaderMalformed: 'the bucket is in another region',
  TimeoutError: 'S3 did not answer in time',
  SlowDown: 'S3 asks to slow down',
  ECONNRESET: 'the connection to S3 was broken',
  EPIPE: 'the connection to S3 was broken',
  ECONNREFUSED: 'S3 cannot be reached',
  ENOTFOUND: 'the name of the S3 server cannot be resolved',
  EAI_AGAIN: 'the name of the S3 server cannot be resolved',
};
const RETRY_AFTER_SECONDS = 5;

/** Names come from the server: nothing that looks like no name is repeated to clients. */
const NAME = /^[A-Za-z_]{1,60}$/;

/** Refusals pass unchanged; everything else that a call of the client rejected with is STORAGE_UNAVAILABLE. */
export function asUnavailable(error: unknown): StrongroomError {
  if (error instanceof StrongroomError) return error;
  return new StrongroomError(
    'STORAGE_UNAVAILABLE',
    { reason: reasonOf(error), retryAfter: RETRY_AFTER_SECONDS },
    { cause: error },
  );
}

/** What S3 said is not what this store wrote, or not what it was asked for. */
export function damaged(reason: string): StrongroomError {
  return refuse('STORAGE_UNAVAILABLE', { reason, retryAfter: RETRY_AFTER_SECONDS });
}

/** The HTTP status of an error that S3 answered with. */
export function statusOf(error: unknown): number | undefined {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  // The client calls a broken connection a timeout: the code knows better.
  const names = [typeof code === 'string' ? code : '', nameOf(error)];
  const known = names.map(name => REASONS[name]).find(reason => reason !== undefined);
  if (known) return known;
  const status = statusOf(error);
  const said = names.filter(name => NAME.test(name) && name !== 'Error').at(-1) ?? 'an unknown error';
  return status === undefined ? `the connection to S3 failed (${said})` : `S3 answered ${status} (${said})`;
}
