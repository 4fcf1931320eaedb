/** What docs/networking.md shows is what happens: its commands, with a real kubectl, print what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { codeBlocks, shellSessions } from "./code-blocks.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/networking.md"), "utf8");

let cluster: TestCluster;
beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1, addons: ["coredns"] });
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

/** Masks addresses of pods, which depend on who came first, and times. */
const lines = (text: string) =>
	text
		.split("\n")
		.map((line) =>
			line
				.trim()
				.replace(/10\.244\.0\.(?!0\/|1\b)\d+/, "POD")
				.replace(/after \d+ milliseconds/, "after a while"),
		)
		.filter((line) => line !== "");

test("the commands of the guide print what it shows", async () => {
	const bash = new Tool("/bin/bash", { ...cluster.env, PATH: `${join(kubectlPath(), "..")}:${process.env.PATH}` });
	const sessions = shellSessions(codeBlocks(guide));
	expect(sessions.length).toBeGreaterThan(6);
	for (const { commands, output, line } of sessions) {
		// The cluster is there already.
		const own = commands.filter((command) => !command.startsWith("kubesim "));
		for (const command of own.slice(0, -1)) {
			expect(await bash.try(["-c", command]), `docs/networking.md:${line}: ${command}`).toMatchObject({ exitCode: 0 });
		}
		const last = own.at(-1) ?? "";
		let shown: readonly string[] = [];
		await eventually(
			async () => {
				const { stdout } = await bash.try(["-c", last]);
				shown = lines(stdout);
				return lines(output).every((text) => shown.includes(text)) || undefined;
			},
			{ limitMs: 30_000, what: () => `docs/networking.md:${line}: ${last} prints\n${shown.join("\n")}` },
		);
	}
}, 120_000);
