import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ProtocolRequest } from '../../../src/protocols/protocol.ts';
import {
  type FilePart,
  type MultipartOptions,
  readMultipart,
} from '../../../src/protocols/shared/multipart.ts';

const TYPE = 'multipart/form-data; boundary="a-b"';

const field = (name: string, value: string) =>
  `--a-b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (name: string, filename: string, content: string) =>
  `--a-b\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: application/zip\r\n\r\n${content}\r\n`;
const END = '--a-b--\r\n';

function request(body: string, { type = TYPE, chunk = 7, fail = false } = {}): ProtocolRequest {
  const bytes = Buffer.from(body);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    if (fail) throw new Error('aborted');
  }
  return {
    headers: { 'content-type': type },
    body: () => Readable.from(chunks()),
  } as unknown as ProtocolRequest;
}

const text = async ({ stream, ...part }: FilePart) => {
  let content = '';
  for await (const bytes of stream) content += String(bytes);
  return { ...part, content };
};
const parse = (body: string, options: Partial<MultipartOptions<unknown>> = {}, how = {}) =>
  readMultipart(request(body, how), { onFile: text, ...options });

describe('readMultipart', () => {
  it('gives fields, repeated ones in order, and files', async () => {
    const body =
      field('name', 'demo') +
      field('c', 'one') +
      file('content', '../x.whl', 'bytes\r\n--a-') +
      field('c', 'zwö') +
      END;
    for (const chunk of [1, 7, 10_000]) {
      const { fields, files } = await parse(body, {}, { chunk });
      expect([...fields]).toEqual([
        ['name', ['demo']],
        ['c', ['one', 'zwö']],
      ]);
      expect(files).toEqual([
        { field: 'content', filename: '../x.whl', mediaType: 'application/zip', content: 'bytes\r\n--a-' },
      ]);
    }
  });

  it('hands large files on at the pace of their reader', async () => {
    const content = 'x'.repeat(3_000_000);
    const slowly = async (part: FilePart) => {
      let size = 0;
      for await (const bytes of part.stream) {
        size += (bytes as Buffer).length;
        await new Promise(resolve => setImmediate(resolve));
      }
      return size;
    };
    const { files } = await parse(file('content', 'x', content) + END, { onFile: slowly }, { chunk: 65_536 });
    expect(files).toEqual([content.length]);
  });

  it('refuses other bodies', async () => {
    await expect(parse('', {}, { type: 'application/json' })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    await expect(parse('', {}, { type: 'multipart/form-data; x=y' })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    await expect(parse('nothing')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('refuses a body that ends early, wherever', async () => {
    const body = field('name', 'demo') + file('content', 'x', 'bytes') + END;
    const whole = body.length - END.length;
    for (let length = 0; length < whole; length += 3)
      await expect(parse(body.slice(0, length), {}, { chunk: 5 }), `${length}`).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    await expect(parse(body.slice(0, 130), {}, { fail: true })).rejects.toMatchObject({
      code: 'SIZE_INVALID',
    });
  });

  it('refuses what is beyond the limits', async () => {
    const many = field('a', '1') + field('b', '2') + file('f', 'x', 'x') + file('g', 'y', 'y') + END;
    await expect(parse(many, { fields: 1, files: 2 })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(parse(many)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await parse(many, { files: 2 })).files).toHaveLength(2);
    const long = field('a', 'x'.repeat(100)) + field('b', 'x'.repeat(100)) + END;
    await expect(parse(long, { fieldSize: 99 })).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' });
    await expect(parse(long, { fieldsSize: 150 })).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' });
  });

  it('throws what the taker of a file throws, without reading on', async () => {
    const onFile = () => Promise.reject(new Error('no room'));
    const body = file('content', 'x', 'x'.repeat(1_000_000)) + END;
    await expect(parse(body, { onFile }, { chunk: 10_000 })).rejects.toThrow('no room');
  });

  it.each([
    ['the body is cut short', (begun: string) => parse(begun, { files: 2, onFile: taking }, { fail: true })],
    ['the form is damaged', (begun: string) => parse(begun, { files: 2, onFile: taking })],
    [
      'another file is refused',
      (begun: string) => parse(`${begun}\r\n${file('no', 'y', 'y')}${END}`, { files: 2, onFile: taking }),
    ],
  ])('lets go of files when %s', async (_, send) => {
    ended = 0;
    const begun = file('content', 'x', 'x'.repeat(5000)).slice(0, -2);
    await expect(send(begun)).rejects.toThrow();
    expect(ended).toBe(1);
  });

  let ended = 0;
  /** Takes the file whose field is `content`; counts when it is done with it, however. */
  async function taking({ field: name, stream }: FilePart): Promise<void> {
    if (name !== 'content') throw new Error('not this one');
    try {
      for await (const _ of stream);
      await new Promise(resolve => setTimeout(resolve, 20));
    } finally {
      ended++;
    }
  }
});
