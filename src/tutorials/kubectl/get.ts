/** get, describe, events: what is there. */
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { pathOf } from "../../client/http-path.ts";
import { type Call, nameOf, splitAt, valueAt } from "./call.ts";
import { copyOut } from "./pods.ts";
import { aligned, customColumns, forPeople, printed } from "./print.ts";

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
interface Table {
	readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
	readonly rows?: readonly { readonly cells: readonly unknown[]; readonly object?: KubeObject }[];
}

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io";

export async function get(call: Call): Promise<void> {
	const path = call.flag("raw");
	if (path !== undefined) return await copyOut(call, path);
	const output = call.flag("output") ?? "";
	if (output === "" || output === "wide") return await tables(call, output === "wide");
	const found = await call.find(call.args);
	const [form, argument] = splitAt(output, "=");
	const objects = found.flatMap(({ object }) => (object === undefined ? [] : [object]));
	if (form === "name") for (const each of found) call.say(nameOf(each));
	else if (form === "custom-columns") call.streams.stdout.write(customColumns(argument, objects));
	else {
		const isOne = found.length === 1 && (await call.named(call.args))[0]?.ref.name !== undefined;
		const [first] = objects;
		const items = objects.map(forPeople);
		const value: JsonValue =
			isOne && first !== undefined ? forPeople(first) : { apiVersion: "v1", items, kind: "List", metadata: { resourceVersion: "" } };
		call.streams.stdout.write(printed(output, value));
	}
}

/** As YAML, with its events: what kubectl makes of it for each kind is its own. */
export async function describe(call: Call): Promise<void> {
	const found = await call.find(call.args);
	if (found.length === 0) call.say(`No resources found in ${call.namespace} namespace.`);
	for (const { object } of found) {
		if (object === undefined) continue;
		call.say(`${printed("yaml", forPeople(object))}Events:`);
		await sayEvents(call, `involvedObject.uid=${String(valueAt(object, ".metadata.uid"))}`);
	}
}

/** `--for pod/web` */
export async function events(call: Call): Promise<void> {
	const [kind, name] = splitAt(call.flag("for") ?? "", "/");
	const resource = kind === "" ? undefined : await call.api.resource(kind);
	await sayEvents(call, resource === undefined ? undefined : `involvedObject.kind=${resource.kind},involvedObject.name=${name}`);
}

async function sayEvents(call: Call, fieldSelector: string | undefined): Promise<void> {
	const resource = await call.api.resource("events");
	const { items } = await resource.client.list(call.namespaceFor(resource), fieldSelector === undefined ? {} : { fieldSelector });
	const cells = [".lastTimestamp", ".type", ".reason", ".involvedObject.kind", ".involvedObject.name", ".message"];
	const rows = items.map((item) => cells.map((path) => String(valueAt(item, path) ?? "")));
	call.streams.stdout.write(aligned([["LAST SEEN", "TYPE", "REASON", "KIND", "NAME", "MESSAGE"], ...rows]));
}

/** With the server's own columns. */
async function tables(call: Call, isWide: boolean): Promise<void> {
	const byKind = new Map<string, Table[]>();
	for (const { resource, ref } of await call.named(call.args)) {
		const { group, version, resource: plural } = resource;
		const target = { group, version, resource: plural, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }) };
		const path =
			ref.name === undefined
				? pathOf({ ...target, verb: "list", options: call.selectors })
				: pathOf({ ...target, verb: "get", name: ref.name });
		const table = JSON.parse(await call.api.transport.text({ path, headers: { accept: tableType } })) as Table;
		const key = `${resource.kind.toLowerCase()}${group === "" ? "" : `.${group}`}`;
		byKind.set(key, [...(byKind.get(key) ?? []), table]);
	}
	let isEmpty = true;
	for (const [kind, parts] of byKind) {
		const rows = rowsOf(call, parts, { isWide, prefix: byKind.size > 1 ? `${kind}/` : "" });
		if (rows.length < 2) continue;
		if (!isEmpty) call.say("");
		isEmpty = false;
		call.streams.stdout.write(aligned(rows));
	}
	if (isEmpty) call.streams.stderr.write(`No resources found in ${call.namespace} namespace.\n`);
}

function rowsOf(call: Call, parts: readonly Table[], { isWide, prefix }: { readonly isWide: boolean; readonly prefix: string }) {
	const [{ columnDefinitions } = { columnDefinitions: [] }] = parts;
	const shown = [...columnDefinitions.keys()].filter((index) => isWide || (columnDefinitions[index]?.priority ?? 0) === 0);
	const labels = call.list("label-columns");
	const isEverywhere = call.isOn("all-namespaces");
	const isLabelled = call.isOn("show-labels");
	const head = [
		...(isEverywhere ? ["NAMESPACE"] : []),
		...shown.map((index) => columnDefinitions[index]?.name.toUpperCase() ?? ""),
		...labels.map((label) => (label.split("/").at(-1) ?? "").toUpperCase()),
		...(isLabelled ? ["LABELS"] : []),
	];
	const rows = parts.flatMap(({ rows: some = [] }) =>
		some.map(({ cells, object }) => {
			const own: Readonly<Record<string, string>> = object?.metadata?.labels ?? {};
			const all = Object.entries(own).map(([key, value]) => `${key}=${value}`);
			return [
				...(isEverywhere ? [object?.metadata?.namespace ?? ""] : []),
				...shown.map((index) => `${index === 0 ? prefix : ""}${String(cells[index] ?? "")}`),
				...labels.map((label) => own[label] ?? ""),
				...(isLabelled ? [all.join(",") || "<none>"] : []),
			];
		}),
	);
	return [head, ...rows];
}
