import { describe, expect, it } from "vitest";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { boolType, dynType, intType, listType, mapType, objectType, stringType } from "../types/types.ts";

const environment = kubernetesEnvironment.extend({
	variables: {
		self: objectType("Self", { name: stringType, count: intType, tags: listType(stringType), labels: mapType(stringType, stringType) }),
		any: dynType,
		flag: boolType,
	},
});

const problem = (expression: string): string => {
	const compiled = compileExpression(expression, environment);
	return "problem" in compiled ? compiled.problem : "";
};

describe("errors of the compiler", () => {
	it.each([
		["nope", "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"],
		["1 + nope.x", "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')\n | 1 + nope.x\n | ....^"],
		["self.nope == 1", "ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^"],
		["self.name.x", "ERROR: <input>:1:10: type 'string' does not support field selection\n | self.name.x\n | .........^"],
		["self.nme()", "ERROR: <input>:1:9: undeclared reference to 'nme' (in container '')\n | self.nme()\n | ........^"],
		[
			"self.name + 1",
			"ERROR: <input>:1:11: found no matching overload for '_+_' applied to '(string, int)'\n | self.name + 1\n | ..........^",
		],
		[
			"self.count.startsWith('a')",
			"ERROR: <input>:1:22: found no matching overload for 'startsWith' applied to 'int.(string)'\n | self.count.startsWith('a')\n | .....................^",
		],
		[
			"self.tags == self.labels",
			"ERROR: <input>:1:11: found no matching overload for '_==_' applied to '(list(string), map(string, string))'\n | self.tags == self.labels\n | ..........^",
		],
		["self.count && flag", "ERROR: <input>:1:5: expected type 'bool' but found 'int'\n | self.count && flag\n | ....^"],
		["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
		["{'a': 1, 'b': 'c'}", "ERROR: <input>:1:15: expected type 'int' but found 'string'\n | {'a': 1, 'b': 'c'}\n | ..............^"],
		[
			"self.count.all(x, true)",
			"ERROR: <input>:1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.count.all(x, true)\n | ....^",
		],
		["self.tags.all(x.y, true)", "ERROR: <input>:1:16: argument must be a simple name\n | self.tags.all(x.y, true)\n | ...............^"],
		["has(self)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^"],
		["duration('1 h')", "ERROR: <input>:1:10: invalid duration argument\n | duration('1 h')\n | .........^"],
		["timestamp('x')", "ERROR: <input>:1:11: invalid timestamp argument\n | timestamp('x')\n | ..........^"],
		["'a'.matches('(')", "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('(')\n | ............^"],
		["Nope{a: 1}", "ERROR: <input>:1:5: undeclared reference to 'Nope' (in container '')\n | Nope{a: 1}\n | ....^"],
		[
			"x + y",
			"ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x + y\n | ^\nERROR: <input>:1:5: undeclared reference to 'y' (in container '')\n | x + y\n | ....^",
		],
		["'ä' +\n nope", "ERROR: <input>:2:2: undeclared reference to 'nope' (in container '')\n |  nope\n | .^"],
		["'ä' + nope", "ERROR: <input>:1:7: undeclared reference to 'nope' (in container '')\n | 'ä' + nope\n | .．....^"],
	])("%s", (expression, text) => {
		expect(problem(expression)).toBe(text);
	});
});

describe("what fits", () => {
	it.each([
		"any.x.y == 'a' && any.x.y == 1",
		"self.tags.all(t, t.size() > 0)",
		"self.labels.all(k, v, k < v)",
		"self.tags.map(t, {t: 1}).size() == 1",
		"[].size() == 0 && [[], [1]].size() == 2",
		"self.labels['a'] == self.labels.a",
		"(flag ? self.tags : []).size() < 5",
		"self.?name.orValue('x') == 'x'",
		"any.optMap(v, v).hasValue()",
		"self.count < 1.5 && self.count > 0u",
		"self.tags.exists(self, self == 'a')",
		"type(self.count) == int",
	])("%s", (expression) => {
		expect(problem(expression)).toBe("");
	});
});
