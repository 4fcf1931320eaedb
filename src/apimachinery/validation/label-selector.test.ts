import { expect, test } from "vitest";
import type { LabelSelector } from "../schema/generated/types.ts";
import { validateLabelSelector } from "./label-selector.ts";

const valueRule =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

test.each<[string, LabelSelector | undefined, string[]]>([
	["none", undefined, []],
	["a good one", { matchLabels: { app: "web" }, matchExpressions: [{ key: "env", operator: "In", values: ["a"] }] }, []],
	["a bad value", { matchLabels: { app: "a b" } }, [`spec.selector.matchLabels: Invalid value: "a b": ${valueRule}`]],
	[
		"In without values",
		{ matchExpressions: [{ key: "a", operator: "In" }] },
		["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
	],
	[
		"Exists with values",
		{ matchExpressions: [{ key: "a", operator: "Exists", values: ["x"] }] },
		["spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"],
	],
	[
		"an unknown operator",
		{ matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] },
		['spec.selector.matchExpressions[0].operator: Invalid value: "Gt": not a valid selector operator'],
	],
	[
		"a bad value in an expression",
		{ matchExpressions: [{ key: "a", operator: "In", values: ["x", "-"] }] },
		[`spec.selector.matchExpressions[0].values[1]: Invalid value: "-": ${valueRule}`],
	],
])("%s", (_, selector, errors) => {
	expect(validateLabelSelector(selector, "spec.selector").map(String)).toEqual(errors);
});

test("bad values pass where old kinds allow them", () => {
	const selector = { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] };
	expect(validateLabelSelector(selector, "spec.selector", { allowInvalidValues: true })).toEqual([]);
});
