import { describe, expect, it } from 'vitest';
import { description } from '../../../src/domain/values/description.ts';
import { readPom } from '../../../src/protocols/maven/pom.ts';

const pom = (inside: string) =>
  Buffer.from(`<project xmlns="http://maven.apache.org/POM/4.0.0">${inside}</project>`);
const read = (inside: string) => readPom(pom(inside)).description;

describe('what a pom says', () => {
  it('is taken out whole, with its properties filled in', () => {
    const said = read(`
      <parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>7</version></parent>
      <artifactId>lib</artifactId><name>\${project.artifactId} of Acme</name>
      <description>Does
        things &amp; more</description>
      <url>https://acme.example/\${project.groupId}</url>
      <properties><dep.version>1.2</dep.version><indirect>\${dep.version}</indirect></properties>
      <licenses><license><name>The Apache License, Version 2.0</name></license></licenses>
      <developers><developer><id>jo</id><email>jo@acme.example</email></developer><developer/></developers>
      <scm><connection>scm:git:https://git.acme.example/lib.git</connection></scm>
      <dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>managed</artifactId><version>3</version></dependency></dependencies></dependencyManagement>
      <dependencies>
        <dependency><groupId>g</groupId><artifactId>a</artifactId><version>\${indirect}</version></dependency>
        <dependency><groupId>\${project.groupId}</groupId><artifactId>b</artifactId><version>\${project.version}</version><scope>test</scope></dependency>
        <dependency><groupId>g</groupId><artifactId>managed</artifactId><optional>true</optional></dependency>
        <dependency><groupId>g</groupId><artifactId>p</artifactId><version>[1,2)</version><scope>provided</scope></dependency>
        <dependency><artifactId>without a group</artifactId></dependency>
      </dependencies>`);
    expect(description.parse(said)).toEqual({
      summary: 'Does things & more',
      license: 'Apache-2.0',
      declaredLicense: 'The Apache License, Version 2.0',
      authors: [{ name: 'jo', email: 'jo@acme.example' }],
      homepage: 'https://acme.example/com.acme',
      repository: 'https://git.acme.example/lib.git',
      dependencies: [
        { name: 'g:a', kind: 'runtime', requirement: '1.2' },
        { name: 'com.acme:b', kind: 'development', requirement: '7' },
        { name: 'g:managed', kind: 'optional', requirement: '3' },
        { name: 'g:p', kind: 'peer', requirement: '[1,2)' },
      ],
      native: { packaging: 'jar', name: 'lib of Acme' },
    });
  });

  it('offers its licences as a choice, and repeats what is no SPDX expression', () => {
    const licences = (...names: string[]) =>
      read(`<licenses>${names.map(name => `<license><name>${name}</name></license>`).join('')}</licenses>`);
    expect(licences('MIT', 'Apache-2.0')).toMatchObject({ license: 'MIT OR Apache-2.0' });
    expect(licences('MIT AND ISC', 'Apache-2.0')).toMatchObject({ license: '(MIT AND ISC) OR Apache-2.0' });
    const house = licences('MIT', 'Acme House Licence');
    expect(house).toMatchObject({ declaredLicense: 'MIT OR Acme House Licence' });
    expect(house.license).toBeUndefined();
  });

  it('says what a plugin is called, and what has moved', () => {
    const plugin =
      read(`<packaging>maven-plugin</packaging><build><plugins><plugin><artifactId>maven-plugin-plugin</artifactId>
      <configuration><goalPrefix>greet</goalPrefix></configuration></plugin></plugins></build>`);
    expect(plugin.native).toEqual({ packaging: 'maven-plugin', goalPrefix: 'greet' });
    const moved = read('<distributionManagement><relocation/></distributionManagement>');
    expect(moved.native).toEqual({ packaging: 'jar', relocated: true });
  });

  it('reads what Maven reads: named entities of HTML, other encodings', () => {
    expect(read('<name>J&oslash;rgen &lt;3</name>').summary).toBe('J?rgen <3');
    const latin = Buffer.from(
      '<?xml version="1.0" encoding="ISO-8859-1"?><project><name>\u00e9</name></project>',
      'latin1',
    );
    expect(readPom(latin).description.summary).toBe('\u00e9');
  });

  it.each([
    ['what is not XML', Buffer.from('PK\u0003\u0004')],
    ['another document', Buffer.from('<html/>')],
    ['a document type', Buffer.from('<!DOCTYPE project SYSTEM "http://evil.example"><project/>')],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readPom(bytes)).toThrow(/package is not valid/);
  });

  it("knows no scope but Maven's", () => {
    const said = read(
      '<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><scope>constructor</scope></dependency></dependencies>',
    );
    expect(said.dependencies).toEqual([{ name: 'g:a', kind: 'runtime' }]);
  });

  it('stays small and quick whatever the properties say', () => {
    const began = performance.now();
    const use = (name: string) => ['$', '{', name, '}'].join('');
    const loops = read(
      `<properties><a>${use('b').repeat(2)}</a><b>${use('a').repeat(2)}</b></properties><name>${use('a')}</name>`,
    );
    expect(loops.summary?.length).toBeLessThan(20_000);
    const long = 'x'.repeat(900);
    const many = use('p').repeat(100_000);
    const dependency = `<dependency><groupId>g</groupId><artifactId>a</artifactId><version>${use('p').repeat(50)}</version></dependency>`;
    const grown = read(
      `<properties><p>${long}</p></properties><description>${many}</description><dependencies>${dependency.repeat(3000)}</dependencies>`,
    );
    expect(description.safeParse(grown).success).toBe(true);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});
