/**
 * Expressions of Kubernetes' documentation, each with what comes of it; also those of which something else comes than the pages say.
 * Source: https://kubernetes.io/docs/reference/using-api/cel/ and
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression-examples
 */
import { describe, expect, it } from "vitest";
import { evaluate } from "./testing/evaluate.ts";

type Row = readonly [expression: string, result: string];

const object = {
	minReplicas: 1,
	replicas: 2,
	maxReplicas: 3,
	stateCounts: { Available: 1 },
	list1: [1],
	list2: [],
	map1: { MY_KEY: "abc" },
	MY_KEY: "abc",
	envars: [
		{ name: "MY_ENV", value: "abc" },
		{ name: "OTHER", value: "1" },
	],
	health: "ok, mostly",
	widgets: [{ key: "x", foo: 9 }],
	metadata: { name: "pre-singleton" },
	prefix: "pre",
	set1: ["a"],
	set2: ["b"],
	names: ["a", "b"],
	details: { a: "x", b: "y" },
	clusters: [{ name: "one" }, { name: "two" }],
	primary: "one",
};
const variables = {
	object,
	self: object,
	names: ["a", "b", "should-be-first"],
	items: [{ weight: 0.25 }, { weight: 0.75 }],
	lowPriorities: [{ priority: 1 }, { priority: 2 }],
	highPriorities: [{ priority: 10 }, { priority: 20 }],
	params: { optionalNumber: 11 },
	none: {},
	request: { name: "special" },
};

const tables: Readonly<Record<string, readonly Row[]>> = {
	"the language": [
		["self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas", "true"],
		["'Available' in self.stateCounts", "true"],
		["(self.list1.size() == 0) != (self.list2.size() == 0)", "true"],
		// One sign and one bracket too few.
		[
			"self.envars.filter(e, e.name = 'MY_ENV').all(e, e.value.matches('^[a-zA-Z]*$')",
			"invalid: ERROR: <input>:1:30: Syntax error: token recognition error at: '= '",
		],
		["self.envars.filter(e, e.name == 'MY_ENV').all(e, e.value.matches('^[a-zA-Z]*$'))", "true"],
		["self.health.startsWith('ok')", "true"],
		["self.widgets.exists(w, w.key == 'x' && w.foo < 10)", "true"],
		["type(self) == string ? self == '99%' : self == 42", "false"],
		["self.metadata.name == 'singleton'", "false"],
		["self.set1.all(e, !(e in self.set2))", "true"],
		["self.names.size() == self.details.size() && self.names.all(n, n in self.details)", "true"],
		["self.details.all(key, key.matches('^[a-zA-Z]*$'))", "true"],
		["self.details.all(key, self.details[key].matches('^[a-zA-Z]*$'))", "true"],
		["has(object.namex) ? object.namex == 'special' : request.name == 'special'", "true"],
	],
	policies: [
		["(size(object.list1) == 0) != (size(object.list2) == 0)", "true"],
		["!('MY_KEY' in object.map1) || object['MY_KEY'].matches('^[a-zA-Z]*$')", "true"],
		["has(object.expired) && object.created + object.ttl < object.expired", "false"],
		["type(object) == string ? object == '100%' : object == 1000", "false"],
		["object.metadata.name.startsWith(object.prefix)", "true"],
		["size(object.names) == size(object.details) && object.names.all(n, n in object.details)", "true"],
		["size(object.clusters.filter(c, c.name == object.primary)) == 1", "true"],
		["!has(params.optionalNumber) || (params.optionalNumber >= 5 && params.optionalNumber <= 10)", "false"],
		["!has(none.optionalNumber) || (none.optionalNumber >= 5 && none.optionalNumber <= 10)", "true"],
	],
	lists: [
		["names.isSorted()", "true"],
		["items.map(x, x.weight).sum() == 1.0", "true"],
		["lowPriorities.map(x, x.priority).max() < highPriorities.map(x, x.priority).min()", "true"],
		["names.indexOf('should-be-first') == 1", "false"],
	],
	"regular expressions": [
		// The first match is the empty text before the first letter.
		["\"abc 123\".find('[0-9]*')", '""'],
		["\"1, 2, 3, 4\".findAll('[0-9]*').map(x, int(x)).sum() < 100", "error: type conversion error from 'string' to 'int'"],
		["\"1, 2, 3, 4\".findAll('[0-9]+').map(x, int(x)).sum() < 100", "true"],
	],
	URLs: [
		["url('https://example.com:80/').getHost()", '"example.com:80"'],
		["url('https://example.com/path with spaces/').getEscapedPath()", '"/path%20with%20spaces/"'],
	],
	quantities: [
		['quantity("500000G").isInteger()', "true"],
		['quantity("50k").asInteger()', "50000"],
		['quantity("9999999999999999999999999999999999999G").asApproximateFloat()', "1e+46"],
		[
			'quantity("50k").add("20k")',
			"invalid: ERROR: <input>:1:20: found no matching overload for 'add' applied to 'kubernetes.Quantity.(string)'",
		],
		['quantity("50k").add(quantity("20k")) == quantity("70k")', "true"],
		['quantity("50k").sub(20000) == quantity("30k")', "true"],
		['quantity("50k").add(20).sub(quantity("100k")).sub(-50000) == quantity("20")', "true"],
		['quantity("200M").compareTo(quantity("0.2G"))', "0"],
		['quantity("150Mi").isGreaterThan(quantity("100Mi"))', "true"],
		['quantity("50M").isLessThan(quantity("100M"))', "true"],
	],
};

for (const [title, rows] of Object.entries(tables)) {
	describe(title, () => {
		it.each(rows)("%s", (expression, result) => {
			const [first] = evaluate(expression, variables).text.split("\n");
			expect(first).toBe(result);
		});
	});
}
