/** Tests with real clients note what they have proved; docs/compatibility.md is made from that. */
import type { TestContext } from 'vitest';

export interface Operation {
  /** repository format: `npm` */
  readonly format: string;
  /** what a user does: `publish`, `install`, `refused download shows its reason` */
  readonly operation: string;
  /** `npm`, `pip`, `mvn` */
  readonly client: string;
  /** as the client prints it: `11.19.1` */
  readonly version: string;
}

declare module 'vitest' {
  interface TaskMeta {
    compatibility?: Operation[];
  }
}

/** Notes an operation on the running test; it counts when the test passes. */
export function operation(task: TestContext['task'], ...proved: readonly Operation[]): void {
  task.meta.compatibility = [...(task.meta.compatibility ?? []), ...proved];
}
