/**
 * `node test/sim/store/mutations-main.ts [--seeds A..B] [NAME…]`: would a defect of a member be noticed? Each mutation breaks one
 * promise in a copy of the sources, and runs the simulation on it, which must object. Prints what did, and exits with 1 if
 * nothing did.
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
	const [caught] = runOnMutated({
		root,
		mutation,
		below: "src/store",
		paths: ["src/store", "src/apimachinery", "test/sim", "package.json"],
		runs: [["test/sim/store/main.ts", "--seeds", values.seeds, "--failures", "1"]],
	});
	if (caught === undefined) missed++;
	console.log(`${caught === undefined ? "MISSED" : "caught"}  ${mutation.name}${caught === undefined ? "" : `\n        ${caught}`}`);
}
process.exitCode = missed === 0 ? 0 : 1;
