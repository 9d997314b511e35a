/** Pure: maven-metadata.xml at its three levels. https://maven.apache.org/ref/3.9.9/maven-repository-metadata/ */
import type { ListedVersion, PackageListing } from '../../application/registry.ts';
import { escapeXml } from '../shared/xml.ts';
import { isSnapshot } from './layout.ts';
import {
  artifactOf,
  deploymentsOnOffer,
  groupOf,
  nativeOf,
  newestFiles,
  versionsOnOffer,
} from './listing.ts';

/** A plugin as its group lists it. */
export interface Plugin {
  readonly name: string;
  /** what `mvn <prefix>:<goal>` says */
  readonly prefix: string;
  readonly artifact: string;
}

/** Of an artifact: its versions. Undefined: none is on offer. */
export function artifactMetadata(listing: PackageListing): string | undefined {
  const versions = versionsOnOffer(listing);
  const latest = versions.at(-1)?.version;
  if (latest === undefined) return undefined;
  const release = versions.findLast(({ version }) => !isSnapshot(version))?.version;
  return document([
    ...names(listing.name),
    '  <versioning>',
    `    <latest>${latest}</latest>`,
    ...(release === undefined ? [] : [`    <release>${release}</release>`]),
    '    <versions>',
    ...versions.map(({ version }) => `      <version>${version}</version>`),
    '    </versions>',
    `    <lastUpdated>${lastUpdated(versions)}</lastUpdated>`,
    '  </versioning>',
  ]);
}

/** Of a snapshot: its newest build, and the newest of each of its files. Undefined: none is on offer. */
export function snapshotMetadata({ name }: PackageListing, version: ListedVersion): string | undefined {
  const newest = deploymentsOnOffer(name, version).at(-1);
  const files = newestFiles(name, version);
  if (!newest || files.length === 0) return undefined;
  const build = newest.files[0]?.named.build;
  return document([
    ...names(name),
    `  <version>${version.version}</version>`,
    '  <versioning>',
    ...(build === undefined
      ? []
      : [
          '    <snapshot>',
          `      <timestamp>${build.timestamp}</timestamp>`,
          `      <buildNumber>${build.number}</buildNumber>`,
          '    </snapshot>',
        ]),
    `    <lastUpdated>${compact(files.map(({ file }) => file.addedAt).reduce(later))}</lastUpdated>`,
    '    <snapshotVersions>',
    ...files.flatMap(({ file, named: { classifier, extension, value } }) => [
      '      <snapshotVersion>',
      ...(classifier === undefined ? [] : [`        <classifier>${escapeXml(classifier)}</classifier>`]),
      `        <extension>${escapeXml(extension)}</extension>`,
      `        <value>${value}</value>`,
      `        <updated>${compact(file.addedAt)}</updated>`,
      '      </snapshotVersion>',
    ]),
    '    </snapshotVersions>',
    '  </versioning>',
  ]);
}

/** Of a group: its plugins. */
export const groupMetadata = (plugins: readonly Plugin[]): string => document(pluginLines(plugins));

/** Of a folder that is an artifact's and a group's. */
export const withPlugins = (artifact: string, plugins: readonly Plugin[]): string =>
  // by a function: a name may have what means something in a replacement
  artifact.replace(/<\/metadata>\n$/, () => `${pluginLines(plugins).join('\n')}\n</metadata>\n`);

/** The newest version on offer says whether the artifact is a plugin. */
export function pluginOf(listing: PackageListing): Plugin | undefined {
  const newest = versionsOnOffer(listing).at(-1);
  if (!newest) return undefined;
  const { packaging, name, goalPrefix: ofPom } = nativeOf(newest);
  if (packaging !== 'maven-plugin') return undefined;
  const artifact = artifactOf(listing.name);
  const files = newestFiles(listing.name, newest);
  const jar = files.find(({ named }) => named.classifier === undefined && named.extension === 'jar');
  return { artifact, name: name ?? artifact, prefix: jar?.file.found ?? ofPom ?? prefixOf(artifact) };
}

/** `maven-x-plugin` and `x-maven-plugin` are called `x`, as the plugin tools of Maven do. */
const prefixOf = (artifact: string) =>
  artifact === 'maven-plugin-plugin'
    ? 'plugin'
    : artifact.replaceAll(/-?maven-?/g, '').replaceAll(/-?plugin-?/g, '');

function pluginLines(plugins: readonly Plugin[]): string[] {
  return [
    '  <plugins>',
    ...plugins.flatMap(({ name, prefix, artifact }) => [
      '    <plugin>',
      `      <name>${escapeXml(name)}</name>`,
      `      <prefix>${escapeXml(prefix)}</prefix>`,
      `      <artifactId>${artifact}</artifactId>`,
      '    </plugin>',
    ]),
    '  </plugins>',
  ];
}

function document(lines: readonly string[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metadata modelVersion="1.1.0">',
    ...lines,
    '</metadata>',
    '',
  ].join('\n');
}

const names = (packageName: string) => [
  `  <groupId>${groupOf(packageName)}</groupId>`,
  `  <artifactId>${artifactOf(packageName)}</artifactId>`,
];

const later = (a: string, b: string) => (a > b ? a : b);

const lastUpdated = (versions: readonly ListedVersion[]) =>
  compact(versions.flatMap(({ files }) => files.map(({ addedAt }) => addedAt)).reduce(later));

/** `yyyyMMddHHmmss`, UTC. */
const compact = (instant: string) => instant.replaceAll(/\D/g, '').slice(0, 14);
