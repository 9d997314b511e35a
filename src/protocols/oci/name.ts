/** The three-part name by which container clients address content here: `<project>/<repository>/<image>`. */
import { refuse } from '../../domain/errors.ts';
import { parseDigest } from '../../domain/values/digest.ts';
import { OCI_NAME, OCI_TAG, parseSlug } from '../../domain/values/names.ts';

export interface OciName {
  readonly project: string;
  readonly repository: string;
  /** one or more path components: `app`, `team/app` */
  readonly image: string;
}

/** What a manifest is asked for by: a tag or a digest, never anything else. */
export type OciReference =
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'digest'; readonly digest: string };

const SHAPE = 'an image is addressed as <project>/<repository>/<image>, for example main/oci/app';
/** "MUST be less than 256 characters"; clients prefix the host, whose length is theirs. */
const MAX_NAME = 255;

/** Parses decoded path components of a name. @throws NAME_INVALID with a reason that explains the shape */
export function parseName(components: readonly string[]): OciName {
  const whole = components.join('/');
  if (whole.length > MAX_NAME) throw refuse('NAME_INVALID', `the name is longer than ${MAX_NAME} characters`);
  const [project, repository, ...rest] = components;
  if (project === undefined || repository === undefined || rest.length === 0)
    throw refuse('NAME_INVALID', SHAPE);
  const image = rest.join('/');
  if (!OCI_NAME.test(image))
    throw refuse(
      'NAME_INVALID',
      `${SHAPE}; its parts have lower-case letters and digits, separated by dots, underscores or dashes`,
    );
  return { project: parseSlug(project, 'project'), repository: parseSlug(repository, 'repository'), image };
}

export const formatName = (name: OciName): string => `${name.project}/${name.repository}/${name.image}`;

/** A tag never contains a colon and a digest always does. @throws TAG_INVALID, DIGEST_INVALID, DIGEST_UNSUPPORTED */
export function parseReference(text: string): OciReference {
  if (text.includes(':')) return { by: 'digest', digest: parseDigest(text) };
  return { by: 'tag', tag: parseTag(text) };
}

/** @throws TAG_INVALID */
export function parseTag(text: string): string {
  if (OCI_TAG.test(text)) return text;
  throw refuse(
    'TAG_INVALID',
    'a tag has 1 to 128 letters, digits and ._- and starts with a letter, digit or underscore',
  );
}
