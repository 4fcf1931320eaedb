import { expect, test } from "vitest";
import { createProgram } from "./program.ts";

const all = createProgram().commands;

test("every command is there with nothing but its group, as it is with all others", () => {
	for (const command of all) {
		const { commands } = createProgram(command.name());
		expect(commands.length).toBeLessThan(all.length / 2);
		expect(commands.find((found) => found.name() === command.name())?.helpInformation()).toBe(command.helpInformation());
	}
});

test("by any other word all are there, for the help and for what somebody may have meant", () => {
	for (const asked of [undefined, "--help", "-v", "help", "strat", ""]) expect(createProgram(asked).commands.length).toBe(all.length);
});
