/**
 * Port forwarding over SPDY/3.1, on its own connection or inside a WebSocket: for every local connection the client opens
 * a pair of streams, `error` and `data`, with the same request id and the port in their headers.
 */
import type { Duplex } from "node:stream";
import type { ForwardChannel } from "./port-forward.ts";
import { SpdySession, type SpdyStream } from "./spdy/session.ts";

export const spdyPortForwardProtocol = "portforward.k8s.io";
/** The WebSocket subprotocol that carries SPDY frames in binary messages (KEP-4006; kubectl from 1.31 on). */
export const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";

interface StreamPair {
	error?: SpdyStream;
	data?: SpdyStream;
}

/** Serves one connection until it ends. */
export async function serveSpdyPortForward(
	connection: Duplex,
	forward: (port: number, channel: ForwardChannel) => Promise<void>,
): Promise<void> {
	/** Streams that wait for their other half. */
	const pairs = new Map<string, StreamPair>();
	const session = new SpdySession(connection, (stream) => {
		const type = stream.header("streamtype");
		const port = Number(stream.header("port"));
		if ((type !== "error" && type !== "data") || !isPort(port)) {
			void stream.reset();
			return;
		}
		const id = stream.header("requestid") ?? String(port);
		const pair = pairs.get(id) ?? {};
		pair[type] = stream;
		pairs.set(id, pair);
		if (pair.error !== undefined && pair.data !== undefined) {
			pairs.delete(id);
			void forward(port, channelOf(pair.error, pair.data));
		}
	});
	await session.run();
}

export function isPort(port: number): boolean {
	return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function channelOf(error: SpdyStream, data: SpdyStream): ForwardChannel {
	return {
		input: data.input,
		gone: data.gone,
		write: (chunk) => data.write(chunk),
		fail: (message) => error.write(Buffer.from(message)),
		end: async () => {
			await data.end();
			await error.end();
		},
	};
}
