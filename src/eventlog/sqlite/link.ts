/** The callers' end of the connection to the database thread. */
import type { Worker } from 'node:worker_threads';
import { refuse, StrongroomError } from '../../domain/errors.ts';
import type { Greeting, Numbered, Opened, Reply, Request, Turn } from './messages.ts';

interface Pending {
  readonly value: (value: never) => void;
  readonly failed: (error: Error) => void;
}

export interface LinkEvents {
  /** after the replies of one turn were handed out */
  turn(head: number): void;
  /** the thread died: every call from now on is refused with this */
  broken(error: StrongroomError): void;
}

export class WorkerLink {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #outgoing: Numbered[] = [];
  #lastId = 0;
  #broken: StrongroomError | undefined;
  #events: LinkEvents | undefined;
  readonly #exited: Promise<void>;

  /** @throws StrongroomError STORAGE_UNAVAILABLE when the thread could not open the file */
  static async open(worker: Worker): Promise<{ link: WorkerLink; opened: Opened }> {
    const link = new WorkerLink(worker);
    const greeting = await new Promise<Greeting>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', cause => reject(refuse('STORAGE_UNAVAILABLE', cause.message)));
      worker.once('exit', () => reject(refuse('STORAGE_UNAVAILABLE', 'the database thread did not start')));
    });
    if ('failed' in greeting) {
      await link.#exited;
      throw new StrongroomError(greeting.failed.code, greeting.failed.reason);
    }
    worker.on('message', (turn: Turn) => link.#receive(turn));
    return { link, opened: greeting.opened };
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#exited = new Promise(resolve => {
      worker.on('exit', code => {
        this.#break(`the database thread ended with code ${code}`);
        resolve();
      });
    });
    worker.on('error', error => this.#break(`the database thread failed: ${error.message}`));
  }

  listen(events: LinkEvents): void {
    this.#events = events;
  }

  /**
   * Sends a request and gives its value. `first` runs at once with the reply, in the order of the replies, before
   * the head of its turn is told.
   */
  call<T>(request: Request, first?: (value: T) => void): Promise<T> {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const value = (given: T) => {
        first?.(given);
        resolve(given);
      };
      const id = ++this.#lastId;
      this.#pending.set(id, { value, failed: reject });
      // After all callers that were woken together have spoken, so that they travel together
      if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
      this.#outgoing.push({ id, request });
    });
  }

  /** Resolves when the thread has finished everything asked before, closed the file and ended. */
  async close(): Promise<void> {
    await this.call({ kind: 'close' }).catch(() => undefined);
    await this.#exited;
  }

  #flush(): void {
    const batch = this.#outgoing;
    this.#outgoing = [];
    this.#worker.postMessage(batch);
  }

  #receive({ head, replies }: Turn): void {
    for (const reply of replies) this.#settle(reply);
    this.#events?.turn(head);
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('failed' in reply) pending?.failed(new StrongroomError(reply.failed.code, reply.failed.reason));
    else pending?.value(reply.value as never);
  }

  #break(reason: string): void {
    if (this.#broken) return;
    this.#broken = refuse('LOG_UNAVAILABLE', `${reason}: start Strongroom again`);
    for (const pending of this.#pending.values()) pending.failed(this.#broken);
    this.#pending.clear();
    this.#events?.broken(this.#broken);
  }
}
