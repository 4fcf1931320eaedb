/**
 * `node test/controllers/mutants-main.ts [--seed N] [--runs N] [NAME…]`: loads the controllers anew for each mutant, with its one text
 * replaced, and lets its life go by. Prints one JSON line a mutant: its name, and the property that noticed; null if none did.
 */
import { parseArgs } from "node:util";
import { mutantUrl, registerMutants } from "../tools/mutated-modules.ts";
import { type Life, live } from "./life.ts";
import { mutants } from "./mutants.ts";

/** What a mutant has a copy of its own of: the controllers, what they are made of, and the lives that import them. */
const copied = [
	new URL("../../src/controllers/", import.meta.url),
	new URL("../../src/client/", import.meta.url),
	new URL("lives/", import.meta.url),
];
registerMutants(mutants, copied);

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { runs: { type: "string" }, seed: { type: "string", default: "20261128" } },
});

for (const [index, { name, controller, runs = 400 }] of mutants.entries()) {
	if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
	const { lives } = (await import(mutantUrl("./lives/index.ts", index))) as { readonly lives: Readonly<Record<string, Life>> };
	const life = lives[controller];
	if (life === undefined) throw new Error(`${name}: there is no ${controller}`);
	const noticed = await live(life, { runs: Number(values.runs ?? runs), seed: Number(values.seed), shrink: false }).then(
		() => null,
		(error: unknown) => (error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)),
	);
	console.log(JSON.stringify({ name, noticed }));
}
