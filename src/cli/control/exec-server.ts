/** The server's side of a command on a node: see exec-frames.ts. */
import type { Duplex } from "node:stream";
import type { ExitStatus, ProcessStreams, TerminalSize } from "../../cluster/index.ts";
import { messageOf } from "../errors.ts";
import { type ExecEnd, type ExecRequest, type Frame, FrameReader, sendFrame } from "./exec-frames.ts";

export type NodeExec = (request: ExecRequest, streams: ProcessStreams, signal: AbortSignal) => Promise<ExitStatus>;

/** Serves one connection to its end. */
export function serveExec(socket: Duplex, exec: NodeExec): void {
	const gone = new AbortController();
	const stdin = new Queue<Buffer>();
	const resizes = new Queue<TerminalSize>();
	const reader = new FrameReader();
	const onFrame = ({ kind, payload }: Frame) => {
		if (kind === "start") void run(socket, JSON.parse(payload.toString()) as ExecRequest, { stdin, resizes }, exec, gone.signal);
		else if (kind === "stdin") stdin.push(payload);
		else if (kind === "stdinEnd") stdin.end();
		else if (kind === "resize") resizes.push(JSON.parse(payload.toString()) as TerminalSize);
	};
	socket.on("data", (chunk: Buffer) => {
		try {
			reader.take(chunk).forEach(onFrame);
		} catch {
			// Whoever sends what is no frame is none of ours.
			socket.destroy();
		}
	});
	socket.on("error", () => socket.destroy());
	socket.once("close", () => {
		gone.abort();
		stdin.end();
		resizes.end();
	});
}

/** Never rejects. */
async function run(
	socket: Duplex,
	request: ExecRequest,
	queues: { readonly stdin: Queue<Buffer>; readonly resizes: Queue<TerminalSize> },
	exec: NodeExec,
	signal: AbortSignal,
): Promise<void> {
	if (request.size !== undefined) queues.resizes.push(request.size);
	const streams: ProcessStreams = {
		...(request.stdin ? { stdin: taken(queues.stdin, (bytes) => void sendFrame(socket, "taken", String(bytes))) } : {}),
		stdout: (chunk) => sendFrame(socket, "stdout", chunk),
		stderr: (chunk) => sendFrame(socket, request.tty ? "stdout" : "stderr", chunk),
		...(request.tty ? { resizes: queues.resizes } : {}),
	};
	const end: ExecEnd = await exec(request, streams, signal).catch((error: unknown) => ({ error: messageOf(error) }));
	await sendFrame(socket, "end", JSON.stringify(end));
	socket.end();
}

async function* taken(chunks: AsyncIterable<Buffer>, tell: (bytes: number) => void): AsyncGenerator<Uint8Array> {
	for await (const chunk of chunks) {
		tell(chunk.length);
		yield chunk;
	}
}

/** Values that wait for one reader. */
class Queue<T> implements AsyncIterable<T> {
	readonly #waiting: T[] = [];
	#isEnded = false;
	#wake: () => void = () => undefined;

	push(value: T): void {
		if (this.#isEnded) return;
		this.#waiting.push(value);
		this.#wake();
	}

	end(): void {
		this.#isEnded = true;
		this.#wake();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<T> {
		for (;;) {
			const value = this.#waiting.shift();
			if (value !== undefined) yield value;
			else if (this.#isEnded) return;
			else
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
		}
	}
}
