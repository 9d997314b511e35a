import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { type FileJournal, openFileJournal } from '../../src/evidence/journal.ts';

const ONE = '2026-01-01T10_node';
const TWO = '2026-01-01T11_node';
const line = (n: number) => JSON.stringify({ n });

describe('the journal of downloads', () => {
  let folder: string;
  let journal: FileJournal;
  const reopened = async () => {
    await journal.close();
    journal = await openFileJournal(join(folder, 'downloads'));
    return journal;
  };
  const file = (segment: string) => join(folder, 'downloads', `${segment}.jsonl`);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-journal-'));
    journal = await openFileJournal(join(folder, 'downloads'));
  });
  afterEach(async () => {
    await journal.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is empty at first', async () => {
    expect(await journal.segments()).toEqual([]);
  });

  it('keeps what was appended, in order, over a restart', async () => {
    for (let n = 0; n < 3; n++) await journal.append(ONE, line(n));
    await (await reopened()).append(ONE, line(3));
    expect(await journal.read(ONE)).toEqual([0, 1, 2, 3].map(line));
  });

  it('has a line in its file when it is acknowledged', async () => {
    await journal.append(ONE, line(1));
    expect(await readFile(file(ONE), 'utf8')).toContain(line(1));
  });

  it('takes many at once, for several segments, and loses and mixes none', async () => {
    const all = Array.from({ length: 300 }, (_, n) => n);
    await Promise.all(all.map(n => journal.append(n % 3 === 0 ? TWO : ONE, line(n))));
    expect(await journal.segments()).toEqual([ONE, TWO]);
    expect(await journal.read(TWO)).toEqual(all.filter(n => n % 3 === 0).map(line));
    expect(await journal.read(ONE)).toEqual(all.filter(n => n % 3 !== 0).map(line));
  });

  it('drops a line that a crash cut off, and keeps those after it', async () => {
    await journal.append(ONE, line(1));
    await appendFile(file(ONE), '\n{"n":2,"actor":"a');
    await (await reopened()).append(ONE, line(3));
    expect(await journal.read(ONE)).toEqual([line(1), line(3)]);
  });

  it('drops what a crash left of a file: zeros, half of a character', async () => {
    await writeFile(
      file(ONE),
      Buffer.concat([Buffer.from(`\n${line(1)}\n{"a":"`), Buffer.from([0xc3, 0, 0])]),
    );
    await journal.append(ONE, line(2));
    expect(await journal.read(ONE)).toEqual([line(1), line(2)]);
  });

  it('lists segments in the order of their hours, and nothing else that lies there', async () => {
    for (const segment of [TWO, '2025-12-31T23_node', ONE]) await journal.append(segment, line(1));
    await writeFile(join(folder, 'downloads', 'README'), 'not a segment');
    expect(await journal.segments()).toEqual(['2025-12-31T23_node', ONE, TWO]);
  });

  it('removes a segment, open or not, and begins it anew', async () => {
    await journal.append(ONE, line(1));
    await journal.append(TWO, line(2));
    await journal.remove(ONE);
    await journal.remove(TWO);
    await journal.remove('2020-01-01T00_node');
    expect(await readdir(join(folder, 'downloads'))).toEqual([]);
    await journal.append(TWO, line(3));
    expect(await journal.read(TWO)).toEqual([line(3)]);
  });

  it('refuses every record that cannot be written, and takes the next when it can', async () => {
    await journal.append(ONE, line(1));
    await rename(join(folder, 'downloads'), join(folder, 'away'));
    const failing = [1, 2].map(n => journal.append(TWO, line(n)));
    for (const one of failing)
      await expect(one).rejects.toSatisfy(error => isRefusal(error, 'STORAGE_UNAVAILABLE'));
    await rename(join(folder, 'away'), join(folder, 'downloads'));
    await journal.append(TWO, line(3));
    await journal.append(ONE, line(4));
    expect(await journal.read(TWO)).toEqual([line(3)]);
    expect(await journal.read(ONE)).toEqual([line(1), line(4)]);
  });

  it('ends when what it took is written', async () => {
    const written = Promise.all([1, 2, 3].map(n => journal.append(ONE, line(n))));
    await journal.close();
    await written;
    expect(await (await reopened()).read(ONE)).toHaveLength(3);
  });
});
