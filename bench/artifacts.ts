/** Pushes of images as the registry records them, for logs that are filled directly. */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../src/domain/values/json.ts';
import type { NewEvent } from '../src/eventlog/port.ts';
import { metaOf, sha } from '../test/projections/history.ts';

const TAGS_OF_AN_IMAGE = 100;

/** Each image has one layer of its own, one shared configuration per package, and a tag. */
export function* pushesOf(count: number, repositoryId: string, logId: string) {
  const meta = metaOf({ logId, repositoryId });
  const append: Appending = (stream, type, data) => ({
    stream,
    events: [{ id: randomUUID(), type, version: 1, data, meta }],
  });
  for (let at = 0; at < count; at++) {
    const name = `team/app-${Math.floor(at / TAGS_OF_AN_IMAGE)}`;
    if (at % TAGS_OF_AN_IMAGE === 0)
      yield append(`package-${repositoryId}/${name}`, 'PackageRegistered', {
        repositoryId,
        format: 'oci',
        name,
        displayName: name,
      });
    const layer = { canonical: sha(`layer ${at}`), size: 4096 };
    yield append(`link-${repositoryId}/${layer.canonical}`, 'BlobLinked', {
      repositoryId,
      ...layer,
      via: 'upload',
      leaseUntil: '2026-01-02T00:00:00.000Z',
    });
    yield* published({ repositoryId, package: name, version: sha(`manifest ${at}`) }, layer, at, append);
  }
}

type Appending = (
  stream: string,
  type: string,
  data: JsonObject,
) => { readonly stream: string; readonly events: readonly NewEvent[] };

function* published(
  place: { repositoryId: string; package: string; version: string },
  layer: { canonical: string; size: number },
  at: number,
  append: Appending,
) {
  const { repositoryId, package: name, version } = place;
  const incarnation = randomUUID();
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const tag = `v${at % TAGS_OF_AN_IMAGE}`;
  yield append(`placement-${repositoryId}/${name}@${version}`, 'VersionPublished', {
    ...place,
    incarnation,
    format: 'oci',
    mediaType,
    files: [{ name: 'manifest', digest: version, canonical: version, size: 500, mediaType }],
    references: [
      {
        relation: 'layer',
        digest: layer.canonical,
        ...layer,
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      },
    ],
  });
  yield append(`tag-${repositoryId}/${name}:${tag}`, 'TagAssigned', { ...place, tag, incarnation });
}
