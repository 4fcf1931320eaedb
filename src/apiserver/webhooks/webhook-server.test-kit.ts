/** A server that speaks TLS and answers as a test says, truthfully or not: the far end of webhooks. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { createAuthority, issueCertificate, type KeyPair } from "../pki/certificate.ts";

const dayMs = 24 * 3600 * 1000;

export interface SeenRequest {
	readonly method: string;
	/** With the query. */
	readonly path: string;
	readonly headers: IncomingMessage["headers"];
	readonly body: string;
	/** Common name of the certificate that the client has shown; "" if it has none. */
	readonly clientName: string;
	/** Source port: tells connections apart. */
	readonly clientPort: number;
}

export type Answerer = (seen: SeenRequest, response: ServerResponse) => void | Promise<void>;

export interface CertificateNames {
	readonly dnsNames?: readonly string[];
	readonly ipAddresses?: readonly string[];
	/** Days from now. */
	readonly validDays?: readonly [from: number, to: number];
}

export function makeAuthority(): KeyPair {
	const nowMs = new WallClock().now();
	return createAuthority({ commonName: "test-ca" }, { notBeforeMs: nowMs - 365 * dayMs, notAfterMs: nowMs + 365 * dayMs });
}

export function makeServerCertificate(authority: KeyPair, { validDays: [from, to] = [-1, 30], ...names }: CertificateNames): KeyPair {
	const nowMs = new WallClock().now();
	return issueCertificate(authority, {
		subject: { commonName: "webhook" },
		validity: { notBeforeMs: nowMs + from * dayMs, notAfterMs: nowMs + to * dayMs },
		usages: ["serverAuth"],
		...names,
	});
}

export const toBundle = (pem: string): string => Buffer.from(pem).toString("base64");

export class WebhookServer implements AsyncDisposable {
	readonly authority: KeyPair;
	/** Requests so far. */
	readonly seen: SeenRequest[] = [];
	/** What is answered; tests change it. */
	answer: Answerer;
	readonly #server: Server;

	private constructor(authority: KeyPair, certificate: KeyPair, answer: Answerer) {
		this.authority = authority;
		this.answer = answer;
		this.#server = createServer(
			{ cert: certificate.cert, key: certificate.key, requestCert: true, rejectUnauthorized: false },
			(message, response) => void this.#serve(message, response),
		);
	}

	/** Listens on 127.0.0.1 with a certificate for that address, unless told otherwise. */
	static async start(
		answer: Answerer,
		names: CertificateNames = { ipAddresses: ["127.0.0.1"] },
		host = "127.0.0.1",
	): Promise<WebhookServer> {
		const authority = makeAuthority();
		const server = new WebhookServer(authority, makeServerCertificate(authority, names), answer);
		server.#server.listen(0, host);
		await once(server.#server, "listening");
		return server;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `https://127.0.0.1:${this.port}`;
	}

	/** For `caBundle`. */
	get caBundle(): string {
		return toBundle(this.authority.cert);
	}

	/** Takes requests for another protocol. */
	onUpgrade(take: (message: IncomingMessage, socket: Duplex) => void): void {
		this.#server.on("upgrade", take);
	}

	/** Ends every connection, as a server that is started anew. */
	dropConnections(): void {
		this.#server.closeAllConnections();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, "close");
	}

	async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of message) chunks.push(chunk as Buffer);
		const seen: SeenRequest = {
			method: message.method ?? "",
			path: message.url ?? "",
			headers: message.headers,
			body: Buffer.concat(chunks).toString("utf8"),
			clientName: String((message.socket as TLSSocket).getPeerCertificate().subject?.CN ?? ""),
			clientPort: message.socket.remotePort ?? 0,
		};
		this.seen.push(seen);
		await this.answer(seen, response);
	}
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
	response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
