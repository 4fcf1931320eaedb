import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "rolldown";
import { asciiOnly, levelBinding, lightBuiltins, yogaWithoutFetch } from "./scripts/bundle-plugins.ts";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
/** Left outside the bundle: native code, and a shell that is loaded only when somebody opens one. */
const external = ["classic-level/binding.js", "just-bash"].filter((name) => (name.split("/")[0] ?? "") in dependencies);
/** Ink's own, for who develops with it: it is asked for with DEV=true in the environment, and not there. */
const absent = ["react-devtools-core"];
/** Whoever tests with it has it. */
const peers = ["fast-check"];
/** Lessons are data, read by who learns. */
const lessons = { name: "lessons", writeBundle: () => cpSync("src/tutorials/lessons", "dist/lessons", { recursive: true }) };

const source = (file: string) => join(import.meta.dirname, "src", file);
/** What a start always loads, if not at once: resolving and opening a chunk costs a third of a millisecond, of which a start had 120. */
const commandRoots = [source("cli/main.ts"), source("cli/commands/start.ts"), source("cli/commands/stop.ts")];
const clusterRoots = [source("cluster/index.ts")];
const serverRoots = [
	"cli/commands/serve.ts",
	"apiserver/http/server.ts",
	"apiserver/streaming/streaming.ts",
	"apiserver/flowcontrol/server-flow-control.ts",
	"apiserver/bootstrap/index.ts",
	"apiserver/bootstrap/rbac-reconciliation.ts",
	"apiserver/bootstrap/api-services.ts",
	"apiserver/pki/etcd-pki.ts",
	"cluster/etcd-listeners.ts",
	"store/etcd-api/index.ts",
].map(source);

type ModuleInfoOf = (id: string) => { readonly importedIds: readonly string[] } | null;

/** Everything that these need before they run. */
function staticParts(roots: readonly string[], infoOf: ModuleInfoOf): ReadonlySet<string> {
	const parts = new Set<string>();
	const add = (id: string) => {
		if (parts.has(id)) return;
		parts.add(id);
		for (const imported of infoOf(id)?.importedIds ?? []) add(imported);
	};
	for (const root of roots) add(root);
	return parts;
}

/** Three chunks for what a command, a cluster and a server need; what only some commands or requests need stays in chunks of its own. */
function chunkOf(): (id: string, context: { readonly getModuleInfo: ModuleInfoOf }) => string | null {
	let chunks: readonly (readonly [string, ReadonlySet<string>])[] | undefined;
	return (id, context) => {
		const infoOf: ModuleInfoOf = (module) => context.getModuleInfo(module);
		chunks ??= [
			["command", staticParts(commandRoots, infoOf)],
			["cluster", staticParts(clusterRoots, infoOf)],
			["server", staticParts(serverRoots, infoOf)],
		];
		const name = chunks.find(([, parts]) => parts.has(id))?.[0] ?? null;
		// The library has no command line.
		return name === "command" && !/\/src\/cli\/|\/commander\//.test(id) ? "base" : name;
	};
}

export default defineConfig({
	input: {
		kubesim: "src/cli/entry.ts",
		index: "src/index.ts",
		testing: "src/testing.ts",
		images: "src/images.ts",
		"wasi-worker": "src/kubelet-sim/runtime/wasm/wasi-worker.ts",
	},
	platform: "node",
	external: [...external, ...peers, ...absent, /^node:/],
	// React has a slower form for those who develop with it.
	transform: { define: { "process.env.NODE_ENV": JSON.stringify("production") } },
	plugins: [levelBinding, yogaWithoutFetch, lightBuiltins, asciiOnly, lessons],
	output: {
		dir: "dist",
		format: "esm",
		cleanDir: true,
		comments: false,
		chunkFileNames: "chunks/[name]-[hash].js",
		entryFileNames: "[name].js",
		codeSplitting: { groups: [{ name: chunkOf(), debugName: "by what needs it" }] },
	},
});
