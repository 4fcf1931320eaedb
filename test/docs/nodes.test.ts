/** What docs/nodes.md shows of sessions on a node is what one sees there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { createCluster } from "../../src/index.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { codeBlocks } from "./code-blocks.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/nodes.md"), "utf8");
/** Commands of a session, each with the node that it is on and what the guide says that it prints. */
function commandsOf(session: string): readonly { readonly node: string; readonly command: string; readonly output: string }[] {
	return [...session.matchAll(/^root@(\S+):~# (.*)\n((?:(?!root@).*\n?)*)/gm)].map(([, node = "", command = "", output = ""]) => ({
		node,
		command,
		output,
	}));
}

/** Pids and times are others each time. */
const masked = (text: string) => maskedLines(text.replace(/\d+/g, "0"));

test("sessions on a node go as they are shown", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 1 });
	const template = codeBlocks(guide).find(({ language, text }) => language === "yaml" && text.includes("kind: Node"));
	await cluster.nodes.add({ count: 1, template: parse(template?.text ?? "") });
	const sessions = codeBlocks(guide).filter(({ language }) => language === "console");
	expect(sessions.length).toBeGreaterThan(1);
	for (const { text, line } of sessions) {
		for (const { node, command, output } of commandsOf(text)) {
			const running = cluster.nodes.run(node, command);
			let isOver = false;
			void running.then(() => {
				isOver = true;
			});
			await cluster.runUntil(() => isOver, { within: "10m" });
			const { stdout, stderr } = await running;
			expect(masked(stdout + stderr), `docs/nodes.md:${line}: ${command}`).toEqual(masked(output));
		}
	}
});
