/** Every protocol that Strongroom speaks: one folder, one line. */
import { generic } from './generic/index.ts';
import { go } from './go/index.ts';
import { maven } from './maven/index.ts';
import { npm } from './npm/index.ts';
import { oci } from './oci/index.ts';
import type { Protocol } from './protocol.ts';
import { python } from './python/index.ts';

export const PROTOCOLS = [oci, generic, go, npm, python, maven] as const satisfies readonly Protocol[];

/** The formats that repositories can have. */
export type Format = (typeof PROTOCOLS)[number]['format'];
