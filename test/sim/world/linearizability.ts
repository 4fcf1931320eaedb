/**
 * Whether a history of register operations could have happened one at a time, each at a moment between its call and its
 * answer. Keys are independent, so each is searched for itself (P-compositionality).
 *
 * The search of Wing and Gong with Lowe's memory of what was tried: take any operation that may come first, see whether
 * the register agrees, go on with the rest, go back if nothing fits. An operation without an answer may come at any time
 * after its call, or never.
 *
 * Source: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for linearizability" (2017).
 */
import type { Operation } from "./history.ts";

export type Verdict = "linearizable" | "not linearizable" | "gave up";

export interface KeyVerdict {
	readonly key: string;
	readonly verdict: Verdict;
	readonly operations: readonly Operation[];
}

/** @param maxSteps of the search, for each key; beyond it gives up. */
export function checkLinearizable(operations: readonly Operation[], maxSteps = 300_000): readonly KeyVerdict[] {
	const byKey = Map.groupBy(operations, (operation) => operation.key);
	return Array.from(byKey, ([key, ofKey]) => ({ key, verdict: checkRegister(ofKey, maxSteps), operations: ofKey }));
}

/** A step of the search, to be undone. */
interface Taken {
	readonly operation: number;
	readonly before: string | undefined;
}

function checkRegister(all: readonly Operation[], maxSteps: number): Verdict {
	// A read that nobody saw the answer of says nothing.
	const operations = all
		.filter((operation) => operation.action.type !== "read" || operation.result !== undefined)
		.sort((a, b) => a.invokedAt - b.invokedAt);
	let open = operations.filter((operation) => operation.result !== undefined).length;
	const taken = new Array<boolean>(operations.length).fill(false);
	const tried = new Set<string>();
	const path: Taken[] = [];
	let register: string | undefined;
	let from = 0;

	for (let steps = 0; open > 0; steps++) {
		if (steps > maxSteps) return "gave up";
		const next = findNext(operations, taken, register, from, tried);
		if (next !== undefined) {
			path.push({ operation: next.operation, before: register });
			taken[next.operation] = true;
			if (operations[next.operation]?.result !== undefined) open--;
			register = next.register;
			from = 0;
			continue;
		}
		const last = path.pop();
		if (last === undefined) return "not linearizable";
		taken[last.operation] = false;
		if (operations[last.operation]?.result !== undefined) open++;
		register = last.before;
		from = last.operation + 1;
	}
	return "linearizable";
}

/** The first operation from `from` on that may come now, agrees with the register, and leads to something not tried yet. */
function findNext(
	operations: readonly Operation[],
	taken: boolean[],
	register: string | undefined,
	from: number,
	tried: Set<string>,
): { readonly operation: number; readonly register: string | undefined } | undefined {
	// Whatever returned before another one was called comes before it.
	let deadline = Number.POSITIVE_INFINITY;
	for (let i = 0; i < operations.length; i++) {
		const operation = operations[i];
		if (operation === undefined || taken[i] === true) continue;
		if (operation.invokedAt > deadline) break;
		deadline = Math.min(deadline, operation.returnedAt);
	}
	for (let i = from; i < operations.length; i++) {
		const operation = operations[i];
		if (operation === undefined || taken[i] === true) continue;
		if (operation.invokedAt > deadline) return undefined;
		const outcome = applyTo(register, operation);
		if (outcome === undefined) continue;
		taken[i] = true;
		const state = `${fingerprint(taken)} ${outcome.register ?? ""}`;
		taken[i] = false;
		if (tried.has(state)) continue;
		tried.add(state);
		return { operation: i, register: outcome.register };
	}
	return undefined;
}

/** The register afterwards; undefined if the operation cannot have had its answer. */
function applyTo(register: string | undefined, { action, result }: Operation): { readonly register: string | undefined } | undefined {
	switch (action.type) {
		case "read":
			return result !== undefined && "value" in result && result.value === register ? { register } : undefined;
		case "put":
			return { register: action.value };
		case "cas": {
			const set = action.expected === register;
			if (result !== undefined && "set" in result && result.set !== set) return undefined;
			return { register: set ? action.value : register };
		}
	}
}

/** The taken operations, as text: how many at the beginning without a gap, and which after that. */
function fingerprint(taken: readonly boolean[]): string {
	const gap = taken.indexOf(false);
	if (gap < 0) return "all";
	let text = `${gap}`;
	for (let i = gap + 1; i < taken.length; i++) if (taken[i] === true) text += `,${i}`;
	return text;
}
