/**
 * Puts a cluster's server in the background: a process in a session of its own, which lives on when this command and its
 * terminal are gone, and reports over IPC until it is ready.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import { CliError, systemErrorCode } from "./errors.ts";
import { isServerMessage, type ServerMessage } from "./server-messages.ts";

/** The environment variable that carries the `ClusterConfig` to `kubesim serve`. */
export const configVariable = "KUBESIM_SERVE";

/**
 * The room for young objects, in MB: from 8, so that the first second, which makes 40 MB of objects, is not spent on collecting them (a tenth of
 * its processor time), to 16, where Node would let it grow to 128 MB of memory that an idle server keeps.
 */
const heapFlags = ["--min-semi-space-size=8", "--max-semi-space-size=16"];

/** The server could not start for a reason that its log tells more about. */
export class ServerCrashError extends CliError {}

/**
 * Resolves to the number of nodes once all are Ready. Otherwise nothing is left running, and it rejects with what the
 * server said, with what `onMessage` threw, or because of Ctrl-C.
 */
export async function startInBackground(
	directory: ClusterDirectory,
	config: ClusterConfig,
	onMessage: (message: ServerMessage) => void | Promise<void>,
): Promise<number> {
	const log = openSync(directory.logFile, "a", 0o600);
	const child = spawn(process.execPath, [...heapFlags, ...process.execArgv, process.argv[1] ?? "", "serve", "--name", config.name], {
		detached: true,
		cwd: directory.path,
		stdio: ["ignore", log, log, "ipc"],
		env: { ...process.env, [configVariable]: JSON.stringify(config) },
	});
	closeSync(log);
	try {
		return await untilReady(child, directory, onMessage);
	} catch (error) {
		if (child.exitCode === null && child.signalCode === null) await kill(child);
		throw error;
	} finally {
		if (child.connected) child.disconnect();
		child.unref();
	}
}

async function untilReady(
	child: ChildProcess,
	directory: ClusterDirectory,
	onMessage: (message: ServerMessage) => void | Promise<void>,
): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	/** Messages are handled one after the other; "ready" counts only when all before it are done with. */
	let handled: Promise<void> = Promise.resolve();
	child.on("message", (message) => {
		if (!isServerMessage(message)) return;
		handled = handled.then(async () => {
			if (message.type === "failed") {
				reject(failure(message));
				return;
			}
			await onMessage(message);
			if (message.type === "ready") resolve(message.nodes);
		});
		handled.catch(reject);
	});
	child.on("error", reject);
	child.on("exit", (code, signal) => {
		const why = new ServerCrashError(`the server ended before it was ready (${signal ?? `exit code ${code}`})`, {
			hint: `Its log: ${directory.logFile}`,
		});
		void handled.finally(() => reject(why));
	});
	const onInterrupt = () => reject(new CliError(`interrupted; cluster ${directory.name} is not started`, { exitCode: 130 }));
	process.once("SIGINT", onInterrupt);
	return await promise.finally(() => process.removeListener("SIGINT", onInterrupt));
}

function failure({ message, hint, isExpected }: ServerMessage & { type: "failed" }): CliError {
	return isExpected ? new CliError(message, { hint }) : new ServerCrashError(message, { hint });
}

/** Resolves when it is gone. What it acknowledged is on disk. */
async function kill(child: ChildProcess): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	child.once("exit", () => resolve());
	try {
		child.kill("SIGKILL");
	} catch (error) {
		if (systemErrorCode(error) !== "ESRCH") throw error;
	}
	await promise;
}
