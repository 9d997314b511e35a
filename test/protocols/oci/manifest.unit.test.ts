import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRefusal, StrongroomError } from '../../../src/domain/errors.ts';
import {
  MAX_MANIFEST,
  parseManifest,
  referrerDescriptor,
  referrersIndex,
} from '../../../src/protocols/oci/manifest.ts';

const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

const hex = (letter: string) => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, mediaType: string, more: object = {}) => ({
  mediaType,
  digest: hex(letter),
  size: 10,
  ...more,
});
const config = descriptor('c', CONFIG);
const image = (more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_IMAGE,
  config,
  layers: [descriptor('a', LAYER), descriptor('b', LAYER)],
  ...more,
});
const index = (more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [descriptor('d', OCI_IMAGE), descriptor('e', OCI_IMAGE)],
  ...more,
});
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const parse = (value: unknown, contentType: string | undefined = undefined) =>
  parseManifest(bytesOf(value), contentType);

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'MANIFEST_INVALID')
      return error.detail.reason ?? '';
    throw error;
  }
  throw new Error('it was accepted');
}

describe('manifests that are accepted', () => {
  test('an OCI image', () => {
    expect(parse(image(), OCI_IMAGE)).toEqual({
      mediaType: OCI_IMAGE,
      shape: 'image',
      artifactType: CONFIG,
      references: [
        { relation: 'config', digest: hex('c'), mediaType: CONFIG, size: 10 },
        { relation: 'layer', digest: hex('a'), mediaType: LAYER, size: 10 },
        { relation: 'layer', digest: hex('b'), mediaType: LAYER, size: 10 },
      ],
      annotations: {},
    });
  });

  test('an OCI index, without an artifact type of its own', () => {
    expect(parse(index({ subject: descriptor('f', OCI_INDEX) }), OCI_INDEX)).toEqual({
      mediaType: OCI_INDEX,
      shape: 'index',
      references: [
        { relation: 'child', digest: hex('d'), mediaType: OCI_IMAGE, size: 10 },
        { relation: 'child', digest: hex('e'), mediaType: OCI_IMAGE, size: 10 },
        { relation: 'subject', digest: hex('f'), mediaType: OCI_INDEX, size: 10 },
      ],
      annotations: {},
    });
  });

  test.each([
    [DOCKER_IMAGE, image({ mediaType: DOCKER_IMAGE }), 'image'],
    [DOCKER_LIST, index({ mediaType: DOCKER_LIST }), 'index'],
    [
      'application/vnd.example.thing.v1+json',
      image({ mediaType: 'application/vnd.example.thing.v1+json' }),
      'image',
    ],
    ['application/vnd.example.things.v1+json', index({ mediaType: undefined }), 'index'],
  ])('%s', (mediaType, document, shape) => {
    expect(parse(document, mediaType)).toMatchObject({ mediaType, shape });
  });

  test.each([
    ['the header alone', image({ mediaType: undefined }), OCI_IMAGE],
    ['the document alone', image(), undefined],
    [
      'a header with parameters, in capitals',
      image(),
      'Application/vnd.oci.image.manifest.v1+JSON; charset=utf-8',
    ],
    ['an empty embedded type', image({ mediaType: '' }), OCI_IMAGE],
  ])('its type from %s', (_what, document, contentType) => {
    expect(parse(document, contentType).mediaType).toBe(OCI_IMAGE);
  });

  test.each([
    ['no layers', image({ layers: [] })],
    ['null layers, as Go writes none', image({ layers: null })],
    ['an empty index', index({ manifests: [] })],
    ['fields that we do not know', image({ 'org.example': { Deep: [1, 2] } })],
    ['an index in an index', index({ manifests: [descriptor('d', OCI_INDEX)] })],
    ['a blob of no bytes', image({ layers: [descriptor('a', LAYER, { size: 0 })] })],
    ['no subject, as Go writes it', image({ subject: null })],
    ['annotations whose keys differ in case', image({ annotations: { Size: 'x', size: 'y' } })],
  ])('%s', (_what, document) => {
    expect(parse(document).references.length).toBeLessThanOrEqual(3);
  });

  test('a layer named twice is one reference', () => {
    const empty = descriptor('a', LAYER);
    expect(parse(image({ layers: [empty, empty, empty] })).references).toHaveLength(2);
  });

  test('2,000 layers', () => {
    const layers = Array.from({ length: 2000 }, (_, i) => ({
      ...descriptor('a', LAYER),
      digest: `sha256:${i.toString(16).padStart(64, '0')}`,
    }));
    expect(parse(image({ layers })).references).toHaveLength(2001);
    layers.push(descriptor('f', LAYER));
    expect(reasonOf(() => parse(image({ layers })))).toContain('2000');
  });

  test('4 MiB, mostly of annotations', () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, i) => [`a${i}`, 'A'.repeat(10_000)]),
    );
    expect(Object.keys(parse(image({ annotations })).annotations)).toHaveLength(390);
  });

  test('sha512', () => {
    const digest = `sha512:${'9'.repeat(128)}`;
    expect(parse(image({ layers: [{ ...descriptor('a', LAYER), digest }] })).references[1]?.digest).toBe(
      digest,
    );
  });

  test('embedded data that is what the descriptor says', () => {
    const digest = `sha256:${createHash('sha256').update('{}').digest('hex')}`;
    const data = Buffer.from('{}').toString('base64');
    const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 2, data };
    expect(parse(image({ config: empty })).artifactType).toBe('application/vnd.oci.empty.v1+json');
    for (const wrong of [{ data: 'AAAA' }, { data: 'W10=' }, { data: '!' }, { data: 5 }, { size: 3 }])
      expect(reasonOf(() => parse(image({ config: { ...empty, ...wrong } })))).toContain('data');
  });
});

describe('layers that may be elsewhere', () => {
  test.each([
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', {}, true],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar', {}, true],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', { urls: ['https://x.example/l'] }, true],
    [LAYER, { urls: ['https://x.example/layer?a=b'] }, true],
    [LAYER, { urls: [] }, undefined],
    [LAYER, { urls: null }, undefined],
    [LAYER, {}, undefined],
  ])('%s %j', (mediaType, more, foreign) => {
    const { references } = parse(image({ layers: [descriptor('a', mediaType, more)] }));
    expect(references[1]?.foreign).toBe(foreign);
  });

  test('a layer that is also named as an ordinary one must be here', () => {
    const elsewhere = descriptor('a', LAYER, { urls: ['https://x.example/l'] });
    for (const layers of [
      [elsewhere, descriptor('a', LAYER)],
      [descriptor('a', LAYER), elsewhere],
    ])
      expect(parse(image({ layers })).references[1]?.foreign).toBeUndefined();
  });

  test('a config or child is never elsewhere', () => {
    const urls = ['https://x.example/c'];
    expect(parse(image({ config: { ...config, urls } })).references[0]).not.toHaveProperty('foreign');
    expect(
      parse(index({ manifests: [descriptor('d', OCI_IMAGE, { urls })] })).references[0],
    ).not.toHaveProperty('foreign');
  });

  test.each([
    [['file:///etc/passwd']],
    [['javascript:alert(1)']],
    [[5]],
    ['https://x'],
    [['https://x\n']],
    [['https://']],
  ])('%j are no urls', urls => {
    expect(reasonOf(() => parse(image({ layers: [descriptor('a', LAYER, { urls })] })))).toContain('urls');
  });
});

describe('manifests that are refused', () => {
  test.each([
    ['not an object', '[]', OCI_IMAGE],
    ['null', 'null', OCI_IMAGE],
    ['nothing', '', OCI_IMAGE],
    ['half of one', '{"schemaVersion":2,', OCI_IMAGE],
    ['two of them', '{}{}', OCI_IMAGE],
    ['no type at all', image({ mediaType: undefined }), undefined],
    ['a type that is not a string', image({ mediaType: 5 }), OCI_IMAGE],
    ['two types', image(), OCI_INDEX],
    ['two types of the same kind', image(), DOCKER_IMAGE],
    ['an image that calls itself an index', image({ mediaType: OCI_INDEX }), OCI_INDEX],
    ['an index that calls itself an image', index({ mediaType: OCI_IMAGE }), OCI_IMAGE],
    ['layers and manifests', image({ manifests: [] }), OCI_IMAGE],
    ['manifests and a config', index({ config }), OCI_INDEX],
    ['layers of two schemas', image({ fsLayers: [] }), OCI_IMAGE],
    ['schema version 3', image({ schemaVersion: 3 }), OCI_IMAGE],
    ['no schema version', image({ schemaVersion: undefined }), OCI_IMAGE],
    ['a schema version as text', image({ schemaVersion: '2' }), OCI_IMAGE],
    ['no config', image({ config: undefined }), OCI_IMAGE],
    ['a config that is a list', image({ config: [] }), OCI_IMAGE],
    ['layers that are an object', image({ layers: {} }), OCI_IMAGE],
    ['a layer that is null', image({ layers: [null] }), OCI_IMAGE],
    ['a layer without a type', image({ layers: [{ digest: hex('a'), size: 1 }] }), OCI_IMAGE],
    ['a bad layer type', image({ layers: [descriptor('a', 'x\ny/z')] }), OCI_IMAGE],
    ['a bad digest', image({ layers: [{ ...descriptor('a', LAYER), digest: 'sha256:abc' }] }), OCI_IMAGE],
    ['a path as digest', image({ layers: [{ ...descriptor('a', LAYER), digest: '../../x' }] }), OCI_IMAGE],
    ['an md5 digest', image({ layers: [{ ...descriptor('a', LAYER), digest: 'md5:abc' }] }), OCI_IMAGE],
    ['a negative size', image({ layers: [descriptor('a', LAYER, { size: -1 })] }), OCI_IMAGE],
    ['half a byte', image({ layers: [descriptor('a', LAYER, { size: 0.5 })] }), OCI_IMAGE],
    ['a size past 2^53', image({ layers: [descriptor('a', LAYER, { size: 2 ** 53 })] }), OCI_IMAGE],
    ['a size as text', image({ layers: [descriptor('a', LAYER, { size: '1' })] }), OCI_IMAGE],
    [
      'two sizes',
      image({ layers: [descriptor('a', LAYER), descriptor('a', LAYER, { size: 11 })] }),
      OCI_IMAGE,
    ],
    ['a subject that is text', image({ subject: hex('a') }), OCI_IMAGE],
    ['an annotation that is a number', image({ annotations: { a: 1 } }), OCI_IMAGE],
    ['annotations that are a list', image({ annotations: ['a'] }), OCI_IMAGE],
    [
      'half a surrogate pair',
      JSON.stringify(image({ annotations: { a: 'X' } })).replace('X', '\\ud800'),
      OCI_IMAGE,
    ],
    ['a bad artifact type', image({ artifactType: 'no slash' }), OCI_IMAGE],
    ['a field in other letters', image({ Layers: [] }), OCI_IMAGE],
    ['a field with a long s', image({ 'layer\u017f': [] }), OCI_IMAGE],
    [
      'a layer field in other letters',
      image({ layers: [descriptor('a', LAYER, { DIGEST: hex('b') })] }),
      OCI_IMAGE,
    ],
  ])('%s', (_what, document, contentType) => {
    expect(reasonOf(() => parse(document, contentType))).toMatch(/\S/);
  });

  test.each([
    ['application/vnd.docker.distribution.manifest.v1+json', { schemaVersion: 1, fsLayers: [] }],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1, fsLayers: [] }],
    [OCI_IMAGE, image({ schemaVersion: 1 })],
  ])('Docker schema 1 as %s, telling what to do', (contentType, document) => {
    expect(reasonOf(() => parse(document, contentType))).toContain('skopeo copy');
  });

  test.each([
    ['application/vnd.oci.artifact.manifest.v1+json', { schemaVersion: 2, blobs: [] }, 'withdrew'],
    ['application/vnd.example.v1+json', { schemaVersion: 2 }, 'neither layers nor manifests'],
    ['application/json', image({ mediaType: undefined }), 'not for manifests'],
    ['application/octet-stream', image({ mediaType: undefined }), 'not for manifests'],
    ['text/html', image({ mediaType: undefined }), 'not for manifests'],
    ['__proto__', image({ mediaType: undefined }), 'not for manifests'],
  ])('%s, telling why', (contentType, document, reason) => {
    expect(reasonOf(() => parse(document, contentType))).toContain(reason);
  });

  test('what is not UTF-8', () => {
    const bytes = bytesOf(image({ annotations: { a: 'X' } }));
    bytes[bytes.lastIndexOf('X'.charCodeAt(0))] = 0xff;
    expect(reasonOf(() => parseManifest(bytes, OCI_IMAGE))).toContain('UTF-8');
  });

  test('more than 4 MiB', () => {
    const bytes = new Uint8Array(MAX_MANIFEST + 1);
    expect(() => parseManifest(bytes, OCI_IMAGE)).toThrow(
      expect.objectContaining({ code: 'CONTENT_TOO_LARGE' }),
    );
  });

  const half = MAX_MANIFEST / 2;
  test.each([
    ['deep arrays', '['.repeat(MAX_MANIFEST)],
    ['deep objects', '{"a":'.repeat(MAX_MANIFEST / 5)],
    ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
    ['many values', `[${'0,'.repeat(half - 2)}0]`],
    ['many empty objects', `[${'{},'.repeat(half / 2)}0]`],
    ['many keys', `{${Array.from({ length: 110_000 }, (_, i) => `"${i}":0`).join()}}`],
    ['a string without end', `"${'a'.repeat(MAX_MANIFEST - 1)}`],
    ['escapes without end', `"${'\\'.repeat(MAX_MANIFEST - 1)}`],
    ['quotes', '"'.repeat(MAX_MANIFEST)],
    ['colons', ':'.repeat(MAX_MANIFEST)],
    ['closing brackets', ']'.repeat(MAX_MANIFEST)],
    ['spaces', ' '.repeat(MAX_MANIFEST)],
    ['digits', '9'.repeat(MAX_MANIFEST)],
    ['an object of one long key', `{"${'k'.repeat(MAX_MANIFEST - 10)}":0}`],
  ])('%s, in bounded time', (_what, text) => {
    const started = performance.now();
    expect(reasonOf(() => parse(text, OCI_IMAGE))).toMatch(/\S/);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  const valid = JSON.stringify(image({ x: 'HERE' }));
  const withText = (text: string) => valid.replace('"HERE"', text);
  test.each([
    ['a key twice', valid.replace('{', '{"x":1,'), 'twice'],
    ['a key twice, once escaped', valid.replace('{', '{"\\u0078":1,'), 'twice'],
    ['a key twice, deep', withText('[{"b":1,"c":{"d":1,"d":2}}]'), 'twice'],
    ['33 levels', withText(`${'['.repeat(32)}${']'.repeat(32)}`), '32 levels'],
    ['100,000 values', withText(`[${'0,'.repeat(100_000)}0]`), '100000 values'],
    ['a byte order mark', `\ufeff${valid}`, 'byte order mark'],
    ['a string without end', valid.slice(0, valid.indexOf('"HERE"') + 3), 'has no end'],
    ['a broken escape in a key', valid.replace('"x"', '"\\x"'), 'broken escape'],
    ['no end', valid.slice(0, -1), 'not JSON'],
  ])('%s in what would be a manifest', (_what, text, reason) => {
    expect(parse(valid).shape).toBe('image');
    expect(reasonOf(() => parse(text))).toContain(reason);
  });

  test('32 levels are read', () => {
    const nested = `${'['.repeat(31)}${']'.repeat(31)}`;
    const text = JSON.stringify(image({ x: 'N' })).replace('"N"', nested);
    expect(parse(text).shape).toBe('image');
  });
});

describe('referrers', () => {
  test('are listed with their artifact type and annotations', () => {
    const annotations = { 'org.example': 'yes' };
    const manifest = parse(image({ artifactType: 'application/spdx+json', annotations }));
    expect(referrersIndex([referrerDescriptor(manifest, hex('1'), 99)])).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        {
          mediaType: OCI_IMAGE,
          digest: hex('1'),
          size: 99,
          artifactType: 'application/spdx+json',
          annotations,
        },
      ],
    });
  });

  test('an image without an artifact type has that of its config, an index has none', () => {
    expect(referrerDescriptor(parse(image({ artifactType: '' })), hex('1'), 9).artifactType).toBe(CONFIG);
    expect(referrerDescriptor(parse(index()), hex('1'), 9)).toEqual({
      mediaType: OCI_INDEX,
      digest: hex('1'),
      size: 9,
    });
  });
});

describe('whatever is sent', () => {
  const refusesOrParses = (bytes: Uint8Array, contentType: string | undefined) => {
    try {
      const { references, mediaType } = parseManifest(bytes, contentType);
      expect(mediaType.length).toBeLessThanOrEqual(255);
      for (const { size } of references) expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
    } catch (error) {
      if (!isRefusal(error, 'MANIFEST_INVALID', 'CONTENT_TOO_LARGE')) throw error;
    }
  };
  const contentType = fc.option(
    fc.constantFrom(OCI_IMAGE, OCI_INDEX, DOCKER_LIST, 'application/vnd.x+json', ''),
    {
      nil: undefined,
    },
  );

  test('bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), contentType, refusesOrParses));
  });

  test('JSON', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }).map(bytesOf), contentType, refusesOrParses));
  });

  test('manifests with one part replaced', () => {
    const part = fc.constantFrom(
      'config',
      'layers',
      'subject',
      'annotations',
      'mediaType',
      'artifactType',
      'manifests',
    );
    const field = fc.constantFrom('digest', 'size', 'mediaType', 'urls', 'data');
    const mutated = fc
      .tuple(part, field, fc.jsonValue({ maxDepth: 3 }), fc.boolean())
      .map(([key, inner, value, deep]) =>
        bytesOf(image(deep ? { layers: [descriptor('a', LAYER, { [inner]: value })] } : { [key]: value })),
      );
    fc.assert(fc.property(mutated, contentType, refusesOrParses), { numRuns: 500 });
  });

  test('a document that is read is read as JSON.parse reads it', () => {
    const annotations = fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 8 });
    fc.assert(
      fc.property(annotations, value => {
        expect(parse(image({ annotations: value })).annotations).toEqual(value);
      }),
    );
  });
});
