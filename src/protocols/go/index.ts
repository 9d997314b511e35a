/** Go modules: the GOPROXY protocol, and an upload. */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { ROUTES, renderRefusal, serve } from './serve.ts';

export const go = {
  format: 'go',
  mounts: [pkgMount('go')],
  routes: ROUTES,
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
