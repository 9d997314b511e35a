import { describe, expect, it } from 'vitest';
import { createPrinter, type ListShape } from '../../src/cli/output/print.ts';
import { fields, layout } from '../../src/cli/output/table.ts';
import { clean, count, shortDigest, shortId, size, time } from '../../src/cli/output/text.ts';
import { fakeIo } from './support.ts';

interface Thing {
  readonly name: string;
  readonly bytes: number;
}

const THINGS: ListShape<Thing> = {
  what: 'things',
  id: ({ name }) => name,
  columns: [
    { title: 'NAME', value: ({ name }) => name },
    { title: 'SIZE', value: ({ bytes }) => size(bytes), right: true },
  ],
};

const two: Thing[] = [
  { name: 'a', bytes: 1 },
  { name: 'longer', bytes: 2048 },
];

async function printed(
  options: { json?: boolean; quiet?: boolean; limit?: number },
  items: AsyncIterable<Thing> | Thing[] = two,
  terminal = false,
) {
  const io = fakeIo({ terminal });
  const { json = false, quiet = false, limit } = options;
  await createPrinter(io, { json, quiet, limit }).list(items, THINGS);
  return { out: io.stdout.text, err: io.stderr.text };
}

describe('lists', () => {
  it('aligns a table, numbers to the right, without trailing space', async () => {
    expect(await printed({})).toEqual({
      out: 'NAME     SIZE\na         1 B\nlonger  2 KiB\n',
      err: '',
    });
  });

  it('prints JSON as it came, one item a line', async () => {
    const { out } = await printed({ json: true });
    expect(JSON.parse(out)).toEqual(two);
    expect(out.split('\n')).toHaveLength(5);
    expect((await printed({ json: true }, [])).out).toBe('[]\n');
  });

  it('prints bare names when quiet', async () => {
    expect(await printed({ quiet: true, limit: 1 })).toEqual({ out: 'a\n', err: '' });
  });

  it('says when there is nothing', async () => {
    expect((await printed({}, [])).out).toBe('no things\n');
  });

  it('stops at the limit, says so on stderr, and asks for no more than one beyond', async () => {
    let made = 0;
    const endless = (async function* () {
      for (;;) yield { name: `n${made++}`, bytes: 0 };
    })();
    const { out, err } = await printed({ limit: 3, json: true }, endless);
    expect(JSON.parse(out)).toHaveLength(3);
    expect(err).toContain('--limit');
    expect(made).toBe(4);
  });

  it('shows a hundred in a table unless told, and all as JSON', async () => {
    const many = Array.from({ length: 250 }, (_, index) => ({ name: `n${index}`, bytes: 0 }));
    expect((await printed({}, many)).out.trim().split('\n')).toHaveLength(101);
    expect((await printed({ limit: 200 }, many)).out.trim().split('\n')).toHaveLength(201);
    expect(JSON.parse((await printed({ json: true }, many)).out)).toHaveLength(250);
  });

  it('uses colour on a terminal only', async () => {
    expect((await printed({}, two, true)).out).toContain('\u001b[1mNAME');
    expect((await printed({})).out).not.toContain('\u001b');
  });

  it('lets nobody steer the terminal by a name', async () => {
    const { out } = await printed({}, [{ name: 'a\u001b[2Jb\u0007\u009b\nc\u202ed', bytes: 0 }]);
    expect(out.split('\n')).toHaveLength(3);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('single things', () => {
  const human = ({ name }: Thing) => ({ fields: { name, nothing: undefined, tags: ['x', 'y'] } });
  const item = async (options: { json: boolean; quiet: boolean }) => {
    const io = fakeIo();
    await createPrinter(io, { ...options, limit: undefined }).item(two[0] as Thing, 'id', human);
    return io.stdout.text;
  };

  it('shows fields that have a value', async () => {
    expect(await item({ json: false, quiet: false })).toBe('name  a\ntags  x\n      y\n');
    expect(JSON.parse(await item({ json: true, quiet: false }))).toEqual(two[0]);
    expect(await item({ json: false, quiet: true })).toBe('id\n');
  });

  it('tells a change in a sentence, as the reply, or by its id', async () => {
    const done = async (
      options: { json: boolean; quiet: boolean },
      reply?: { body: object; id?: string },
    ) => {
      const io = fakeIo();
      await createPrinter(io, { ...options, limit: undefined }).done('Created it', reply);
      return io.stdout.text;
    };
    const reply = { body: { id: '7' }, id: '7' };
    expect(await done({ json: false, quiet: false }, reply)).toBe('Created it\n');
    expect(await done({ json: true, quiet: false }, reply)).toBe('{"id":"7"}\n');
    expect(await done({ json: false, quiet: true }, reply)).toBe('7\n');
    expect(await done({ json: true, quiet: false })).toBe('');
    expect(await done({ json: false, quiet: true })).toBe('');
  });
});

describe('tables', () => {
  it('keeps going when a later row is wider than the sample', () => {
    const { header, row } = layout(THINGS.columns, two);
    expect(header).toBe('NAME     SIZE');
    expect(row({ name: 'much longer than that', bytes: 0 })).toBe('much longer than that    0 B');
  });

  it('leaves out fields without a value', () => {
    expect(fields({ a: 1, b: null, c: '', d: undefined, long: false })).toEqual(['a     1', 'long  false']);
  });
});

describe('values', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 * 12.34, '12.3 MiB'],
    [1024 ** 3 * 123.4, '123 GiB'],
    [1024 ** 7, '1048576 PiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it('writes times in the zone of the machine', () => {
    expect(time('2026-03-01T04:05:09.123Z')).toBe('2026-03-01 04:05:09');
    expect(time('soon')).toBe('soon');
    expect(time(undefined)).toBe('');
  });

  it('shortens what is only compared', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab');
    expect(shortDigest('1.0.0')).toBe('1.0.0');
    expect(shortDigest(null)).toBe('');
    expect(shortId('0b6a4a34-9f0e-4b46-8a37-5a2d3c4e5f60')).toBe('0b6a4a34');
    expect(shortId('system')).toBe('system');
  });

  it('counts', () => {
    expect(count(1, 'event')).toBe('1 event');
    expect(count(2, 'repository', 'repositories')).toBe('2 repositories');
    expect(clean('a\r\nb')).toBe('a  b');
  });
});
