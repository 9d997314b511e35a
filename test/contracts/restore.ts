/** The contract of restorable logs (src/eventlog/restore.ts). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { RecordedEvent } from '../../src/eventlog/port.ts';
import type { RestorableLog } from '../../src/eventlog/restore.ts';
import { everything, newEvents } from './eventlog.ts';

export interface RestorableUnderTest {
  readonly log: RestorableLog;
  readonly reopen: () => Promise<RestorableLog>;
  dispose(): Promise<void>;
}

const IDENTITY = { logId: '00000000-0000-4000-8000-000000000001', epoch: 3 };

async function* batches(events: readonly RecordedEvent[], size = 7) {
  for (let at = 0; at < events.length; at += size) yield events.slice(at, at + size);
}

export function restoreContract(name: string, make: () => Promise<RestorableUnderTest>): void {
  describe(`restore contract: ${name}`, () => {
    let under: RestorableUnderTest;
    let archive: RecordedEvent[];
    beforeEach(async () => {
      under = await make();
      const source = createMemoryLog({ now: () => new Date('2020-02-03T04:05:06.789Z') });
      for (let n = 0; n < 20; n++) await source.append(`s-${n % 3}`, newEvents(2), { expected: 'any' });
      archive = await everything(source);
    });
    afterEach(() => under.dispose());

    it('takes over events and identity, and goes on from there', async () => {
      const { log, reopen } = under;
      const head = await log.restore(IDENTITY, batches(archive));
      expect(head).toBe(archive.at(-1)?.position);
      expect(await log.head()).toBe(head);
      expect(await everything(log)).toEqual(archive);
      expect({ logId: log.logId, epoch: log.epoch }).toEqual(IDENTITY);
      const again = await reopen();
      expect(await everything(again)).toEqual(archive);
      expect({ logId: again.logId, epoch: again.epoch }).toEqual(IDENTITY);
      const known = archive.filter(event => event.stream === 's-0');
      expect(await again.append('s-0', known.slice(0, 1), { expected: 'none' })).toMatchObject({
        repeated: true,
      });
      const next = await again.append('s-0', newEvents(1), { expected: known.length - 1 });
      expect(next.position > head).toBe(true);
    });

    it('refuses a log that is not empty', async () => {
      const { log } = under;
      await log.append('s', newEvents(1), { expected: 'none' });
      await expect(log.restore(IDENTITY, batches(archive))).rejects.toSatisfy(error =>
        isRefusal(error, 'STATE_CONFLICT'),
      );
      expect(await everything(log)).toHaveLength(1);
      expect(log.epoch).toBe(1);
    });

    it('leaves the log empty and usable when the archive fails or is no log', async () => {
      const { log, reopen } = under;
      const { logId } = log;
      const gone = new Error('the archive ended early');
      const failing = async function* () {
        yield archive.slice(0, 9);
        throw gone;
      };
      await expect(log.restore(IDENTITY, failing())).rejects.toThrow(/ended early/);
      const disordered = [...archive.slice(0, 9), ...archive.slice(12)];
      await expect(log.restore(IDENTITY, batches(disordered))).rejects.toSatisfy(error =>
        isRefusal(error, 'REQUEST_INVALID'),
      );
      expect(await everything(log)).toEqual([]);
      const again = await reopen();
      expect({ logId: again.logId, epoch: again.epoch }).toEqual({ logId, epoch: 1 });
      await again.append('s', newEvents(1), { expected: 'none' });
    });
  });
}
