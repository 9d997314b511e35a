/** Pure: what a request to a chart repository asks for. https://github.com/helm/chartmuseum#api */
import { refuse } from '../../domain/errors.ts';
import { type PkgPath, parsePkgPath } from '../shared/pkg.ts';
import { checkName, checkVersion, parseArchiveName } from './names.ts';

export type HelmRoute = PkgPath &
  (
    | { readonly kind: 'index' | 'charts' | 'prov' | 'info' | 'health' }
    | { readonly kind: 'file'; readonly chart: string; readonly version: string; readonly file: string }
    | { readonly kind: 'chart'; readonly chart: string }
    | { readonly kind: 'version'; readonly chart: string; readonly version: string }
  );

/** @throws NAME_INVALID, VERSION_INVALID, ROUTE_UNKNOWN */
export function parseHelm(rawPath: string): HelmRoute {
  const path = parsePkgPath(rawPath);
  const [first, second, third, fourth, ...more] = path.rest;
  if (more.length > 0) throw refuse('ROUTE_UNKNOWN');
  if (first === 'charts' && second !== undefined && third === undefined)
    return { ...path, ...fileOf(second) };
  if (first === 'api' && second === 'charts') return { ...path, ...apiOf(third, fourth) };
  if (path.rest.length === 2 && first === 'api' && second === 'prov') return { ...path, kind: 'prov' };
  if (path.rest.length !== 1) throw refuse('ROUTE_UNKNOWN');
  if (first === 'index.yaml') return { ...path, kind: 'index' };
  if (first === 'info' || first === 'health') return { ...path, kind: first };
  throw refuse('ROUTE_UNKNOWN');
}

function fileOf(file: string) {
  const parsed = parseArchiveName(file.replace(/\.prov$/, ''));
  if (!parsed) throw refuse('NAME_INVALID', 'charts are named <name>-<version>.tgz');
  return { kind: 'file' as const, chart: parsed.name, version: parsed.version, file };
}

function apiOf(chart: string | undefined, version: string | undefined) {
  if (chart === undefined || (chart === '' && version === undefined)) return { kind: 'charts' as const };
  checkName(chart);
  if (version === undefined || version === '') return { kind: 'chart' as const, chart };
  const wanted = version === 'latest' ? version : checkVersion(version);
  return { kind: 'version' as const, chart, version: wanted };
}
