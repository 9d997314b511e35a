/** All routes of the management API. */
import type { AnyRoute } from './route.ts';

export const ROUTES: readonly AnyRoute[] = [];
