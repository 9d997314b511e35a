import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import type { JsonObject } from '../../../src/domain/values/json.ts';
import { MAX_APPEND_EVENTS, MAX_EVENT_BYTES, TooLargeError } from '../../../src/eventlog/port.ts';
import { type Current, conflictOf, everything, newEvent, newEvents } from './support.ts';

const AWKWARD_NAMES = [
  'package-ünïcödé/☃/🦀',
  'package-e\u0301', // the same letter in two normalisations: two streams
  'package-\u00e9',
  'Package-A',
  'package-a',
  ' leading and trailing ',
  'line\nbreak\ttab\r\n',
  `quotes ' " \` \\ ; DROP TABLE events; --`,
  '../../etc/passwd',
  '%2e%2e%00_like%',
  '{"json":["yes"]}',
  '-',
  '0',
  'constructor',
  '__proto__',
  '\u202Ertl\u200Bzero width',
];

const LONG = `package-${'x'.repeat(4_991)}`;

export function awkwardInput(current: Current): void {
  it('keeps streams with awkward names apart', async () => {
    const { log } = current();
    for (const [n, name] of AWKWARD_NAMES.entries()) {
      await log.append(name, [newEvent({ n, name })], { expected: 'none' });
    }
    for (const [n, name] of AWKWARD_NAMES.entries()) {
      const stream = await log.readStream(name);
      expect(stream.map(event => [event.stream, event.data])).toEqual([[name, { n, name }]]);
    }
    expect((await everything(log)).map(event => event.stream)).toEqual(AWKWARD_NAMES);
  });

  it('takes stream names of 5,000 characters that differ in the last', async () => {
    const { log } = current();
    // Not compressible, since an index may hide the length of a repeated letter
    const noise = Array.from({ length: 140 }, () => randomUUID())
      .join('')
      .slice(0, 4_990);
    const names = [`${LONG}1`, `${LONG}2`, `package-${noise}1`, `package-${noise}2`];
    for (const name of names) await log.append(name, [newEvent({ name })], { expected: 'none' });
    await conflictOf(log.append(names[0]!, newEvents(1), { expected: 'none' }));
    for (const name of names) expect(await log.readStream(name)).toHaveLength(1);
    const page = await log.readAll({ filter: { streamPrefixes: [`package-${noise}`] } });
    expect(page.events.map(event => event.stream)).toEqual(names.slice(2));
  });

  it('refuses a stream name that is empty or cannot be stored as it is', async () => {
    const { log } = current();
    for (const name of ['', 'nul\0', 'half \ud83e']) {
      await expect(log.append(name, newEvents(1), { expected: 'any' })).rejects.toSatisfy(error =>
        isRefusal(error, 'REQUEST_INVALID'),
      );
    }
    expect(await log.head()).toBe(log.start);
  });

  it('keeps awkward payloads', async () => {
    const { log } = current();
    const data: JsonObject = {
      '': 'empty key',
      ['__proto__']: 'own',
      'ключ ☃ 🦀': ['\u0000\u0001\u007f\u2028\u2029"\\/', '', ' '],
      numbers: [0, -1, 1.5, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, 5e-324],
      empty: { list: [], object: {}, nothing: null, no: false },
    };
    const meta: JsonObject = { z: 1, a: { z: 1, a: 2 } };
    await log.append('s', [newEvent(data, { meta })], { expected: 'none' });
    const [recorded] = await log.readStream('s');
    expect(recorded?.data).toEqual(data);
    expect(recorded?.meta).toEqual(meta);
    expect(Object.keys(recorded?.data ?? {})).toContain('__proto__');
  });

  it('keeps deep payloads', async () => {
    const { log } = current();
    const depth = 400;
    let data: JsonObject = { leaf: true };
    for (let level = 0; level < depth; level++) data = level % 2 ? { in: data } : { list: [data] };
    await log.append('s', [newEvent(data)], { expected: 'none' });
    const [recorded] = await log.readStream('s');
    expect(JSON.stringify(recorded?.data)).toBe(JSON.stringify(data));
  });

  it('takes the largest event and refuses one byte more', async () => {
    const { log } = current();
    const payload = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}{}'.length) });
    await log.append('s', [newEvent(payload(MAX_EVENT_BYTES))], { expected: 'none' });
    await expect(
      log.append('s', [newEvent(payload(MAX_EVENT_BYTES + 1))], { expected: 0 }),
    ).rejects.toBeInstanceOf(TooLargeError);
    // Bytes count, not characters
    const snow = { text: '☃'.repeat(MAX_EVENT_BYTES / 3) };
    await expect(log.append('s', [newEvent(snow)], { expected: 0 })).rejects.toBeInstanceOf(TooLargeError);
    // Metadata counts too, and a good event beside it is not written
    const heavy = newEvent({}, { meta: payload(MAX_EVENT_BYTES + 1) });
    await expect(log.append('s', [newEvent(), heavy], { expected: 0 })).rejects.toBeInstanceOf(TooLargeError);
    expect(await log.readStream('s')).toHaveLength(1);
  });

  it('reads on through many large events, whatever the size of a page', async () => {
    const { log } = current();
    const text = 'x'.repeat(MAX_EVENT_BYTES - 100);
    for (let n = 0; n < 12; n++) await log.append('s', [newEvent({ n, text })], { expected: 'any' });
    const order = Array.from({ length: 12 }, (_, n) => n);
    expect((await everything(log)).map(event => event.data.n)).toEqual(order);
    expect((await log.readStream('s')).map(event => event.data.n)).toEqual(order);
    expect((await log.readStream('s', { from: 1, limit: 10 })).map(event => event.data.n)).toEqual(
      order.slice(1, 11),
    );
  });

  it('takes the largest number of events and refuses one more', async () => {
    const { log } = current();
    await expect(
      log.append('s', newEvents(MAX_APPEND_EVENTS + 1), { expected: 'none' }),
    ).rejects.toBeInstanceOf(TooLargeError);
    await log.append('s', newEvents(MAX_APPEND_EVENTS), { expected: 'none' });
    const stream = await log.readStream('s');
    expect(stream.map(event => event.data.n)).toEqual(Array.from({ length: MAX_APPEND_EVENTS }, (_, n) => n));
  });

  it('refuses an append without events, and one that names an id twice', async () => {
    const { log } = current();
    const twice = newEvent();
    for (const batch of [[], [twice, twice]]) {
      await expect(log.append('s', batch, { expected: 'any' })).rejects.toSatisfy(error =>
        isRefusal(error, 'REQUEST_INVALID'),
      );
    }
  });
}
