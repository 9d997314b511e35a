/** The gates that a new version and its tags pass. */
import { tag, tagStream } from '../domain/tag/tag.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { type Admission, admit, type Request } from './handle.ts';
import type { Tagging } from './placing.ts';
import { at } from './rights.ts';

/** The gates of a new version, then of each of its tags. */
export async function admitPublication(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { artifact, tags }: { artifact: Artifact & { readonly version: string }; tags: readonly string[] },
): Promise<{ push: Admission; tags: readonly Tagging[] }> {
  // Read before evidence is on its way to the disk: a read waits for what is being written
  const named = await Promise.all(
    [...new Set(tags)].map(name => tagNow(core, repository, { package: artifact.package, tag: name })),
  );
  const target = `${artifact.package}@${artifact.version}`;
  const push = await admit(core, {
    ...{ caller, action: 'push', at: at(repository), facts: { artifact }, target },
  });
  const admitted: Tagging[] = [];
  for (const tagged of named)
    admitted.push({
      name: tagged.name,
      admission: await admitNamed(core, caller, repository, { artifact, tagged }),
    });
  return { push, tags: admitted };
}

type Artifact = JsonObject & { readonly package: string };

/** What policies see of a tag. */
interface TagNow extends JsonObject {
  readonly name: string;
  readonly previousDigest?: string;
}

async function tagNow(
  core: Core,
  { repositoryId }: RepositoryInfo,
  name: { package: string; tag: string },
): Promise<TagNow> {
  const state = await core.streams.load(tag, tagStream({ repositoryId, ...name }));
  const { assigned, version } = state;
  return { name: name.tag, ...(assigned && version ? { previousDigest: version } : {}) };
}

export async function admitTag(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { artifact, name, override }: { artifact: Artifact; name: string; override?: Request['override'] },
): Promise<Admission> {
  const tagged = await tagNow(core, repository, { package: artifact.package, tag: name });
  return admitNamed(core, caller, repository, { artifact, tagged, override });
}

function admitNamed(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { artifact, tagged, override }: { artifact: Artifact; tagged: TagNow; override?: Request['override'] },
): Promise<Admission> {
  const facts = { artifact, tag: tagged };
  const target = `${artifact.package}:${tagged.name}`;
  return admit(core, { caller, action: 'tag', at: at(repository), facts, target, override });
}
