/**
 * `node test/scheduler/mutants-main.ts [--seed N] [--runs N] [NAME…]`: loads the scheduler anew for each mutant and lets lives go by.
 * Prints one JSON line a mutant: its name, and the property that noticed; null if none did.
 */
import { parseArgs } from "node:util";
import { mutantUrl, registerMutants } from "../tools/mutated-modules.ts";
import { mutants } from "./mutants.ts";

registerMutants(mutants, [new URL("../../src/scheduler/", import.meta.url), new URL("scheduler-life.ts", import.meta.url)]);

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { runs: { type: "string" }, seed: { type: "string", default: "20261128" } },
});

for (const [index, { name, breaks, runs = 400 }] of mutants.entries()) {
	if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
	const { checkLives, checkRepeatable } = (await import(mutantUrl("./scheduler-life.ts", index))) as typeof import("./scheduler-life.ts");
	const check = breaks.test("repeatable: ") ? checkRepeatable : checkLives;
	const noticed = await check({ runs: Number(values.runs ?? runs), seed: Number(values.seed), shrink: false }).then(
		() => null,
		(error: unknown) => (error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)),
	);
	console.log(JSON.stringify({ name, noticed: noticed?.split("\n")[0] ?? null }));
}
