import { expect, test } from "vitest";
import { MemoryBackend } from "./backend/memory-backend.ts";
import { GroupCommit } from "./group-commit.ts";

/** An engine whose only write ends as the test says. */
class SlowBackend extends MemoryBackend {
	readonly end = Promise.withResolvers<void>();

	override write(): Promise<void> {
		return this.end.promise;
	}
}

test("behind a log, the engine's failure is the end, though entries are on their way to it", async () => {
	const backend = new SlowBackend();
	const gate = Promise.withResolvers<void>();
	const outcomes: string[] = [];
	const hooks = {
		prepare: (entries: readonly { readonly revision: number }[]) => (entries[0]?.revision === 2 ? gate.promise : Promise.resolve()),
		publish: () => undefined,
		settled: () => undefined,
		failed: (cause: unknown) => new Error("failed", { cause }),
	};
	const commit = new GroupCommit<void>(backend, hooks, true);
	const entry = (index: number) => ({
		mutations: [],
		revision: index,
		position: { index, term: 1 },
		durable: () => void outcomes.push(`${index} durable`),
		failed: () => void outcomes.push(`${index} failed`),
	});
	const turn = () => new Promise((resolve) => setImmediate(resolve));
	commit.submit(entry(1));
	await turn();
	commit.submit(entry(2));
	await turn();
	backend.end.reject(new Error("no space left on device"));
	await turn();
	gate.resolve();
	await commit.idle();
	commit.submit(entry(3));
	expect(outcomes).toEqual(["1 durable", "2 durable", "3 failed"]);
	await expect(commit.written()).rejects.toThrow("failed");
});

test("an engine that does not wait costs no turn of its own: what is issued together is told together", async () => {
	const told: string[] = [];
	const hooks = {
		prepare: (entries: readonly { readonly revision: number }[]) => entries.map(({ revision }) => revision).join(" "),
		publish: (revisions: string) => void told.push(`published ${revisions}`),
		settled: () => void told.push("settled"),
		failed: (cause: unknown) => new Error("failed", { cause }),
	};
	const commit = new GroupCommit<string>(new MemoryBackend(), hooks, false);
	for (const revision of [1, 2]) {
		const durable = () => void told.push(`${revision} durable`);
		commit.submit({ mutations: [], revision, position: undefined, durable, failed: () => undefined });
	}
	expect(told).toEqual([]);
	await undefined;
	expect(told).toEqual(["published 1 2", "1 durable", "2 durable", "settled"]);
});
