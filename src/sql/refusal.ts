/** What a query's caller is told when the database is away or damaged: a refusal that may be tried again. */
import { StrongroomError } from '../domain/errors.ts';

/** The error itself when it says nothing of the kind; the cause is kept for the log. */
export function asRefusal(error: unknown, failure: 'damaged' | 'transient' | undefined): unknown {
  if (failure === 'transient')
    return new StrongroomError('STORAGE_UNAVAILABLE', 'the views cannot be asked', { cause: error });
  if (failure === 'damaged')
    return new StrongroomError(
      'VIEWS_BEHIND',
      { reason: 'the views are being replaced', retryAfter: 5 },
      { cause: error },
    );
  return error;
}
