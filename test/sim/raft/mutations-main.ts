/**
 * `node test/sim/raft/mutations-main.ts [--seeds A..B] [NAME…]`: would a defect be noticed? Each mutation breaks one rule of
 * Raft in a copy of the sources, and plays the scenarios and runs the simulation on it; one of them must object. Prints
 * what did, and exits with 1 if nothing did.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runOnMutated } from "../world/mutated-copy.ts";
import { mutations } from "./mutations.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const { values, positionals } = parseArgs({ allowPositionals: true, options: { seeds: { type: "string", default: "1..1500" } } });

let missed = 0;
for (const mutation of mutations) {
	if (positionals.length > 0 && !positionals.some((name) => mutation.name.includes(name))) continue;
	const findings = runOnMutated({
		root,
		mutation,
		below: "src/store/raft",
		paths: [
			"src/store/raft",
			"src/store/errors.ts",
			"src/store/store.ts",
			"src/store/group.ts",
			"src/apimachinery/random.ts",
			"src/apimachinery/log.ts",
			"test/sim/raft",
			"test/sim/world",
			"package.json",
		],
		runs: [
			["test/sim/raft/main.ts", "--scenarios"],
			["test/sim/raft/main.ts", "--seeds", values.seeds, "--failures", "1"],
		],
	});
	const caught = findings.length === 0 ? undefined : findings.join("\n        ");
	if (caught === undefined) missed++;
	console.log(`${caught === undefined ? "MISSED" : "caught"}  ${mutation.name}${caught === undefined ? "" : `\n        ${caught}`}`);
}
process.exitCode = missed === 0 ? 0 : 1;
