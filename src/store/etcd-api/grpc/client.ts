/**
 * A gRPC client for etcd's API on Node's own HTTP/2: one connection, unary calls and streams. See server.ts.
 */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { decode, type MessageName, type Sparse } from "../codec.ts";
import { type Messages, methodTable } from "../generated/messages.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { MethodPath, RequestOf } from "./server.ts";
import { decodeStatusMessage, GrpcError, grpcCode } from "./status.ts";

export type ClientRequestOf<P extends MethodPath> = Sparse<RequestOf<P>>;
export type ClientResponseOf<P extends MethodPath> = Messages[(typeof methodTable)[P]["response"]];

export interface ClientStreamSink<Res> {
	onResponse(response: Res): void;
	/** Called once, last; without an error if the server ended the call well. */
	onEnd(error?: GrpcError): void;
}

export interface ClientStream<Req> {
	send(request: Req): void;
	/** Nothing more will be sent. */
	end(): void;
	/** Gives the call up: `onEnd` is not called any more. */
	cancel(): void;
}

/** The largest response that is taken. etcd's own client has no limit; a range can be large. */
const maxResponseBytes = 0x7fff_ffff;

export class GrpcClient {
	readonly #connection: Connection;

	constructor(options: ConnectionOptions) {
		this.#connection = new Connection(options);
	}

	/** Rejects with `GrpcError`; `ConnectionError` if the server cannot be reached, DEADLINE_EXCEEDED when `signal` aborts. */
	call<P extends MethodPath>(
		path: P,
		request: ClientRequestOf<P>,
		metadata: Readonly<Record<string, string>> = {},
		signal?: AbortSignal,
	): Promise<ClientResponseOf<P>> {
		return new Promise((resolve, reject) => {
			let answer: ClientResponseOf<P> | undefined;
			const sink = {
				onResponse(response: ClientResponseOf<P>) {
					answer = response;
				},
				onEnd(error?: GrpcError) {
					if (error !== undefined) reject(error);
					else if (answer === undefined) reject(new GrpcError(grpcCode.internal, "grpc: no response"));
					else resolve(answer);
				},
			};
			const stream = this.#open(path, sink, metadata);
			signal?.addEventListener("abort", () => {
				reject(new GrpcError(grpcCode.deadlineExceeded, "context deadline exceeded"));
				stream.close(constants.NGHTTP2_CANCEL);
			});
			stream.end(encodeFrame(methodTable[path].request, request as never));
		});
	}

	stream<P extends MethodPath>(
		path: P,
		sink: ClientStreamSink<ClientResponseOf<P>>,
		metadata: Readonly<Record<string, string>> = {},
	): ClientStream<ClientRequestOf<P>> {
		let isCancelled = false;
		const guarded: ClientStreamSink<ClientResponseOf<P>> = {
			onResponse: (response) => {
				if (!isCancelled) sink.onResponse(response);
			},
			onEnd: (error) => {
				if (!isCancelled) sink.onEnd(error);
			},
		};
		const stream = this.#open(path, guarded, metadata);
		return {
			send: (request) => void stream.write(encodeFrame(methodTable[path].request as MessageName, request as never)),
			end: () => void stream.end(),
			cancel: () => {
				isCancelled = true;
				stream.close(constants.NGHTTP2_CANCEL);
			},
		};
	}

	/** Ends every call with UNAVAILABLE. */
	close(): void {
		this.#connection.close();
	}

	#open<P extends MethodPath>(
		path: P,
		sink: ClientStreamSink<ClientResponseOf<P>>,
		metadata: Readonly<Record<string, string>>,
	): ClientHttp2Stream {
		const { stream, fail } = this.#connection.request({
			[constants.HTTP2_HEADER_METHOD]: "POST",
			[constants.HTTP2_HEADER_PATH]: path,
			[constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
			[constants.HTTP2_HEADER_TE]: "trailers",
			...metadata,
		});
		receive(stream, (bytes) => sink.onResponse(decode(methodTable[path].response, bytes) as ClientResponseOf<P>), fail, sink);
		return stream;
	}
}

function receive(
	stream: ClientHttp2Stream,
	onMessage: (bytes: Buffer) => void,
	fail: (error: Error) => GrpcError,
	sink: { onEnd(error?: GrpcError): void },
): void {
	const reader = new FrameReader(maxResponseBytes);
	let status: IncomingHttpHeaders = {};
	let failure: GrpcError | undefined;
	stream.on("response", (headers) => {
		status = headers;
	});
	stream.on("trailers", (headers: IncomingHttpHeaders) => {
		status = headers;
	});
	stream.on("data", (chunk: Buffer) => {
		try {
			for (const message of reader.push(chunk)) onMessage(message);
		} catch (error) {
			failure = error instanceof GrpcError ? error : new GrpcError(grpcCode.internal, String(error));
			stream.close(constants.NGHTTP2_CANCEL);
		}
	});
	stream.on("error", (error: Error) => {
		failure ??= fail(error);
	});
	stream.on("close", () => sink.onEnd(failure ?? statusError(status, fail)));
}

function statusError(headers: IncomingHttpHeaders, fail: (error: Error) => GrpcError): GrpcError | undefined {
	const status = headers["grpc-status"];
	if (status === "0") return undefined;
	if (status === undefined) return fail(new Error("the server ended the call without a status"));
	return new GrpcError(Number(status), decodeStatusMessage(String(headers["grpc-message"] ?? "")));
}
