/** mvn and Gradle against the real server: what a Java team does every day, and what a hold looks like to it. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operation } from '../support/compatibility.ts';
import { publishAsGradle } from '../support/gradle-publish.ts';
import {
  dependencyXml,
  type JavaHome,
  openJavaHome,
  pomXml,
  type Ran,
  reachesPlugins,
  versionOf,
} from '../support/maven.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, service } from '../support/services.ts';

let registry: TestRegistry;
let home: JavaHome;
let url: string;

beforeAll(async () => {
  registry = await startRegistry();
  url = `${registry.url}/pkg/main/maven/maven`;
  // as `strongroom setup` writes it, with a slash at the end
  home = openJavaHome({ url: `${url}/`, user: 'admin', password: registry.adminPassword });
});
afterAll(async () => {
  home?.close();
  await registry?.stop();
});

function ok(ran: Ran): string {
  expect(ran.code, `${ran.output}\n${registry.output()}`).toBe(0);
  return ran.output;
}

const authorization = () => `Basic ${Buffer.from(`admin:${registry.adminPassword}`).toString('base64')}`;

/** The server's own word on what it holds, past all clients. */
async function served(path: string): Promise<string> {
  const response = await fetch(`${url}/${path}`, { headers: { authorization: authorization() } });
  return response.ok ? response.text() : `${response.status}`;
}

const hold = (name: string, version: string, reason: string) =>
  registry.api<{ id: string }>('POST', '/holds', {
    ...{ project: 'main', repository: 'maven', package: name, version, reason, everywhere: false },
  });

const mvn = service('mvn').available ? versionOf('mvn') : '';
const proved = (what: string) => ({ format: 'maven', operation: what, client: 'mvn', version: mvn });

/** Without its plugins Maven cannot even deploy. */
const reached = service('mvn').available && reachesPlugins();
const describeMaven = (name: string, fn: () => void) =>
  reached || !service('mvn').available
    ? describeWith(['mvn'], name, fn)
    : describe.skip(`${name} [without a repository of Maven plugins]`, fn);

const javaOf = (name: string, says: string) =>
  `package com.acme; public class ${name} { public static String says() { return "${says}"; } }\n`;

/** A library of one class, deployed by a whole build. */
function library(artifact: string, version: string, { says = version, rest = '' } = {}): string {
  return home.project(`${artifact}-${version}`, {
    'pom.xml': pomXml(artifact, version, { rest, deployTo: url }),
    'src/main/java/com/acme/Lib.java': javaOf('Lib', says),
  });
}

const QUIET = ['-q', '-Dmaven.test.skip=true'];
const deploy = (folder: string, more: readonly string[] = []) =>
  home.mvn([...QUIET, ...more, 'deploy'], { cwd: folder });

/** A build that uses the library, and copies what it was given to `target/dependency`. */
function consumer(name: string, dependency: string): string {
  return home.project(name, {
    'pom.xml': pomXml(name, '1', { rest: `<dependencies>${dependency}</dependencies>` }),
    'src/main/java/com/acme/App.java':
      'package com.acme; public class App { public static void main(String[] a) { System.out.println(Lib.says()); } }\n',
  });
}

const build = (folder: string) =>
  home.mvn([...QUIET, '-U', 'compile', 'dependency:copy-dependencies'], { cwd: folder });
const given = (folder: string) => readdirSync(join(folder, 'target/dependency')).sort();

const versionsIn = (metadata: string) =>
  [...metadata.matchAll(/<version>([^<]+)<\/version>/g)].map(([, version]) => version);

describeMaven('mvn', () => {
  test('deploys releases with sources, and a build resolves a range of them', async ({ task }) => {
    const sources = `<build><plugins><plugin><artifactId>maven-source-plugin</artifactId><version>3.2.1</version>
      <executions><execution><goals><goal>jar-no-fork</goal></goals></execution></executions></plugin></plugins></build>`;
    for (const version of ['1.0', '1.1']) ok(await deploy(library('lib', version, { rest: sources })));
    const metadata = await served('com/acme/lib/maven-metadata.xml');
    expect(versionsIn(metadata)).toEqual(['1.0', '1.1']);
    expect(metadata).toContain('<release>1.1</release>');
    for (const file of ['lib-1.1.jar', 'lib-1.1.pom', 'lib-1.1-sources.jar'])
      expect((await served(`com/acme/lib/1.1/${file}.sha256`)).length, file).toBe(64);
    home.forget('com.acme');
    const app = consumer('ranged', dependencyXml('com.acme|lib|[1.0,2.0)'));
    ok(await build(app));
    expect(given(app)).toEqual(['lib-1.1.jar']);
    operation(task, proved('deploy a release'), proved('classifiers'), proved('resolve a version range'));
  });

  test('a held version: ranges choose the safe one, and who names it is told why', async ({ task }) => {
    for (const version of ['1.0', '1.1']) ok(await deploy(library('risky', version)));
    home.forget('com.acme');
    const { id } = await hold('com.acme:risky', '1.1', 'backdoor in 1.1, use 1.0');
    const app = consumer('careful', dependencyXml('com.acme|risky|[1.0,2.0)'));
    ok(await build(app));
    expect(given(app)).toEqual(['risky-1.0.jar']);
    const direct = await home.mvn(['-U', 'dependency:get', '-Dartifact=com.acme:risky:1.1']);
    expect(direct.code).not.toBe(0);
    expect(direct.output).toMatch(/403.*backdoor in 1\.1, use 1\.0/);
    await registry.api('POST', `/holds/${id}/release`, {});
    home.forget('com.acme');
    ok(await home.mvn(['-q', '-U', 'dependency:get', '-Dartifact=com.acme:risky:1.1']));
    operation(task, proved('ranges avoid what is held'), proved('refused download shows its reason'));
  });

  test('deploys snapshots: builds over time, the newest wins, a held one gives way', async ({ task }) => {
    const folder = library('snap', '2.0-SNAPSHOT', { says: 'first' });
    ok(await deploy(folder));
    writeFileSync(join(folder, 'src/main/java/com/acme/Lib.java'), javaOf('Lib', 'second'));
    ok(await deploy(folder));
    const path = 'com/acme/snap/2.0-SNAPSHOT';
    const metadata = await served(`${path}/maven-metadata.xml`);
    expect(metadata).toContain('<buildNumber>2</buildNumber>');
    const value = /<extension>jar<\/extension>\s*<value>([^<]+)/.exec(metadata)?.[1] ?? '';
    expect(value).toMatch(/^2\.0-\d{8}\.\d{6}-2$/);
    home.forget('com.acme');
    const app = consumer('daily', dependencyXml('com.acme|snap|2.0-SNAPSHOT'));
    ok(await build(app));
    expect(ok(await home.run('java', ['-cp', classpath(app), 'com.acme.App']))).toContain('second');
    const about = { project: 'main', repository: 'maven', package: 'com.acme:snap', version: '2.0-SNAPSHOT' };
    const reason = 'bad build';
    await registry.api('POST', '/holds', { ...about, file: `snap-${value}.jar`, reason, everywhere: false });
    expect(await served(`${path}/maven-metadata.xml`)).toContain('<buildNumber>1</buildNumber>');
    home.forget('com.acme');
    ok(await build(app));
    expect(ok(await home.run('java', ['-cp', classpath(app), 'com.acme.App']))).toContain('first');
    operation(task, proved('deploy snapshots'), proved('resolve the newest snapshot'));
  });

  test('deploy:deploy-file of any file, with a classifier and a signature; the same again, and other bytes', async ({
    task,
  }) => {
    const folder = home.project('files', {
      'tool.zip': 'not really a zip',
      'tool-docs.tar.gz': 'docs',
      'tool.zip.asc': 'a signature',
    });
    const args = [
      '-q',
      ...['deploy:deploy-file', `-Durl=${url}`, '-DrepositoryId=ours', '-Dfile=tool.zip', '-Dpackaging=zip'],
      ...['-DgroupId=com.acme', '-DartifactId=tool', '-Dversion=1.0'],
      ...['-Dfiles=tool-docs.tar.gz,tool.zip.asc', '-Dclassifiers=docs,', '-Dtypes=tar.gz,zip.asc'],
    ];
    ok(await home.mvn(args, { cwd: folder }));
    expect(await served('com/acme/tool/1.0/tool-1.0-docs.tar.gz')).toBe('docs');
    expect(await served('com/acme/tool/1.0/tool-1.0.zip.asc')).toBe('a signature');
    ok(await home.mvn(args.slice(0, -3), { cwd: folder }));
    writeFileSync(join(folder, 'tool.zip'), 'other bytes');
    const again = await home.mvn(args.slice(0, -3), { cwd: folder });
    expect(again.code).not.toBe(0);
    expect(again.output).toMatch(/409.*already exists/);
    home.forget('com.acme');
    ok(await home.mvn(['-q', 'dependency:get', '-Dartifact=com.acme:tool:1.0:tar.gz:docs']));
    const held = { project: 'main', repository: 'maven', package: 'com.acme:tool', version: '1.0' };
    await registry.api('POST', '/holds', { ...held, file: 'tool-1.0.zip', reason: 'x', everywhere: false });
    expect(await served('com/acme/tool/1.0/tool-1.0.zip.asc')).toBe('403');
    operation(
      task,
      proved('deploy:deploy-file'),
      proved('signatures (.asc)'),
      proved('dependency:get'),
      proved('duplicate release refused (409)'),
    );
  });

  test('a plugin is found by its prefix', async ({ task }) => {
    const rest = `<dependencies>
      <dependency><groupId>org.apache.maven</groupId><artifactId>maven-plugin-api</artifactId><version>3.8.7</version><scope>provided</scope></dependency>
      <dependency><groupId>org.apache.maven.plugin-tools</groupId><artifactId>maven-plugin-annotations</artifactId><version>3.6.4</version><scope>provided</scope></dependency>
    </dependencies>`;
    // its prefix is said by a parent pom: only the jar of the plugin has it
    const says = `<build><pluginManagement><plugins><plugin><artifactId>maven-plugin-plugin</artifactId><version>3.6.4</version>
      <configuration><goalPrefix>greet</goalPrefix></configuration></plugin></plugins></pluginManagement></build>`;
    const at = { group: 'com.acme.tools', deployTo: url };
    const parent = { 'pom.xml': pomXml('tools-parent', '1', { ...at, packaging: 'pom', rest: says }) };
    ok(await deploy(home.project('tools-parent', parent)));
    const inherited = `<parent><groupId>com.acme.tools</groupId><artifactId>tools-parent</artifactId><version>1</version>
      <relativePath/></parent>`;
    const folder = home.project('plugin', {
      'pom.xml': pomXml('acme-maven-plugin', '1.0', {
        ...{ ...at, packaging: 'maven-plugin', rest: `${inherited}${rest}` },
      }),
      'src/main/java/com/acme/tools/Hello.java': `package com.acme.tools;
@org.apache.maven.plugins.annotations.Mojo(name = "hello", requiresProject = false)
public class Hello extends org.apache.maven.plugin.AbstractMojo {
  public void execute() { getLog().info("greetings from the strongroom"); }
}
`,
    });
    ok(await deploy(folder));
    expect(await served('com/acme/tools/maven-metadata.xml')).toContain('<prefix>greet</prefix>');
    home.forget('com.acme');
    expect(ok(await home.mvn(['greet:hello']))).toContain('greetings from the strongroom');
    operation(task, proved('plugins by prefix'), proved('a plugin whose prefix its parent pom says'));
  });

  test('a pom of other coordinates than its address is refused, with the reason', async ({ task }) => {
    const folder = home.project('contradiction', {
      'lib.jar': 'bytes',
      'other.pom': pomXml('other', '1.0'),
    });
    const args = ['-q', 'deploy:deploy-file', `-Durl=${url}`, '-DrepositoryId=ours', '-Dfile=lib.jar'];
    const as = ['-DpomFile=other.pom', '-DgroupId=com.acme', '-DartifactId=mine', '-Dversion=1.0'];
    const ran = await home.mvn([...args, ...as], { cwd: folder });
    expect(ran.code).not.toBe(0);
    expect(ran.output).toMatch(/400.*pom is of com\.acme:other:1\.0, and its address/);
    expect(await served('com/acme/mine/1.0/mine-1.0.pom')).toBe('404');
    operation(task, proved('a pom of other coordinates than its address is refused (400)'));
  });

  test('deletes: what is gone is resolved no more, and metadata follows', async ({ task }) => {
    for (const version of ['1.0', '1.1']) ok(await deploy(library('gone', version)));
    const remove = (path: string) =>
      fetch(`${url}/com/acme/gone/${path}`, {
        method: 'DELETE',
        headers: { authorization: authorization() },
      });
    expect((await remove('1.1/')).status).toBe(204);
    expect(versionsIn(await served('com/acme/gone/maven-metadata.xml'))).toEqual(['1.0']);
    home.forget('com.acme');
    const direct = await home.mvn(['-U', 'dependency:get', '-Dartifact=com.acme:gone:1.1']);
    expect(direct.output).toMatch(/1\) com\.acme:gone:jar:1\.1/);
    expect((await remove('1.0/')).status).toBe(204);
    expect(await served('com/acme/gone/maven-metadata.xml')).toBe('404');
    operation(task, { ...proved('delete versions and files'), client: 'HTTP', version: '1.1' });
  });

  test('nobody without the right password gets anything', async () => {
    ok(await deploy(library('private', '1.0')));
    home.forget('com.acme');
    const as = { user: 'admin', password: 'wrong' };
    const ran = await home.mvn(['dependency:get', '-Dartifact=com.acme:private:1.0'], { as });
    expect(ran.code).not.toBe(0);
    expect(ran.output).toMatch(/com\.acme:private.*(?:401|Not authorized)/i);
  });
});

const classpath = (app: string) =>
  [join(app, 'target/classes'), ...given(app).map(file => join(app, 'target/dependency', file))].join(':');

const GUAVA = '33.0.0-jre';

describeMaven('a real library', () => {
  test('guava, with its parent and sources, is deployed here and built with from here', async ({ task }) => {
    const fetched = await Promise.resolve()
      .then(() => home.mvn(['-q', 'dependency:get', `-Dartifact=com.google.guava:guava:${GUAVA}`]))
      .then(async first => {
        ok(first);
        return home.mvn([
          '-q',
          'dependency:get',
          '-Dtransitive=false',
          `-Dartifact=com.google.guava:guava:${GUAVA}:jar:sources`,
        ]);
      });
    ok(fetched);
    const at = (artifact: string, version: string, file: string) =>
      join(home.local, 'com/google/guava', artifact, version, `${artifact}-${version}${file}`);
    // a local repository is not deployed from
    const copy = home.project('guava', {
      'guava.jar': readFileSync(at('guava', GUAVA, '.jar')),
      'guava.pom': readFileSync(at('guava', GUAVA, '.pom')),
      'sources.jar': readFileSync(at('guava', GUAVA, '-sources.jar')),
      'parent.pom': readFileSync(at('guava-parent', GUAVA, '.pom')),
    });
    const to = ['-q', 'deploy:deploy-file', `-Durl=${url}`, '-DrepositoryId=ours'];
    ok(await home.mvn([...to, '-Dfile=parent.pom', '-DpomFile=parent.pom'], { cwd: copy }));
    ok(
      await home.mvn(
        [...to, '-Dfile=guava.jar', '-DpomFile=guava.pom', '-Dpackaging=jar', '-Dsources=sources.jar'],
        {
          cwd: copy,
        },
      ),
    );
    home.forget('com.google.guava');
    const app = home.project('with-guava', {
      'pom.xml': pomXml('with-guava', '1', {
        rest: `<dependencies>${dependencyXml(`com.google.guava|guava|${GUAVA}`, true)}</dependencies>`,
      }),
      'src/main/java/com/acme/App.java': `package com.acme; public class App { public static void main(String[] a) {
        System.out.println(com.google.common.base.Joiner.on("+").join(1, 2)); } }\n`,
    });
    ok(await build(app));
    expect(ok(await home.run('java', ['-cp', classpath(app), 'com.acme.App']))).toContain('1+2');
    // Maven notes where each file came from
    for (const artifact of ['guava', 'guava-parent']) {
      const folder = join(home.local, 'com/google/guava', artifact, GUAVA);
      const origins = readFileSync(join(folder, '_remote.repositories'), 'utf8').match(/>\w*=/g);
      expect(new Set(origins)).toEqual(new Set(['>ours=']));
    }
    const said = await registry.api<{ summary: string }>(
      'GET',
      `/artifact/description?project=main&repository=maven&package=com.google.guava:guava&version=${GUAVA}`,
    );
    expect(said.summary).toMatch(/Guava is a suite of core and expanded libraries/);
    operation(task, proved('a large library from the public repository (guava)'));
  });
});

const NEWER = '3.9.11';

describeMaven('a newer Maven, taken from the public repository', () => {
  const mavenHome = () => join(home.path, 'newer', `apache-maven-${NEWER}`);
  const newer = (args: readonly string[], cwd = home.path) =>
    home.run(
      join(mavenHome(), 'bin/mvn'),
      ['-B', '-s', join(home.path, 'settings.xml'), `-Dmaven.repo.local=${home.local}`, ...args],
      cwd,
    );

  test('deploys in parallel, resolves, and prints the problem that it is told', async ({ task }) => {
    const artifact = `org.apache.maven:apache-maven:${NEWER}:zip:bin`;
    const to = `-DoutputDirectory=${join(home.path, 'newer')}`;
    const unpack = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack';
    ok(await home.mvn(['-q', unpack, `-Dartifact=${artifact}`, to]));
    chmodSync(join(mavenHome(), 'bin/mvn'), 0o755);
    const version = versionOf(join(mavenHome(), 'bin/mvn'));
    for (const release of ['1.0', '1.1']) ok(await newer([...QUIET, 'deploy'], library('newer', release)));
    ok(await newer([...QUIET, 'deploy'], library('newer', '2.0-SNAPSHOT')));
    expect(versionsIn(await served('com/acme/newer/maven-metadata.xml'))).toEqual([
      '1.0',
      '1.1',
      '2.0-SNAPSHOT',
    ]);
    home.forget('com.acme');
    const reason = `withdrawn by its authors: ${'long story, '.repeat(12)}ask security`;
    await hold('com.acme:newer', '1.1', reason);
    const app = consumer('with-newer', dependencyXml('com.acme|newer|[1.0,1.9]'));
    ok(await newer([...QUIET, '-U', 'compile', 'dependency:copy-dependencies'], app));
    expect(given(app)).toEqual(['newer-1.0.jar']);
    const direct = await newer(['-U', 'dependency:get', '-Dartifact=com.acme:newer:1.1']);
    expect(direct.code).not.toBe(0);
    // a reason phrase would have been cut off before its end
    expect(direct.output).toMatch(/withdrawn by its authors.*ask security/);
    operation(
      task,
      ...['deploy', 'resolve a version range', 'refused download shows its reason'].map(what => ({
        ...proved(what),
        version,
      })),
    );
  });
});

const GRADLE_BUILD = (name: string) => `rootProject.name = '${name}'\n`;
/** The shorter address. */
const gradleRepository = () => `maven { url '${registry.url}/maven/main/maven/'
  credentials { username 'admin'; password '${registry.adminPassword}' } }`;

describeWith(['gradle'], 'gradle', () => {
  const gradle = (args: readonly string[], cwd: string) =>
    home.run('gradle', ['--no-daemon', '--console=plain', ...args], cwd);

  test('resolves dynamic versions and snapshots that it published (replayed); what is held gives way, and is refused', async ({
    task,
  }) => {
    const version = versionOf('gradle');
    for (const number of ['1.0', '1.1', '2.0-SNAPSHOT', '2.0-SNAPSHOT']) {
      const what = { group: 'com.acme', artifact: 'glib', version: number, jar: `content of ${number}` };
      const statuses = await publishAsGradle({ url, authorization: authorization(), ...what });
      expect(statuses.filter(([, status]) => status >= 300)).toEqual([]);
    }
    const snapshot = await served('com/acme/glib/2.0-SNAPSHOT/maven-metadata.xml');
    expect(snapshot).toContain('<buildNumber>2</buildNumber>');
    expect(versionsIn(await served('com/acme/glib/maven-metadata.xml'))).toEqual([
      '1.0',
      '1.1',
      '2.0-SNAPSHOT',
    ]);
    const resolve = async (wanted: string) => {
      const folder = home.project(`gradle-app-${wanted}`, {
        'settings.gradle': GRADLE_BUILD('app'),
        'build.gradle': `configurations { lib }
repositories { ${gradleRepository()} }
dependencies { lib 'com.acme:glib:${wanted}' }
configurations.lib.resolutionStrategy.cacheDynamicVersionsFor 0, 'seconds'
configurations.lib.resolutionStrategy.cacheChangingModulesFor 0, 'seconds'
task show { doLast { configurations.lib.files.each { println 'given ' + it.name } } }
`,
      });
      return gradle(['-q', '--refresh-dependencies', 'show'], folder);
    };
    expect(ok(await resolve('1.+'))).toContain('given glib-1.1.jar');
    expect(ok(await resolve('2.0-SNAPSHOT'))).toMatch(/given glib-2\.0-/);
    await hold('com.acme:glib', '1.1', 'recalled');
    expect(ok(await resolve('1.+'))).toContain('given glib-1.0.jar');
    const direct = await resolve('1.1');
    expect(direct.code).not.toBe(0);
    expect(direct.output).toMatch(/403.*recalled/);
    operation(
      task,
      // what Debian's Gradle publishes is in gradle-publish.e2e.test.ts; what newer ones send is replayed
      { format: 'maven', operation: 'publish', client: 'gradle-requests-replayed', version: '8' },
      ...['resolve a dynamic version', 'resolve a snapshot', 'refused download shows its reason'].map(
        what => ({ format: 'maven', operation: what, client: 'gradle', version }),
      ),
    );
  });
});
