/**
 * The evidence store port: what decisions were made on (inputs, policy modules, results), by digest, kept for ever
 * and durable before the event that names it is appended. Records of downloads may expire.
 */

/** `sha256:<hex>` of the plain bytes */
export type EvidenceDigest = string;

export interface EvidenceStore {
  /**
   * Durable when it resolves; idempotent. With `owner` (a principal id) the bytes are encrypted under that person's
   * key, so that forgetting the person erases them; the digest stays that of the plain bytes.
   */
  put(bytes: Uint8Array, options?: { owner?: string }): Promise<EvidenceDigest>;
  /** undefined: never stored here, or removed. 'erased': stored, but its owner's key was destroyed. */
  get(digest: EvidenceDigest): Promise<Uint8Array | 'erased' | undefined>;
  /** Digests in order, after one (exclusive), for backup and verification. */
  list(options?: { after?: EvidenceDigest; limit?: number }): Promise<readonly EvidenceDigest[]>;
  /**
   * Removes what expires by retention, after the event that says so; nothing else is ever removed. Copies that have an
   * owner stay. What is not there is no error.
   */
  remove(digests: readonly EvidenceDigest[]): Promise<void>;
}
