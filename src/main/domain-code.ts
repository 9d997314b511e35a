/** Names the code that folds events: whatever changes in it, folded states that were kept are not used any more. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** sha256 over names and texts of all files of domain/, in hex. */
export function domainCode(): string {
  const folder = fileURLToPath(new URL('../domain/', import.meta.url));
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    /\.[jt]s$/.test(name),
  );
  for (const name of names.sort())
    hash
      .update(`${name}\n`)
      .update(readFileSync(join(folder, name)))
      .update('\0');
  return hash.digest('hex');
}
