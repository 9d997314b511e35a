/** Package URLs: one name for one version of one package, whichever repository it is in. https://github.com/package-url/purl-spec */
import { PackageURL } from 'packageurl-js';
import { refuse } from '../../domain/errors.ts';

export interface PurlParts {
  /** `npm`, `pypi`, `maven`, `nuget`, `golang`, `helm`, `generic` */
  readonly type: string;
  /** `@scope`, a Maven group, the path before a Go module's last segment; slashes separate its segments */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly version?: string | undefined;
  readonly qualifiers?: Readonly<Record<string, string>> | undefined;
  readonly subpath?: string | undefined;
}

/** The canonical form, each part normalised and escaped as its type says. @throws NAME_INVALID */
export function purlOf({ type, namespace, name, version, qualifiers, subpath }: PurlParts): string {
  try {
    const parts = new PackageURL(type, namespace, name, version, qualifiers && { ...qualifiers }, subpath);
    // a colon is never escaped, a plus always is; the library differs in qualifiers and in versions
    return parts.toString().replaceAll('%3A', ':').replaceAll('+', '%2B');
  } catch {
    throw refuse('NAME_INVALID', 'it has no package URL');
  }
}
