import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { widthOf } from "../../text/styled-text.ts";
import type { Quote } from "./command-at.ts";
import { additionOf, completionOf, inColumns } from "./completion.ts";

const directory = mkdtempSync(join(tmpdir(), "kubesim-completion-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, "bin/sub"), { recursive: true });
for (const [name, mode] of [
	["bin/deploy", 0o755],
	["bin/depart", 0o755],
	["bin/dead.txt", 0o644],
	["notes", 0o644],
	["笔记.txt", 0o644],
] as const)
	writeFileSync(join(directory, name), "#!/bin/sh\n", { mode });

/** The line with what the first Tab adds, and what the second one lists. */
async function tab(line: string): Promise<readonly string[]> {
	const env = { PATH: `${join(directory, "bin")}:/nowhere`, HOME: directory };
	const signal = new AbortController().signal;
	const completion = await completionOf(line, { ":pane": ["map", "raft"], ":pause": [] }, { env, directory, signal });
	return [line + additionOf(completion, ""), ...completion.candidates];
}

test.each([
	[":pau", [":pause ", ":pause"]],
	[" :p", [" :pa", ":pane", ":pause"]],
	[":pane r", [":pane raft ", "raft"]],
	[":pause r", [":pause r"]],
	// Programs: what can be run.
	["de", ["dep", "depart", "deploy"]],
	["sub", ["sub"]],
	["", [""]],
	["true | ", ["true | "]],
	// Files.
	["bin/dea", ["bin/dead.txt ", "dead.txt"]],
	["cat b", ["cat bin/", "bin/"]],
	["cat bin/s", ["cat bin/sub/", "sub/"]],
	["cat ~/no", ["cat ~/notes ", "notes"]],
	["cat '~/no", ["cat '~/no"]],
	["cat 笔", ["cat 笔记.txt ", "笔记.txt"]],
	["cat nowhere/x", ["cat nowhere/x"]],
	["diff --from-file=no", ["diff --from-file=notes ", "notes"]],
	["> no", ["> notes ", "notes"]],
	// Without a kubectl nobody knows.
	["kubectl get po", ["kubectl get po"]],
] as const)("%j becomes and offers %j", async (line, expected) => {
	expect(await tab(line)).toEqual(expected);
});

test("what follows the cursor is not said twice", () => {
	const completion = { typed: "po", candidates: ["pods"], quote: "", goesOn: false } as const;
	expect(additionOf(completion, "")).toBe("ds ");
	expect(additionOf(completion, " -A")).toBe("ds");
	expect(additionOf({ ...completion, goesOn: true }, "")).toBe("ds");
	expect(additionOf({ ...completion, quote: '"' }, "")).toBe('ds" ');
});

test("whatever a name is, the shell reads it as it is", () => {
	const name = fc.string({
		unit: fc.constantFrom("a", "笔", " ", "'", '"', "\\", "$", "`", "|", "&", ">", "(", "*", "~", "#", "!", "{", "["),
	});
	fc.assert(
		fc.property(name, fc.constantFrom<Quote>("", "'", '"'), (rest, quote) => {
			const added = additionOf({ typed: "a", candidates: [`a${rest}`], quote, goesOn: false }, "");
			expect(execFileSync("/bin/sh", ["-c", `printf %s ${quote}a${added}`], { encoding: "utf8" })).toBe(`a${rest}`);
		}),
		{ numRuns: 50 },
	);
});

test("a list has all names in order, downwards, and no row wider than the window", () => {
	const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom("a", "b", "笔"), minLength: 1, maxLength: 12 }), { minLength: 1 });
	fc.assert(
		fc.property(names, fc.integer({ min: 30, max: 100 }), (all, width) => {
			const rows = inColumns(all, width).map((row) => row.split(/ +/));
			expect(rows[0]?.flatMap((_, column) => rows.flatMap((row) => row[column] ?? []))).toEqual(all);
			for (const row of inColumns(all, width)) expect(widthOf(row)).toBeLessThanOrEqual(width);
		}),
	);
	expect(inColumns(["one", "three", "two"], 12)).toEqual(["one    two", "three"]);
	expect(
		inColumns(
			Array.from({ length: 250 }, () => "x"),
			1,
		).at(-1),
	).toBe("… +50");
});
