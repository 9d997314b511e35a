/** Helm charts: the classic repository, and ChartMuseum's API to fill it. */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { ROUTES, renderRefusal, serve } from './serve.ts';

export const helm = {
  format: 'helm',
  mounts: [pkgMount('helm')],
  routes: ROUTES,
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
