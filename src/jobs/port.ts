/**
 * The jobs port: work that is done beside requests. At least once: a handler must do no harm when it runs again, since
 * what is to be done is derived from the log and the stores, never from the queue alone.
 */
export interface JobContext {
  /** aborts when the process stops: end soon, the job runs again */
  readonly signal: AbortSignal;
}
export type JobHandler = (data: Readonly<Record<string, string>>, context: JobContext) => Promise<void>;

export interface Jobs {
  /** Names a kind of job and how it is done. Before `start`. */
  define(name: string, handler: JobHandler): void;
  /** Runs a defined job every so many ms, once over all processes that share the queue, never two runs at a time. */
  every(name: string, ms: number): void;
  /** Adds one run. `id` (letters, digits, `-`) makes it idempotent while that run waits or is under way. */
  enqueue(name: string, id: string, data?: Readonly<Record<string, string>>): Promise<void>;
  start(): Promise<void>;
  /** runs that failed since the start, by name; for metrics and doctor */
  failures(): Readonly<Record<string, number>>;
  /** Stops taking jobs, aborts what runs, and waits for it. */
  close(): Promise<void>;
}
