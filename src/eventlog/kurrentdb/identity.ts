/** The log's id and epoch, kept in a hidden stream of the log itself. */
import { randomUUID } from 'node:crypto';
import {
  BACKWARDS,
  END,
  jsonEvent,
  NO_STREAM,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { z } from 'zod';
import { refuse } from '../../domain/errors.ts';
import { type Connection, drain, reading, within } from './connection.ts';
import { LOG_STREAM } from './names.ts';

export interface Identity {
  /** UUID */
  readonly logId: string;
  /** from 1 */
  readonly epoch: number;
}

const identity = z.object({ logId: z.uuid(), epoch: z.int().min(1) });

/**
 * Who this log is; a log without an identity gets one. When several processes open a new log at once, the first to
 * write it names it.
 * @param restored what a restore from a backup makes it: recorded when it differs
 */
export async function identify(connection: Connection, restored?: Identity): Promise<Identity> {
  return reading(connection, async ms => {
    const found = await last(connection, ms);
    const wanted = restored ?? found?.identity ?? { logId: randomUUID(), epoch: 1 };
    if (found?.identity.logId === wanted.logId && found.identity.epoch === wanted.epoch) return wanted;
    await record(connection, wanted, { ms, after: found?.revision });
    const written = await last(connection, ms);
    if (!written) throw new Error('the identity of the log cannot be read');
    return written.identity;
  });
}

/** Writes an identity after the one that was found; another process that did so first is left alone. */
async function record(
  connection: Connection,
  wanted: Identity,
  { ms, after }: { ms: number; after: bigint | undefined },
): Promise<void> {
  const event = jsonEvent({ type: after === undefined ? 'LogCreated' : 'LogRestored', data: { ...wanted } });
  const options = { ...connection.base, expectedRevision: after ?? NO_STREAM, deadline: ms } as const;
  try {
    await within(ms, connection.client.appendToStream(LOG_STREAM, event, options));
  } catch (error) {
    if (!(error instanceof WrongExpectedVersionError)) throw error;
  }
}

async function last(
  connection: Connection,
  ms: number,
): Promise<{ identity: Identity; revision: bigint } | undefined> {
  const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1, ...connection.base } as const;
  try {
    for await (const { event } of drain(ms, connection.client.readStream(LOG_STREAM, options))) {
      const known = identity.safeParse(event?.data);
      if (!event || !known.success) throw refuse('INTERNAL', `stream ${LOG_STREAM} is damaged`);
      return { identity: known.data, revision: event.revision };
    }
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error;
  }
  return undefined;
}
