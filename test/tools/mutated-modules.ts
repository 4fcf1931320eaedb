/** Modules loaded anew for each variant of one of them, in which one text is replaced: what tests of properties are tried on. */
import { type LoadHookContext, type ModuleSource, registerHooks } from "node:module";

/** A defect. */
export interface Mutation {
	readonly name: string;
	/** Below src/. */
	readonly file: string;
	/** There is exactly one such place. */
	readonly from: string;
	readonly to: string;
}

const parameter = "mutant";

function numberOf(url: string): string | null {
	return new URL(url).searchParams.get(parameter);
}

function mutated({ name, file, from, to }: Mutation, url: string, source: ModuleSource | undefined): ModuleSource | undefined {
	if (!new URL(url).pathname.endsWith(`/src/${file}`)) return source;
	const text = source === undefined ? "" : typeof source === "string" ? source : new TextDecoder().decode(source);
	if (text.split(from).length !== 2) throw new Error(`${name}: not exactly one place in ${file}`);
	return text.replace(from, () => to);
}

/**
 * From here on, whatever is imported with `mutantUrl` and lies in one of the folders is loaded for that mutant alone.
 * @param copied folders of which each mutant has a copy of its own: what is changed, and what imports that
 */
export function registerMutants(mutants: readonly Mutation[], copied: readonly URL[]): void {
	registerHooks({
		resolve(specifier, context, next) {
			const found = next(specifier, context);
			const number = context.parentURL === undefined ? null : numberOf(context.parentURL);
			if (number === null || numberOf(found.url) !== null || !copied.some(({ href }) => found.url.startsWith(href))) return found;
			return { ...found, url: `${found.url}?${parameter}=${number}` };
		},
		load(url: string, context: LoadHookContext, next) {
			const loaded = next(url, context);
			const mutant = url.startsWith("file:") ? mutants[Number(numberOf(url) ?? Number.NaN)] : undefined;
			return mutant === undefined ? loaded : { ...loaded, source: mutated(mutant, url, loaded.source) };
		},
	});
}

/** @param index of the mutant */
export function mutantUrl(specifier: string, index: number): string {
	return `${specifier}?${parameter}=${index}`;
}
