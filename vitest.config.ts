import { defineConfig } from 'vitest/config';

const ci = process.env.CI !== undefined;

/**
 * One test file is one process: tests open servers, kill children and change the environment.
 * Two workers, because the smallest machine we support has two cores and more of them only adds waiting.
 */
const shared = {
  pool: 'forks' as const,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  env: { TZ: 'UTC' },
};

export default defineConfig({
  test: {
    reporters: ci ? ['default', 'json'] : ['default'],
    outputFile: { json: 'test-results/vitest.json' },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.unit.test.ts', 'test/architecture.test.ts'],
          maxWorkers: 2,
          testTimeout: 10_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Real clients share the host's image storage, so their files run one after the other.
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
