/** What the README and the guides show works as it is written: its commands with its output, its TypeScript against the package's own types. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { Tool, type ToolResult } from "../tools/kubectl.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { codeBlocks, shellSessions } from "./code-blocks.ts";

const root = join(import.meta.dirname, "../..");
const blocksOf = (file: string) => codeBlocks(readFileSync(join(root, file), "utf8"));
const blocks = blocksOf("README.md");
const home = new KubesimHome();
afterAll(() => home[Symbol.asyncDispose]());

/** Node and npx as a user has them in this package, except that `npx kubesim` is the build under test. */
function shell(): (command: string) => Promise<ToolResult> {
	const bin = join(home.directory, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "npx"), `#!/bin/sh\n[ "$1" = kubesim ] && shift && exec '${process.execPath}' '${kubesimBin()}' "$@"\n`);
	chmodSync(join(bin, "npx"), 0o755);
	const bash = new Tool("/bin/bash", { ...home.env, PATH: `${bin}:${home.env.PATH}` });
	return (command) => bash.try(["-c", command]);
}

test("the commands work in the order that they are shown in, and print what is shown", async () => {
	const run = shell();
	const sessions = shellSessions(blocks);
	expect(sessions.length).toBeGreaterThan(3);
	for (const { commands, output, line } of sessions) {
		for (const [index, command] of commands.entries()) {
			const result = await run(command);
			expect(result, `README.md:${line + 1 + index}: ${command}`).toMatchObject({ exitCode: 0 });
		}
		const last = commands.at(-1) ?? "";
		if (output === "") continue;
		// A back-off takes its time: the last command is what a user repeats until something is to be seen.
		let actual: readonly string[] = [];
		const expected = maskedLines(output).filter((text) => text !== "");
		await eventually(
			async () => {
				actual = maskedLines((await run(last)).stdout);
				return expected.every((text) => actual.includes(text)) || undefined;
			},
			{ limitMs: 45_000, what: () => `README.md:${line}: ${last} prints\n${actual.join("\n")}\nand not\n${expected.join("\n")}` },
		);
	}
}, 180_000);

test("the TypeScript is right by the package's own types, runs, and prints what its comments say", async () => {
	// Beside examples/, as the guides are that import from there.
	const directory = mkdtempSync(join(root, ".readme-"));
	try {
		const examples = [
			...blocks,
			...blocksOf("docs/testing-operators.md"),
			...blocksOf("docs/scheduler.md"),
			...blocksOf("docs/images.md"),
			...blocksOf("docs/nodes.md"),
		].filter(({ language }) => language === "ts");
		expect(examples.length).toBeGreaterThan(0);
		examples.forEach(({ text }, index) => {
			writeFileSync(join(directory, `example-${index}.ts`), text);
		});
		writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ extends: "../tsconfig.json", include: ["*.ts"] }));
		const tsc = new Tool(join(root, "node_modules/.bin/tsc"), home.env);
		expect(await tsc.try(["-p", directory])).toEqual({ stdout: "", stderr: "", exitCode: 0 });
		for (const [index, { text }] of examples.entries()) {
			const printed = [...text.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map((match) => `${match[1]}\n`).join("");
			const result = await new Tool(process.execPath, home.env).try([join(directory, `example-${index}.ts`)]);
			expect(result).toEqual({ stdout: printed, stderr: "", exitCode: 0 });
		}
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}, 180_000);
