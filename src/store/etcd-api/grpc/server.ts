/**
 * A gRPC server on Node's own HTTP/2: as much of gRPC as etcd's clients use (unary calls, streams both ways, metadata,
 * status in trailers; no compression, no reflection), on one port with a few plain HTTP/1.1 pages, with TLS or without.
 *
 *     connection ──TLS: ALPN, else the first bytes──> HTTP/2 ──> POST /package.Service/Method ──> handler
 *                                                 └─> HTTP/1.1 ──> pages
 *
 * It exists beside the @grpc/grpc-js package because that takes 0.1 s and 12 MB to load and half of a core's time per call.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import {
	constants,
	createServer as createHttp2Server,
	type Http2Server,
	type IncomingHttpHeaders,
	type ServerHttp2Session,
	type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { decode, MalformedMessageError, type MessageName, type Sparse } from "../codec.ts";
import { type Messages, methodTable } from "../generated/messages.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { encodeStatusMessage, GrpcError, grpcCode } from "./status.ts";

type Methods = typeof methodTable;
/** "/etcdserverpb.KV/Range" … */
export type MethodPath = keyof Methods;
export type RequestOf<P extends MethodPath> = Messages[Methods[P]["request"]];
export type ResponseOf<P extends MethodPath> = Sparse<Messages[Methods[P]["response"]]>;

/** Who calls, and with what. */
export interface CallContext {
	/** The first value of a metadata field. */
	metadata(name: string): string | undefined;
	/** The common name of the client's certificate, if it showed one. */
	readonly commonName: string | undefined;
}

/** The server's side of a stream of responses. */
export interface ResponseStream<Res> {
	readonly context: CallContext;
	/** False once so much waits to be sent that the sender should hold back until `onDrain`. After the end it does nothing. */
	send(response: Res): boolean;
	/** Ends the call well, or with an error. */
	end(error?: Error): void;
	/** Called each time that what waited has been sent. */
	onDrain(callback: () => void): void;
	/** Called once when the stream is over, whoever ended it. */
	onClose(callback: () => void): void;
}

/** What a handler of a stream of requests gives back. */
export interface RequestSink<Req> {
	onRequest(request: Req): void;
	/** The client sends nothing more. */
	onEnd(): void;
}

type HandlerOf<P extends MethodPath> = Methods[P]["requestStream"] extends true
	? (stream: ResponseStream<ResponseOf<P>>) => RequestSink<RequestOf<P>>
	: Methods[P]["responseStream"] extends true
		? (request: RequestOf<P>, stream: ResponseStream<ResponseOf<P>>) => void
		: (request: RequestOf<P>, context: CallContext) => Promise<ResponseOf<P>>;

/** Handlers by method. A method without one answers UNIMPLEMENTED. */
export type Handlers = { readonly [P in MethodPath]?: HandlerOf<P> };

export interface ServerTls {
	/** PEM. */
	readonly cert: string;
	readonly key: string;
	/** PEM: clients must show a certificate of this authority. */
	readonly clientCa: string;
}

export interface GrpcServerOptions {
	readonly handlers: Handlers;
	/** HTTP/1.1 requests go here. */
	readonly pages: RequestListener;
	readonly tls?: ServerTls;
	/** The largest request that is taken. */
	readonly maxRequestBytes: number;
	/** Throws what keeps a call from being served; called before its handler. */
	readonly admit?: (call: ResponseStream<unknown>) => void;
	/** What a handler's failure is to the client. */
	readonly toGrpcError: (error: unknown) => GrpcError;
}

/** What the table and the handlers say of one method, without their types: each handler is called with its own messages. */
interface Method {
	readonly request: MessageName;
	readonly response: MessageName;
	readonly requestStream: boolean;
	readonly responseStream: boolean;
	readonly handler: (...args: unknown[]) => unknown;
}

const http2Settings = { initialWindowSize: 1 << 20, maxConcurrentStreams: 1 << 16, maxFrameSize: 1 << 16 };
/** MiB of streams and unsent data that one connection may hold. */
const maxSessionMemory = 256;
const okTrailers = { "grpc-status": "0", "grpc-message": "" };
const responseHeaders = { [constants.HTTP2_HEADER_STATUS]: 200, [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc" };

export class GrpcServer {
	readonly #options: GrpcServerOptions;
	readonly #methods: ReadonlyMap<string, Method>;
	readonly #http2: Http2Server;
	readonly #http1: HttpServer;
	/** What listens: it hands each connection to one of the two. */
	readonly #listener: TcpServer;
	readonly #sockets = new Set<Socket>();

	constructor(options: GrpcServerOptions) {
		this.#options = options;
		this.#methods = methodsOf(options.handlers);
		const { tls, pages } = options;
		this.#http2 = createHttp2Server({ settings: http2Settings, maxSessionMemory });
		this.#http1 = createHttpServer(pages);
		this.#listener = tls === undefined ? createTcpServer((socket) => this.#sort(socket)) : this.#tlsListener(tls);
		this.#listener.on("connection", (socket: Socket) => {
			this.#sockets.add(socket);
			socket.once("close", () => this.#sockets.delete(socket));
			// A client that goes away in the middle is no event; the stream's end tells what is to be done.
			socket.on("error", () => undefined);
		});
		this.#http2.on("session", (session: ServerHttp2Session) => session.on("error", () => undefined));
		this.#http2.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.#onStream(stream, headers));
	}

	/** Resolves to the port. Rejects with the system's error (EADDRINUSE …). */
	listen(host: string, port: number): Promise<number> {
		return new Promise((resolve, reject) => {
			this.#listener.once("error", reject);
			this.#listener.listen(port, host, () => {
				this.#listener.off("error", reject);
				resolve((this.#listener.address() as AddressInfo).port);
			});
		});
	}

	/** Ends every call and connection. */
	async close(): Promise<void> {
		const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
		for (const socket of this.#sockets) socket.destroy();
		await closed;
	}

	#tlsListener({ cert, key, clientCa }: ServerTls): TcpServer {
		const options = { cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;
		return createTlsServer({ ...options, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
			const server = socket.alpnProtocol === "h2" ? this.#http2 : this.#http1;
			server.emit("connection", socket);
		});
	}

	/** HTTP/2 begins with "PRI * HTTP/2.0"; no request of HTTP/1.1 begins with "PRI". */
	#sort(socket: Socket): void {
		socket.once("readable", () => {
			const chunk = socket.read() as Buffer | null;
			// Closed before it said anything.
			if (chunk === null) return;
			socket.unshift(chunk);
			const server = chunk.toString("latin1", 0, 3) === "PRI" ? this.#http2 : this.#http1;
			server.emit("connection", socket);
		});
	}

	#onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
		stream.on("error", () => undefined);
		const path = String(headers[constants.HTTP2_HEADER_PATH]);
		if (!String(headers[constants.HTTP2_HEADER_CONTENT_TYPE]).startsWith("application/grpc")) {
			stream.respond({ [constants.HTTP2_HEADER_STATUS]: 415 }, { endStream: true });
			return;
		}
		const call = new Call(stream, headers, this.#options);
		const method = this.#methods.get(path);
		if (method === undefined) {
			const [, service, name] = path.split("/");
			const isKnown = Object.keys(methodTable).some((known) => known.startsWith(`/${service}/`));
			call.end(
				new GrpcError(grpcCode.unimplemented, isKnown ? `unknown method ${name} for service ${service}` : `unknown service ${service}`),
			);
			stream.resume();
			return;
		}
		call.run(method);
	}
}

function methodsOf(handlers: Handlers): ReadonlyMap<string, Method> {
	const methods = new Map<string, Method>();
	for (const [path, row] of Object.entries(methodTable)) {
		const handler = handlers[path as MethodPath] as Method["handler"] | undefined;
		if (handler !== undefined) methods.set(path, { ...row, handler });
	}
	return methods;
}

class Call implements CallContext, ResponseStream<unknown> {
	readonly #stream: ServerHttp2Stream;
	readonly #headers: IncomingHttpHeaders;
	readonly #options: GrpcServerOptions;
	#response: MessageName | undefined;
	#trailers: Record<string, string> = okTrailers;
	#headersSent = false;
	#ended = false;

	constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: GrpcServerOptions) {
		this.#stream = stream;
		this.#headers = headers;
		this.#options = options;
	}

	get context(): CallContext {
		return this;
	}

	metadata(name: string): string | undefined {
		const value = this.#headers[name];
		return Array.isArray(value) ? value[0] : value;
	}

	get commonName(): string | undefined {
		const socket = this.#stream.session?.socket as TLSSocket | undefined;
		const name = socket?.encrypted === true ? socket.getPeerCertificate().subject?.CN : undefined;
		return Array.isArray(name) ? name[0] : name;
	}

	run(method: Method): void {
		this.#response = method.response;
		const reader = new FrameReader(this.#options.maxRequestBytes);
		const sink = this.#guard(() => {
			this.#options.admit?.(this);
			return method.requestStream ? (method.handler(this) as RequestSink<unknown>) : this.#single(method);
		});
		if (sink === undefined) return;
		this.#stream.on("data", (chunk: Buffer) =>
			this.#guard(() => {
				for (const message of reader.push(chunk)) if (!this.#ended) sink.onRequest(decode(method.request, message));
			}),
		);
		this.#stream.on("end", () => {
			if (reader.pending) this.end(new GrpcError(grpcCode.internal, "grpc: the request ends in the middle of a message"));
			else this.#guard(() => sink.onEnd());
		});
	}

	/** For methods that take one request. */
	#single(method: Method): RequestSink<unknown> {
		let isAsked = false;
		return {
			onRequest: (request) => {
				if (isAsked) throw new GrpcError(grpcCode.internal, "grpc: more than one request");
				isAsked = true;
				if (method.responseStream) method.handler(request, this);
				else
					(method.handler(request, this) as Promise<unknown>).then(
						(response) => this.#answer(response),
						(error: unknown) => this.end(error),
					);
			},
			onEnd: () => {
				if (!isAsked) this.end(new GrpcError(grpcCode.internal, "grpc: no request"));
			},
		};
	}

	#guard<T>(action: () => T): T | undefined {
		try {
			return action();
		} catch (error) {
			this.end(error);
			return undefined;
		}
	}

	#answer(response: unknown): void {
		this.send(response);
		this.end();
	}

	send(response: unknown): boolean {
		if (this.#ended || this.#stream.destroyed) return true;
		this.#sendHeaders();
		return this.#stream.write(encodeFrame(this.#response as MessageName, response as never));
	}

	end(error?: unknown): void {
		if (this.#ended || this.#stream.destroyed) return;
		this.#ended = true;
		if (error !== undefined) this.#trailers = this.#statusOf(error);
		if (!this.#headersSent && error !== undefined) {
			this.#stream.respond({ ...responseHeaders, ...this.#trailers }, { endStream: true });
			// What else the client has to say is not heard.
			this.#stream.resume();
			return;
		}
		this.#sendHeaders();
		this.#stream.end();
	}

	onDrain(callback: () => void): void {
		this.#stream.on("drain", callback);
	}

	onClose(callback: () => void): void {
		this.#stream.once("close", callback);
	}

	#sendHeaders(): void {
		if (this.#headersSent) return;
		this.#headersSent = true;
		this.#stream.respond(responseHeaders, { waitForTrailers: true });
		this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(this.#trailers));
	}

	#statusOf(error: unknown): Record<string, string> {
		const { code, message } =
			error instanceof MalformedMessageError
				? new GrpcError(grpcCode.internal, `grpc: error unmarshalling request: ${error.message}`)
				: this.#options.toGrpcError(error);
		return { "grpc-status": String(code), "grpc-message": encodeStatusMessage(message) };
	}
}
