/** NuGet repositories, by version 3 of their protocol. */
import type { Protocol } from '../protocol.ts';
import { headerOf } from '../shared/headers.ts';
import { pkgMount } from '../shared/pkg.ts';
import { normalizeId, versionNames } from './names.ts';
import { ROUTES } from './routes.ts';
import { renderRefusal, serve } from './serve.ts';

export const nuget = {
  format: 'nuget',
  mounts: [pkgMount('nuget')],
  routes: ROUTES,
  normalize: { package: normalizeId, version: text => versionNames(text).version },
  /** An API key is a token. What clients send beside a key that is only there to please them wins. */
  authorization(headers) {
    const key = headerOf(headers, 'x-nuget-apikey')?.trim();
    return key && headerOf(headers, 'authorization') === undefined ? `Bearer ${key}` : undefined;
  },
  handle: serve,
  refuse: renderRefusal,
} as const satisfies Protocol;
