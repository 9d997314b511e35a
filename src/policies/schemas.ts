import { z } from 'zod';
import { policyResultSchema, recordedDecisionSchema } from './decision.ts';
import { policyInputSchema } from './input.ts';

/** JSON Schemas (draft 2020-12) that are published for authors of policies and readers of decisions. */
export function jsonSchemas(): Readonly<Record<'input' | 'result' | 'decision', object>> {
  return {
    input: z.toJSONSchema(policyInputSchema),
    result: z.toJSONSchema(policyResultSchema),
    decision: z.toJSONSchema(recordedDecisionSchema),
  };
}
