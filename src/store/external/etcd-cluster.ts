/**
 * The way to an etcd cluster: several endpoints, of which one is used until it fails, and a token for those who have to
 * say who they are.
 *
 *   call ─> current endpoint ─── answer ───────────────────────────────> caller
 *             │      ^      └── token too old ─> new token ─> again
 *             │      └───────────────────────────────────────────┐
 *             └── no connection, no leader, no answer ─> the next endpoint is the current one
 *                   └─ a read, or a write that certainly was not sent ─> again, else the caller is told
 *
 * A write that may have arrived is never sent twice: only its caller can find out what became of it.
 * Source of the rules: https://etcd.io/docs/v3.6/learning/design-client/ and client/v3/retry.go.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { StoreClosedError, StoreUnavailableError } from "../errors.ts";
import {
	type ClientRequestOf,
	type ClientResponseOf,
	type ClientStream,
	type ClientStreamSink,
	GrpcClient,
} from "../etcd-api/grpc/client.ts";
import { ConnectionError } from "../etcd-api/grpc/connection.ts";
import type { MethodPath } from "../etcd-api/grpc/server.ts";
import { GrpcError } from "../etcd-api/grpc/status.ts";
import { isAuthOff, isStaleToken, isUnavailable, mayHaveArrived, toStoreError } from "./etcd-errors.ts";

export interface EtcdClusterOptions {
	/** "http://127.0.0.1:2379", or https; at least one. All of one cluster. */
	readonly endpoints: readonly string[];
	/** PEM. For https endpoints; without `ca`, the authorities that Node knows. */
	readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
	readonly credentials?: { readonly username: string; readonly password: string };
	/** The machine's time, because sockets know no other. */
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly limits?: Partial<EtcdClientLimits>;
}

export interface EtcdClientLimits {
	/** For a connection, TCP and TLS. */
	readonly connectTimeoutMs: number;
	/** For one answer. etcd itself gives a request up after 7 s. */
	readonly answerTimeoutMs: number;
	/** How long a call that may be tried again is. */
	readonly patienceMs: number;
	/** kube-apiserver's keepaliveTime and keepaliveTimeout (storagebackend/factory/etcd3.go). */
	readonly pingPeriodMs: number;
	readonly pingTimeoutMs: number;
}

const defaultLimits: EtcdClientLimits = {
	connectTimeoutMs: 5_000,
	answerTimeoutMs: 10_000,
	patienceMs: 15_000,
	pingPeriodMs: 30_000,
	pingTimeoutMs: 10_000,
};

/** An endpoint that has lost its cluster says so at once, instead of letting the caller wait. */
const requireLeader = { hasleader: "true" };

const noToken = Promise.resolve(undefined);

/** Between two rounds of all endpoints: from this … */
const firstPauseMs = 50;
/** … doubled with every round up to this, and a part of it by chance. */
const longestPauseMs = 2_000;

export interface Endpoint {
	readonly url: string;
	readonly client: GrpcClient;
	/** Why it was left; undefined since it last answered. */
	failure: string | undefined;
}

export interface OpenStream<P extends MethodPath> {
	readonly stream: ClientStream<ClientRequestOf<P>>;
	readonly endpoint: Endpoint;
	/** The stream's token was refused: the next one gets another. */
	renewToken(): void;
}

/** What to do with a call. */
export interface CallOptions {
	/** It must not be carried out twice. */
	readonly isWrite: boolean;
	/** 0 tries each endpoint once. */
	readonly patienceMs?: number;
}

export class EtcdCluster {
	readonly limits: EtcdClientLimits;
	readonly clock: Clock;
	readonly #options: EtcdClusterOptions;
	readonly #endpoints: readonly Endpoint[];
	readonly #closed = new AbortController();
	/** 0 <= current < number of endpoints. */
	#current = 0;
	#token: Promise<string | undefined> | undefined;

	constructor(options: EtcdClusterOptions) {
		this.#options = options;
		this.clock = options.clock;
		this.limits = { ...defaultLimits, ...options.limits };
		const { tls, clock } = options;
		const timing = { clock, ...this.limits };
		this.#endpoints = options.endpoints.map((url) => ({
			url,
			client: new GrpcClient({ url, timing, ...(tls === undefined ? {} : { tls }) }),
			failure: undefined,
		}));
		if (this.#endpoints.length === 0) throw new Error("no endpoint of etcd is given");
	}

	/** Rejects with the store's errors; `GrpcError` for what none stands for. */
	async call<P extends MethodPath>(path: P, request: ClientRequestOf<P>, options: CallOptions): Promise<ClientResponseOf<P>> {
		let hasRenewed = false;
		return this.#retry(options, async (endpoint) => {
			for (;;) {
				const token = this.#currentToken();
				try {
					return await this.#attempt(endpoint, path, request, await token);
				} catch (error) {
					if (!(error instanceof GrpcError) || !isStaleToken(error) || hasRenewed) throw error;
					hasRenewed = true;
					this.#renewToken(token);
				}
			}
		});
	}

	/** Opens a stream on the current endpoint. Its owner judges what becomes of it. Rejects as `call` does if no token is to be had. */
	async stream<P extends MethodPath>(path: P, sink: ClientStreamSink<ClientResponseOf<P>>): Promise<OpenStream<P>> {
		const token = this.#currentToken();
		const metadata = metadataOf(await token);
		const endpoint = this.#endpoint();
		return { stream: endpoint.client.stream(path, sink, metadata), endpoint, renewToken: () => this.#renewToken(token) };
	}

	/** The endpoint does not answer: others are asked from now on. */
	leave(endpoint: Endpoint, error: GrpcError): void {
		const first = endpoint.failure === undefined;
		endpoint.failure = error instanceof ConnectionError ? textOfCause(error) : error.message;
		if (first) this.#options.log.warn("etcd endpoint failed", { endpoint: endpoint.url, error: endpoint.failure });
		if (this.#endpoint() === endpoint) this.#current = (this.#current + 1) % this.#endpoints.length;
	}

	/** The endpoint answered. */
	stay(endpoint: Endpoint): void {
		if (endpoint.failure === undefined) return;
		this.#options.log.info("etcd endpoint answers again", { endpoint: endpoint.url });
		endpoint.failure = undefined;
	}

	/** Waits before the next try, after `failures` (>= 1) in a row; not at all while there are endpoints left to ask. Rejects once closed. */
	async pause(failures: number): Promise<void> {
		const rounds = Math.floor(failures / this.#endpoints.length);
		if (failures % this.#endpoints.length !== 0) return;
		const limitMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(rounds, 10));
		await sleep(this.clock, limitMs * (0.5 + this.#options.random.next() / 2), this.#closed.signal);
	}

	/** Ends every call and stream. */
	close(): void {
		this.#closed.abort(new StoreClosedError());
		for (const { client } of this.#endpoints) client.close();
	}

	async #retry<T>({ isWrite, patienceMs = this.limits.patienceMs }: CallOptions, attempt: (endpoint: Endpoint) => Promise<T>): Promise<T> {
		const endMs = this.clock.now() + patienceMs;
		for (let failures = 1; ; failures++) {
			const endpoint = this.#endpoint();
			try {
				const answer = await attempt(endpoint);
				this.stay(endpoint);
				return answer;
			} catch (error) {
				if (this.#closed.signal.aborted) throw new StoreClosedError();
				if (!(error instanceof GrpcError)) throw error;
				if (!isUnavailable(error)) throw toStoreError(error);
				this.leave(endpoint, error);
				const isRound = failures % this.#endpoints.length === 0;
				if ((isWrite && mayHaveArrived(error)) || (isRound && this.clock.now() >= endMs)) throw this.#unavailable(error);
				await this.pause(failures);
			}
		}
	}

	async #attempt<P extends MethodPath>(
		{ client }: Endpoint,
		path: P,
		request: ClientRequestOf<P>,
		token: string | undefined,
	): Promise<ClientResponseOf<P>> {
		const expired = new AbortController();
		const timer = this.clock.setTimeout(() => expired.abort(), this.limits.answerTimeoutMs);
		try {
			return await client.call(path, request, metadataOf(token), expired.signal);
		} finally {
			timer.cancel();
		}
	}

	#currentToken(): Promise<string | undefined> {
		const { credentials } = this.#options;
		if (credentials === undefined) return noToken;
		if (this.#token === undefined) {
			const made = this.#authenticate(credentials);
			this.#token = made;
			made.catch(() => {
				if (this.#token === made) this.#token = undefined;
			});
		}
		return this.#token;
	}

	/** The token is too old; the next call gets another, unless it did already. */
	#renewToken(old: Promise<string | undefined>): void {
		if (this.#token === old) this.#token = undefined;
	}

	/** Undefined where nobody is asked for a name. */
	async #authenticate({ username, password }: { readonly username: string; readonly password: string }): Promise<string | undefined> {
		const request = { name: username, password };
		try {
			const options = { isWrite: false, patienceMs: 0 };
			return (await this.#retry(options, (endpoint) => this.#attempt(endpoint, "/etcdserverpb.Auth/Authenticate", request, undefined)))
				.token;
		} catch (error) {
			if (isAuthOff(error)) return undefined;
			throw error;
		}
	}

	#endpoint(): Endpoint {
		const endpoint = this.#endpoints[this.#current];
		if (endpoint === undefined) throw new Error(`no endpoint ${this.#current} of ${this.#endpoints.length}`);
		return endpoint;
	}

	#unavailable(error: GrpcError): Error {
		if (!(error instanceof ConnectionError)) return toStoreError(error);
		const failures = this.#endpoints.flatMap(({ url, failure }) => (failure === undefined ? [] : [`${url}: ${failure}`]));
		return new StoreUnavailableError(`etcd is not available: ${failures.join("; ")}`, error.cause);
	}
}

function metadataOf(token: string | undefined): Readonly<Record<string, string>> {
	return token === undefined ? requireLeader : { ...requireLeader, token };
}

/** Of OpenSSL's errors, what they say without where in its source. */
function textOfCause({ cause, message }: ConnectionError): string {
	if (!(cause instanceof Error)) return message;
	return "reason" in cause && typeof cause.reason === "string" ? cause.reason : cause.message;
}
