/** Every protocol that Strongroom speaks: one folder, one line. */
import { generic } from './generic/index.ts';
import { go } from './go/index.ts';
import { helm } from './helm/index.ts';
import { maven } from './maven/index.ts';
import { npm } from './npm/index.ts';
import { nuget } from './nuget/index.ts';
import { oci } from './oci/index.ts';
import type { Protocol } from './protocol.ts';
import { python } from './python/index.ts';

export const PROTOCOLS = [
  oci,
  generic,
  go,
  npm,
  python,
  maven,
  helm,
  nuget,
] as const satisfies readonly Protocol[];

/** The formats that repositories can have. */
export type Format = (typeof PROTOCOLS)[number]['format'];
