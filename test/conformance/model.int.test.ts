/** Random commands through the API, against a model of what must be pullable. */
import { randomBytes, randomInt } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { type Actor, adminAt, jsonOf, person } from './client.ts';
import type { Place } from './fixture.ts';
import { type At, type Expected, Model, PACKAGES, REPOSITORIES, type Step, TAGS } from './model.ts';
import { base, image, type Manifest, pushBlob, putManifest } from './oci-images.ts';

const STEPS = 150;
const RUNS = 3;
const seed = Number(process.env.STRONGROOM_TEST_SEED ?? randomInt(2 ** 31));

let registry: TestRegistry;
let admin: Actor;
let viewer: Actor;

beforeAll(async () => {
  registry = await startRegistry();
  admin = await adminAt(registry);
  await registry.api('POST', '/projects', { name: 'model' });
  viewer = await person(registry, 'viewer', [{ role: 'viewer', project: 'model' }]);
});
afterAll(() => registry?.stop());

const at = {
  repository: fc.constantFrom(...REPOSITORIES),
  package: fc.constantFrom(...PACKAGES),
  image: fc.constantFrom(0, 1, 2),
};
const tag = fc.constantFrom(...TAGS);
const maybe = fc.option(tag, { nil: undefined });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), ...at, tag: maybe }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tag' as const), ...at, tag }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('untag' as const), ...at, tag }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('delete' as const, 'restore' as const), ...at }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('hold' as const), ...at, everywhere: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), number: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('promote' as const), ...at, tag: maybe }) },
);

/** The real thing: two repositories of their own for each run, with the blobs of all images in both. */
interface World {
  readonly places: readonly Place[];
  readonly images: readonly Manifest[];
}

async function makeWorld(): Promise<World> {
  const images = [image(), image(), image()];
  const places = REPOSITORIES.map(() => ({
    project: 'model',
    repository: `r${randomBytes(5).toString('hex')}`,
  }));
  for (const place of places) {
    await registry.api('POST', '/projects/model/repositories', { name: place.repository, format: 'oci' });
    for (const part of images.flatMap(({ blobs }) => blobs))
      expect((await pushBlob(admin, place, 'parts', part)).status).toBe(201);
  }
  return { places, images };
}

const STATUS: Readonly<Record<number, Expected>> = { 403: 'held', 404: 'unknown' };
const told = (status: number): Expected | number => (status < 300 ? 'ok' : (STATUS[status] ?? status));

/** Does the step for real. */
async function perform(
  { places, images }: World,
  model: Model,
  step: Step,
): Promise<{ status: number; id?: string }> {
  if (step.kind === 'release') {
    const hold = model.holds[step.number % Math.max(1, model.holds.length)];
    const about = hold ? versionOf({ places, images }, hold) : {};
    return admin.api('POST', `/holds/${hold?.id ?? 'none'}/release`, about);
  }
  const place = places[step.repository]!;
  const version = versionOf({ places, images }, step);
  switch (step.kind) {
    case 'push': {
      const manifest = images[step.image]!;
      const reference = step.tag ?? manifest.digest;
      return putManifest(admin, { place, name: step.package, reference }, manifest);
    }
    case 'tag':
      return admin.api('POST', '/artifact/tag', { ...version, newTag: step.tag });
    case 'untag':
      return admin.ask('DELETE', `${base(place, step.package)}/manifests/${step.tag}`);
    case 'delete':
    case 'restore':
      return admin.api('POST', `/artifact/${step.kind}`, version);
    case 'hold': {
      const answer = await admin.api('POST', '/holds', {
        ...version,
        reason: 'by chance',
        everywhere: step.everywhere,
      });
      return answer.status === 201 ? { status: 201, id: jsonOf<{ id: string }>(answer).id } : answer;
    }
    case 'promote':
      return admin.api('POST', '/promotions', {
        from: version,
        to: places[1 - step.repository],
        tag: step.tag,
      });
  }
}

const versionOf = ({ places, images }: World, { repository, package: name, image }: At) => ({
  ...places[repository]!,
  package: name,
  version: images[image]!.digest,
});

/** Compares everything that a viewer can pull, with its bytes, and every tag list. */
async function compare({ places, images }: World, model: Model): Promise<void> {
  const differences: string[] = [];
  const check = async (path: string, expected: Expected, bytes: Buffer | undefined) => {
    const answer = await viewer.ask('GET', path);
    if (told(answer.status) !== expected) differences.push(`${path}: ${answer.status}, not ${expected}`);
    else if (expected === 'ok' && bytes && !answer.body.equals(bytes))
      differences.push(`${path}: other bytes`);
  };
  const work = REPOSITORIES.flatMap(repository => {
    const place = places[repository]!;
    const packages = PACKAGES.flatMap(name => {
      const path = base(place, name);
      return [
        ...images.map(({ digest, bytes }, number) =>
          check(
            `${path}/manifests/${digest}`,
            model.pull({ repository, package: name, image: number }),
            bytes,
          ),
        ),
        ...TAGS.map(each => {
          const { expected, image } = model.pullTag({ repository, package: name }, each);
          return check(
            `${path}/manifests/${each}`,
            expected,
            image === undefined ? undefined : images[image]?.bytes,
          );
        }),
        compareTags(path, model.tags({ repository, package: name }), differences),
      ];
    });
    const blobs = images.map(({ blobs }, number) =>
      check(
        `${base(place, 'a')}/blobs/${blobs[1]?.digest}`,
        model.pullBlob(repository, number),
        blobs[1]?.bytes,
      ),
    );
    return [...packages, ...blobs];
  });
  await Promise.all(work);
  expect(differences).toEqual([]);
}

async function compareTags(
  path: string,
  expected: readonly string[] | undefined,
  differences: string[],
): Promise<void> {
  const answer = await viewer.ask('GET', `${path}/tags/list`);
  const tags = answer.status === 200 ? jsonOf<{ tags: string[] }>(answer).tags : undefined;
  if (JSON.stringify(tags) !== JSON.stringify(expected))
    differences.push(`${path} lists ${tags}, not ${expected}`);
}

it(`${STEPS} random commands leave pullable what must be, and nothing else (seed ${seed})`, async () => {
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async steps => {
    const [world, model] = [await makeWorld(), new Model()];
    for (const [number, step] of steps.entries()) {
      const trace = () => `after ${JSON.stringify(steps.slice(0, number + 1))}`;
      const { status, id } = await perform(world, model, step);
      const expected = model.apply(step, id);
      expect(told(status), trace()).toBe(expected);
      seen.set(`${step.kind} ${expected}`, (seen.get(`${step.kind} ${expected}`) ?? 0) + 1);
      await compare(world, model).catch(error => {
        throw new Error(`${error.message}\n${trace()}`);
      });
    }
  });
  await fc.assert(property, { seed, numRuns: RUNS, endOnFailure: true });
  // the sequences went where it matters
  for (const outcome of [
    'push ok',
    'tag ok',
    'delete ok',
    'restore ok',
    'hold ok',
    'release ok',
    'promote ok',
    'promote held',
  ])
    expect(seen.get(outcome), outcome).toBeGreaterThan(0);
}, 300_000);
