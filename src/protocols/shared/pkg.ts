/** URLs of package protocols: `/pkg/<project>/<repository>/<format>/<rest…>`. */
import type { RepositoryName } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { decodePath } from './decode.ts';

export interface PkgPath {
  readonly name: RepositoryName;
  /** the segments after the format, each decoded once; an empty last one stands for a trailing slash */
  readonly rest: readonly string[];
  /** path of the repository, without a trailing slash, one spelling for each: what links and Locations begin with */
  readonly base: string;
}

/** How a protocol is mounted in the server. */
export const pkgMount = (format: string) => `/pkg/:project/:repository/${format}/`;

/**
 * @param alias first segment of another mount without the format in it: `/maven/<project>/<repository>/…`
 * @param options.encodedSlashes an encoded slash stays in its segment (npm scopes)
 * @throws NAME_INVALID, ROUTE_UNKNOWN
 */
export function parsePkgPath(
  rawPath: string,
  options: { readonly alias?: string; readonly encodedSlashes?: boolean } = {},
): PkgPath {
  const segments = decodePath(rawPath, options);
  const [, mount, project = '', repository = '', ...others] = segments;
  const count = mount === options.alias ? 0 : 1;
  if (project === '' || repository === '' || others.length < count) throw refuse('ROUTE_UNKNOWN');
  const base = segments
    .slice(0, 4 + count)
    .map(segment => encodeURIComponent(segment))
    .join('/');
  return { name: { project, repository }, rest: others.slice(count), base };
}
