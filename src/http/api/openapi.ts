/** The OpenAPI document, made from the routes. https://spec.openapis.org/oas/v3.1.0 */
import { z } from 'zod';
import type { AnyRoute } from './route.ts';

type Schema = Record<string, unknown>;

const PROBLEM: Schema = {
  type: 'object',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    requestId: { type: 'string' },
  },
};

export function openApi(routes: readonly AnyRoute[], version: string): Schema {
  const paths: Record<string, Schema> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Strongroom management API', version, license: { name: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Problem: PROBLEM },
    },
    security: [{ basic: [] }, { bearer: [] }],
  };
}

function operation(route: AnyRoute): Schema {
  const status = String(route.status ?? 200);
  const content = route.response && { 'application/json': { schema: schemaOf(route.response, 'output') } };
  return {
    summary: route.summary,
    tags: [route.tag],
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query'), ...keyOf(route)],
    ...(route.body
      ? { requestBody: { content: { 'application/json': { schema: schemaOf(route.body, 'input') } } } }
      : {}),
    responses: {
      [status]: { description: 'Done', ...(content ? { content } : {}) },
      default: {
        description: 'Refused',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function schemaOf(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _draft, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any' });
  return schema;
}

function parameters(type: z.ZodType | undefined, where: 'path' | 'query'): Schema[] {
  if (!type) return [];
  const { properties = {}, required = [] } = schemaOf(type, 'input') as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema,
  }));
}

const KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'Repeating a command with the same key changes nothing and gives the first reply again',
  schema: { type: 'string', maxLength: 200 },
};
const keyOf = (route: AnyRoute): Schema[] => (route.method === 'GET' ? [] : [KEY]);
