/** All answers from the views, as one object. What each means is written in questions.ts. */
import { accessQueries } from './access/queries.ts';
import { activityQueries } from './activity/queries.ts';
import { attachmentQueries } from './attachments/queries.ts';
import { collectionQueries } from './collections/queries.ts';
import { denialQueries } from './denials/queries.ts';
import { descriptionQueries } from './descriptions/queries.ts';
import { directoryQueries } from './directory/queries.ts';
import { holdQueries } from './holds/queries.ts';
import { linkQueries } from './links/queries.ts';
import { packageQueries } from './packages/queries.ts';
import type { Views } from './port.ts';
import { promotionQueries } from './promotions/queries.ts';
import type { Queries } from './questions.ts';
import { tagQueries } from './tags/queries.ts';
import { usageQueries } from './usage/queries.ts';
import { versionQueries } from './versions/queries.ts';

export type * from './questions.ts';

/** Queries on whatever generation serves when they are called. Each throws VIEWS_BEHIND while none does. */
export function createQueries(views: Views): Queries {
  return {
    ...directoryQueries(views),
    ...packageQueries(views),
    ...versionQueries(views),
    ...tagQueries(views),
    ...linkQueries(views),
    ...holdQueries(views),
    ...accessQueries(views),
    ...attachmentQueries(views),
    ...promotionQueries(views),
    ...activityQueries(views),
    ...denialQueries(views),
    ...collectionQueries(views),
    ...usageQueries(views),
    ...descriptionQueries(views),
  };
}
