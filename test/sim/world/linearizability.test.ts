/** The checker itself: it must be able to say no. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Operation } from "./history.ts";
import { checkLinearizable } from "./linearizability.ts";

const never = Number.POSITIVE_INFINITY;

function put(value: string, invokedAt: number, returnedAt: number): Operation {
	const result = returnedAt === never ? undefined : { set: true };
	return { client: "", key: "k", action: { type: "put", value }, invokedAt, returnedAt, result };
}
function read(value: string | undefined, invokedAt: number, returnedAt: number): Operation {
	return { client: "", key: "k", action: { type: "read" }, invokedAt, returnedAt, result: { value } };
}
function cas(expected: string, value: string, set: boolean, invokedAt: number, returnedAt: number): Operation {
	return { client: "", key: "k", action: { type: "cas", expected, value }, invokedAt, returnedAt, result: { set } };
}
const verdict = (...operations: Operation[]) => checkLinearizable(operations)[0]?.verdict;

test.each([
	["a read after a write sees it", "linearizable", [put("a", 0, 1), read("a", 2, 3)]],
	["a read after a write does not see it", "not linearizable", [put("a", 0, 1), read(undefined, 2, 3)]],
	["a read during a write may see it or not", "linearizable", [put("a", 0, 9), read(undefined, 1, 2), read("a", 3, 4)]],
	["once seen, it stays", "not linearizable", [put("a", 0, 9), read("a", 1, 2), read(undefined, 3, 4)]],
	["an unanswered write may take effect late", "linearizable", [put("a", 0, never), put("b", 1, 2), read("b", 3, 4), read("a", 5, 6)]],
	["but not twice", "not linearizable", [put("a", 0, never), read("a", 1, 2), put("b", 3, 4), read("a", 5, 6)]],
	[
		"compare-and-set takes one of two",
		"linearizable",
		[put("a", 0, 1), cas("a", "b", true, 2, 9), cas("a", "c", false, 2, 9), read("b", 10, 11)],
	],
	["and not both", "not linearizable", [put("a", 0, 1), cas("a", "b", true, 2, 9), cas("a", "c", true, 2, 9)]],
	["a value from nowhere", "not linearizable", [read("x", 0, 1)]],
] as const)("%s", (_, expected, operations) => {
	expect(verdict(...operations)).toBe(expected);
});

/** All orders that keep what returned before the other was called. */
function orders(operations: readonly Operation[]): readonly (readonly Operation[])[] {
	if (operations.length === 0) return [[]];
	return operations
		.filter((first) => operations.every((other) => other === first || other.returnedAt >= first.invokedAt))
		.flatMap((first) => orders(operations.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}

function runs(order: readonly Operation[]): boolean {
	let register: string | undefined;
	for (const { action, result } of order) {
		if (action.type === "put") register = action.value;
		else if (action.type === "read" && result !== undefined && "value" in result && result.value !== register) return false;
	}
	return true;
}

test("agrees with trying all orders", () => {
	const times = fc.tuple(fc.nat(12), fc.nat(6));
	const operation = fc
		.tuple(fc.boolean(), fc.constantFrom("a", "b"), times)
		.map(([isPut, value, [at, length]]) => (isPut ? put(value, at, at + length) : read(value, at, at + length)));
	fc.assert(
		fc.property(fc.array(operation, { minLength: 1, maxLength: 6 }), (operations) => {
			const expected = orders(operations).some(runs) ? "linearizable" : "not linearizable";
			expect(verdict(...operations)).toBe(expected);
		}),
		{ numRuns: 500 },
	);
});
