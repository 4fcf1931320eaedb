/**
 * The network as a process sees it: names, connections, listening ports. Who joins two machines is not its business:
 * the kubelet simulation gives each pod a stack, tests may give any other.
 */
import { type InputStream, type OutputStream, Pipe } from "../stream.ts";

/** One end of a TCP connection. */
export interface Connection extends InputStream, OutputStream {
	/** Address of the other end, without port. */
	readonly remoteAddress: string;
	write(chunk: Uint8Array): Promise<void>;
	/** No more bytes from this end; the other end's `read` gives what is left, then undefined. */
	end(): void;
	/** Both directions at once. */
	destroy(): void;
}

/** Serves one connection; the connection is closed when it settles. */
export type ConnectionHandler = (connection: Connection) => Promise<void>;

export interface Listener {
	readonly port: number;
	close(): void;
}

export type NetworkErrorCode = "ECONNREFUSED" | "EHOSTUNREACH" | "ENOTFOUND" | "EADDRINUSE" | "ETIMEDOUT";

const networkErrorTexts: Readonly<Record<NetworkErrorCode, string>> = {
	ECONNREFUSED: "Connection refused",
	EHOSTUNREACH: "No route to host",
	ENOTFOUND: "Name does not resolve",
	EADDRINUSE: "Address already in use",
	ETIMEDOUT: "Connection timed out",
};

/** A failed network call; the message is libc's text for it. */
export class NetworkError extends Error {
	readonly code: NetworkErrorCode;

	constructor(code: NetworkErrorCode) {
		super(networkErrorTexts[code]);
		this.name = "NetworkError";
		this.code = code;
	}
}

export interface NetworkStack {
	/** The machine's own address. */
	readonly address: string;
	/** Fails with EADDRINUSE if the port is taken. */
	listen(port: number, handler: ConnectionHandler): Listener;
	/** Connects to an address or name. Rejects with a `NetworkError`. */
	connect(host: string, port: number): Promise<Connection>;
	/** Addresses of a name; an address resolves to itself. Rejects with ENOTFOUND. */
	resolve(name: string): Promise<readonly string[]>;
}

/** A joined pair of ends; the addresses are those that the other end sees. */
function connectionPair(clientAddress: string, serverAddress: string): readonly [client: Connection, server: Connection] {
	const toServer = new Pipe();
	const toClient = new Pipe();
	return [end(toClient, toServer, serverAddress), end(toServer, toClient, clientAddress)];
}

function end(input: Pipe, output: Pipe, remoteAddress: string): Connection {
	return {
		remoteAddress,
		read: () => input.read(),
		write: (chunk) => output.write(chunk),
		end: () => output.end(),
		destroy: () => {
			input.close();
			output.end();
		},
	};
}

/** A machine that is connected to nothing but itself: loopback works, everything else has no route. */
export class LoopbackNetwork implements NetworkStack {
	readonly address: string;
	#handlers: Map<number, ConnectionHandler> | undefined;

	constructor(address = "127.0.0.1") {
		this.address = address;
	}

	listen(port: number, handler: ConnectionHandler): Listener {
		this.#handlers ??= new Map();
		if (this.#handlers.has(port)) throw new NetworkError("EADDRINUSE");
		this.#handlers.set(port, handler);
		return {
			port,
			close: () => {
				if (this.#handlers?.get(port) === handler) this.#handlers.delete(port);
			},
		};
	}

	isListening(port: number): boolean {
		return this.#handlers?.has(port) ?? false;
	}

	/** Connects to a port of this machine from `clientAddress`. Throws ECONNREFUSED. */
	accept(port: number, clientAddress: string): Connection {
		const handler = this.#handlers?.get(port);
		if (handler === undefined) throw new NetworkError("ECONNREFUSED");
		const [client, server] = connectionPair(clientAddress, this.address);
		// A server's failure is the end of its connection, and no more: as a crashed request handler is.
		handler(server).then(
			() => server.end(),
			() => server.destroy(),
		);
		return client;
	}

	async connect(host: string, port: number): Promise<Connection> {
		if (host !== this.address && !isLoopback(host)) throw new NetworkError("EHOSTUNREACH");
		return this.accept(port, isLoopback(host) ? "127.0.0.1" : this.address);
	}

	async resolve(name: string): Promise<readonly string[]> {
		if (isIpv4(name)) return [name];
		if (name === "localhost") return ["127.0.0.1"];
		throw new NetworkError("ENOTFOUND");
	}
}

export function isLoopback(host: string): boolean {
	return host === "localhost" || host.startsWith("127.");
}

export function isIpv4(text: string): boolean {
	return /^\d{1,3}(\.\d{1,3}){3}$/.test(text);
}
