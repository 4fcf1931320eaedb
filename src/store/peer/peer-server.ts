/**
 * The side of a member that its peers call: HTTP/2, over TLS with certificates of the group's authority.
 *
 *     POST /raft/stream      messages, one after the other, for as long as the connection lasts
 *     POST /raft/snapshot    one message and the snapshot's data; answered when all of it is there
 *     POST /raft/ask         a question and its answer (replica/transport.ts)
 *     GET  /members          who the members are, for one that is to join
 *
 * Every request but the last names the cluster and the sender. As in etcd, a member of another cluster is told so (412),
 * and so is one that was removed (410).
 * Source: https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/rafthttp/http.go
 */
import {
	constants,
	createSecureServer,
	createServer,
	type Http2Server,
	type IncomingHttpHeaders,
	type ServerHttp2Session,
	type ServerHttp2Stream,
} from "node:http2";
import type { Logger } from "../../apimachinery/log.ts";
import type { Message } from "../raft/index.ts";
import type { PeerHandler, PeerRequest } from "../replica/transport.ts";
import { MessageReader } from "./message-codec.ts";

export interface PeerTls {
	/** PEM. */
	readonly cert: string;
	readonly key: string;
	/** PEM: of the authority that signs the peers' certificates. */
	readonly ca: string;
}

export interface PeerServerOptions {
	/** As `idText` writes it. */
	readonly clusterId: string;
	readonly handler: PeerHandler;
	readonly tls?: PeerTls;
	readonly log: Logger;
	/** Whether a member was removed, by its id. */
	readonly wasRemoved: (id: string) => boolean;
	/** The members and the group's token, as JSON. */
	readonly describeGroup: () => string;
	/** Whether messages from this member get through. */
	readonly accepts: (from: string) => boolean;
}

export const clusterHeader = "x-etcd-cluster-id";
export const fromHeader = "x-server-from";

/** etcd's texts. */
export const clusterMismatchText = "cluster ID mismatch";
export const removedText = "the member has been permanently removed from the cluster";

/** The largest snapshot that is taken: etcd's largest suggested database. */
const maxSnapshotBytes = 8 * 1024 * 1024 * 1024;
const maxQuestionBytes = 64 * 1024;

export class PeerServer {
	readonly #options: PeerServerOptions;
	readonly #server: Http2Server;
	readonly #sessions = new Set<ServerHttp2Session>();

	constructor(options: PeerServerOptions) {
		this.#options = options;
		const { tls } = options;
		this.#server =
			tls === undefined
				? createServer()
				: createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", allowHTTP1: false });
		this.#server.on("session", (session: ServerHttp2Session) => {
			this.#sessions.add(session);
			session.once("close", () => this.#sessions.delete(session));
			session.on("error", () => undefined);
		});
		this.#server.on("tlsClientError", (error: Error) => options.log.warn("a peer's connection was refused", { error: error.message }));
		this.#server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.#onStream(stream, headers));
	}

	/** Rejects with the system's error (EADDRINUSE …). */
	listen(host: string, port: number): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#server.once("error", reject);
			this.#server.listen(port, host, () => {
				this.#server.off("error", reject);
				resolve();
			});
		});
	}

	async close(): Promise<void> {
		const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
		for (const session of this.#sessions) session.destroy();
		await closed;
	}

	#onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
		stream.on("error", () => undefined);
		const { handler, wasRemoved, clusterId, describeGroup, accepts } = this.#options;
		const path = `${headers[constants.HTTP2_HEADER_METHOD]} ${headers[constants.HTTP2_HEADER_PATH]}`;
		if (path === "GET /members") {
			answer(stream, 200, describeGroup());
			return;
		}
		const from = String(headers[fromHeader] ?? "");
		if (headers[clusterHeader] !== clusterId) {
			this.#options.log.warn("a member of another cluster was refused", { from, cluster: String(headers[clusterHeader]) });
			answer(stream, 412, clusterMismatchText);
		} else if (wasRemoved(from)) answer(stream, 410, removedText);
		else if (!accepts(from)) stream.close(constants.NGHTTP2_REFUSED_STREAM);
		else if (path === "POST /raft/stream") this.#takeMessages(stream, from);
		else if (path === "POST /raft/snapshot") this.#takeSnapshot(stream);
		else if (path === "POST /raft/ask") void collect(stream, maxQuestionBytes).then((body) => this.#answer(stream, handler, body), ignore);
		else answer(stream, 404, "404 page not found");
	}

	#takeMessages(stream: ServerHttp2Stream, from: string): void {
		const reader = new MessageReader();
		stream.respond({ [constants.HTTP2_HEADER_STATUS]: 200 });
		stream.on("data", (chunk: Buffer) => {
			this.#guard(stream, () => {
				for (const message of reader.push(chunk)) if (this.#options.accepts(from)) this.#receive(message);
			});
		});
		stream.once("end", () => stream.end());
	}

	#takeSnapshot(stream: ServerHttp2Stream): void {
		collect(stream, maxSnapshotBytes).then(
			(body) =>
				this.#guard(stream, () => {
					const reader = new MessageReader();
					const [message] = reader.push(body);
					if (message?.type !== "snapshot") throw new Error("no snapshot came with it");
					this.#receive({ ...message, snapshot: { ...message.snapshot, data: reader.rest } });
					answer(stream, 204, "");
				}),
			ignore,
		);
	}

	#receive(message: Message): void {
		this.#options.handler.receive(message);
	}

	async #answer(stream: ServerHttp2Stream, handler: PeerHandler, body: Buffer): Promise<void> {
		try {
			answer(stream, 200, JSON.stringify(await handler.answer(JSON.parse(body.toString()) as PeerRequest)));
		} catch (error) {
			answer(stream, 500, error instanceof Error ? error.message : String(error));
		}
	}

	/** What a peer sends must not end this member. */
	#guard(stream: ServerHttp2Stream, work: () => void): void {
		try {
			work();
		} catch (error) {
			this.#options.log.warn("a peer's request was refused", { error });
			stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
		}
	}
}

function answer(stream: ServerHttp2Stream, status: number, body: string): void {
	if (stream.destroyed || stream.headersSent) return;
	stream.respond({ [constants.HTTP2_HEADER_STATUS]: status });
	stream.end(body);
	// What else comes is not heard.
	stream.resume();
}

/** Rejects when the stream breaks, or is longer than `limit` bytes. */
function collect(stream: ServerHttp2Stream, limit: number): Promise<Buffer> {
	const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
	const chunks: Buffer[] = [];
	let bytes = 0;
	stream.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
		if (bytes > limit) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
		else chunks.push(chunk);
	});
	stream.once("end", () => resolve(Buffer.concat(chunks)));
	stream.once("close", () => reject(new Error("the peer's request broke off")));
	return promise;
}

/** Its sender hears of it by the broken stream. */
function ignore(): void {
	// Nothing to do here.
}
