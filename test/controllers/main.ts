/**
 * `npm run controllers -- [--runs N] [--seed S] [--replay SEED:PATH] [NAME…]`: the built-in controllers under the properties of every
 * controller, for as many runs as one likes. Prints what each run costs; exits with 1 if a property does not hold.
 */
import { parseArgs } from "node:util";
import { live } from "./life.ts";
import { lives } from "./lives/index.ts";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { runs: { type: "string", default: "1000" }, seed: { type: "string" }, replay: { type: "string" } },
});
const runs = Number(values.runs);
const seed = values.seed === undefined ? {} : { seed: Number(values.seed) };
const replay = values.replay === undefined ? {} : { replay: values.replay };

for (const [name, life] of Object.entries(lives)) {
	if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
	const before = process.cpuUsage();
	try {
		await live(life, { runs, ...seed, ...replay });
		const { user, system } = process.cpuUsage(before);
		console.log(`ok      ${name}: ${runs} runs, ${((user + system) / 1000 / runs).toFixed(1)} ms of CPU each`);
	} catch (error) {
		process.exitCode = 1;
		console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
	}
}
