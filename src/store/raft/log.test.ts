/**
 * The log against a plain array: whatever a leader sends and however late the disk is, it holds what the array holds.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "./entry.ts";
import { RaftLog } from "./log.ts";
import { MemoryStorage } from "./memory-storage.ts";

const entry = (index: number, term: number): Entry => ({ type: "normal", index, term, data: new Uint8Array(8) });

test("appends, conflicts and late writes", () => {
	const step = fc.oneof(
		fc.record({ type: fc.constant("append" as const), back: fc.nat(4), terms: fc.array(fc.nat(2), { maxLength: 4 }) }),
		fc.constant({ type: "write" as const }),
		fc.constant({ type: "written" as const }),
		fc.record({ type: fc.constant("commit" as const), count: fc.nat(3) }),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
			const storage = new MemoryStorage();
			const log = new RaftLog(storage, 0, 0);
			/** Terms; entry i + 1 lies at i. */
			let model: number[] = [];
			let writing: readonly Entry[] | undefined;
			for (const [round, next] of steps.entries()) {
				if (next.type === "append") {
					const previous = Math.max(log.committed, model.length - next.back);
					// A new leader each time: its terms are above all others.
					const terms = next.terms.map((term) => 10 * round + term).sort((a, b) => a - b);
					if (terms.length === 0) continue;
					const entries = terms.map((term, i) => entry(previous + 1 + i, term + 1));
					expect(log.tryAppend({ index: previous, term: model[previous - 1] ?? 0 }, entries)).toBe(previous + terms.length);
					model = [...model.slice(0, previous), ...terms.map((term) => term + 1)];
				} else if (next.type === "write" && writing === undefined) writing = [...log.unstableEntries];
				else if (next.type === "written" && writing !== undefined) {
					storage.save({ snapshot: undefined, hardState: undefined, entries: writing });
					log.entriesStable(writing);
					writing = undefined;
				} else if (next.type === "commit") log.commitTo(Math.min(model.length, log.committed + next.count));

				expect(log.lastIndex).toBe(model.length);
				expect(log.entries(1, log.lastIndex + 1).map(({ term }) => term)).toEqual(model);
				expect(model.map((_, i) => log.term(i + 1))).toEqual(model);
				// Whatever is called durable is on the disk as it is in the log.
				for (let index = 1; index <= log.stableIndex; index++) expect(storage.term(index)).toBe(model[index - 1]);
				for (const { index } of log.nextCommitted(20)) expect(index).toBeLessThanOrEqual(Math.min(log.stableIndex, log.committed));
			}
		}),
		{ numRuns: 2000 },
	);
});
