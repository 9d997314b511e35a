/** All routes of the management API. */
import type { AnyRoute } from '../route.ts';
import { routes as access } from './access.ts';
import { routes as artifacts } from './artifacts.ts';
import { routes as governance } from './governance.ts';
import { routes as log } from './log.ts';
import { routes as operations } from './operations.ts';
import { routes as packages } from './packages.ts';
import { routes as policies } from './policies.ts';
import { routes as projects } from './projects.ts';
import { routes as promotions } from './promotions.ts';

export const ROUTES: readonly AnyRoute[] = [
  ...projects,
  ...artifacts,
  ...packages,
  ...governance,
  ...promotions,
  ...access,
  ...policies,
  ...log,
  ...operations,
];
