/** kubectl config: what stands in a kubeconfig. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import type { JsonObject, JsonValue } from "../../apimachinery/json.ts";
import type { Call } from "./call.ts";
import { printed } from "./print.ts";

type Part = "cluster" | "user" | "context";

type Entry = { readonly name: string } & { readonly [part in Part]?: JsonObject };

interface Kubeconfig {
	readonly apiVersion?: string;
	readonly kind?: string;
	readonly "current-context"?: string;
	readonly clusters?: readonly Entry[];
	readonly users?: readonly Entry[];
	readonly contexts?: readonly Entry[];
}

/** @throws Error where no file is named */
export function kubeconfigPath(flag: string | undefined, env: NodeJS.ProcessEnv): string {
	const path = flag ?? env.KUBECONFIG ?? "";
	if (path === "") throw new Error("KUBECONFIG names no file");
	return path;
}

/** `--minify` leaves what the current context names; without `--raw` no secrets are shown. */
export async function view(call: Call): Promise<void> {
	const config = read(pathOf(call));
	const shown = call.isOn("minify") ? minified(config) : config;
	const hide = (key: string, value: unknown) => (key.endsWith("-data") ? "DATA+OMITTED" : key === "token" ? "REDACTED" : value);
	const value = (call.isOn("raw") ? shown : JSON.parse(JSON.stringify(shown, hide))) as JsonValue;
	call.streams.stdout.write(printed(call.flag("output") ?? "yaml", value));
}

export async function setCluster(call: Call): Promise<void> {
	const file = call.flag("certificate-authority");
	const authority = (path: string): JsonObject =>
		call.isOn("embed-certs") ? { "certificate-authority-data": readFileSync(path).toString("base64") } : { "certificate-authority": path };
	put(call, "cluster", { ...flagsOf(call, ["server"]), ...(file === undefined ? {} : authority(file)) });
}

export async function setCredentials(call: Call): Promise<void> {
	put(call, "user", flagsOf(call, ["token"]));
}

export async function setContext(call: Call): Promise<void> {
	put(call, "context", flagsOf(call, ["cluster", "user", "namespace"]));
}

export async function useContext(call: Call): Promise<void> {
	const [name = ""] = call.args;
	const config = read(pathOf(call));
	if (config.contexts?.every((context) => context.name !== name) ?? true) throw new Error(`no context exists with the name: "${name}"`);
	write(pathOf(call), { ...config, "current-context": name });
	call.say(`Switched to context "${name}".`);
}

/** Adds the entry, or changes what is given of the one of that name. */
function put(call: Call, part: Part, fields: JsonObject): void {
	const [name = ""] = call.args;
	const config = read(pathOf(call));
	const entries = config[`${part}s`] ?? [];
	const old = entries.find((entry) => entry.name === name);
	const entry = { name, [part]: { ...old?.[part], ...fields } };
	write(pathOf(call), {
		...config,
		[`${part}s`]: old === undefined ? [...entries, entry] : entries.map((each) => (each === old ? entry : each)),
	});
	call.say(`${part} "${name}" set.`);
}

function flagsOf(call: Call, names: readonly string[]): JsonObject {
	return Object.fromEntries(names.flatMap((name) => (call.flag(name) === undefined ? [] : [[name, call.flag(name) ?? ""]])));
}

function minified(config: Kubeconfig): Kubeconfig {
	const contexts = config.contexts?.filter(({ name }) => name === config["current-context"]) ?? [];
	const clusters = config.clusters?.filter(({ name }) => contexts.some(({ context }) => context?.cluster === name)) ?? [];
	const users = config.users?.filter(({ name }) => contexts.some(({ context }) => context?.user === name)) ?? [];
	return { ...config, contexts, clusters, users };
}

function pathOf(call: Call): string {
	return kubeconfigPath(call.flag("kubeconfig"), call.env);
}

function read(path: string): Kubeconfig {
	const empty: Kubeconfig = { apiVersion: "v1", kind: "Config" };
	return existsSync(path) ? ((parse(readFileSync(path, "utf8")) as Kubeconfig | null) ?? empty) : empty;
}

function write(path: string, config: Kubeconfig): void {
	writeFileSync(path, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
}
