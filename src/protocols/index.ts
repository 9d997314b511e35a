/** Every protocol that Strongroom speaks: one folder, one line. */
import { oci } from './oci/index.ts';
import type { Protocol } from './protocol.ts';

export const PROTOCOLS: readonly Protocol[] = [oci];
