/** Python packages: uploads as PyPI takes them, the simple repository API, metadata files, provenance. */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { normalizeName, normalizeVersion } from './names.ts';
import { ROUTES, renderRefusal, serve } from './serve.ts';

export const python = {
  format: 'python',
  mounts: [pkgMount('python')],
  routes: ROUTES,
  normalize: { package: normalizeName, version: normalizeVersion },
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
