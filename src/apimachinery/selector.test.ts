import fc from "fast-check";
import { expect, test } from "vitest";
import { formatLabelSelector, type Labels, labelSelectorFromObject, parseLabelSelector, selectorFromMap } from "./selector.ts";

test.each([
	["", ""],
	["x=a,y=b,z=c", "x=a,y=b,z=c"],
	["z=c,x=a", "x=a,z=c"],
	["x!=a,y==b", "x!=a,y==b"],
	["x=", "x="],
	["x= ,z= ", "x=,z="],
	["!x", "!x"],
	["x>1,z <5", "x>1,z<5"],
	["x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()"],
	["x in ( b , a , a )", "x in (a,b)"],
	["in in (in,notin)", "in in (in,notin)"],
	["example.com/role = web", "example.com/role=web"],
])("%j reads as %j", (text, canonical) => {
	expect(parseLabelSelector(text).toString()).toBe(canonical);
});

const operators = "in, notin, =, ==, !=, gt, lt";
const keyRule =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const valueRule =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
test.each([
	["x=a||y=b", `unable to parse requirement: values[0][x]: Invalid value: "a||y": ${valueRule}`],
	["x==a==b", "found '==', expected: ',' or 'end of string'"],
	["!x=a", "found '=', expected: ',' or 'end of string'"],
	["x<a", "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer"],
	["a b", `unable to parse requirement: found 'b', expected: ${operators}`],
	["x,", "found '', expected: identifier after ','"],
	["=x", "found '=', expected: !, identifier, or 'end of string'"],
	["!", "unable to parse requirement: found '', expected: identifier"],
	["x in a", "unable to parse requirement: found 'a' expected: '('"],
	["x in (a", "unable to parse requirement: found '', expected: ',' or ')'"],
	["x in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
	["-x=a", `unable to parse requirement: <nil>: Invalid value: "-x": ${keyRule}`],
])("%j is refused: %s", (text, message) => {
	expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ name: "SelectorError", message }));
});

test.each<[string, Labels, boolean]>([
	["", {}, true],
	["app=web", { app: "web" }, true],
	["app=web", {}, false],
	["app!=web", {}, true],
	["app!=web", { app: "web" }, false],
	["app in (a,b)", { app: "b" }, true],
	["app notin (a,b)", {}, true],
	["app notin (a,b)", { app: "a" }, false],
	["app", { app: "" }, true],
	["!app", { app: "" }, false],
	["n>5", { n: "6" }, true],
	["n>5", { n: "5" }, false],
	["n<5", { n: "x" }, false],
	["n<5", {}, false],
	["!constructor", {}, true],
	["constructor", {}, false],
])("%j on %j matches: %s", (text, labels, expected) => {
	expect(parseLabelSelector(text).matches(labels)).toBe(expected);
});

test("an absent selector object selects nothing, an empty one everything", () => {
	expect(labelSelectorFromObject(undefined).matches({ a: "b" })).toBe(false);
	expect(labelSelectorFromObject({}).matches({ a: "b" })).toBe(true);
	expect(selectorFromMap(undefined).matches(undefined)).toBe(true);
});

test("a selector object reads as a column shows it", () => {
	const selector = {
		matchLabels: { tier: "api", app: "web" },
		matchExpressions: [
			{ key: "env", operator: "NotIn", values: ["test", "dev"] },
			{ key: "canary", operator: "DoesNotExist" },
		],
	};
	expect(formatLabelSelector(selector)).toBe("app=web,!canary,env notin (dev,test),tier=api");
	expect(formatLabelSelector(undefined)).toBe("<none>");
	expect(formatLabelSelector({ matchExpressions: [{ key: "a", operator: "Near" }] })).toBe("<error>");
	expect(() => labelSelectorFromObject({ matchExpressions: [{ key: "a", operator: "Near" }] })).toThrow(
		'"Near" is not a valid label selector operator',
	);
});

const key = fc.constantFrom("a", "b", "c", "in", "example.com/x");
const value = fc.constantFrom("", "a", "b", "in", "1", "7");
const requirement = fc.oneof(
	fc.tuple(key, fc.constantFrom("=", "==", "!="), value).map((parts) => parts.join("")),
	fc
		.tuple(key, fc.constantFrom("in", "notin"), fc.array(value, { minLength: 1, maxLength: 3 }))
		.map(([name, operator, values]) => `${name} ${operator} (${values.join(",")})`),
	key,
	key.map((name) => `!${name}`),
	fc.tuple(key, fc.constantFrom("<", ">"), fc.nat()).map((parts) => parts.join("")),
);
const selectorText = fc.array(requirement, { maxLength: 5 }).map((parts) => parts.join(","));

test("a selector's canonical text reads back as the same selector", () => {
	fc.assert(
		fc.property(selectorText, fc.dictionary(key, value), (text, labels) => {
			const selector = parseLabelSelector(text);
			const again = parseLabelSelector(selector.toString());
			expect(again.toString()).toBe(selector.toString());
			expect(again.matches(labels)).toBe(selector.matches(labels));
		}),
	);
});
