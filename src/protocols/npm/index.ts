/** npm: packages of JavaScript, for npm, pnpm and yarn. https://github.com/npm/registry */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { ROUTES } from './routes.ts';
import { renderRefusal, serve } from './serve.ts';

export const npm = {
  format: 'npm',
  mounts: [pkgMount('npm')],
  routes: ROUTES,
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
