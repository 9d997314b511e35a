/** How far long work is, on stderr: one line that is written over on a terminal, else a line now and then. */
import type { Io } from '../io.ts';
import { clean } from './text.ts';

export interface Progress {
  update(text: string): void;
  /** Takes the line away, so that what follows stands alone. */
  end(): void;
}

/** milliseconds between lines where they stay */
const LINE_MS = 5000;
/** and where they are written over */
const DRAW_MS = 100;

export function createProgress({ stderr }: Io, quiet: boolean): Progress {
  const terminal = stderr.isTTY === true;
  let last = Number.NEGATIVE_INFINITY;
  return {
    update(text) {
      const now = performance.now();
      if (quiet || now - last < (terminal ? DRAW_MS : LINE_MS)) return;
      last = now;
      stderr.write(terminal ? `\r\u001b[2K${clean(text)}` : `${clean(text)}\n`);
    },
    end() {
      if (terminal && !quiet) stderr.write('\r\u001b[2K');
    },
  };
}

/** Tells how long work takes that tells nothing itself. */
export async function meanwhile<T>(
  { io, quiet }: { readonly io: Io; readonly quiet: boolean },
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const progress = createProgress(io, quiet);
  const began = performance.now();
  const tell = () => progress.update(`${what} for ${Math.round((performance.now() - began) / 1000)} s`);
  const timer = setInterval(tell, 1000);
  return work().finally(() => {
    clearInterval(timer);
    progress.end();
  });
}
