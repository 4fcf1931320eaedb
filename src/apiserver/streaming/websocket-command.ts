/**
 * Exec and attach over a WebSocket, as kubectl from 1.31 on speaks them: every message begins with the number of its
 * channel. In the base64 protocols the number is a digit and the rest is base64.
 *
 * v5 adds the close signal: message 255 with a channel's number says that the client has ended that channel. Before v5,
 * the end of stdin cannot be told from the end of the connection.
 */
import type { WebSocket } from "ws";
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { CommandChannels, CommandOptions } from "./remote-command.ts";
import { formatStatus } from "./spdy-command.ts";
import type { AcceptedWebSocket } from "./upgrade.ts";

/** With it kube-apiserver speaks to the kubelet itself; all else it passes on. */
export const closingProtocol = "v5.channel.k8s.io";

/** Protocols that are spoken, the best first; "" is a client that names none. */
export const webSocketCommandProtocols: readonly string[] = [
	closingProtocol,
	"v4.channel.k8s.io",
	"v4.base64.channel.k8s.io",
	"channel.k8s.io",
	"base64.channel.k8s.io",
];

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Serves one connection: runs `run` on its channels, reports its Status and closes. */
export async function serveWebSocketCommand(
	{ webSocket: socket, protocol }: AcceptedWebSocket,
	options: CommandOptions,
	run: (channels: CommandChannels) => Promise<Status>,
): Promise<void> {
	const stdin = new ByteQueue();
	const resize = new ByteQueue();
	const codec = protocol.includes("base64") ? base64Codec : binaryCodec;
	const inputs = new Map([
		[channel.stdin as number, stdin],
		[channel.resize as number, resize],
	]);
	socket.on("message", (data, isBinary) => {
		const [number, payload] = codec.decode(toBuffer(data), isBinary);
		if (number === channel.close && protocol === closingProtocol) {
			inputs.get(payload[0] ?? -1)?.end();
			return;
		}
		const taken = inputs.get(number)?.push(payload);
		if (taken !== undefined) holdWhile(socket, taken);
	});
	socket.on("close", () => {
		stdin.end();
		resize.end();
	});
	const send = (number: number, chunk: Uint8Array) => sendMessage(socket, codec.encode(number, chunk));
	// Tells the client that the connection stands, on the first channel that it listens to.
	await send(options.stdout ? channel.stdout : options.stderr ? channel.stderr : channel.error, Buffer.alloc(0));
	const status = await run({
		stdin,
		resize,
		stdout: (chunk) => send(channel.stdout, chunk),
		stderr: (chunk) => send(channel.stderr, chunk),
	});
	const text = formatStatus(status, protocol);
	if (text !== "") await send(channel.error, Buffer.from(text));
	socket.close(1000);
}

interface ChannelCodec {
	encode(channel: number, payload: Uint8Array): Buffer | string;
	decode(message: Buffer, isBinary: boolean): [channel: number, payload: Buffer];
}

const binaryCodec: ChannelCodec = {
	encode: (number, payload) => Buffer.concat([Buffer.from([number]), payload]),
	decode: (message) => [message[0] ?? -1, message.subarray(1)],
};

const base64Codec: ChannelCodec = {
	encode: (number, payload) => `${number}${Buffer.from(payload).toString("base64")}`,
	decode: (message) => [(message[0] ?? 0) - 0x30, Buffer.from(message.subarray(1).toString("latin1"), "base64")],
};

/** Reads no more from the connection until the reader has room. */
export function holdWhile(socket: WebSocket, taken: Promise<void>): void {
	let isTaken = false;
	void taken.then(() => {
		isTaken = true;
		if (socket.isPaused) socket.resume();
	});
	// A queue with room resolves in the same turn: only a full one is worth a pause.
	queueMicrotask(() => {
		if (!isTaken) socket.pause();
	});
}

/** Resolves when the message is written, or the connection is gone. */
export function sendMessage(socket: WebSocket, message: Buffer | string): Promise<void> {
	return new Promise((resolve) => {
		// Not at once: a sender without end would never let anybody tell it that the connection is gone.
		if (socket.readyState !== socket.OPEN) setImmediate(resolve);
		else socket.send(message, { binary: typeof message !== "string" }, () => resolve());
	});
}

export function toBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
	if (Buffer.isBuffer(data)) return data;
	return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
