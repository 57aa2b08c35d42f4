import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** What guards main counts from; people read the default reporter. */
const RESULTS = '.build/test-results.json';

// Hundreds of processes load the same modules: compiled once for all of them, as `npm start` and the command line do.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '.build/compile-cache');

/**
 * Rooms whose tests share their process with those of other files: they start no assistant, change nothing of the process, and are
 * many. A process and its imports for each file cost more than what most of them do. All others get a process each.
 */
const SHARED = [
  'test/{approval,audit,credentials,directory,foreign,intake,mcp,model,oncall,planner,policy,reply,screening,surface}/**/*.test.ts',
  'test/execution/broker/**/*.test.ts',
  'test/adapters/{slack,teams}/!(*.browser|playground*).test.ts',
];

const common = {
  globalSetup: ['test/support/global-setup.ts'],
  // Only a test that hangs reaches these: a machine with other work beside may be several times slower.
  testTimeout: 90_000,
  hookTimeout: 120_000,
  // It ends as soon as what it asks for is so; the second that it has by itself is not enough there either.
  expect: { poll: { timeout: 60_000 } },
  pool: 'forks' as const,
  // Two cores are what the smallest machines have; several files start databases and sandboxes of their own, and some wait for
  // those more than they work.
  maxWorkers: 3,
};

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: 'shared', include: SHARED, isolate: false } },
      {
        test: {
          ...common,
          name: 'alone',
          include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
          exclude: SHARED,
        },
      },
    ],
    reporters: process.env.CI ? ['default', ['json', { outputFile: RESULTS }]] : ['default'],
  },
});
