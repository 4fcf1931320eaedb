/** What docs/nodes.md shows of sessions on a node is what one sees there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCluster } from "../../src/index.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { codeBlocks } from "./code-blocks.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/nodes.md"), "utf8");
const prompt = "root@node-1:~# ";

/** Commands of a session, each with what the guide says that it prints. */
function commandsOf(session: string): readonly { readonly command: string; readonly output: string }[] {
	return session
		.split(new RegExp(`^${prompt}`, "m"))
		.filter((part) => part !== "")
		.map((part) => {
			const [command = "", ...lines] = part.split("\n");
			return { command, output: lines.join("\n") };
		});
}

/** Pids and times are others each time. */
const masked = (text: string) => maskedLines(text.replace(/\d+/g, "0"));

test("sessions on a node go as they are shown", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 1 });
	const sessions = codeBlocks(guide).filter(({ language }) => language === "console");
	expect(sessions.length).toBeGreaterThan(1);
	for (const { text, line } of sessions) {
		for (const { command, output } of commandsOf(text)) {
			const running = cluster.nodes.run("node-1", command);
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
