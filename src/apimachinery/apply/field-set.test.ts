import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	difference,
	differenceWithParts,
	displayPath,
	emptySet,
	type FieldPath,
	type FieldSet,
	hasPath,
	intersection,
	parseFieldSet,
	pathsOf,
	setOf,
	union,
} from "./field-set.ts";
import { compareElements } from "./path-element.ts";

const fields = { "f:a": {}, 'k:{"name":"x"}': { ".": {}, "f:b": {} } };

describe("a field set", () => {
	it("reads what clients write in any order and with blanks, in Kubernetes' order", () => {
		const text =
			'{"f:z":{"v:\\"b\\"":{},"v:\\"a\\"":{}},"f:p":{"k:{\\"port\\": 443, \\"name\\":\\"x\\"}":{"f:y":{},".":{}},"k:{\\"name\\":\\"x\\",\\"port\\":80}":{}}}';
		expect(JSON.stringify(parseFieldSet(JSON.parse(text)))).toBe(
			'{"f:p":{"k:{\\"name\\":\\"x\\",\\"port\\":80}":{},"k:{\\"name\\":\\"x\\",\\"port\\":443}":{".":{},"f:y":{}}},"f:z":{"v:\\"a\\"":{},"v:\\"b\\"":{}}}',
		);
	});

	it.each([["text"], [{ a: {} }], [{ "f:a": 1 }], [{ "k:{": {} }], [{ "k:{}": {} }], [{ "i:x": {} }], [{ ".": { "f:a": {} } }]])(
		"refuses %j",
		(value) => {
			expect(parseFieldSet(value)).toBeUndefined();
		},
	);

	it("shares what it does not change", () => {
		expect(union(fields, setOf(["f:a"]))).toBe(fields);
		expect(difference(fields, setOf(["f:c"], ["f:a", "f:b"]))).toBe(fields);
		expect(parseFieldSet(fields)).toBe(fields);
	});

	it("keeps the parts of a thing that is taken out, unless they are to go, too", () => {
		const item = setOf(['k:{"name":"x"}']);
		expect(difference(fields, item)).toEqual({ "f:a": {}, 'k:{"name":"x"}': { "f:b": {} } });
		expect(differenceWithParts(fields, item)).toEqual({ "f:a": {} });
		expect(difference(fields, setOf(['k:{"name":"x"}', "f:b"]))).toEqual({ "f:a": {}, 'k:{"name":"x"}': {} });
	});

	it("names its paths as errors do", () => {
		const path = ["f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:x", 'v:"a"', "i:3"];
		expect(displayPath(path)).toBe('.spec.ports[port=80,protocol="TCP"].x[="a"][3]');
	});
});

/** The dumb implementation: a set of paths is a list of texts. */
const element = fc.constantFrom("f:a", "f:b", 'k:{"n":1}', 'k:{"n":10}', 'k:{"n":9}', 'v:"x"', "v:2");
const path = fc.array(element, { minLength: 1, maxLength: 3 });
const paths = fc.array(path, { maxLength: 12 });
const texts = (list: readonly FieldPath[]) => [...new Set(list.map((item) => JSON.stringify(item)))].sort();
const textsOf = (set: FieldSet) => texts(pathsOf(set));

function isInOrder(set: FieldSet): boolean {
	const elements = Object.keys(set);
	const ordered = elements.every((item, index) => index === 0 || compareElements(elements[index - 1] ?? "", item) < 0);
	return ordered && elements.every((item) => isInOrder(set[item] ?? emptySet));
}

function isTidy(set: FieldSet): boolean {
	const elements = Object.keys(set);
	return !(elements.length === 1 && elements[0] === ".") && elements.every((item) => isTidy(set[item] ?? emptySet));
}

describe("the algebra of sets", () => {
	it("is that of lists of paths", () => {
		fc.assert(
			fc.property(paths, paths, (a, b) => {
				const [left, right] = [setOf(...a), setOf(...b)];
				const inBoth = texts(a).filter((item) => texts(b).includes(item));
				const results = {
					union: [union(left, right), texts([...a, ...b])],
					difference: [difference(left, right), texts(a).filter((item) => !texts(b).includes(item))],
					intersection: [intersection(left, right), inBoth],
				} as const;
				for (const [set, expected] of Object.values(results)) {
					expect(textsOf(set)).toEqual(expected);
					expect(isInOrder(set) && isTidy(set)).toBe(true);
				}
				const isBelow = (item: FieldPath) => b.some((top) => top.every((step, index) => item[index] === step));
				expect(textsOf(differenceWithParts(left, right))).toEqual(texts(a.filter((item) => !isBelow(item))));
				for (const item of [...a, ...b]) expect(hasPath(left, item)).toBe(texts(a).includes(JSON.stringify(item)));
			}),
		);
	});

	it("comes back from its JSON as it was, whatever the order of the keys", () => {
		const reversed = (set: FieldSet): FieldSet =>
			Object.fromEntries(
				Object.entries(set)
					.reverse()
					.map(([key, part]) => [key, reversed(part)]),
			);
		fc.assert(
			fc.property(paths, (list) => {
				const set = setOf(...list);
				expect(JSON.stringify(parseFieldSet(JSON.parse(JSON.stringify(set))))).toBe(JSON.stringify(set));
				expect(JSON.stringify(parseFieldSet(reversed(set)))).toBe(JSON.stringify(set));
			}),
		);
	});
});
