/**
 * What Gradle's maven-publish sends, in its order (publish/internal/publisher of Gradle 8): every file followed by its
 * four checksums, then the metadata that it merged from what it was given, with its checksums. Replayed beside what
 * Debian's Gradle 4.4 really publishes: newer ones send module metadata and two more checksums.
 */
import { createHash } from 'node:crypto';

export interface Publishing {
  /** of the repository */
  readonly url: string;
  readonly authorization: string;
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly jar: string;
}

const CHECKSUMS = ['sha1', 'md5', 'sha256', 'sha512'] as const;

/** @returns the statuses of all PUTs, by path below the repository, in order */
export async function publishAsGradle(what: Publishing): Promise<[string, number][]> {
  const { url, authorization, group, artifact, version } = what;
  const statuses: [string, number][] = [];
  const folder = `${group.replaceAll('.', '/')}/${artifact}`;
  const send = async (path: string, body: string) => {
    const response = await fetch(`${url}/${path}`, { method: 'PUT', headers: { authorization }, body });
    await response.arrayBuffer();
    statuses.push([path, response.status]);
  };
  const publish = async (path: string, body: string) => {
    await send(path, body);
    for (const name of CHECKSUMS) await send(`${path}.${name}`, createHash(name).update(body).digest('hex'));
  };
  const metadata = async (path: string) => {
    const known = await fetch(`${url}/${path}/maven-metadata.xml`, { headers: { authorization } });
    return known.ok ? await known.text() : '<metadata/>';
  };
  const base = `${folder}/${version}`;
  const value = version.endsWith('-SNAPSHOT') ? nextBuild(version, await metadata(base)) : version;
  await publish(`${base}/${artifact}-${value}.jar`, what.jar);
  await publish(`${base}/${artifact}-${value}.module`, '{"formatVersion":"1.1"}');
  await publish(`${base}/${artifact}-${value}.pom`, pomOf(what));
  if (value !== version) await publish(`${base}/maven-metadata.xml`, '<metadata>mine</metadata>');
  await metadata(folder);
  await publish(`${folder}/maven-metadata.xml`, '<metadata>what Gradle thinks</metadata>');
  return statuses;
}

function nextBuild(version: string, metadata: string): string {
  const number = Number(/<buildNumber>(\d+)</.exec(metadata)?.[1] ?? 0) + 1;
  const stamp = new Date().toISOString().replaceAll(/\D/g, '');
  return version.replace(/SNAPSHOT$/, `${stamp.slice(0, 8)}.${stamp.slice(8, 14)}-${number}`);
}

const pomOf = ({ group, artifact, version }: Publishing) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <!-- do_not_remove: published-with-gradle-metadata -->
  <modelVersion>4.0.0</modelVersion>
  <groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
</project>
`;
