/** What the bundle's code is changed by, for the sake of a start (rolldown.config.ts). Nothing of it changes what the code does. */
import { builtinModules } from "node:module";
import type { Plugin } from "rolldown";

/**
 * LevelDB's JavaScript is in the bundle, where one file is read instead of twenty (13 ms); its native code stays in its package, whose version
 * package.json says exactly, as the two are made for each other.
 */
export const levelBinding: Plugin = {
	name: "level-binding",
	resolveId: (id, importer) =>
		id === "./binding" && /[\\/]classic-level[\\/][\w-]+\.js$/.test(importer ?? "")
			? { id: "classic-level/binding.js", external: true }
			: null,
};

/**
 * Ink's layout decodes its WebAssembly from its own text itself, as it does where there is no fetch: fetching a data: URL loads undici, which
 * takes longer than all of it.
 */
export const yogaWithoutFetch: Plugin = {
	name: "yoga-without-fetch",
	transform: (code, id) => {
		if (!id.includes("yoga-wasm-base64")) return null;
		if (!code.includes(asksForFetch)) throw new Error(`${id} fetches in another way`);
		return code.replaceAll(asksForFetch, "true");
	},
};

const asksForFetch = '"function"!=typeof fetch';

/**
 * Node's own modules come by `process.getBuiltinModule`. `import "node:fs"` reads every export of it, also those that Node loads when first
 * asked for: streams of files, WebSocket with undici (20 ms and 5 MB alone), readline. So does `require` on behalf of the loader of modules.
 */
export const lightBuiltins: Plugin = {
	name: "light-builtins",
	renderChunk: (code) =>
		code
			.replace(/^import (.+) from "(node:[^"]+)";$/gm, (_, bindings: string, id: string) => declarationOf(bindings, builtin(id)))
			.replace(/\b__require\("([^"]+)"\)/g, (call, id: string) => (isBuiltin(id) ? builtin(id) : call)),
};

/** What `import fs, { a as b }` binds, as a declaration. */
function declarationOf(bindings: string, value: string): string {
	const parts = /^(?:(?:\* as )?([\w$]+))?(?:, )?(\{.*\})?$/.exec(bindings);
	if (parts === null) throw new Error(`an import of Node's that looks like no other: ${bindings}`);
	const [, name, named] = parts;
	const pattern = named?.replaceAll(" as ", ": ");
	if (name === undefined) return `const ${pattern} = ${value};`;
	return pattern === undefined ? `const ${name} = ${value};` : `const ${name} = ${value}, ${pattern} = ${name};`;
}

function isBuiltin(id: string): boolean {
	return id.startsWith("node:") || builtinModules.includes(id);
}

/** A bundled module may have a `process` of its own. */
function builtin(id: string): string {
	return `globalThis.process.getBuiltinModule("${id}")`;
}

/**
 * With nothing but ASCII in it, V8 keeps a chunk's text in one byte a character, and not in two. As the last step: whatever prints the code
 * again writes the characters themselves.
 */
export const asciiOnly: Plugin = {
	name: "ascii-only",
	generateBundle: (_, bundle) => {
		for (const file of Object.values(bundle)) {
			if (file.type === "chunk") file.code = file.code.replace(/[^\0-\x7f]/g, escaped);
		}
	},
};

function escaped(unit: string): string {
	return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
