/** The resources of the distribution API: their paths and methods, as data, and how a path is matched. */
import { refuse } from '../../domain/errors.ts';

/**
 * Methods of each resource and whether an answer can give out content of artifacts or their metadata.
 * Starting an upload is marked too: a mount hands a blob of one image to another.
 */
const RESOURCES = {
  base: { pattern: '/v2/', methods: { GET: false, HEAD: false } },
  catalog: { pattern: '/v2/_catalog', methods: { GET: true, HEAD: true } },
  token: { pattern: '/v2/token', methods: { GET: false } },
  tags: { pattern: '/v2/{name}/tags/list', methods: { GET: true, HEAD: true } },
  manifest: {
    pattern: '/v2/{name}/manifests/{reference}',
    methods: { GET: true, HEAD: true, PUT: false, DELETE: false },
  },
  blob: { pattern: '/v2/{name}/blobs/{digest}', methods: { GET: true, HEAD: true, DELETE: false } },
  uploads: { pattern: '/v2/{name}/blobs/uploads/', methods: { POST: true } },
  upload: {
    pattern: '/v2/{name}/blobs/uploads/{upload}',
    methods: { GET: false, HEAD: false, PATCH: false, PUT: false, DELETE: false },
  },
  referrers: { pattern: '/v2/{name}/referrers/{digest}', methods: { GET: true, HEAD: true } },
} as const satisfies Record<string, { pattern: string; methods: Readonly<Record<string, boolean>> }>;
export type Resource = keyof typeof RESOURCES;

/** Every route as data, for the documentation and the enforcement matrix. */
export const ROUTES: readonly {
  readonly method: string;
  readonly pattern: string;
  readonly serves: boolean;
}[] = Object.values(RESOURCES).flatMap(({ pattern, methods }) =>
  Object.entries(methods).map(([method, serves]) => ({ method, pattern, serves })),
);

/** A path taken apart; what its parts mean is checked only once the method is known to be served. */
export interface Target {
  readonly resource: Resource;
  readonly name: readonly string[];
  readonly last: string;
}

export const methodsOf = (resource: Resource): readonly string[] => Object.keys(RESOURCES[resource].methods);

/** Resources beside the images. */
const FIXED = new Map<string, Resource>([
  ['/v2', 'base'],
  ['/v2/', 'base'],
  ['/v2/_catalog', 'catalog'],
  ['/v2/token', 'token'],
]);

/** Resources of an image, by the ends of their paths; `*` is any last segment. The first that fits is it. */
const ENDINGS: readonly (readonly [Resource, readonly string[]])[] = [
  ['uploads', ['blobs', 'uploads', '']],
  ['upload', ['blobs', 'uploads', '*']],
  ['uploads', ['blobs', 'uploads']],
  ['blob', ['blobs', '*']],
  ['manifest', ['manifests', '*']],
  ['tags', ['tags', 'list']],
  ['referrers', ['referrers', '*']],
];

/**
 * Read from the end, because `tags`, `blobs` and the rest are legal components of an image's name too.
 * @param segments of the decoded path @throws ROUTE_UNKNOWN
 */
export function locate(segments: readonly string[]): Target {
  const last = segments.at(-1) ?? '';
  const fixed = FIXED.get(segments.join('/'));
  if (fixed) return { resource: fixed, name: [], last };
  const found = ENDINGS.find(([, ending]) => endsWith(segments, ending));
  if (!found || segments[0] !== '' || segments[1] !== 'v2') throw refuse('ROUTE_UNKNOWN');
  return { resource: found[0], name: segments.slice(2, -found[1].length), last };
}

function endsWith(segments: readonly string[], ending: readonly string[]): boolean {
  const start = segments.length - ending.length;
  return ending.every((part, index) => part === '*' || part === segments[start + index]);
}
