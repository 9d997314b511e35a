/** How much of a stranger's archive is looked at. Archives are hostile: small ones that unpack to everything exist. */
export interface ArchiveLimits {
  /** files, directories and links together */
  readonly entries: number;
  /** of all entries together, unpacked, bytes */
  readonly unpacked: number;
  /** unpacked : packed, beyond `free` unpacked bytes */
  readonly ratio: number;
  readonly free: number;
  /** of one path, bytes */
  readonly path: number;
  /** of all paths together, bytes */
  readonly paths: number;
  /** of the files that are kept in memory together, bytes */
  readonly kept: number;
}

const MIB = 1024 * 1024;

export const ARCHIVE_LIMITS: ArchiveLimits = {
  entries: 100_000,
  unpacked: 8192 * MIB,
  ratio: 200,
  free: 10 * MIB,
  path: 4096,
  paths: 32 * MIB,
  kept: 64 * MIB,
};
