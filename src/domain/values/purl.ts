/**
 * Package URLs as names of subjects. A package URL keeps the letters that its publisher wrote, also where the ecosystem
 * takes other spellings for the same package: judged and held is what the ecosystem takes for one.
 * https://github.com/package-url/purl-spec
 */

/** By type: how a name, and how a version, are compared. Types that are not here compare as they are written. */
const RULES: Readonly<Record<string, Rule>> = {
  // https://learn.microsoft.com/en-us/nuget/concepts/package-versioning: ids and versions, whatever their case
  nuget: { name: text => text.toLowerCase(), version: text => text.toLowerCase() },
  // https://packaging.python.org/en/latest/specifications/name-normalization/
  pypi: { name: text => text.toLowerCase().replaceAll(/[-_.]+/g, '-'), version: text => text },
};
interface Rule {
  readonly name: (text: string) => string;
  readonly version: (text: string) => string;
}

const PARTS = /^pkg:([a-z]+)\/([^@?#]+)(@[^?#]*)?(.*)$/;

/** The one spelling of a subject: of a package URL by the rules of its type; a digest is one already. */
export function subjectOf(name: string): string {
  const [, type = '', path = '', version = '', more = ''] = PARTS.exec(name) ?? [];
  const rule = Object.hasOwn(RULES, type) ? RULES[type] : undefined;
  return rule ? `pkg:${type}/${rule.name(path)}${rule.version(version)}${more}` : name;
}
