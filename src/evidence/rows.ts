/** What an evidence store needs of a database: rows that are written once, and plain ones that expire. Encryption happens above. */

export interface EvidenceRow {
  /** `sha256:<hex>` of the plain bytes */
  readonly digest: string;
  /** the principal under whose key `body` is encrypted; '' for plain bytes */
  readonly owner: string;
  readonly body: Uint8Array;
}

export interface EvidenceRows {
  /** Durable when it resolves; a row that exists (same digest and owner) stays as it is. */
  put(row: EvidenceRow): Promise<void>;
  /** Every copy under this digest: plain first, then by owner. */
  copies(digest: string): Promise<readonly EvidenceRow[]>;
  /** Distinct digests in order, after one (exclusive). */
  digests(after: string, limit: number): Promise<readonly string[]>;
  /** Removes the plain copies under these digests (at most 500), all or none, durably. */
  remove(digests: readonly string[]): Promise<void>;
}
