/**
 * The scenarios of testdata/: commands and what must come of them. `UPDATE=1 vitest run src/store/raft` writes down what
 * comes of them now, to be reviewed as a diff. The commands are explained in testing/interaction.ts.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { playScenario } from "./testing/scenario.ts";

const directory = new URL("testdata/", import.meta.url);

for (const name of readdirSync(directory).sort())
	test(name, () => {
		const file = new URL(name, directory);
		const before = readFileSync(file, "utf8");
		const after = playScenario(before);
		if (process.env.UPDATE === "1") writeFileSync(file, after);
		else expect(after).toBe(before);
	});
