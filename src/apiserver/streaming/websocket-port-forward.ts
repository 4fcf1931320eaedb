/**
 * Port forwarding over a plain WebSocket, as the JavaScript and Python clients speak it: the ports are in the query, port
 * number i has channel 2i for data and 2i+1 for errors, and each channel begins with its port (16 bits, little-endian).
 */
import type { WebSocket } from "ws";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ForwardChannel } from "./port-forward.ts";
import { isPort } from "./spdy-port-forward.ts";
import { holdWhile, sendMessage, toBuffer } from "./websocket-command.ts";

export const webSocketPortForwardProtocols: readonly string[] = ["v4.channel.k8s.io"];

/** @throws StatusError BadRequest */
export function readPorts(query: URLSearchParams): readonly number[] {
	const ports = query
		.getAll("ports")
		.flatMap((text) => text.split(","))
		.map(Number);
	if (ports.length === 0) throw newBadRequest('query parameter "ports" is required');
	if (!ports.every(isPort)) throw newBadRequest(`port "${ports.find((port) => !isPort(port))}" must be between 1 and 65535`);
	return ports;
}

/** Serves one connection until every port's connection has ended. */
export async function serveWebSocketPortForward(
	socket: WebSocket,
	ports: readonly number[],
	forward: (port: number, channel: ForwardChannel) => Promise<void>,
): Promise<void> {
	const inputs = ports.map(() => new ByteQueue());
	socket.on("message", (data) => {
		const message = toBuffer(data);
		const number = message[0] ?? 0;
		const taken = number % 2 === 0 ? inputs[number / 2]?.push(message.subarray(1)) : undefined;
		if (taken !== undefined) holdWhile(socket, taken);
	});
	const gone = new AbortController();
	socket.on("close", () => {
		gone.abort();
		for (const input of inputs) input.end();
	});
	await Promise.all(
		ports.map(async (port, index) => {
			const send = (channel: number, chunk: Uint8Array) => sendMessage(socket, Buffer.concat([Buffer.from([channel]), chunk]));
			const head = Buffer.from([port & 0xff, port >> 8]);
			await send(2 * index, head);
			await send(2 * index + 1, head);
			await forward(port, {
				input: inputs[index] ?? new ByteQueue(),
				gone: gone.signal,
				write: (chunk) => send(2 * index, chunk),
				fail: (message) => send(2 * index + 1, Buffer.from(message)),
				end: async () => inputs[index]?.end(),
			});
		}),
	);
	socket.close(1000);
}
