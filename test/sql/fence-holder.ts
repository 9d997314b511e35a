/** A process of its own that holds the fence until it is killed: `fence-holder.ts <url> <shared | exclusive>`. */
import { openPostgresFence } from '../../src/sql/fence.ts';

const [url, mode] = process.argv.slice(2) as [string, 'shared' | 'exclusive'];
const fence = await openPostgresFence(url);
await fence[mode](() => {
  process.stdout.write('holding\n');
  return new Promise(() => setInterval(() => {}, 1000));
});
