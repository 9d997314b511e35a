/** Gradle itself publishes: releases, snapshots, what is there already; by both of its plugins. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operation } from '../support/compatibility.ts';
import { type JavaHome, openJavaHome, type Ran, versionOf } from '../support/maven.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, service } from '../support/services.ts';

/**
 * Debian's Gradle uploads through Maven's resolver and leaves the resolver's transport out of its own list of jars ("No
 * transporter factories registered"); the transport comes with Maven.
 */
const TRANSPORT = '/usr/share/java/maven-resolver-transport-wagon.jar';

/** For `maven-publish`, which has no setting for it. */
const ADD_TRANSPORT = `allprojects { plugins.withId('maven-publish') {
  def loader = Class.forName('org.gradle.api.publication.maven.internal.action.MavenDeployAction').classLoader
  def add = URLClassLoader.getDeclaredMethod('addURL', URL)
  add.accessible = true
  add.invoke(loader, new File('${TRANSPORT}').toURI().toURL())
} }
`;

let registry: TestRegistry;
let home: JavaHome;
let version: string;
const REPOSITORY = '/maven/main/maven';

/** A library of one class, built by Gradle. */
const project = (artifact: string, build: string, says = 'hello') =>
  home.project(artifact, {
    'settings.gradle': `rootProject.name = '${artifact}'\n`,
    'build.gradle': `apply plugin: 'java'\ngroup = 'com.acme'\n${build}`,
    'src/main/java/com/acme/Lib.java': `package com.acme; public class Lib { String says = "${says}"; }\n`,
    'add-transport.gradle': ADD_TRANSPORT,
  });

const publication = (of: string) => `apply plugin: 'maven-publish'
version = '${of}'
task sourcesJar(type: Jar) { classifier = 'sources'; from sourceSets.main.allJava }
publishing {
  publications { library(MavenPublication) { from components.java; artifact sourcesJar } }
  repositories { maven { url '${registry.url}${REPOSITORY}/'
    credentials { username 'admin'; password '${registry.adminPassword}' } } }
}
`;

const OPEN = 'org.gradle.jvmargs=--add-opens java.base/java.net=ALL-UNNAMED';
const gradle = (cwd: string, ...args: readonly string[]): Promise<Ran> =>
  home.run('gradle', ['--no-daemon', '--console=plain', `-D${OPEN}`, ...args], cwd);
const publish = (cwd: string) => gradle(cwd, '-I', 'add-transport.gradle', 'publish');

async function served(path: string): Promise<{ status: number; text: string }> {
  const login = Buffer.from(`admin:${registry.adminPassword}`).toString('base64');
  const headers = { authorization: `Basic ${login}` };
  const response = await fetch(`${registry.url}${REPOSITORY}/com/acme/${path}`, { headers });
  return { status: response.status, text: await response.text() };
}

const proved = (what: string) => ({ format: 'maven', operation: what, client: 'gradle', version });

describeWith(['gradle'], 'gradle publishes', () => {
  beforeAll(async () => {
    expect(existsSync(TRANSPORT), `${TRANSPORT} comes with Maven`).toBe(true);
    registry = await startRegistry();
    home = openJavaHome({
      url: `${registry.url}${REPOSITORY}/`,
      user: 'admin',
      password: registry.adminPassword,
    });
    version = service('gradle').available ? versionOf('gradle') : '';
  });
  afterAll(async () => {
    home?.close();
    await registry?.stop();
  });

  test('maven-publish: a release with sources; other bytes under its version are refused', async ({
    task,
  }) => {
    const folder = project('glib', publication('1.0'));
    const first = await publish(folder);
    expect(first.code, first.output).toBe(0);
    expect((await served('glib/maven-metadata.xml')).text).toContain('<release>1.0</release>');
    for (const file of ['glib-1.0.jar', 'glib-1.0.pom', 'glib-1.0-sources.jar', 'glib-1.0.jar.sha512'])
      expect([file, (await served(`glib/1.0/${file}`)).status]).toEqual([file, 200]);
    project('glib', publication('1.0'), 'something else');
    const again = await publish(folder);
    expect(again.code).not.toBe(0);
    expect(again.output).toMatch(/409 from server: This version exists already with other content/);
    operation(task, proved('publish a release (maven-publish)'), proved('duplicate release refused (409)'));
  });

  test('maven-publish: snapshots, each a build of its own', async ({ task }) => {
    const folder = project('gsnap', publication('2.0-SNAPSHOT'));
    for (const says of ['first', 'second']) {
      project('gsnap', publication('2.0-SNAPSHOT'), says);
      const ran = await publish(folder);
      expect(ran.code, ran.output).toBe(0);
    }
    const { text } = await served('gsnap/2.0-SNAPSHOT/maven-metadata.xml');
    expect(text).toContain('<buildNumber>2</buildNumber>');
    const value = /<extension>jar<\/extension>\s*<value>([^<]+)/.exec(text)?.[1] ?? '';
    expect((await served(`gsnap/2.0-SNAPSHOT/gsnap-${value}.jar`)).status).toBe(200);
    operation(task, proved('publish snapshots (maven-publish)'));
  });

  test('uploadArchives of the older maven plugin', async ({ task }) => {
    const login = `userName: 'admin', password: '${registry.adminPassword}'`;
    const folder = project(
      'gold',
      `apply plugin: 'maven'
version = '1.0'
configurations { deployerJars }
dependencies { deployerJars files('${TRANSPORT}') }
uploadArchives { repositories { mavenDeployer { configuration = configurations.deployerJars
  repository(url: '${registry.url}${REPOSITORY}/') { authentication(${login}) } } } }
`,
    );
    const ran = await gradle(folder, 'uploadArchives');
    expect(ran.code, ran.output).toBe(0);
    expect((await served('gold/maven-metadata.xml')).text).toContain('<release>1.0</release>');
    operation(task, proved('publish a release (uploadArchives)'));
  });
});
