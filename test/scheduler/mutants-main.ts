/**
 * `npm run scheduler:mutants -- [--seed N] [--runs N] [NAME…]`: each property of the scheduler is shown to fail on one that is broken (mutants.ts).
 * Loads the scheduler anew for each mutant and lets lives go by. Prints a line a mutant; exits with 1 if a mutant was not noticed, or for
 * another reason than it should. All of them take a minute and a half of a core, which is why they are no part of the tests.
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
	const why = noticed?.split("\n")[0] ?? "nobody noticed";
	const isRight = breaks.test(why);
	if (!isRight) process.exitCode = 1;
	console.log(`${isRight ? "ok    " : "FAILED"} ${name}: ${why}`);
}
