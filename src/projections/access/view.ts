/** Principals, their passwords' ids, tokens, and roles granted. */
import type { TokenLimits } from '../../domain/access/credentials.ts';
import { scopeKey } from '../../domain/access/grants.ts';
import type { PrincipalKind } from '../../domain/access/principals.ts';
import type { Role, Scope } from '../../domain/values/actions.ts';
import { flag, json, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const principalsTable = table({
  name: 'principals',
  columns: {
    principalId: text(),
    kind: text<PrincipalKind>(),
    nameHash: text(),
    /** sealed text */
    name: text(),
    disabled: flag(),
    createdAt: text(),
  },
  primaryKey: ['principalId'],
  indexes: [{ name: 'principals_name', columns: ['nameHash'] }],
});

export const principals = view({
  table: principalsTable,
  version: 1,
  types: ['PrincipalCreated', 'PrincipalDisabled', 'PrincipalEnabled', 'PrincipalDeleted'],
  overwrites: ['PrincipalCreated', 'PrincipalDeleted'],
  keysOf: event => [[event.data.principalId]],
  evolve(row, event) {
    switch (event.type) {
      case 'PrincipalCreated':
        return { ...event.data, disabled: false, createdAt: event.recordedAt };
      case 'PrincipalDeleted':
        return undefined;
      default:
        return row && { ...row, disabled: event.type === 'PrincipalDisabled' };
    }
  },
});

/** apart from `principals`, since a password may be set before the principal's own event */
export const passwordsTable = table({
  name: 'passwords',
  columns: { principalId: text(), secretId: text(), setAt: text() },
  primaryKey: ['principalId'],
  indexes: [],
});

export const passwords = view({
  table: passwordsTable,
  version: 1,
  types: ['PasswordSet'],
  overwrites: ['PasswordSet'],
  keysOf: ({ data }) => [[data.principalId]],
  evolve: (_row, { data, recordedAt }) => ({ ...data, setAt: recordedAt }),
});

export const tokensTable = table({
  name: 'tokens',
  columns: {
    tokenId: text(),
    principalId: text(),
    /** sealed text */
    label: text(),
    limits: json<TokenLimits>(),
    expiresAt: nullable(text()),
    issuedAt: text(),
    revokedAt: nullable(text()),
  },
  primaryKey: ['tokenId'],
  indexes: [{ name: 'tokens_principal', columns: ['principalId', 'tokenId'] }],
});
export type TokenRow = RowOf<typeof tokensTable.columns>;

export const tokens = view({
  table: tokensTable,
  version: 1,
  types: ['TokenIssued', 'TokenRevoked'],
  overwrites: ['TokenIssued'],
  keysOf: ({ data }) => [[data.tokenId]],
  evolve(row, event) {
    if (event.type === 'TokenRevoked') return row && { ...row, revokedAt: event.recordedAt };
    const { expiresAt = null, ...data } = event.data;
    return { ...data, expiresAt, issuedAt: event.recordedAt, revokedAt: null };
  },
});

export const grantsTable = table({
  name: 'grants',
  columns: {
    /** `instance`, `project-<id>` or `repository-<id>` */
    scopeKey: text(),
    principalId: text(),
    role: text<Role>(),
    scope: json<Scope>(),
    grantedAt: text(),
    grantedBy: text(),
  },
  primaryKey: ['scopeKey', 'principalId', 'role'],
  indexes: [{ name: 'grants_principal', columns: ['principalId', 'scopeKey', 'role'] }],
});
export type GrantRow = RowOf<typeof grantsTable.columns>;

export const grants = view({
  table: grantsTable,
  version: 1,
  types: ['RoleGranted', 'RoleRevoked'],
  overwrites: ['RoleGranted', 'RoleRevoked'],
  keysOf: ({ data }) => [[scopeKey(data.scope), data.principalId, data.role]],
  evolve(_row, { type, data, recordedAt, meta }) {
    if (type === 'RoleRevoked') return undefined;
    return { ...data, scopeKey: scopeKey(data.scope), grantedAt: recordedAt, grantedBy: meta.actor };
  },
});
