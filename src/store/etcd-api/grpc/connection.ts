/**
 * A client's HTTP/2 connection to one server: made when it is first needed and again after it broke. It knows what a
 * caller has to know before it tries anew, whether a call that failed can have reached the server.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import type { Clock, Timer } from "../../../apimachinery/clock/clock.ts";
import { GrpcError, grpcCode } from "./status.ts";

export interface ConnectionOptions {
	/** "http://127.0.0.1:2379", or https with `tls`. */
	readonly url: string;
	/** PEM. Without `ca`, the authorities that Node knows. */
	readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
	/** Absent: as long as it takes, and no pings. */
	readonly timing?: ConnectionTiming;
}

/** All on the machine's clock, as sockets are. */
export interface ConnectionTiming {
	readonly clock: Clock;
	/** For TCP and TLS together. */
	readonly connectTimeoutMs: number;
	/** A ping is sent this often while calls are open (etcd takes more than one in 5 s, or any without a call, for abuse) … */
	readonly pingPeriodMs: number;
	/** … and one that stays unanswered this long ends the connection. */
	readonly pingTimeoutMs: number;
}

const pendingCancelled = "ERR_HTTP2_STREAM_CANCEL";

/** The connection failed, before or under a call. */
export class ConnectionError extends GrpcError {
	/** False: the server certainly has not seen the call, so that even a write may be tried again. */
	readonly mayHaveArrived: boolean;

	constructor(cause: unknown, mayHaveArrived: boolean) {
		super(grpcCode.unavailable, `connection error: ${cause instanceof Error ? cause.message : String(cause)}`);
		this.cause = cause;
		this.mayHaveArrived = mayHaveArrived;
	}
}

interface Session {
	readonly http: ClientHttp2Session;
	isConnected: boolean;
	/** Why it broke. */
	failure: Error | undefined;
	openCalls: number;
}

export class Connection {
	readonly #options: ConnectionOptions;
	#session: Session | undefined;
	#isClosed = false;

	constructor(options: ConnectionOptions) {
		this.#options = options;
	}

	/** Opens a call. `fail` makes of an error of the stream what the caller is told. */
	request(headers: OutgoingHttpHeaders): { readonly stream: ClientHttp2Stream; readonly fail: (error: Error) => ConnectionError } {
		const session = this.#connected();
		const stream = session.http.request(headers);
		session.openCalls++;
		stream.once("close", () => session.openCalls--);
		return {
			stream,
			fail: (error) => new ConnectionError(session.failure ?? causeOf(error), session.isConnected && !wasRefused(error)),
		};
	}

	/** Ends every call. */
	close(): void {
		this.#isClosed = true;
		this.#session?.http.destroy();
	}

	#connected(): Session {
		if (this.#isClosed) throw new GrpcError(grpcCode.cancelled, "grpc: the client connection is closing");
		const known = this.#session;
		if (known !== undefined && !known.http.closed && !known.http.destroyed) return known;
		const { url, tls, timing } = this.#options;
		const http = connect(url, { ...tls, settings: { initialWindowSize: 1 << 20, enablePush: false }, maxSessionMemory: 256 });
		const session: Session = { http, isConnected: false, failure: undefined, openCalls: 0 };
		this.#session = session;
		http.once("connect", () => {
			session.isConnected = true;
		});
		// Each call hears of it by itself.
		http.on("error", (error) => {
			session.failure = error;
		});
		if (timing !== undefined) watchOver(session, timing);
		return session;
	}
}

/** Gives up on a server that does not let itself be connected to, or that does not answer pings. */
function watchOver(session: Session, { clock, connectTimeoutMs, pingPeriodMs, pingTimeoutMs }: ConnectionTiming): void {
	const { http } = session;
	const giveUp = (why: string) => {
		session.failure = new Error(why);
		http.destroy(session.failure);
	};
	const timers = new Set<Timer>();
	const connecting = clock.setTimeout(() => giveUp(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
	timers.add(connecting);
	http.once("connect", () => {
		connecting.cancel();
		const ping = () => {
			if (session.openCalls === 0) return;
			const limit = clock.setTimeout(() => giveUp("keepalive ping not acked within timeout"), pingTimeoutMs);
			timers.add(limit);
			http.ping(() => {
				limit.cancel();
				timers.delete(limit);
			});
		};
		timers.add(clock.setInterval(ping, pingPeriodMs));
	});
	http.once("close", () => {
		for (const timer of timers) timer.cancel();
	});
}

/** Of calls that wait for a connection, Node tells that they were given up; why is behind that. */
function causeOf(error: Error): unknown {
	return "code" in error && error.code === pendingCancelled ? (error.cause ?? error) : error;
}

/** The server said that it has not begun with the call, or the call never had a number on the connection. */
function wasRefused(error: Error): boolean {
	const code = "code" in error ? error.code : undefined;
	if (code === pendingCancelled) return true;
	return code === "ERR_HTTP2_STREAM_ERROR" && error.message.includes("NGHTTP2_REFUSED_STREAM");
}
