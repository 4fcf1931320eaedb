/**
 * The user's kubeconfig: our cluster, user and context go in and out of it, everything else stays as it is, comments
 * included. Writing is locked as client-go does it (FILE.lock) and atomic (a new file renamed over the old one).
 * Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import {
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { CliError, systemErrorCode } from "./errors.ts";

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

/** A kubeconfig with nothing but this cluster. */
export function standaloneKubeconfig(entry: KubeconfigEntry): string {
	const document = parseDocument("");
	putEntry(document, entry);
	return document.toString({ lineWidth: 0 });
}

/** The file that kubectl would write to: the first of $KUBECONFIG that exists, else its first, else ~/.kube/config. */
export function userKubeconfigPath(env: NodeJS.ProcessEnv = process.env): string {
	const paths = (env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
	return paths.find((path) => existsSync(path)) ?? paths[0] ?? join(homedir(), ".kube/config");
}

/** Throws a CliError if the file could not be updated: not readable, not writable, not a kubeconfig. Changes nothing. */
export function checkKubeconfig(path: string): void {
	const target = realPath(path);
	readKubeconfig(target);
	const probe = `${target}.kubesim-probe`;
	try {
		mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
		writeFileSync(probe, "");
		rmSync(probe);
	} catch (error) {
		throw unwritable(path, error);
	}
}

/** Adds the entry, or puts it in the place of the one of that name, and makes it the current context. */
export function addToKubeconfig(path: string, entry: KubeconfigEntry): void {
	edit(path, (document) => putEntry(document, entry));
}

/** Takes context, cluster and user of this name out; a missing file or entry is fine. */
export function removeFromKubeconfig(path: string, name: string): void {
	if (!existsSync(path)) return;
	edit(path, (document) => {
		for (const list of ["clusters", "users", "contexts"]) removeNamed(document, list, name);
		if (document.get("current-context") === name) document.set("current-context", "");
	});
}

function putEntry(document: Document, entry: KubeconfigEntry): void {
	const { name } = entry;
	const base64 = (pem: string) => Buffer.from(pem).toString("base64");
	if (!document.has("apiVersion")) document.set("apiVersion", "v1");
	if (!document.has("kind")) document.set("kind", "Config");
	putNamed(document, "clusters", { name, cluster: { server: entry.server, "certificate-authority-data": base64(entry.ca) } });
	putNamed(document, "users", {
		name,
		user: { "client-certificate-data": base64(entry.clientCertificate), "client-key-data": base64(entry.clientKey) },
	});
	putNamed(document, "contexts", { name, context: { cluster: name, user: name } });
	document.set("current-context", name);
}

function listOf(document: Document, key: string): YAMLSeq {
	const found = document.get(key);
	if (isSeq(found)) return found;
	const made = document.createNode([]) as YAMLSeq;
	made.flow = false;
	document.set(key, made);
	return made;
}

function hasName(item: unknown, name: string): item is YAMLMap {
	return isMap(item) && item.get("name") === name;
}

function putNamed(document: Document, key: string, value: { readonly name: string; readonly [part: string]: unknown }): void {
	const list = listOf(document, key);
	const node = document.createNode(value);
	const index = list.items.findIndex((item) => hasName(item, value.name));
	if (index === -1) list.add(node);
	else list.set(index, node);
	list.flow = false;
}

function removeNamed(document: Document, key: string, name: string): void {
	const list = document.get(key);
	if (isSeq(list)) list.items = list.items.filter((item) => !hasName(item, name));
}

function edit(path: string, change: (document: Document) => void): void {
	const target = realPath(path);
	try {
		mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
	} catch (error) {
		throw unwritable(path, error);
	}
	withLock(target, () => {
		const document = readKubeconfig(target);
		change(document);
		const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o600;
		const next = `${target}.kubesim-${process.pid}`;
		try {
			writeFileSync(next, document.toString({ lineWidth: 0 }), { mode });
			renameSync(next, target);
		} catch (error) {
			rmSync(next, { force: true });
			throw unwritable(path, error);
		}
	});
}

/** What a symbolic link points at, so that the link stays one. */
function realPath(path: string): string {
	return existsSync(path) ? realpathSync(path) : path;
}

function readKubeconfig(path: string): Document {
	const text = readText(path);
	const document = parseDocument(text);
	const problem = document.errors[0]?.message.split("\n")[0];
	const isKubeconfig = document.contents === null || isMap(document.contents);
	if (problem === undefined && isKubeconfig) return document;
	throw new CliError(`${path} is not a kubeconfig: ${problem ?? "it holds no YAML mapping"}`, {
		hint: "Mend the file, or let KUBECONFIG name another one. Nothing was changed.",
	});
}

function readText(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if (systemErrorCode(error) === "ENOENT") return "";
		throw new CliError(`can't read ${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
	}
}

/** Holds FILE.lock, as kubectl does while it writes; one left behind by a killed program has to be removed by hand. */
function withLock(path: string, action: () => void): void {
	const lock = `${path}.lock`;
	let handle: number;
	try {
		handle = openSync(lock, "wx");
	} catch (error) {
		if (systemErrorCode(error) === "EEXIST") {
			throw new CliError(`${path} is locked by another program`, { hint: `If none is running, remove ${lock} and try again.` });
		}
		throw unwritable(path, error);
	}
	try {
		action();
	} finally {
		closeSync(handle);
		rmSync(lock, { force: true });
	}
}

function unwritable(path: string, cause: unknown): CliError {
	return new CliError(`can't write ${path}: ${cause instanceof Error ? cause.message : cause}`, {
		hint: "Let KUBECONFIG name a file that you can write to. Nothing was changed.",
		cause,
	});
}
