/**
 * What expressions cost: by estimate, and when they run. An expression never costs more than its estimate says.
 * Source of the figures: github.com/google/cel-go/common/cost.go and k8s.io/apiserver/pkg/cel/library/cost.go, worked out by hand.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { evaluate } from "../testing/evaluate.ts";
import { boolType, type CelType, intType, listType, mapType, objectType, stringType } from "../types/types.ts";
import { jsonToCel } from "../values/json-values.ts";
import { estimateCost } from "./cost-estimate.ts";
import { type Range, unbounded } from "./cost-range.ts";

const self = objectType("Self", {
	s: stringType,
	t: stringType,
	n: intType,
	flag: boolType,
	list: listType(stringType),
	ints: listType(intType),
	map: mapType(stringType, stringType),
});

/** At most 100 characters a text, 10 elements a list, 5 entries a map. */
const limits: Readonly<Partial<Record<CelType["kind"], number>>> = { string: 100, list: 10, map: 5 };

function estimate(expression: string): Range {
	const compiled = compileExpression(expression, kubernetesEnvironment.extend({ variables: { self } }));
	if ("problem" in compiled) throw new Error(compiled.problem);
	return estimateCost(compiled.checked, (_, type) => ({ min: 0, max: limits[type.kind] ?? 0 }));
}

describe("estimates", () => {
	it.each<readonly [expression: string, min: number, max: number]>([
		["true", 0, 0],
		["self.flag", 2, 2],
		["has(self.flag)", 1, 1],
		["self.n + 1 == 2", 4, 4],
		["self.s == 'ab'", 3, 3],
		["self.s == self.t", 5, 14],
		["self.s.startsWith('ab')", 3, 3],
		["self.s.startsWith(self.t)", 4, 14],
		["self.s.contains('abcdefghijk')", 2, 22],
		["self.s.matches('^[a-z]+$')", 4, 24],
		["self.s + self.t == 'a'", 5, 25],
		["size(self.list) > 3", 4, 4],
		["self.flag && self.flag", 2, 4],
		["self.flag ? self.n : 1", 2, 4],
		["[1, 2, 3]", 10, 10],
		["{'a': 1}", 30, 30],
		["self.list[0]", 3, 3],
		["'a' in self.list", 2, 12],
		["self.list.all(x, true)", 3, 33],
		["self.list.exists(x, x == 'a')", 3, 63],
		["self.list.map(x, x)", 13, 143],
		["self.list.all(x, self.list.all(y, true))", 3, 363],
		["self.ints.sum() > 0", 3, 13],
		["self.list.isSorted()", 2, 112],
		["self.s.lowerAscii()", 2, 12],
		["self.s.split(',')", 2, 22],
		["self.list.join(',')", 2, 103],
		["quantity(self.s).isInteger()", 3, 13],
		["self.?s.orValue('')", 3, 3],
	])("%s: %i to %i", (expression, min, max) => {
		expect(estimate(expression)).toEqual({ min, max });
	});

	it("are unbounded where a size is", () => {
		expect(estimate("string(self.n) + 'a' == 'a'").max).toBeGreaterThan(1e17);
		expect(estimate("self.list.map(x, x + x).map(y, y + y).map(z, z + z).all(a, a.contains(a))").max).toBeLessThanOrEqual(unbounded);
	});
});

describe("runs", () => {
	it.each<readonly [expression: string, cost: number]>([
		["true", 0],
		["x", 1],
		["x.s", 2],
		["x.list[0]", 3],
		["has(x.s)", 1],
		["x.n == 1", 3],
		["x.s == 'a'", 3],
		["x.s.startsWith('a')", 3],
		["'a' in ['a', 'b']", 0],
		["x.s in ['a', 'b']", 2],
		["x.s in x.list", 5],
		["[1, 2]", 0],
		["[x]", 11],
		["{'a': x}", 31],
		["duration('1h') > duration('1m')", 1],
		["[1, 2, 3].all(i, i > 0)", 16],
		["[1, 2, 3].exists(i, i > 0)", 10],
		["[1, 2].map(i, i)", 27],
		["false && x.n == 1", 0],
		["true ? x.n : x.s == 'a'", 2],
		["optional.of(1).hasValue()", 2],
	])("%s: %i", (expression, cost) => {
		expect(evaluate(expression, { x: { s: "abcdefghij", n: 1, list: ["a", "b", "c"] } }).cost).toBe(cost);
	});

	it("end at their limit, whatever they do", () => {
		const list = Array.from({ length: 1_000 }, (_, index) => index);
		for (const expression of [
			"x.all(a, x.all(b, x.all(c, true)))",
			"x.map(a, x.map(b, x.map(c, a + b + c))).size() > 0",
			"x.filter(a, x.exists(b, x.exists(c, c < 0)))",
			"x.transformMap(i, v, x.transformMap(j, w, x.transformList(k, u, u))).size() > 0",
		]) {
			expect(evaluate(expression, { x: list }, 100_000)).toMatchObject({ text: "error: operation cancelled: actual cost limit exceeded" });
		}
	});

	it("grow lists without copying them each time", () => {
		const list = Array.from({ length: 50_000 }, (_, index) => index);
		expect(evaluate("x.map(a, a).filter(b, b >= 0).size()", { x: list }, 10_000_000).text).toBe("50000");
		expect(evaluate("x.transformMap(i, v, v).size()", { x: list }, 10_000_000).text).toBe("50000");
	});

	it("stay within their estimates", () => {
		const text = fc.string({ maxLength: 100 });
		const values = fc.record({
			s: text,
			t: text,
			n: fc.integer({ min: -5, max: 5 }),
			flag: fc.boolean(),
			list: fc.array(text, { maxLength: 10 }),
			ints: fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 10 }),
			map: fc.dictionary(text, text, { maxKeys: 5 }),
		});
		const leaves = [
			"self.flag",
			"self.s == self.t",
			"self.n > 0",
			"'a' in self.list",
			"self.s.contains(self.t)",
			"self.list.all(x, x == self.s)",
			"self.ints.exists(i, i == self.n)",
			"self.s.matches('^a+b')",
			"self.map.all(k, v, k == v)",
			"self.list.map(x, x + self.s).exists(y, y.startsWith('a'))",
			"self.list.join(self.t) == self.s",
			"self.s.lowerAscii().split('a').size() > 2",
		];
		const expression = fc.letrec<{ node: string }>((tie) => ({
			node: fc.oneof(
				{ maxDepth: 3 },
				fc.constantFrom(...leaves),
				fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(${a} && ${b})`),
				fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(${a} || ${b})`),
				fc.tuple(tie("node"), tie("node"), tie("node")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
				tie("node").map((a) => `self.ints.all(z, ${a})`),
			),
		})).node;
		fc.assert(
			fc.property(expression, values, (source, value) => {
				const compiled = compileExpression(source, kubernetesEnvironment.extend({ variables: { self } }));
				if ("problem" in compiled) throw new Error(compiled.problem);
				const outcome = compiled.program.evaluate(() => jsonToCel(value), 10_000_000);
				expect(outcome.cost).toBeLessThanOrEqual(estimate(source).max);
			}),
			{ numRuns: 300, seed: 3 },
		);
	});
});
