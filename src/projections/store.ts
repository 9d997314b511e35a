/** Opens the store of the views by its URL. */
import { VIEWS } from './catalogue.ts';
import type { Views, ViewsOptions } from './port.ts';
import { openPostgresViews } from './postgres-store.ts';
import { openSqliteViews } from './sqlite-store.ts';

export type { Views, ViewsOptions } from './port.ts';

/** @throws an error of the database when it cannot be reached */
export async function openViews(options: ViewsOptions): Promise<Views> {
  const definitions = options.definitions ?? VIEWS;
  if (options.url.startsWith('sqlite:'))
    return openSqliteViews({ ...options, definitions, path: options.url.slice('sqlite:'.length) });
  return openPostgresViews({ ...options, definitions });
}
