/**
 * `npm run sim:store -- --seed N` runs one seed and prints its trace; `--seeds A..B` runs many and prints the first that
 * fail, with how to replay them. `--faulty-ms N` makes the safety phase longer, `--failures N` goes on until so many seeds
 * have failed.
 */
import { parseArgs } from "node:util";
import { type SimulationReport, simulate } from "./simulation.ts";

const { values } = parseArgs({
	options: {
		seed: { type: "string" },
		seeds: { type: "string", default: "1..1000" },
		"faulty-ms": { type: "string" },
		failures: { type: "string", default: "5" },
	},
});
const faultyMs = values["faulty-ms"] === undefined ? {} : { faultyMs: Number(values["faulty-ms"]) };

let running = 0;
/** A promise that nobody waits for has failed. */
process.on("unhandledRejection", (error) => {
	failed(running, error);
	process.exit(1);
});

function failed(seed: number, error: unknown): void {
	console.error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
	if (error instanceof Error && error.name !== "StoreViolation") console.error(error.stack?.split("\n").slice(1, 6).join("\n"));
	console.error(`replay: npm run sim:store -- --seed ${seed}`);
}

if (values.seed !== undefined) {
	running = Number(values.seed);
	console.log(JSON.stringify(await simulate({ seed: running, ...faultyMs, trace: (line) => console.log(line) })));
} else {
	const [first = 1, last = first] = values.seeds.split("..").map(Number);
	// Errors are answers here, many of them: their stacks cost more than what they are about.
	Error.stackTraceLimit = 0;
	let failures = 0;
	const total: Record<string, number> = {};
	const begin = process.hrtime.bigint();
	for (running = first; running <= last; running++) {
		try {
			const report: SimulationReport = await simulate({ seed: running, ...faultyMs });
			for (const [name, value] of Object.entries(report)) if (name !== "seed") total[name] = (total[name] ?? 0) + Number(value);
		} catch (error) {
			failed(running, error);
			failures++;
			if (failures >= Number(values.failures)) break;
		}
	}
	const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
	console.log(`${running - first} seeds in ${seconds.toFixed(1)} s, ${failures} failed; ${JSON.stringify(total)}`);
	process.exitCode = failures === 0 ? 0 : 1;
}
