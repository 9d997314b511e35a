/**
 * A process for the crash and fault tests: appends to the log at argv[2] from argv[3] callers until it is killed or
 * argv[4] rounds are over, and writes one line per outcome, `ack <position> <id>` or `error <code>`, synchronously.
 */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StrongroomError } from '../../src/domain/errors.ts';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';

const [, , path, callers, rounds] = process.argv;
const log = await openSqliteLog({ path: path! });

async function caller(number: number): Promise<void> {
  for (let round = 0; round < Number(rounds); round++) {
    const id = randomUUID();
    const event = { id, type: 'Written', version: 1, data: { pad: 'x'.repeat(2_000) }, meta: {} };
    try {
      const { position } = await log.append(`caller-${number}`, [event], { expected: 'any' });
      writeSync(1, `ack ${position} ${id}\n`);
    } catch (error) {
      writeSync(1, `error ${error instanceof StrongroomError ? error.code : error}\n`);
      await sleep(5);
    }
  }
}

writeSync(1, 'open\n');
await Promise.all(Array.from({ length: Number(callers) }, (_, number) => caller(number)));
await log.close();
