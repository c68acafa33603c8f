/** Where vitest looks for tests; paths are relative to the repository's root. `--mode long` runs those that take minutes. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { summaryReporter } from './support/summary-reporter.ts'

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: mode === 'long' ? ['test/**/*.long.ts'] : ['test/**/*.test.ts'],
    pool: 'forks',
    passWithNoTests: mode === 'long',
    testTimeout: mode === 'long' ? 1_800_000 : 120_000,
    reporters: ['default', summaryReporter],
  },
}))
