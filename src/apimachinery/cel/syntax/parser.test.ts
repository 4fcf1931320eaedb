import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { dynType } from "../types/types.ts";
import { CelOptional } from "../values/values.ts";
import { parse } from "./parser.ts";

const problem = (text: string): string => {
	const parsed = parse(text);
	return "issues" in parsed ? parsed.source.format(parsed.issues) : "";
};

const operands = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

describe("syntax errors, in ANTLR's words", () => {
	it.each([
		["", `ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting ${operands}\n | \n | ^`],
		["1 +", `ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting ${operands}\n | 1 +\n | ...^`],
		["?", `ERROR: <input>:1:1: Syntax error: mismatched input '?' expecting ${operands}\n | ?\n | ^`],
		["1 2", "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^"],
		["1 2 3", "ERROR: <input>:1:3: Syntax error: mismatched input '2' expecting <EOF>\n | 1 2 3\n | ..^"],
		["(1", "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"],
		[
			"*@a | b",
			`ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting ${operands}\n | *@a | b\n | ^\n` +
				"ERROR: <input>:1:2: Syntax error: token recognition error at: '@'\n | *@a | b\n | .^\n" +
				"ERROR: <input>:1:5: Syntax error: token recognition error at: '| '\n | *@a | b\n | ....^\n" +
				"ERROR: <input>:1:7: Syntax error: extraneous input 'b' expecting <EOF>\n | *@a | b\n | ......^",
		],
		["while", "ERROR: <input>:1:1: reserved identifier: while\n | while\n | ^"],
		["9223372036854775808", "ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^"],
		["18446744073709551616u", "ERROR: <input>:1:1: invalid uint literal\n | 18446744073709551616u\n | ^"],
		["1e999", "ERROR: <input>:1:1: invalid double literal\n | 1e999\n | ^"],
		["a.`b-c`", "ERROR: <input>:1:3: unsupported syntax: '`'\n | a.`b-c`\n | ..^"],
	])("%s", (text, expected) => {
		expect(problem(text)).toBe(expected);
	});
});

describe("limits", () => {
	const tooDeep = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250";

	it("lets nothing nest too deeply", () => {
		expect(problem(`${"(".repeat(248)}1${")".repeat(248)}`)).toBe("");
		for (const [open, close] of [
			["(", ")"],
			["[", "]"],
			["{1:", "}"],
			["f(", ")"],
			["a ? b : ", ""],
			["a[", "]"],
		] as const) {
			expect(problem(`${open.repeat(10_000)}1${close.repeat(10_000)}`)).toBe(tooDeep);
		}
		expect(problem(`${"(".repeat(250)}1${")".repeat(250)}`)).toBe(tooDeep);
		expect(problem(`a${".b".repeat(250)}`)).toBe(tooDeep);
		expect(problem(`1${" + 1".repeat(250)}`)).toBe(tooDeep);
		expect(problem(`a${"[0]".repeat(250)}`)).toBe(tooDeep);
	});

	it("does not count what is balanced", () => {
		expect(problem(`true${" && true".repeat(5_000)}`)).toBe("");
	});

	it("refuses what is too long", () => {
		expect(problem(" ".repeat(100_001))).toBe("ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000");
	});

	it("takes a target that macros use twice for one", () => {
		// Each level stands twice in the tree: 2^100 places.
		const text = `any${".optMap(v, v)".repeat(100)}.hasValue()`;
		const compiled = compileExpression(text, kubernetesEnvironment.extend({ variables: { any: dynType } }));
		if ("problem" in compiled) throw new Error(compiled.problem);
		const outcome = compiled.program.evaluate(() => new CelOptional(1n), 1_000_000);
		expect(outcome).toMatchObject({ isOverLimit: true });
	});
});

describe("any text", () => {
	const words = [
		"a",
		"self",
		"1",
		"1u",
		"2.5",
		"'s'",
		"b'x'",
		"true",
		"null",
		"in",
		..."+-*/%!?:.,()[]{}<>",
		"&&",
		"||",
		"==",
		"!=",
		".?",
		"[?",
		"has(",
		".all(x, ",
		".map(i, i",
		"//",
		"\n",
		'"',
		"'''",
		"\\",
		"`",
		"@",
		"é",
		"😀",
	];
	const environment = kubernetesEnvironment.extend({ variables: { a: dynType, self: dynType } });

	it("compiles or says why not, and never throws", () => {
		fc.assert(
			fc.property(
				fc.oneof(
					fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join("")),
					fc.string({ unit: "grapheme", maxLength: 60 }),
				),
				(text) => {
					const compiled = compileExpression(text, environment);
					if ("problem" in compiled) return compiled.problem.startsWith("ERROR: <input>:");
					const outcome = compiled.program.evaluate(() => 1n, 10_000);
					return "error" in outcome ? outcome.error !== "" : outcome.cost <= 10_000;
				},
			),
			{ numRuns: 3_000, seed: 7 },
		);
	});
});
