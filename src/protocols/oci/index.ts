/** The OCI distribution protocol, as docker, podman, skopeo, crane, oras and helm speak it. */
import type { Protocol } from '../protocol.ts';
import { renderError } from './errors.ts';
import { ROUTES } from './parse.ts';
import { serve } from './serve.ts';

export const oci = {
  format: 'oci',
  mounts: ['/v2/'],
  handle: serve,
  refuse: renderError,
  routes: ROUTES,
} as const satisfies Protocol;
