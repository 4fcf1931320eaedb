/** What a start reads and compiles before it does anything: it is most of the half second until the API answers. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

interface Loaded {
	readonly command: string;
	/** URLs; of Node's own modules "node:fs". */
	readonly files: readonly string[];
	/** Node's own modules, as `process.moduleLoadList` names them. */
	readonly builtins: readonly string[];
}

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome({ NODE_OPTIONS: `--require ${join(import.meta.dirname, "../tools/loaded-files.cjs")}` });
	home.env.LOADED_FILES = report();
});
afterEach(() => home[Symbol.asyncDispose]());

/** Once the process has ended. */
async function reportOf(command: string): Promise<Loaded> {
	return await eventually(() => {
		const lines = existsSync(report()) ? readFileSync(report(), "utf8").split("\n").slice(0, -1) : [];
		return lines.map((line) => JSON.parse(line) as Loaded).find((loaded) => loaded.command === command);
	});
}

function report(): string {
	return join(home.directory, "loaded");
}

const nativeLevel = [
	"classic-level/binding.js",
	"node-gyp-build/index.js",
	"node-gyp-build/node-gyp-build.js",
	"classic-level/package.json",
];

/** What a process loaded, without hashes: "cluster", "classic-level/index.js". */
function namesOf({ files }: Loaded): readonly string[] {
	return files.flatMap((url) => {
		const name = /\/chunks\/(.+)-[\w-]{8}\.js$/.exec(url)?.[1] ?? /\/node_modules\/(?!.*\/node_modules\/)(.+)$/.exec(url)?.[1];
		return name === undefined ? [] : [name];
	});
}

test("a start loads what it needs, and from packages nothing but LevelDB's native code", async () => {
	for (const line of ["start --nodes 1 --port 0", "stop"]) await home.run(line);
	const server = await reportOf("serve");
	const command = await reportOf("start");

	const names = namesOf(server);
	expect(names.filter((name) => name.includes("/"))).toEqual(nativeLevel);
	expect(names).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(openapi|cel|ui|learn|words|tools|lazy-client)$/)]));
	expect(names.length).toBeLessThan(40);
	expect(namesOf(command)).not.toContain("cluster");

	// WebSocket and streams of files come with whoever reads all exports of http, and of fs.
	const unwanted = /undici|internal\/fs\/streams/;
	expect(server.builtins.filter((name) => unwanted.test(name))).toEqual([]);
	expect(command.builtins.filter((name) => unwanted.test(name) || name === "https")).toEqual([]);
});

test("compiled code is kept once the nodes are ready: the next start need not wait for the end of this server", async () => {
	const directory = home.makeDirectory("compiled");
	home.env.NODE_COMPILE_CACHE = directory;
	await home.run("start --nodes 1 --port 0");
	const kept = await eventually(() => {
		const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((path) => statSync(join(directory, path)).size);
		return files.some((size) => size > 1_000_000) ? files : undefined;
	});
	expect(kept.length).toBeGreaterThan(5);
	expect((await home.status()).state).toBe("running");
});

test.skipIf(!hasTmux)("a lesson in a terminal loads its screens as one file, and not Ink's six hundred", async () => {
	const env = Object.entries(home.env).map(([name, value]) => `${name}='${value}'`);
	using terminal = new Terminal(`env ${env.join(" ")} ${process.execPath} ${kubesimBin()} learn 4.1.3 --lang en`);
	await terminal.shows(/Enter goes on/);
	terminal.press("C-c");
	terminal.type(":quit");
	terminal.press("Enter");
	const learn = await reportOf("learn");
	const names = namesOf(learn);
	expect(names).toContain("ui");
	expect(learn.builtins.filter((name) => name.includes("undici"))).toEqual([]);
	expect(names.filter((name) => name.includes("/"))).toEqual(nativeLevel);
});

test("the bundle is ASCII, and takes Node's modules without reading all that they export", () => {
	const directory = dirname(kubesimBin());
	const chunks = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
	const texts = new Map(chunks.map((path) => [path, readFileSync(join(directory, path), "utf8")]));
	const having = (pattern: RegExp) => [...texts].filter(([, text]) => pattern.test(text)).map(([path]) => path);
	expect(having(/[^\0-\x7f]/)).toEqual([]);
	expect(having(/^import .* from "node:/m)).toEqual([]);
	expect(having(/\b__require\("(?:node:\w+|fs|http|https|stream|events|crypto|net|tls)"\)/)).toEqual([]);
});
