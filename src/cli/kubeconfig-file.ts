/**
 * The user's kubeconfig file: our entry goes in and out of it, everything else stays as it is: comments, mode, owner,
 * symbolic link. Writing is locked as client-go does it (FILE.lock) and atomic (a new file renamed over the old one).
 * Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import {
	chmodSync,
	chownSync,
	closeSync,
	existsSync,
	fsyncSync,
	openSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	type Stats,
	statSync,
	writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type Document, parseDocument } from "yaml";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { formatKubeconfig, type KubeconfigEntry, kubeconfigProblem, putEntry, removeEntry } from "../cluster/kubeconfig-entry.ts";
import { CliError, messageOf, systemErrorCode } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";

/** How long another program's lock is waited for, in real milliseconds; and how often we look. */
const lockLimitMs = 2000;
const pollMs = 20;

/** The files that kubectl reads and merges: those of $KUBECONFIG, else ~/.kube/config. */
function kubeconfigPaths(env: NodeJS.ProcessEnv): readonly [string, ...string[]] {
	const [first, ...rest] = (env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
	return first === undefined ? [join(homedir(), ".kube/config")] : [first, ...rest];
}

/** The file that kubectl would write a new context to: the first of its files that exists, else the last of them. */
export function userKubeconfigPath(env: NodeJS.ProcessEnv = process.env): string {
	const paths = kubeconfigPaths(env);
	return paths.find((path) => existsSync(path)) ?? paths.at(-1) ?? paths[0];
}

/** Rejects with a CliError if the file could not be updated: not readable, not writable, not a kubeconfig, locked. Changes nothing. */
export async function checkKubeconfig(path: string, clock: Clock): Promise<void> {
	await withLock(path, clock, (target) => {
		readKubeconfig(target);
		const probe = `${target}.kubesim-probe`;
		writeFileSync(probe, "");
		rmSync(probe);
	});
}

/** Adds the entry, or brings the one of that name up to date, and makes it the current context. */
export async function addToKubeconfig(path: string, entry: KubeconfigEntry, clock: Clock): Promise<void> {
	await withLock(path, clock, (target) => {
		const { text, document } = readKubeconfig(target);
		putEntry(document, entry);
		replaceFile(target, formatKubeconfig(document, text));
	});
}

/** Takes context, cluster and user of this name out of all files that kubectl reads. */
export async function removeFromKubeconfigs(name: string, clock: Clock, env: NodeJS.ProcessEnv = process.env): Promise<void> {
	for (const path of kubeconfigPaths(env)) {
		if (!existsSync(path)) continue;
		await withLock(path, clock, (target) => {
			const { text, document } = readKubeconfig(target);
			if (removeEntry(document, name)) replaceFile(target, formatKubeconfig(document, text));
		});
	}
}

function readKubeconfig(path: string): { readonly text: string; readonly document: Document } {
	const text = existsSync(path) ? readFileSync(path, "utf8") : "";
	const document = parseDocument(text);
	const problem = kubeconfigProblem(document);
	if (problem === undefined) return { text, document };
	throw new CliError(`${path} is not a kubeconfig: ${problem}`, {
		hint: "Mend the file, or let KUBECONFIG name another one. Nothing was changed.",
	});
}

/** A reader sees the old file or the new one, whatever happens to us meanwhile. */
function replaceFile(path: string, text: string): void {
	const old = statSync(path, { throwIfNoEntry: false });
	const next = `${path}.kubesim-${process.pid}`;
	try {
		const handle = openSync(next, "w", 0o600);
		try {
			writeFileSync(handle, text);
			fsyncSync(handle);
		} finally {
			closeSync(handle);
		}
		if (old !== undefined) keepOwnerAndMode(next, old);
		renameSync(next, path);
	} catch (error) {
		rmSync(next, { force: true });
		throw error;
	}
}

/** A file of the user's that root edits (sudo) stays the user's. */
function keepOwnerAndMode(path: string, old: Stats): void {
	if (process.getuid?.() === 0) chownSync(path, old.uid, old.gid);
	chmodSync(path, old.mode & 0o777);
}

/** Holds FILE.lock, as kubectl does while it writes, beside the file that a symbolic link may point to. */
async function withLock(path: string, clock: Clock, action: (target: string) => void): Promise<void> {
	try {
		const target = existsSync(path) ? realpathSync(path) : path;
		makeDirectory(dirname(target));
		const lock = `${target}.lock`;
		await takeLock(path, lock, clock);
		try {
			action(target);
		} finally {
			rmSync(lock, { force: true });
		}
	} catch (error) {
		if (error instanceof CliError) throw error;
		throw new CliError(`can't update ${path}: ${messageOf(error)}`, {
			hint: "Let KUBECONFIG name a file that you can read and write. Nothing was changed.",
			cause: error,
		});
	}
}

/** kubectl's lock is held for a moment; one that stays was left behind by a program that was killed. */
async function takeLock(path: string, lock: string, clock: Clock): Promise<void> {
	for (const limitMs = clock.now() + lockLimitMs; ; await sleep(clock, pollMs)) {
		try {
			closeSync(openSync(lock, "wx", 0o600));
			return;
		} catch (error) {
			if (systemErrorCode(error) !== "EEXIST") throw error;
			if (clock.now() < limitMs) continue;
			throw new CliError(`${path} is locked by another program`, {
				hint: `If none is at work, one was killed while it wrote: remove ${lock} and try again.`,
				cause: error,
			});
		}
	}
}
