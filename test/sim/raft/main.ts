/**
 * `npm run sim -- --seed N` runs one seed and prints its trace; `--seeds A..B` runs many and prints the first that
 * fails, with how to replay it. `--faulty-ms N` makes the safety phase longer, `--failures N` goes on until so many seeds
 * have failed. `--scenarios` plays those of src/store/raft/testdata instead, and names the first that came out differently.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { playScenario } from "../../../src/store/raft/testing/scenario.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
	options: {
		seed: { type: "string" },
		seeds: { type: "string", default: "1..1000" },
		"faulty-ms": { type: "string" },
		failures: { type: "string", default: "5" },
		scenarios: { type: "boolean", default: false },
	},
});
const faultyMs = values["faulty-ms"] === undefined ? {} : { faultyMs: Number(values["faulty-ms"]) };

if (values.scenarios) {
	const directory = new URL("../../../src/store/raft/testdata/", import.meta.url);
	const different = readdirSync(directory).find((name) => {
		const scenario = readFileSync(new URL(name, directory), "utf8");
		return playScenario(scenario) !== scenario;
	});
	if (different !== undefined) console.error(`scenario ${different}`);
	process.exitCode = different === undefined ? 0 : 1;
} else if (values.seed !== undefined) {
	const seed = Number(values.seed);
	console.log(JSON.stringify(simulate({ seed, ...faultyMs, trace: (line) => console.log(line) })));
} else {
	const [first = 1, last = first] = values.seeds.split("..").map(Number);
	let failed = 0;
	const total = { operations: 0, answered: 0, torn: 0, undecided: 0, terms: 0, commits: 0 };
	for (let seed = first; seed <= last; seed++) {
		try {
			const report = simulate({ seed, ...faultyMs });
			total.operations += report.operations;
			total.answered += report.answered;
			total.torn += report.torn;
			total.undecided += report.undecided;
			total.terms += report.highestTerm;
			total.commits += report.commit;
		} catch (error) {
			failed++;
			console.error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
			console.error(`replay: npm run sim -- --seed ${seed}`);
			if (failed >= Number(values.failures)) break;
		}
	}
	console.log(`${last - first + 1} seeds, ${failed} failed; ${JSON.stringify(total)}`);
	process.exitCode = failed === 0 ? 0 : 1;
}
