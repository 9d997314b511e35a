/** The only entrypoint of every compiled set. */
export const ENTRYPOINT = 'strongroom_gate/decision';

/**
 * The modules that are compiled together with an author's: one declares the three sets in the author's package, so
 * that each may be left out and none can be anything but a set (`deny := true` does not compile); the other is the
 * entrypoint.
 *
 * @param pkg the author's package, e.g. `strongroom.protected_tags`
 */
export function wrapperFor(pkg: string): { readonly stub: string; readonly entry: string } {
  const rules = ['deny', 'warn', 'obligations'];
  const stubs = rules.map(rule => `${rule} contains finding if {\n\tfalse\n\tfinding := {}\n}\n`);
  const members = rules.map(rule => `\t"${rule}": policy.${rule},\n`);
  return {
    stub: `package ${pkg}\n\n${stubs.join('\n')}`,
    entry: `package strongroom_gate\n\nimport data.${pkg} as policy\n\ndecision := {\n${members.join('')}}\n`,
  };
}
