/** Events between the port's shape and the client's. The version and the metadata share KurrentDB's metadata. */
import type {
  AllStreamRecordedEvent,
  AllStreamResolvedEvent,
  EventData,
  RecordedEvent as ServerEvent,
} from '@eventstore/db-client';
import { z } from 'zod';
import { refuse } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/values/json.ts';
import type { EncodedEvent } from '../checks.ts';
import type { Position, RecordedEvent } from '../port.ts';
import { notBefore } from '../positions.ts';
import { fromStored } from './names.ts';
import { toPosition } from './positions.ts';

// The client hands malformed JSON on as a string and foreign metadata as bytes, so nothing is taken on trust.
// Identity, not a copy: a copy would lose keys such as `__proto__`.
const payload = z.custom<JsonObject>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value),
);
const envelope = z.object({ version: z.int().min(1), meta: payload });

/** The event as the client sends it: JSON, readable in the server's own console. */
export function toServerEvent(event: EncodedEvent): EventData {
  return {
    id: event.id,
    type: event.type,
    contentType: 'application/json',
    data: JSON.parse(event.data),
    metadata: new TextEncoder().encode(`{"meta":${event.meta},"version":${event.version}}`),
  };
}

/** What was read: an event of the log, or only how far reading came when the event is hidden (or expired). */
export interface Read {
  readonly position: Position;
  readonly stream?: string;
  readonly event?: AllStreamRecordedEvent;
}

export function toRead({ event, link, commitPosition }: AllStreamResolvedEvent): Read {
  const shown = event ?? link;
  const at = shown?.position ?? { commit: commitPosition ?? 0n, prepare: commitPosition ?? 0n };
  const stream = event && fromStored(event.streamId);
  return { position: toPosition(at), ...(event && stream !== undefined && { event, stream }) };
}

/**
 * Gives recorded events along positions. `recordedAt` is the server's `created` time; where the server's clock
 * went back it repeats the latest time that this reading has seen.
 * @throws StrongroomError INTERNAL for an event that Strongroom did not write, or whose JSON is damaged
 */
export function createRecorder(): (event: ServerEvent, stream: string) => RecordedEvent {
  let last = '';
  return (event, stream) => {
    const data = payload.safeParse(event.data);
    const metadata = envelope.safeParse(event.metadata);
    if (!data.success || !metadata.success || !event.position) {
      const where = `event ${event.id}, revision ${event.revision} of stream ${stream}`;
      throw refuse('INTERNAL', `${where}, is not an event of Strongroom: the log needs a server of its own`);
    }
    last = notBefore(last, event.created);
    return {
      id: event.id,
      type: event.type,
      version: metadata.data.version,
      data: data.data,
      meta: metadata.data.meta,
      stream,
      revision: Number(event.revision),
      position: toPosition(event.position),
      recordedAt: last,
    };
  };
}
