/**
 * `node test/controllers/mutants-main.ts [--seed N] [--runs N] [NAME…]`: loads the controllers anew for each mutant, with its one text
 * replaced, and lets its life go by. Prints one JSON line a mutant: its name, and the property that noticed; null if none did.
 */
import { type LoadHookContext, type ModuleSource, registerHooks } from "node:module";
import { parseArgs } from "node:util";
import { type Life, live } from "./life.ts";
import { type Mutant, mutants } from "./mutants.ts";

/** What a mutant has a copy of its own of: the controllers, what they are made of, and the lives that import them. */
const copied = [
	new URL("../../src/controllers/", import.meta.url),
	new URL("../../src/client/", import.meta.url),
	new URL("lives/", import.meta.url),
];
const parameter = "mutant";

function mutantOf(url: string): string | null {
	return new URL(url).searchParams.get(parameter);
}

function mutated({ name, file, from, to }: Mutant, url: string, source: ModuleSource | undefined): ModuleSource | undefined {
	if (!new URL(url).pathname.endsWith(`/src/${file}`)) return source;
	const text = source === undefined ? "" : typeof source === "string" ? source : new TextDecoder().decode(source);
	if (text.split(from).length !== 2) throw new Error(`${name}: not exactly one place in ${file}`);
	return text.replace(from, () => to);
}

registerHooks({
	resolve(specifier, context, next) {
		const found = next(specifier, context);
		const number = context.parentURL === undefined ? null : mutantOf(context.parentURL);
		if (number === null || mutantOf(found.url) !== null || !copied.some(({ href }) => found.url.startsWith(href))) return found;
		return { ...found, url: `${found.url}?${parameter}=${number}` };
	},
	load(url: string, context: LoadHookContext, next) {
		const loaded = next(url, context);
		const mutant = url.startsWith("file:") ? mutants[Number(mutantOf(url) ?? Number.NaN)] : undefined;
		return mutant === undefined ? loaded : { ...loaded, source: mutated(mutant, url, loaded.source) };
	},
});

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { runs: { type: "string" }, seed: { type: "string", default: "20261128" } },
});

for (const [index, { name, controller, runs = 400 }] of mutants.entries()) {
	if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
	const { lives } = (await import(`./lives/index.ts?${parameter}=${index}`)) as { readonly lives: Readonly<Record<string, Life>> };
	const life = lives[controller];
	if (life === undefined) throw new Error(`${name}: there is no ${controller}`);
	const noticed = await live(life, { runs: Number(values.runs ?? runs), seed: Number(values.seed), shrink: false }).then(
		() => null,
		(error: unknown) => (error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)),
	);
	console.log(JSON.stringify({ name, noticed }));
}
