/** A connection of the simulated network as a stream of Node's, for what speaks HTTP on it. */
import { Duplex } from "node:stream";
import type { PortStream } from "../../apimachinery/node-connector.ts";

export function portDuplex(port: PortStream): Duplex {
	const chunks = port.output[Symbol.asyncIterator]();
	const duplex = new Duplex({
		allowHalfOpen: true,
		read() {
			chunks.next().then(
				({ value, done }) => this.push(done === true ? null : value),
				(error: unknown) => this.destroy(asError(error)),
			);
		},
		write(chunk: Uint8Array, _encoding, callback) {
			port.write(chunk).then(
				() => callback(),
				(error: unknown) => callback(asError(error)),
			);
		},
		final(callback) {
			port.end();
			callback();
		},
		destroy(error, callback) {
			port.destroy();
			// Whoever still waits for bytes is told that none come.
			void chunks.return?.();
			callback(error);
		},
	});
	return duplex;
}

function asError(error: unknown): Error {
	return error instanceof Error ? error : new Error(String(error));
}
