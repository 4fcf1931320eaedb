/**
 * How a command on a node and its terminal go over the control socket, once that is upgraded: frames of one byte that says what it is,
 * four for the length, and the bytes.
 *
 *   client ── start, stdin …, resize …, stdinEnd ──> server
 *   client <── stdout …, stderr …, taken …, end ──── server
 *
 * The client sends no more of stdin than `windowBytes` beyond what the server says that the command has taken: so frames of other kinds,
 * and the end of the connection, never wait behind it.
 */
import type { Duplex } from "node:stream";
import type { ExecOptions, TerminalSize } from "../../cluster/index.ts";

/** What the HTTP request asks to be upgraded to. */
export const execProtocol = "kubesim-exec";
export const windowBytes = 256 * 1024;
const maxFrameBytes = 16 * 1024 * 1024;
const headBytes = 5;

const kinds = ["start", "stdin", "resize", "stdinEnd", "stdout", "stderr", "taken", "end"] as const;
export type FrameKind = (typeof kinds)[number];

export interface Frame {
	readonly kind: FrameKind;
	readonly payload: Buffer;
}

/** What is asked for; an empty command is a login shell. */
export interface ExecRequest extends ExecOptions {
	readonly node: string;
	readonly size?: TerminalSize;
}

/** How it ended: an exit code, or why it never began. */
export type ExecEnd = { readonly exitCode: number; readonly startError?: string } | { readonly error: string };

/** Puts together what comes in pieces. Throws an Error for what is no frame. */
export class FrameReader {
	#rest: Buffer = Buffer.alloc(0);

	take(chunk: Uint8Array): readonly Frame[] {
		this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
		const frames: Frame[] = [];
		while (this.#rest.length >= headBytes) {
			const kind = kinds[this.#rest.readUInt8(0)];
			const sizeBytes = this.#rest.readUInt32BE(1);
			if (kind === undefined || sizeBytes > maxFrameBytes) throw new Error("not a frame of kubesim's");
			if (this.#rest.length < headBytes + sizeBytes) break;
			frames.push({ kind, payload: this.#rest.subarray(headBytes, headBytes + sizeBytes) });
			this.#rest = this.#rest.subarray(headBytes + sizeBytes);
		}
		return frames;
	}
}

/** Resolves when more may be sent, or nobody is there any more. */
export function sendFrame(socket: Duplex, kind: FrameKind, payload: Uint8Array | string = ""): Promise<void> {
	if (socket.destroyed || !socket.writable) return Promise.resolve();
	const bytes = Buffer.from(payload);
	const head = Buffer.alloc(headBytes);
	head.writeUInt8(kinds.indexOf(kind), 0);
	head.writeUInt32BE(bytes.length, 1);
	socket.cork();
	socket.write(head);
	const hasRoom = socket.write(bytes);
	socket.uncork();
	if (hasRoom) return Promise.resolve();
	return new Promise((resolve) => {
		const done = () => {
			socket.off("drain", done);
			socket.off("close", done);
			resolve();
		};
		socket.once("drain", done);
		socket.once("close", done);
	});
}
