/** Users, service accounts, tokens, roles. */
import { z } from 'zod';
import type { Caller } from '../../../application/caller.ts';
import type { Core } from '../../../application/core.ts';
import { authorise } from '../../../application/handle.ts';
import * as people from '../../../application/people.ts';
import { placeOfScope } from '../../../application/policies.ts';
import { INSTANCE } from '../../../application/rights.ts';
import { refuse } from '../../../domain/errors.ts';
import { ACTIONS, ROLES, type Scope } from '../../../domain/values/actions.ts';
import type { PrincipalRow } from '../../../projections/queries.ts';
import { pageOf, paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { namesOf, scopeFrom, scopeNames } from '../shapes.ts';

const principalShape = z.object({
  id: z.string(),
  name: z.string().optional().describe('absent when it was erased'),
  kind: z.enum(['user', 'service-account']),
  disabled: z.boolean(),
  createdAt: z.string(),
});
const password = z.string().min(8).max(256);
const principalParams = z.object({ principal: z.string().describe('id or name; `me` is the caller') });

async function show(core: Core, row: PrincipalRow) {
  const name = await core.sealing.unseal(row.name);
  return {
    id: row.principalId,
    ...(name === undefined ? {} : { name }),
    kind: row.kind,
    disabled: row.disabled,
    createdAt: row.createdAt,
  };
}

/** The id of a principal by id, name or `me`. What is not found is taken for an id: the use case decides what to say. */
async function idOf(core: Core, caller: Caller, named: string): Promise<string> {
  if (named === 'me') return caller.id;
  if (await core.queries.principalById(named)) return named;
  return (await core.queries.principalByNameHash(await core.access.nameHash(named)))?.principalId ?? named;
}

const principalRoutes: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/whoami',
    tag: 'access',
    summary: 'Who the caller is, and which roles it has',
    async handle({ caller }, { core }) {
      const row = caller.kind === 'anonymous' ? undefined : await core.queries.principalById(caller.id);
      const grants = row ? await core.queries.grantsOf(caller.id) : [];
      return {
        id: caller.id,
        kind: caller.kind,
        authentication: caller.authentication,
        ...(row ? { name: await core.sealing.unseal(row.name) } : {}),
        roles: await Promise.all(
          grants.map(async ({ role, scope }) => ({ role, scope, ...(await namesOf(core, scope)) })),
        ),
        ...(caller.limits ? { limits: caller.limits } : {}),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/principals',
    tag: 'access',
    summary: 'List users and service accounts',
    query: paging,
    response: pageOf(principalShape),
    async handle({ caller, query }, { core }) {
      await authorise(core, {
        caller,
        action: 'access-change',
        at: INSTANCE,
        facts: {},
        target: 'principals',
      });
      const rows = await core.queries.listPrincipals({
        after: readCursor(query.cursor, z.string()),
        limit: query.limit + 1,
      });
      const page = toPage(rows, query.limit, { key: row => row.principalId, item: row => row });
      return { ...page, items: await Promise.all(page.items.map(row => show(core, row))) };
    },
  }),
  route({
    method: 'POST',
    path: '/principals',
    tag: 'access',
    summary: 'Create a user or a service account',
    body: z.object({
      name: z.string(),
      kind: z.enum(['user', 'service-account']).default('user'),
      password: password.optional(),
    }),
    status: 201,
    response: z.object({ id: z.string() }),
    async handle({ caller, body }, { core, consistency }) {
      const { id, position } = await people.createPrincipal(core, caller, body);
      await consistency.wait(position);
      return { id };
    },
  }),
  route({
    method: 'PUT',
    path: '/principals/:principal/password',
    tag: 'access',
    summary: 'Set a password, one’s own or another’s',
    params: principalParams,
    body: z.object({ password }),
    status: 204,
    async handle({ caller, params, body }, { core, consistency }) {
      const id = await idOf(core, caller, params.principal);
      await consistency.wait(await people.setPassword(core, caller, id, body.password));
    },
  }),
  ...(['disable', 'enable'] as const).map(verb =>
    route({
      method: 'POST',
      path: `/principals/:principal/${verb}`,
      tag: 'access',
      summary:
        verb === 'disable' ? 'Stop a principal from doing anything' : 'Let a disabled principal work again',
      params: principalParams,
      status: 204,
      async handle({ caller, params }, { core, consistency }) {
        const id = await idOf(core, caller, params.principal);
        await consistency.wait(await people.setDisabled(core, caller, id, verb === 'disable'));
      },
    }),
  ),
  route({
    method: 'DELETE',
    path: '/principals/:principal',
    tag: 'access',
    summary: 'Delete a principal and erase their personal data for ever',
    params: principalParams,
    status: 204,
    async handle({ caller, params }, { core, consistency }) {
      await consistency.wait(
        await people.deletePrincipal(core, caller, await idOf(core, caller, params.principal)),
      );
    },
  }),
];

const tokenShape = z.object({
  id: z.string(),
  label: z.string().optional(),
  issuedAt: z.string(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
  limits: z.unknown(),
});

const tokenRoutes: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/principals/:principal/tokens',
    tag: 'access',
    summary: 'List a principal’s tokens',
    params: principalParams,
    response: z.object({ items: z.array(tokenShape) }),
    async handle({ caller, params }, { core }) {
      const id = await idOf(core, caller, params.principal);
      if (id !== caller.id || caller.kind === 'anonymous')
        await authorise(core, { caller, action: 'access-change', at: INSTANCE, facts: {}, target: id });
      const rows = await core.queries.listTokens(id);
      const items = rows.map(async row => {
        const label = await core.sealing.unseal(row.label);
        return {
          id: row.tokenId,
          ...(label === undefined ? {} : { label }),
          issuedAt: row.issuedAt,
          ...(row.expiresAt ? { expiresAt: row.expiresAt } : {}),
          ...(row.revokedAt ? { revokedAt: row.revokedAt } : {}),
          limits: row.limits,
        };
      });
      return { items: await Promise.all(items) };
    },
  }),
  route({
    method: 'POST',
    path: '/principals/:principal/tokens',
    tag: 'access',
    summary: 'Issue a token; it is shown this once',
    params: principalParams,
    body: z.object({
      label: z.string().trim().max(200).default(''),
      expiresAt: z.iso.datetime().optional(),
      scopes: z.array(scopeNames).max(100).optional().describe('only there; absent: wherever its owner may'),
      actions: z.array(z.enum(ACTIONS)).optional().describe('only these; absent: all its owner may'),
    }),
    status: 201,
    response: z.object({ id: z.string(), token: z.string().describe('empty when the command is repeated') }),
    recorded: ({ id }) => ({ id, token: '' }),
    async handle({ caller, params, body }, { core, consistency }) {
      const scopes: Scope[] = [];
      for (const names of body.scopes ?? []) scopes.push(await scopeFrom(core, caller, names, 'pull'));
      const { id, token, position } = await people.issueToken(core, caller, {
        principalId: await idOf(core, caller, params.principal),
        label: body.label,
        limits: { ...(body.scopes ? { scopes } : {}), ...(body.actions ? { actions: body.actions } : {}) },
        expiresAt: body.expiresAt && new Date(body.expiresAt).toISOString(),
      });
      await consistency.wait(position);
      return { id, token };
    },
  }),
  route({
    method: 'DELETE',
    path: '/principals/:principal/tokens/:token',
    tag: 'access',
    summary: 'Revoke a token',
    params: principalParams.extend({ token: z.string() }),
    status: 204,
    async handle({ caller, params }, { core, consistency }) {
      const principalId = await idOf(core, caller, params.principal);
      await consistency.wait(await people.revokeToken(core, caller, { principalId, tokenId: params.token }));
    },
  }),
];

const grantShape = scopeNames.extend({ principal: z.string(), role: z.enum(ROLES) });

const grantRoutes: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/grants',
    tag: 'access',
    summary: 'List the roles granted at the instance, a project or a repository',
    query: scopeNames,
    async handle({ caller, query }, { core }) {
      const scope = await scopeFrom(core, caller, query, 'access-change');
      const place = await placeOfScope(core, scope);
      await authorise(core, { caller, action: 'access-change', at: place, facts: {}, target: 'grants' });
      const rows = await core.queries.listGrants(scope);
      const items = rows.map(async ({ principalId, role, grantedAt, grantedBy }) => {
        const row = await core.queries.principalById(principalId);
        const name = row && (await core.sealing.unseal(row.name));
        return {
          principal: principalId,
          ...(name === undefined ? {} : { name }),
          role,
          grantedAt,
          grantedBy,
        };
      });
      return { items: await Promise.all(items) };
    },
  }),
  ...(['grant', 'revoke'] as const).map(verb =>
    route({
      method: 'POST',
      path: verb === 'grant' ? '/grants' : '/grants/revoke',
      tag: 'access',
      summary: verb === 'grant' ? 'Grant a role' : 'Take a role back',
      body: grantShape,
      status: 204,
      async handle({ caller, body }, { core, consistency }) {
        const scope = await scopeFrom(core, caller, body, 'access-change');
        const principalId = await idOf(core, caller, body.principal);
        if (principalId === 'anonymous')
          throw refuse('PRINCIPAL_UNKNOWN', 'make a repository public instead');
        const kind = verb === 'grant' ? 'GrantRole' : 'RevokeRole';
        await consistency.wait(
          await people.changeRole(core, caller, kind, { scope, principalId, role: body.role }),
        );
      },
    }),
  ),
];

export const routes: readonly AnyRoute[] = [...principalRoutes, ...tokenRoutes, ...grantRoutes];
