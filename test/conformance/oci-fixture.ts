/** OCI for the shared suite: an image of a config and two layers, pushed blob by blob. */
import { expect } from 'vitest';
import { type Answer, jsonOf } from './client.ts';
import type { ProtocolFixture, PublishedFile } from './fixture.ts';
import { base, IMAGE, image, pushImage } from './oci-images.ts';

const CODES = /^[A-Z_]+$/;

export const ociFixture: ProtocolFixture = {
  republishing: 'moves',
  publicationEvents: [
    'BlobLinked',
    'BlobLinked',
    'BlobLinked',
    'PackageRegistered',
    'VersionPublished',
    'TagAssigned',
  ],
  unknown: [404],
  packageName: plain => `team/${plain}`,

  async publish(actor, place, what) {
    const manifest = image({ seed: what.seed });
    const to = { place, name: what.package, reference: what.label };
    const answer = await pushImage(actor, to, manifest);
    const path = base(place, what.package);
    const files: PublishedFile[] = [
      {
        name: 'manifest by tag',
        path: `${path}/manifests/${what.label}`,
        headers: { accept: IMAGE },
        bytes: manifest.bytes,
      },
      {
        name: 'manifest by digest',
        path: `${path}/manifests/${manifest.digest}`,
        headers: { accept: IMAGE },
        bytes: manifest.bytes,
      },
      ...manifest.blobs.map(({ digest, bytes }) => ({
        name: `blob ${digest}`,
        path: `${path}/blobs/${digest}`,
        bytes,
      })),
    ];
    const version = { place, package: what.package, version: manifest.digest, tag: what.label, files };
    return { answer, version };
  },

  listPath: (place, name) => `${base(place, name)}/tags/list`,
  labels: answer => jsonOf<{ tags: string[] }>(answer).tags,
  resolvePath: (place, name, label) => `${base(place, name)}/manifests/${label}`,
  delete: (actor, { place, package: name, version }) =>
    actor.ask('DELETE', `${base(place, name)}/manifests/${version}`),

  refusal(answer) {
    expect(answer.headers.get('content-type')).toBe('application/json');
    const [error] = jsonOf<{ errors: { code: string; message: string }[] }>(answer).errors;
    expect(error?.code).toMatch(CODES);
    return { status: answer.status, message: error?.message ?? '' };
  },
  isChallenge,
};

function isChallenge(answer: Answer): boolean {
  const challenge = answer.headers.get('www-authenticate') ?? '';
  return answer.status === 401 && /^Bearer realm="http[^"]+\/v2\/token",service="[^"]+"/.test(challenge);
}
