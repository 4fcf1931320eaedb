/** `kubesim node shell NODE [-- COMMAND…]`: the user's terminal, or a pipe, joined to a command on a simulated node. */
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { type ExecEnd, type ExecRequest, execProtocol, FrameReader, sendFrame, windowBytes } from "../control/exec-frames.ts";
import { controlSocketOf } from "../control/running-server.ts";
import { CliError, messageOf } from "../errors.ts";

/** Ends with the command's own exit code. Without a command it is a shell: at a terminal, or one that reads its script from stdin. */
export async function nodeShell(node: string, command: readonly string[], { name }: { readonly name: string }): Promise<void> {
	const { stdin, stdout } = process;
	const tty = stdin.isTTY === true && stdout.isTTY === true;
	const socket = await connect(controlSocketOf(name));
	const size = () => ({ columns: stdout.columns, rows: stdout.rows });
	const start: ExecRequest = { node, command, tty, stdin: true, ...(tty ? { size: size() } : {}) };
	void sendFrame(socket, "start", JSON.stringify(start));
	const onResize = () => void sendFrame(socket, "resize", JSON.stringify(size()));
	if (tty) {
		stdin.setRawMode(true);
		stdout.on("resize", onResize);
	}
	try {
		const end = await converse(socket);
		if ("error" in end) throw new CliError(end.error);
		if (end.startError !== undefined) process.stderr.write(`error: ${end.startError}\n`);
		process.exitCode = end.exitCode;
	} finally {
		stdout.off("resize", onResize);
		if (tty) stdin.setRawMode(false);
		socket.destroy();
		stdin.destroy();
	}
}

function connect(socketPath: string): Promise<Duplex> {
	return new Promise((resolve, reject) => {
		const call = request({ socketPath, path: "/", headers: { connection: "Upgrade", upgrade: execProtocol } });
		const fail = (why: string, cause?: unknown) =>
			reject(new CliError(`the server does not answer on ${socketPath}: ${why}`, { hint: "Does it run? kubesim status tells.", cause }));
		call.once("upgrade", (_response, socket, head) => {
			if (head.length > 0) socket.unshift(head);
			resolve(socket);
		});
		call.once("response", ({ statusCode }) => fail(`it answers ${statusCode}; it may be of another version of kubesim`));
		call.once("error", (error) => fail(messageOf(error), error));
		call.end();
	});
}

/** Resolves to how the command ended. */
function converse(socket: Duplex): Promise<ExecEnd> {
	const reader = new FrameReader();
	const window = new Window();
	void sendInput(socket, window);
	return new Promise((resolve, reject) => {
		let end: ExecEnd | undefined;
		const work = async () => {
			for await (const chunk of socket as AsyncIterable<Buffer>) {
				for (const { kind, payload } of reader.take(chunk)) {
					if (kind === "stdout") await written(process.stdout, payload);
					else if (kind === "stderr") await written(process.stderr, payload);
					else if (kind === "taken") window.give(Number(payload));
					else if (kind === "end") end = JSON.parse(payload.toString()) as ExecEnd;
				}
			}
		};
		const lost = (cause?: unknown) => reject(new CliError("the server has ended the connection", { cause }));
		work().then(() => (end === undefined ? lost() : resolve(end)), lost);
	});
}

function written(stream: NodeJS.WriteStream, chunk: Uint8Array): Promise<void> {
	return new Promise((resolve) => stream.write(chunk, () => resolve()));
}

/** Sends stdin for as long as there is any. Never rejects: a stdin that can't be read has ended. */
async function sendInput(socket: Duplex, window: Window): Promise<void> {
	try {
		for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
			await window.take(chunk.length);
			await sendFrame(socket, "stdin", chunk);
		}
	} catch {
		// See above.
	}
	await sendFrame(socket, "stdinEnd");
}

/** What may be under way. */
class Window {
	#leftBytes = windowBytes;
	#wake: () => void = () => undefined;

	async take(bytes: number): Promise<void> {
		while (this.#leftBytes <= 0)
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		this.#leftBytes -= bytes;
	}

	give(bytes: number): void {
		this.#leftBytes += bytes;
		this.#wake();
	}
}
