import { defineConfig } from 'vitest/config';

// Three projects: `unit` runs on any kernel; `kernel` and `e2e` need VRF, MPLS, GRE and FOU, so they run in the lab kernel.
// Nothing runs in parallel there: the lab kernel is emulated, and its namespaces and sysctls are shared.
const emulated = {
  fileParallelism: false,
  testTimeout: 600_000,
  hookTimeout: 600_000,
  teardownTimeout: 60_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'netns-lab/test/**/*.test.ts'],
          exclude: ['**/*.kernel.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'kernel', include: ['{packages/*,netns-lab}/test/**/*.kernel.test.ts'], ...emulated } },
      { test: { name: 'e2e', include: ['e2e/test/**/*.test.ts'], ...emulated } },
    ],
  },
});
