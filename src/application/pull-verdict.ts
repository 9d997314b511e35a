/** What the policies say to a pull, and how they see the version that is pulled. */
import { isRefusal } from '../domain/errors.ts';
import type { Description } from '../domain/values/description.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { ask, type Verdict } from './gate.ts';
import { at, mayDo } from './rights.ts';

const MINUTE = 60_000;

/**
 * Equal questions within a minute share one answer, and one piece of evidence. While what answers is away, the answer
 * of the minute before goes on for the staleness window.
 */
export async function pullVerdict(
  core: Core,
  asked: { readonly caller: Caller; readonly repository: RepositoryInfo },
  version: VersionRow,
): Promise<Verdict | undefined> {
  const { caller, repository } = asked;
  const { roles } = await mayDo(core, caller, 'pull', at(repository));
  const time = core.now().getTime();
  const minute = Math.floor(time / MINUTE) * MINUTE;
  // changes of policies drop the global group, and with it this mark
  const generation = await core.hot.get('global', 'generation', async () => core.newId());
  const who = `${caller.id} ${caller.authentication} ${roles.join()}`;
  const verdictOf = (start: number, load: () => Promise<Verdict | undefined>) =>
    core.hot.get(
      repository.repositoryId,
      `pull ${generation} ${start} ${version.package}@${version.version} ${who}`,
      load,
    );
  try {
    return await verdictOf(minute, async () => {
      const facts = { artifact: await artifactFacts(core, version) };
      const question = { caller, roles, action: 'pull' as const, at: at(repository), facts };
      const verdict = await ask(core, { ...question, now: new Date(minute) });
      await verdict?.durable;
      return verdict;
    });
  } catch (error) {
    const away = isRefusal(error, 'LOG_UNAVAILABLE', 'STORAGE_UNAVAILABLE');
    if (!away || time - minute >= core.settings.maxStalenessMs) throw error;
    return verdictOf(minute - MINUTE, () => Promise.reject(error));
  }
}

/** A version as policies see it. */
export async function artifactFacts(core: Core, version: VersionRow) {
  const { repositoryId } = version;
  const tags = await core.hot.get(repositoryId, `tags ${version.package} ${version.version}`, () =>
    core.queries.tagsOfVersion(repositoryId, version.package, version.version),
  );
  return {
    package: version.package,
    version: version.version,
    mediaType: version.mediaType,
    ...(version.artifactType ? { artifactType: version.artifactType } : {}),
    ...(version.files[0] ? { digest: version.files[0].canonical } : {}),
    size: version.size,
    files: version.files.map(({ name, canonical, size, mediaType }) => ({
      name,
      digest: canonical,
      size,
      mediaType,
    })),
    tags: tags.map(({ tag }) => tag),
    publishedBy: version.provenance?.publishedBy ?? version.publishedBy,
    publishedAt: version.publishedAt,
    ...(version.purl ? { purl: version.purl } : {}),
    ...descriptionFacts(await describedAs(core, version)),
  };
}

async function describedAs(core: Core, version: VersionRow): Promise<Description | undefined> {
  if (version.metadata === null) return undefined;
  const { repositoryId, package: name } = version;
  const row = await core.hot.get(
    repositoryId,
    `description ${name} ${version.version} ${version.metadata}`,
    () => core.queries.getDescription(repositoryId, name, version.version),
  );
  return row?.description;
}

const MAX_DEPENDENCIES = 1000;

/** What a version says of itself as policies see it: nothing about persons. */
export function descriptionFacts(description: Description | undefined): { metadata?: JsonObject } {
  if (!description) return {};
  const { license, declaredLicense, keywords, homepage, repository, dependencies } = description;
  const metadata = {
    ...(license === undefined ? {} : { license }),
    ...(declaredLicense === undefined ? {} : { declaredLicense }),
    ...(keywords === undefined ? {} : { keywords }),
    ...(homepage === undefined ? {} : { homepage }),
    ...(repository === undefined ? {} : { repository }),
    ...(dependencies === undefined
      ? {}
      : {
          dependencies: dependencies.slice(0, MAX_DEPENDENCIES).map(({ name, kind, requirement }) => ({
            name,
            kind,
            ...(requirement === undefined ? {} : { requirement }),
          })),
        }),
  };
  return { metadata };
}
