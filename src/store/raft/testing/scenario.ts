/** A scenario is a text: blocks of comments and commands, "----", and what comes of them. See interaction.ts for the commands. */
import { Interaction } from "./interaction.ts";

/** Runs the commands; returns the scenario with what came of them. */
export function playScenario(scenario: string): string {
	const interaction = new Interaction();
	const blocks = scenario.trim().split(/\n{2,}/);
	return `${blocks.map((block) => playBlock(interaction, block)).join("\n\n")}\n`;
}

function playBlock(interaction: Interaction, block: string): string {
	const lines = block.split("\n");
	const end = lines.indexOf("----");
	const input = end < 0 ? lines : lines.slice(0, end);
	const commands = input.filter((line) => !line.startsWith("#"));
	if (commands.length === 0) return block;
	const output = commands.map((command) => interaction.execute(command)).filter((text) => text !== "ok");
	return [...input, "----", output.length === 0 ? "ok" : output.join("\n")].join("\n");
}
