import { defineConfig } from 'vitest/config';

/** What guards main counts from; people read the default reporter. */
const RESULTS = '.build/test-results.json';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Two cores are what the smallest machines have; several files start databases and sandboxes of their own.
    maxWorkers: 2,
    reporters: process.env.CI ? ['default', ['json', { outputFile: RESULTS }]] : ['default'],
  },
});
