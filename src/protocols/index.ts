/** Every protocol that Strongroom speaks: one folder, one line. */
import { generic } from './generic/index.ts';
import { maven } from './maven/index.ts';
import { oci } from './oci/index.ts';
import type { Protocol } from './protocol.ts';

export const PROTOCOLS = [oci, generic, maven] as const satisfies readonly Protocol[];

/** The formats that repositories can have. */
export type Format = (typeof PROTOCOLS)[number]['format'];
