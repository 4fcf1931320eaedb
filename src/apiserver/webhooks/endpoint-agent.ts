/**
 * Connections to one server outside, or behind a Service, kept for the next request; over TLS with Go's judgement of what the
 * server shows.
 */
import { Agent } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { certificateError, connectionError, plainText } from "./go-network-errors.ts";
import type { NetworkAddress } from "./service-network.ts";

/** Idle connections, as Go's default transport. */
const idleMs = 90_000;

/** Who is asked: the `clientConfig` of every sort of webhook. */
export interface WebhookEndpoint {
	readonly url?: string;
	readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
	/** PEM in base64; absent: the authorities that the system knows. */
	readonly caBundle?: string;
	/** PEM of what is shown to the server; absent: nothing. */
	readonly certificate?: { readonly cert: string; readonly key: string };
	/** HTTP headers besides the client's own. */
	readonly headers?: Readonly<Record<string, string>>;
	readonly insecureSkipTlsVerify?: boolean;
	/** What the server's certificate is to be for; default: the host that is asked. */
	readonly serverName?: string;
}

/** The network as the client sees it. */
export interface Network {
	/** Where a Service's port is answered. Throws an Error with Go's text. */
	resolve(namespace: string, name: string, port: number): NetworkAddress;
	/** Rejects with an Error with Go's text. */
	dial(address: NetworkAddress): Promise<Duplex>;
	/** Whether the address is in the simulated network, where nothing speaks TLS; absent: none is. */
	isSimulated?(host: string): boolean;
}

/** Connections to one server, kept for the next call. */
export class EndpointAgent extends Agent {
	readonly #endpoint: WebhookEndpoint;
	readonly #isSecure: boolean;
	readonly #network: Network;
	readonly #clock: Clock;

	constructor(endpoint: WebhookEndpoint, isSecure: boolean, network: Network, clock: Clock) {
		super({ keepAlive: true, timeout: idleMs });
		this.#endpoint = endpoint;
		this.#isSecure = isSecure;
		this.#network = network;
		this.#clock = clock;
	}

	override createConnection(options: object, callback?: (error: Error | null, stream: Duplex) => void): undefined {
		const { host = "", port = 0 } = options as { readonly host?: string; readonly port?: number };
		this.#open(host, port).then(
			(stream) => callback?.(null, stream),
			// The stream of a failure is never looked at.
			(error: Error) => (callback as ((error: Error) => void) | undefined)?.(error),
		);
		return undefined;
	}

	async #open(host: string, port: number): Promise<Duplex> {
		const { service } = this.#endpoint;
		const isService = service !== undefined && host === `${service.name}.${service.namespace}.svc`;
		const address = isService ? this.#network.resolve(service.namespace, service.name, port) : { host, port };
		const connection = await this.#network.dial(address);
		if (this.#isSecure && this.#network.isSimulated?.(address.host) === true) {
			connection.destroy();
			throw new Error(plainText);
		}
		return this.#isSecure ? secure(connection, this.#endpoint, this.#endpoint.serverName ?? host, this.#clock.now()) : connection;
	}
}

/** TLS over a connection, with Go's judgement of the server's certificate. */
async function secure(connection: Duplex, endpoint: WebhookEndpoint, serverName: string, nowMs: number): Promise<TLSSocket> {
	const { caBundle, certificate, insecureSkipTlsVerify = false } = endpoint;
	const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
	const socket = connectTls({
		socket: connection,
		ALPNProtocols: ["http/1.1"],
		minVersion: "TLSv1.2",
		// Judged below, in Go's order and words.
		rejectUnauthorized: false,
		...(isIP(serverName) === 0 ? { servername: serverName } : {}),
		...(caBundle === undefined || caBundle === "" ? {} : { ca: Buffer.from(caBundle, "base64") }),
		...certificate,
	});
	socket.once("secureConnect", () => {
		const problem = insecureSkipTlsVerify ? undefined : certificateError(socket, serverName, nowMs);
		if (problem === undefined) resolve(socket);
		else reject(new Error(problem));
	});
	socket.once("error", (error) => reject(new Error(connectionError(error))));
	socket.once("close", () => reject(new Error("EOF")));
	try {
		return await promise;
	} catch (error) {
		socket.destroy();
		throw error;
	}
}
