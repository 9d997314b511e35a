/** Maven repositories, for mvn, Gradle and whatever else speaks to them. */
import type { Protocol } from '../protocol.ts';
import { pkgMount } from '../shared/pkg.ts';
import { ROUTES } from './routes.ts';
import { renderRefusal, serve } from './serve.ts';

export const maven = {
  format: 'maven',
  mounts: [pkgMount('maven'), '/maven/:project/:repository/'],
  routes: ROUTES,
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
