/** Principals, tokens and grants. */
import { scopeKey } from '../../domain/access/grants.ts';
import type { Views } from '../port.ts';
import { type Argument, type Db, pageSize, prepared } from '../prepared.ts';
import type { AccessQueries, PrincipalRow } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { grantsTable, principalsTable, tokensTable } from './view.ts';

const principalRow = (row: object) => decodeRow(principalsTable, row) as PrincipalRow;
const tokenRow = (row: object) => decodeRow(tokensTable, row);
const grantRow = (row: object) => decodeRow(grantsTable, row);

const principals = (db: Db) =>
  db
    .selectFrom('principals as p')
    .leftJoin('passwords as w', 'w.principalId', 'p.principalId')
    .selectAll('p')
    .select('w.secretId as passwordSecretId');

const byNameHash = prepared((db, p: Argument<{ nameHash: string }>) =>
  principals(db).where('p.nameHash', '=', p('nameHash')),
);
const byId = prepared((db, p: Argument<{ principalId: string }>) =>
  principals(db).where('p.principalId', '=', p('principalId')),
);
const listPrincipals = prepared((db, p: Argument<{ after: string; limit: number }>) =>
  principals(db).where('p.principalId', '>', p('after')).orderBy('p.principalId').limit(p('limit')),
);
const tokenById = prepared((db, p: Argument<{ tokenId: string }>) =>
  db.selectFrom('tokens').selectAll().where('tokenId', '=', p('tokenId')),
);
const listTokens = prepared((db, p: Argument<{ principalId: string }>) =>
  db.selectFrom('tokens').selectAll().where('principalId', '=', p('principalId')).orderBy('tokenId'),
);
const grantsOf = prepared((db, p: Argument<{ principalId: string }>) =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('principalId', '=', p('principalId'))
    .orderBy('scopeKey')
    .orderBy('role'),
);
const inKeyOrder = (db: Db) =>
  db.selectFrom('grants').selectAll().orderBy('scopeKey').orderBy('principalId').orderBy('role');
const allGrants = prepared((db, _p: Argument<Record<string, never>>) => inKeyOrder(db));
const grantsAt = prepared((db, p: Argument<{ scopeKey: string }>) =>
  inKeyOrder(db).where('scopeKey', '=', p('scopeKey')),
);

export function accessQueries(views: Views): AccessQueries {
  return {
    async principalByNameHash(nameHash) {
      return (await byNameHash(views, { nameHash })).map(principalRow)[0];
    },
    async principalById(principalId) {
      return (await byId(views, { principalId })).map(principalRow)[0];
    },
    async listPrincipals({ after = '', limit } = {}) {
      return (await listPrincipals(views, { after, limit: pageSize(limit) })).map(principalRow);
    },
    async tokenById(tokenId) {
      return (await tokenById(views, { tokenId })).map(tokenRow)[0];
    },
    async listTokens(principalId) {
      return (await listTokens(views, { principalId })).map(tokenRow);
    },
    async grantsOf(principalId) {
      return (await grantsOf(views, { principalId })).map(grantRow);
    },
    async listGrants(at) {
      const rows = await (at ? grantsAt(views, { scopeKey: scopeKey(at) }) : allGrants(views, {}));
      return rows.map(grantRow);
    },
  };
}
