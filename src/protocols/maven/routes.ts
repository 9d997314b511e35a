/** Every route, as data. */
import type { Protocol } from '../protocol.ts';

const BASES = ['/pkg/{project}/{repository}/maven', '/maven/{project}/{repository}'];

/** What lies under a base, and the methods that it takes. */
const PATHS = [
  { path: '{group}/{artifact}/{version}/{file}', methods: ['GET', 'HEAD', 'PUT', 'DELETE'] },
  { path: '{group}/{artifact}/{version}/{file}.{algorithm}', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/{artifact}/{version}/', methods: ['DELETE'] },
  { path: '{group}/{artifact}/{version}/maven-metadata.xml', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/{artifact}/{version}/maven-metadata.xml.{algorithm}', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/{artifact}/maven-metadata.xml', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/{artifact}/maven-metadata.xml.{algorithm}', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/maven-metadata.xml', methods: ['GET', 'HEAD', 'PUT'] },
  { path: '{group}/maven-metadata.xml.{algorithm}', methods: ['GET', 'HEAD', 'PUT'] },
] as const;

export const ROUTES: Protocol['routes'] = BASES.flatMap(base =>
  PATHS.flatMap(({ path, methods }) =>
    methods.map(method => ({
      method,
      pattern: `${base}/${path}`,
      serves: method === 'GET' || method === 'HEAD',
    })),
  ),
);
