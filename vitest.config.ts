import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// graphql must be loaded once: with the `development` export condition vitest would load a second copy,
// and every `instanceof` between the two fails. vitest hands these to Node for import and require alike, so neither `import` nor
// `default` may be here: require() would get a module where it expects what a package exports, and protobufjs, for one, would run
// without 64-bit integers.
const conditions = ['node', 'module-sync'];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/services.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests wait for sockets more than they compute.
    maxWorkers: Math.max(3, availableParallelism()),
  },
});
