/** The side file of an upload: who opened it and when. */
import type { StagedUpload } from '../port.ts';

export type UploadRecord = Pick<StagedUpload, 'owner' | 'createdAt'>;

export function renderRecord(record: UploadRecord): string {
  return JSON.stringify(record);
}

/** undefined for what a crash left half-written: that upload was never acknowledged. */
export function parseRecord(text: string): UploadRecord | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const { owner, createdAt } = value;
  if (typeof createdAt !== 'number' || !isObject(owner)) return undefined;
  if (!Object.values(owner).every(part => typeof part === 'string')) return undefined;
  return { owner: owner as Record<string, string>, createdAt };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
