/** What memory is held, whenever the garbage collector last ran. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** bytes of buffers that something still refers to */
export function retainedBytes(): number {
  // Twice: the buffers that the first run found unused are given back on the side, which the second one waits for.
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}
