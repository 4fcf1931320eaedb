/**
 * A cluster's entry in a kubeconfig: put into a YAML document, or taken out, without touching anything else there.
 * Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
import { type Document, isMap, isSeq, type YAMLMap, type YAMLSeq } from "yaml";

/** One cluster's access, as a kubeconfig holds it. */
export interface KubeconfigEntry {
	/** Name of context, cluster and user. */
	readonly name: string;
	readonly server: string;
	/** PEM. */
	readonly ca: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
}

const lists = ["clusters", "users", "contexts"] as const;
type ListName = (typeof lists)[number];

/**
 * A kubeconfig with nothing but this cluster, in kubectl's own style: written as text, since a server waits for it at each start.
 * @param namespace that its context is in; default `default`, as without one
 */
export function standaloneKubeconfig({ name, server, ca, clientCertificate, clientKey }: KubeconfigEntry, namespace?: string): string {
	return `apiVersion: v1
kind: Config
clusters:
- name: ${scalar(name)}
  cluster:
    server: ${scalar(server)}
    certificate-authority-data: ${scalar(base64(ca))}
users:
- name: ${scalar(name)}
  user:
    client-certificate-data: ${scalar(base64(clientCertificate))}
    client-key-data: ${scalar(base64(clientKey))}
contexts:
- name: ${scalar(name)}
  context:
    cluster: ${scalar(name)}
    user: ${scalar(name)}
${namespace === undefined ? "" : `    namespace: ${scalar(namespace)}\n`}current-context: ${scalar(name)}
`;
}

/** What YAML 1.1 or 1.2 reads as something else than text. */
const keyword = /^(?:true|false|yes|no|on|off|y|n|null)$/i;

/** Plain where that can be nothing but text, else in double quotes, whose escapes are JSON's. */
function scalar(text: string): string {
	return /^[A-Za-z][\w./:[\]=+-]*$/.test(text) && !text.endsWith(":") && !keyword.test(text) ? text : JSON.stringify(text);
}

function base64(pem: string): string {
	return Buffer.from(pem).toString("base64");
}

/** The text of a document, in the style of the text that it was read from; kubectl's own style for a new one. */
export function formatKubeconfig(document: Document, original: string): string {
	return document.toString({
		lineWidth: 0,
		indentSeq: /^(clusters|users|contexts):[^\n]*\n +-/m.test(original),
		flowCollectionPadding: /[[{] /.test(original),
	});
}

/** What keeps a document from being a kubeconfig, in words; undefined if nothing does. */
export function kubeconfigProblem(document: Document): string | undefined {
	const [error] = document.errors;
	if (error !== undefined) return error.message.split("\n")[0]?.replace(/:$/, "");
	if (document.contents === null) return undefined;
	if (!isMap(document.contents)) return "it is not a YAML mapping";
	for (const list of lists) {
		const value: unknown = document.get(list);
		if (value !== undefined && value !== null && !isSeq(value)) return `${list} is not a list`;
	}
	return undefined;
}

/** Adds the entry, or brings the one of that name up to date, and makes it the current context. */
export function putEntry(document: Document, entry: KubeconfigEntry): void {
	const { name } = entry;
	if (!document.has("apiVersion")) document.set("apiVersion", "v1");
	if (!document.has("kind")) document.set("kind", "Config");
	put(document, "clusters", name, "cluster", { server: entry.server, "certificate-authority-data": base64(entry.ca) });
	put(document, "users", name, "user", {
		"client-certificate-data": base64(entry.clientCertificate),
		"client-key-data": base64(entry.clientKey),
	});
	put(document, "contexts", name, "context", { cluster: name, user: name });
	document.set("current-context", name);
}

/** Takes context, cluster and user of this name out. @returns whether there was any. */
export function removeEntry(document: Document, name: string): boolean {
	const removed = lists.map((list) => {
		const found: unknown = document.get(list);
		if (!isSeq(found)) return false;
		const rest = found.items.filter((item) => !hasName(item, name));
		const isChanged = rest.length < found.items.length;
		found.items = rest;
		return isChanged;
	});
	const wasCurrent = document.get("current-context") === name;
	if (wasCurrent) document.set("current-context", "");
	return wasCurrent || removed.includes(true);
}

/** Fields that we do not set, such as the user's own `namespace` in a context, stay as they are. */
function put(document: Document, list: ListName, name: string, part: string, fields: Readonly<Record<string, string>>): void {
	const items = listOf(document, list);
	const known = items.items.find((item) => hasName(item, name));
	const inner = known?.get(part);
	if (isMap(inner)) {
		for (const [key, value] of Object.entries(fields)) if (inner.get(key) !== value) inner.set(key, value);
	} else if (known !== undefined) known.set(part, document.createNode(fields));
	else items.add(document.createNode({ name, [part]: fields }));
}

function listOf(document: Document, name: ListName): YAMLSeq {
	const found: unknown = document.get(name);
	if (isSeq(found)) {
		if (found.items.length === 0) found.flow = false;
		return found;
	}
	const made = document.createNode([]);
	made.flow = false;
	document.set(name, made);
	return made;
}

function hasName(item: unknown, name: string): item is YAMLMap {
	return isMap(item) && item.get("name") === name;
}
