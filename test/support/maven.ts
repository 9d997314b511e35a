/**
 * Maven and Gradle in a home folder of their own: settings, projects, and what they print. Plugins come from whatever
 * repository Maven is configured with on the machine.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Ran {
  readonly code: number;
  /** both streams, without colours */
  readonly output: string;
}

export interface JavaHome {
  readonly path: string;
  /** Maven's local repository */
  readonly local: string;
  /** Files by path below `name`; the folder's path is given back. */
  project(name: string, files: Readonly<Record<string, string | Uint8Array>>): string;
  /** Forgets what was resolved of a group, so that it is asked for again. */
  forget(group: string): void;
  /** Runs a program with this home, in a folder. */
  run(program: string, args: readonly string[], cwd?: string): Promise<Ran>;
  mvn(args: readonly string[], options?: { cwd?: string; as?: Credentials }): Promise<Ran>;
  close(): void;
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}
export interface Settings extends Credentials {
  /** our repository, as clients see it */
  readonly url: string;
}

/** Short runs: what a compiler would win later is lost at the start. */
const QUICK = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';

export function openJavaHome(settings: Settings): JavaHome {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-java-'));
  const local = join(path, 'repository');
  writeFileSync(join(path, 'settings.xml'), settingsXml(settings));
  const env = {
    PATH: process.env.PATH,
    HOME: path,
    MAVEN_OPTS: `-Duser.home=${path} ${QUICK}`,
    GRADLE_OPTS: `-Duser.home=${path} ${QUICK}`,
    GRADLE_USER_HOME: join(path, 'gradle'),
  };
  const run: JavaHome['run'] = (program, args, cwd = path) => execute(program, args, { cwd, env });
  return {
    path,
    local,
    project(name, files) {
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name, file)), { recursive: true });
        writeFileSync(join(path, name, file), content);
      }
      return join(path, name);
    },
    forget: group => rmSync(join(local, ...group.split('.')), { recursive: true, force: true }),
    run,
    mvn(args, { cwd, as } = {}) {
      const file = join(path, as ? 'other-settings.xml' : 'settings.xml');
      if (as) writeFileSync(file, settingsXml({ ...settings, ...as }));
      return run('mvn', ['-B', '-s', file, `-Dmaven.repo.local=${local}`, ...args], cwd);
    },
    close: () => rmSync(path, { recursive: true, force: true }),
  };
}

function execute(
  program: string,
  args: readonly string[],
  where: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Ran> {
  const options = { ...where, timeout: 170_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((done, failed) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      // a text is the reason why it did not even start
      if (typeof error?.code === 'string') return failed(error);
      done({ code: error ? (error.code ?? -1) : 0, output: plain(`${stdout}\n${stderr}`) });
    });
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const plain = (text: string) => text.replaceAll(/\u001b\[[0-9;]*m/g, '');

/** Checksums that do not fit fail a build, instead of being warned of. */
const settingsXml = ({ url, user, password }: Settings) => `<settings>
  <servers><server><id>ours</id><username>${user}</username><password>${password}</password></server></servers>
  <pluginGroups><pluginGroup>com.acme.tools</pluginGroup></pluginGroups>
  <profiles><profile>
    <id>ours</id>
    <repositories><repository>${repositoryXml(url)}</repository></repositories>
    <pluginRepositories><pluginRepository>${repositoryXml(url)}</pluginRepository></pluginRepositories>
  </profile></profiles>
  <activeProfiles><activeProfile>ours</activeProfile></activeProfiles>
</settings>
`;

const repositoryXml = (url: string) => `<id>ours</id><url>${url}</url>
  <releases><updatePolicy>always</updatePolicy><checksumPolicy>fail</checksumPolicy></releases>
  <snapshots><enabled>true</enabled><updatePolicy>always</updatePolicy><checksumPolicy>fail</checksumPolicy></snapshots>`;

/** `3.8.7`, as it prints it. */
export const versionOf = (program: string): string => {
  const printed = plain(
    execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  return /(?:Maven|Gradle) (\d[\w.]*)/.exec(printed)?.[1] ?? 'unknown';
};

/** Whether Maven reaches the repository that it takes its own plugins from; asked once, by running it. */
export function reachesPlugins(): boolean {
  const local = mkdtempSync(join(tmpdir(), 'strongroom-java-'));
  const plugin = 'org.apache.maven.plugins:maven-install-plugin:2.4:help';
  try {
    const options = { stdio: 'ignore', timeout: 60_000, cwd: local } as const;
    execFileSync('mvn', ['-B', '-q', `-Dmaven.repo.local=${local}`, plugin], options);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
}

export interface PomOptions {
  readonly group?: string;
  readonly packaging?: string;
  /** XML between the coordinates and the end */
  readonly rest?: string;
  /** where `mvn deploy` goes */
  readonly deployTo?: string;
}

export function pomXml(artifact: string, version: string, options: PomOptions = {}): string {
  const { group = 'com.acme', packaging = 'jar', rest = '', deployTo } = options;
  const target = `<id>ours</id><url>${deployTo}</url>`;
  const distribution =
    deployTo === undefined
      ? ''
      : `<distributionManagement><repository>${target}</repository>
  <snapshotRepository>${target}</snapshotRepository></distributionManagement>`;
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
  <packaging>${packaging}</packaging>
  <name>${artifact} of Acme</name>
  <description>Things of ${artifact}</description>
  <licenses><license><name>Apache-2.0</name></license></licenses>
  <properties>
    <maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  ${distribution}
  ${rest}
</project>
`;
}

export const dependencyXml = (coordinates: string, exclude = false): string => {
  const [group, artifact, version] = coordinates.split('|');
  const exclusions = exclude
    ? '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
    : '';
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${exclusions}</dependency>`;
};
