/** Generic files: any file under a package, a version and a path. */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { ROUTES, renderRefusal, serve } from './serve.ts';

export const generic = {
  format: 'generic',
  mounts: [pkgMount('generic')],
  routes: ROUTES,
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
