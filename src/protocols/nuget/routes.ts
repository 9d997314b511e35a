/** Every route that NuGet repositories answer, as data. */
import { HIVES } from './parse.ts';

const BASE = '/pkg/{project}/{repository}/nuget';
const gets = (pattern: string, serves = true) =>
  ['GET', 'HEAD'].map(method => ({ method, pattern: `${BASE}/${pattern}`, serves }));
const changes = (method: string, pattern: string) => ({
  method,
  pattern: `${BASE}/${pattern}`,
  serves: false,
});
const CONTENT = 'flatcontainer/{id}/{version}';

export const ROUTES = [
  ...gets('index.json', false),
  changes('PUT', 'package/'),
  changes('DELETE', 'package/{id}/{version}'),
  changes('POST', 'package/{id}/{version}'),
  changes('PUT', 'symbols/'),
  ...gets('flatcontainer/{id}/index.json'),
  ...gets(`${CONTENT}/{id}.{version}.nupkg`),
  ...gets(`${CONTENT}/{id}.{version}.snupkg`),
  ...gets(`${CONTENT}/{id}.nuspec`),
  ...gets(`${CONTENT}/readme`),
  ...gets(`${CONTENT}/icon`),
  ...gets(`${CONTENT}/license`),
  ...HIVES.flatMap(hive => [
    ...gets(`${hive}/{id}/index.json`),
    ...gets(`${hive}/{id}/page/{lower}/{upper}.json`),
    ...gets(`${hive}/{id}/{version}.json`),
  ]),
  ...gets('query'),
  ...gets('autocomplete'),
];
