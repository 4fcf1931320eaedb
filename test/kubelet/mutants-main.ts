/**
 * `npm run kubelet:mutants -- [--seed N] [--runs N] [NAME…]`: each property of the kubelets is shown to fail on one that is broken (mutants.ts).
 * Loads the kubelets anew for each mutant and lets lives go by. Prints a line a mutant; exits with 1 if a mutant was not noticed, or for
 * another reason than it should. All of them take some minutes of a core, which is why they are no part of the tests.
 */
import { parseArgs } from "node:util";
import { mutantUrl, registerMutants } from "../tools/mutated-modules.ts";
import { mutants } from "./mutants.ts";

registerMutants(mutants, [new URL("../../src/kubelet-sim/", import.meta.url), new URL("pod-life.ts", import.meta.url)]);

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { runs: { type: "string", default: "150" }, seed: { type: "string", default: "20261129" } },
});

for (const [index, { name, breaks }] of mutants.entries()) {
	if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
	const { checkLives } = (await import(mutantUrl("./pod-life.ts", index))) as typeof import("./pod-life.ts");
	const noticed = await checkLives({ runs: Number(values.runs), seed: Number(values.seed), shrink: false }).then(
		() => null,
		(error: unknown) => (error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)),
	);
	const why = noticed?.split("\n")[0]?.slice(0, 200) ?? "nobody noticed";
	const isRight = breaks.test(why);
	if (!isRight) process.exitCode = 1;
	console.log(`${isRight ? "ok    " : "FAILED"} ${name}: ${why}`);
}
