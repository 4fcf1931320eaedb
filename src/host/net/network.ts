/**
 * The network as a process sees it: names, connections, listening ports. Who joins two machines is not its business:
 * the kubelet simulation gives each pod a stack, tests may give any other.
 */
import { type InputStream, type OutputStream, Pipe } from "../stream.ts";
import {
	type ClusterZoneOptions,
	type ClusterZoneServer,
	type DnsQuestion,
	type DnsResponse,
	emptyResponse,
	type NameServer,
} from "./dns.ts";
import { loopbackView, type NetworkView, type SocketEntry } from "./view.ts";

export type { NetworkView } from "./view.ts";

/** One end of a TCP connection. */
export interface Connection extends InputStream, OutputStream {
	/** Address of the other end, without port. */
	readonly remoteAddress: string;
	readonly remotePort: number;
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

/** Whose process listens: when it ends, its connections do. */
export interface ListenerOwner {
	readonly pid: number;
	readonly argv: readonly string[];
	readonly exited: Promise<unknown>;
}

/** What becomes of an ICMP echo request. */
export type PingAnswer =
	| { readonly type: "reply"; readonly ttl: number }
	| { readonly type: "silence" }
	/** @param from the router that says so */
	| { readonly type: "unreachable"; readonly from: string };

export type NetworkErrorCode =
	| "EADDRINUSE"
	| "EAI_AGAIN"
	| "ECONNREFUSED"
	| "ECONNRESET"
	| "EHOSTUNREACH"
	| "EINVAL"
	| "ENOTFOUND"
	| "ETIMEDOUT";

const networkErrorTexts: Readonly<Record<NetworkErrorCode, string>> = {
	EAI_AGAIN: "Temporary failure in name resolution",
	ECONNREFUSED: "Connection refused",
	ECONNRESET: "Connection reset by peer",
	EINVAL: "Invalid argument",
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
	/** Its devices, routes, neighbours and sockets, made up when somebody looks. */
	readonly view: NetworkView;
	/**
	 * Fails with EADDRINUSE if the port is taken, EINVAL if there is no such port.
	 * @param owner whose connections end with it
	 */
	listen(port: number, handler: ConnectionHandler, owner?: ListenerOwner): Listener;
	/** Connects to an address or name; given up when the signal aborts. Rejects with a `NetworkError`. */
	connect(host: string, port: number, signal?: AbortSignal): Promise<Connection>;
	/** Addresses of a name; an address resolves to itself. Rejects with ENOTFOUND, or EAI_AGAIN if no name server answers. */
	resolve(name: string): Promise<readonly string[]>;
	/** Serves names on port 53. Fails with EADDRINUSE. */
	serveNames(server: NameServer, owner?: ListenerOwner): Listener;
	/** Asks the name server at an address; undefined: no answer ever comes. Rejects with ECONNREFUSED or EHOSTUNREACH. */
	query(server: string, question: DnsQuestion): Promise<DnsResponse | undefined>;
	/** The names of the cluster that the machine is in, for a name server: what a real one reads from the API. */
	clusterZone(options: ClusterZoneOptions): ClusterZoneServer;
	/** One ICMP echo request to an address. */
	ping(address: string): Promise<PingAnswer>;
}

const dnsPort = 53;
const maxPort = 65_535;
/** Where clients' own ports begin, and how many there are. Source: net.ipv4.ip_local_port_range. */
const firstEphemeralPort = 32_768;
const ephemeralPorts = 28_232;

/** Two joined ends. */
interface Flow {
	readonly clientAddress: string;
	readonly clientPort: number;
	readonly serverAddress: string;
	readonly serverPort: number;
	readonly pid: number | undefined;
	readonly client: Connection;
	/** The server's process is gone. */
	abort(): void;
}

type FlowPlace = Pick<Flow, "clientAddress" | "clientPort" | "serverAddress" | "serverPort">;

/** A joined pair of ends; the addresses are those that the other end sees. */
function connectionPair(
	place: FlowPlace,
	dialled: ConnectionOrigin["dialled"] = { address: place.serverAddress, port: place.serverPort },
): { readonly client: Connection; readonly server: Connection; readonly abort: () => void } {
	const toServer = new Pipe();
	const toClient = new Pipe();
	const { clientAddress, clientPort } = place;
	return {
		client: end(toClient, toServer, dialled.address, dialled.port),
		server: end(toServer, toClient, clientAddress, clientPort),
		// As a kernel closes the sockets of a process: with a reset if there is something that it has not read.
		abort: () => {
			if (toServer.sizeBytes > 0) toClient.fail(new NetworkError("ECONNRESET"));
			else toClient.end();
			toServer.close();
		},
	};
}

function end(input: Pipe, output: Pipe, remoteAddress: string, remotePort: number): Connection {
	return {
		remoteAddress,
		remotePort,
		read: () => input.read(),
		write: (chunk) => output.write(chunk),
		end: () => output.end(),
		destroy: () => {
			input.close();
			output.end();
		},
	};
}

interface Listening {
	readonly handler: ConnectionHandler;
	readonly owner: ListenerOwner | undefined;
}

/** Where a connection comes from, as who accepts it sees it. */
export interface ConnectionOrigin {
	readonly address: string;
	/** Default: any. */
	readonly port?: number | undefined;
	/** What the client connected to, if that is something else that leads here. */
	readonly dialled?: { readonly address: string; readonly port: number };
}

/** A machine that is connected to nothing but itself: loopback works, everything else has no route. */
export class LoopbackNetwork implements NetworkStack {
	readonly address: string;
	#listening: Map<number, Listening> | undefined;
	#names: { readonly server: NameServer; readonly owner: ListenerOwner | undefined } | undefined;
	/** Those that others have opened to this machine. */
	#flows: Set<Flow> | undefined;
	#lastPort = 0;

	constructor(address = "127.0.0.1") {
		this.address = address;
	}

	get view(): NetworkView {
		return loopbackView(() => this.sockets());
	}

	listen(port: number, handler: ConnectionHandler, owner?: ListenerOwner): Listener {
		if (!isPort(port)) throw new NetworkError("EINVAL");
		this.#listening ??= new Map();
		if (this.#listening.has(port)) throw new NetworkError("EADDRINUSE");
		const listening = { handler, owner };
		this.#listening.set(port, listening);
		const close = () => {
			if (this.#listening?.get(port) === listening) this.#listening.delete(port);
		};
		void owner?.exited.then(() => {
			close();
			this.#abort((flow) => flow.serverPort === port && flow.pid === owner.pid);
		});
		return { port, close };
	}

	isListening(port: number): boolean {
		return this.#listening?.has(port) ?? false;
	}

	serveNames(server: NameServer, owner?: ListenerOwner): Listener {
		if (this.#names !== undefined) throw new NetworkError("EADDRINUSE");
		const names = { server, owner };
		this.#names = names;
		const close = () => {
			if (this.#names === names) this.#names = undefined;
		};
		void owner?.exited.then(close);
		return { port: dnsPort, close };
	}

	/** Who answers for names here, if anybody does. */
	get nameServer(): NameServer | undefined {
		return this.#names?.server;
	}

	/** Connects to a port of this machine. Throws ECONNREFUSED. */
	accept(port: number, origin: ConnectionOrigin): Connection {
		const listening = this.#listening?.get(port);
		if (listening === undefined) throw new NetworkError("ECONNREFUSED");
		const place = {
			clientAddress: origin.address,
			clientPort: origin.port ?? this.ephemeralPort(),
			serverAddress: this.address,
			serverPort: port,
		};
		const { client, server, abort } = connectionPair(place, origin.dialled);
		const flow = { ...place, pid: listening.owner?.pid, client, abort };
		this.#flows ??= new Set();
		this.#flows.add(flow);
		// A server's failure is the end of its connection, and no more: as a crashed request handler is.
		listening
			.handler(server)
			.then(
				() => server.end(),
				() => server.destroy(),
			)
			.finally(() => this.#flows?.delete(flow));
		return client;
	}

	/** The machine is gone, and whoever listened on it. */
	close(): void {
		this.#listening = undefined;
		this.#names = undefined;
		this.#abort(() => true);
	}

	#abort(concerns: (flow: Flow) => boolean): void {
		for (const flow of this.#flows ?? []) {
			if (!concerns(flow)) continue;
			this.#flows?.delete(flow);
			flow.abort();
		}
	}

	/** The next port for a connection that goes out. */
	ephemeralPort(): number {
		this.#lastPort = (this.#lastPort + 1) % ephemeralPorts;
		return firstEphemeralPort + this.#lastPort;
	}

	async connect(host: string, port: number, _signal?: AbortSignal): Promise<Connection> {
		if (!isPort(port)) throw new NetworkError("ECONNREFUSED");
		if (host !== this.address && !isLoopback(host)) throw new NetworkError("EHOSTUNREACH");
		return this.accept(port, { address: isLoopback(host) ? "127.0.0.1" : this.address, port: this.ephemeralPort() });
	}

	async resolve(name: string): Promise<readonly string[]> {
		if (isIpv4(name)) return [name];
		if (name === "localhost") return ["127.0.0.1"];
		throw new NetworkError("ENOTFOUND");
	}

	async query(server: string, question: DnsQuestion): Promise<DnsResponse | undefined> {
		if (server !== this.address && !isLoopback(server)) throw new NetworkError("EHOSTUNREACH");
		if (this.#names === undefined) throw new NetworkError("ECONNREFUSED");
		return this.#names.server(question, server);
	}

	/** Of no cluster: there is nothing in the domain. */
	clusterZone({ domain }: ClusterZoneOptions): ClusterZoneServer {
		return async ({ name }) => (name.endsWith(domain) ? emptyResponse("NXDOMAIN", true) : undefined);
	}

	async ping(address: string): Promise<PingAnswer> {
		if (address === this.address || isLoopback(address)) return { type: "reply", ttl: 64 };
		return { type: "unreachable", from: this.address };
	}

	/** Who listens, and who is connected to whom. */
	sockets(): readonly SocketEntry[] {
		const listening = [...(this.#listening ?? [])].map(([port, { owner }]) => ({ protocol: "tcp", state: "LISTEN", port, owner }) as const);
		const names = this.#names;
		const dns = names === undefined ? [] : [{ protocol: "udp", state: "UNCONN", port: dnsPort, owner: names.owner } as const];
		const flows = [...(this.#flows ?? [])].map(
			({ serverPort, clientAddress, clientPort, serverAddress }) =>
				({
					protocol: "tcp",
					state: "ESTAB",
					port: serverPort,
					localAddress: serverAddress,
					peer: { address: clientAddress, port: clientPort },
					owner: this.#listening?.get(serverPort)?.owner,
				}) as const,
		);
		return [...dns, ...listening, ...flows];
	}
}

export function isPort(port: number): boolean {
	return Number.isInteger(port) && port > 0 && port <= maxPort;
}

export function isLoopback(host: string): boolean {
	return host === "localhost" || host.startsWith("127.");
}

export function isIpv4(text: string): boolean {
	return /^\d{1,3}(\.\d{1,3}){3}$/.test(text);
}
