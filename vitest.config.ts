import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// graphql must be loaded once: with the `development` export condition vitest would load a second copy,
// and every `instanceof` between the two fails.
const conditions = ['node', 'module-sync', 'import', 'default'];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: ['node', 'module-sync'] } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/services.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests wait for sockets more than they compute.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
