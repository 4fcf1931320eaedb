import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["src/**/*.test.ts", "src/**/*.test.tsx", "test/**/*.test.ts", "examples/**/*.test.ts"],
		setupFiles: ["test/tools/fast-check-seed.ts"],
		// Real processes on a machine whose speed nobody knows: in CI a test that failed once is tried once more, and said to have been.
		retry: process.env.CI === undefined ? 0 : 1,
		testTimeout: 60_000,
		hookTimeout: 60_000,
		// Modules keep no state, so that two clusters never meet, nor do two files: each worker loads them once, not once a file.
		isolate: false,
		// Two cores: the end-to-end files each run a cluster and a kubectl of their own.
		maxWorkers: 2,
	},
});
