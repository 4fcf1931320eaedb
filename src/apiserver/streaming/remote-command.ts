/**
 * Exec and attach, whatever carries them: five channels between the user and a process.
 *
 *   0 stdin ->    1 stdout <-    2 stderr <- (not with a TTY)    3 error <- (how it ended)    4 resize -> (with a TTY)
 *
 * Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
 */
import type { ContainerTarget, ExitStatus, NodeConnector, ProcessStreams, TerminalSize } from "../../apimachinery/node-connector.ts";
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newInternalError, StatusError } from "../../apimachinery/status-error.ts";
import { readBoolean } from "../http/query-options.ts";

export interface CommandOptions {
	/** Absent for attach. */
	readonly command: readonly string[] | undefined;
	readonly stdin: boolean;
	readonly stdout: boolean;
	readonly stderr: boolean;
	readonly tty: boolean;
}

/** The user's side of the channels, as a transport offers it. */
export interface CommandChannels {
	readonly stdin: AsyncIterable<Uint8Array>;
	/** One JSON object a chunk, or several: `{"Width":80,"Height":24}`. */
	readonly resize: AsyncIterable<Uint8Array>;
	stdout(chunk: Uint8Array): Promise<void>;
	stderr(chunk: Uint8Array): Promise<void>;
}

/** @throws StatusError BadRequest when nothing is to be streamed, or nothing is to be run */
export function readCommandOptions(query: URLSearchParams, subresource: string): CommandOptions {
	const isExec = subresource === "exec";
	const tty = readBoolean(query, "tty") ?? false;
	const options = {
		command: isExec ? query.getAll("command") : undefined,
		stdin: readBoolean(query, "stdin") ?? false,
		stdout: readBoolean(query, "stdout") ?? false,
		// A terminal has one output.
		stderr: (readBoolean(query, "stderr") ?? false) && !tty,
		tty,
	};
	if (!options.stdin && !options.stdout && !options.stderr) throw newBadRequest("you must specify at least 1 of stdin, stdout, stderr");
	if (isExec && options.command?.length === 0) throw newBadRequest("you must specify at least one command for the container");
	return options;
}

/** Runs the command, or attaches, and says how it ended. Never rejects: what goes wrong is a Status too. */
export async function runCommand(
	nodes: NodeConnector,
	target: ContainerTarget,
	options: CommandOptions,
	channels: CommandChannels,
	signal: AbortSignal,
): Promise<Status> {
	const streams: ProcessStreams = {
		...(options.stdin ? { stdin: channels.stdin } : {}),
		stdout: async (chunk) => (options.stdout ? channels.stdout(chunk) : undefined),
		stderr: async (chunk) => (options.tty ? channels.stdout(chunk) : options.stderr ? channels.stderr(chunk) : undefined),
		...(options.tty ? { resizes: terminalSizes(channels.resize) } : {}),
	};
	const { command, tty, stdin } = options;
	try {
		if (command !== undefined) return statusOf(await nodes.exec(target, { command, tty, stdin }, streams, signal));
		const { startError } = await nodes.attach(target, { tty, stdin }, streams, signal);
		// How the main process ended is in the pod's status: a kubelet says of an attachment only that it is over.
		return statusOf({ exitCode: 0, ...(startError === undefined ? {} : { startError }) });
	} catch (error) {
		return (error instanceof StatusError ? error : newInternalError(error)).status;
	}
}

/** How kubectl learns of the end: a Status whose cause carries the exit code. */
function statusOf({ exitCode, startError }: ExitStatus): Status {
	if (startError !== undefined) return newInternalError(new Error(`error executing command in container: ${startError}`)).status;
	if (exitCode === 0) return { metadata: {}, status: "Success" };
	return {
		metadata: {},
		status: "Failure",
		message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
		reason: "NonZeroExitCode",
		details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
	};
}

async function* terminalSizes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TerminalSize> {
	let text = "";
	for await (const chunk of chunks) {
		text += Buffer.from(chunk).toString("utf8");
		for (let end = text.indexOf("}"); end !== -1; end = text.indexOf("}")) {
			const size = parseSize(text.slice(0, end + 1));
			text = text.slice(end + 1);
			if (size !== undefined) yield size;
		}
	}
}

/** undefined for what is not a size: a client's slip is no reason to end its session. */
function parseSize(text: string): TerminalSize | undefined {
	const width = /"Width"\s*:\s*(\d+)/.exec(text)?.[1];
	const height = /"Height"\s*:\s*(\d+)/.exec(text)?.[1];
	return width === undefined || height === undefined ? undefined : { columns: Number(width), rows: Number(height) };
}
