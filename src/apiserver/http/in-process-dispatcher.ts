/**
 * HTTP without a socket, for clients that speak it through undici's `fetch`: an HTTP request becomes an `ApiRequest`, goes through a door of
 * this process, and its answer comes back as if it came over a connection. No certificate is shown: who asks is the door's to know.
 *
 *   fetch(url, { dispatcher }) ──> dispatch ──> ApiRequest ──> door.request ──> status, headers, body
 *                                                         └──> door.watch ────> a line an event, for as long as the client listens
 *
 * Implemented: what a client of the API asks for as JSON or YAML, discovery, watches with their time-outs. Not: logs, exec, attach,
 * portforward, proxy, the server's own paths (/version, /healthz): they answer 501, or 404 as what is not served.
 * What of undici's contract matters here: https://undici.nodejs.org/#/docs/api/Dispatcher (`Dispatcher.dispatch`, `DispatchHandler`).
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Activity } from "../../apimachinery/clock/virtual-clock.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import { type Answer, encodeAnswer, encodeValue, wantsPretty } from "./answer.ts";
import type { ApiHandler } from "./api-handler.ts";
import { type Catalog, createCatalogSource } from "./catalog.ts";
import { toStatusError } from "./errors.ts";
import { EventFrames } from "./event-frames.ts";
import { negotiateObject, negotiateStatus, negotiateStream } from "./media-types.ts";
import { isWatchQuery } from "./query-options.ts";
import { readApiRequest, readWatchRequest, type SentRequest } from "./request-reader.ts";
import { type RequestTarget, resolveTarget } from "./request-target.ts";
import { warningHeaders } from "./warnings.ts";

/** Where requests go, and as whom. */
export interface RequestDoor {
	request(request: ApiRequest): Promise<ApiResponse>;
	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle>;
}

/** What undici says of a request. */
export interface DispatchOptions {
	readonly path: string;
	readonly method: string;
	readonly headers?: unknown;
	readonly body?: unknown;
}

/** What a handler may do to its request. */
export interface DispatchController {
	readonly aborted: boolean;
	readonly paused: boolean;
	readonly reason: Error | null;
	/** Of the answer: names and values in turn, as bytes. `fetch` reads these. */
	readonly rawHeaders: readonly Buffer[];
	abort(reason: Error): void;
	pause(): void;
	resume(): void;
}

/** What undici is told of the answer. */
export interface DispatchHandler {
	onRequestStart?(controller: DispatchController, context: unknown): void;
	onResponseStart?(
		controller: DispatchController,
		statusCode: number,
		headers: Readonly<Record<string, string | readonly string[]>>,
		statusMessage?: string,
	): void;
	onResponseData?(controller: DispatchController, chunk: Buffer): void;
	onResponseEnd?(controller: DispatchController, trailers: Readonly<Record<string, string>>): void;
	onResponseError?(controller: DispatchController, error: Error): void;
}

export interface InProcessDispatcherOptions {
	readonly door: RequestDoor;
	/** Which kinds there are. */
	readonly handler: ApiHandler;
	readonly clock: Clock;
	/** The clients' own timers run on it, whatever the cluster's does. */
	readonly machineClock: Clock;
	readonly random: Random;
}

/** So often a watch in which nothing happens gets an empty line, ms of the machine's: clients take a silent connection for a dead one. */
const livingSignMs = 10_000;
const livingSign = Buffer.from("\n");
/** kube-apiserver's --min-request-timeout: watches that name no time-out live between this and twice this. */
const minWatchSeconds = 1800;
const streamedSubresources: ReadonlySet<string> = new Set(["log", "exec", "attach", "portforward", "proxy"]);

/** A request as it was sent. */
interface Sent extends SentRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly accept: string | undefined;
}

export class InProcessDispatcher {
	readonly activity = new Steps();
	readonly #options: InProcessDispatcherOptions;
	readonly #catalog: () => Catalog;

	constructor(options: InProcessDispatcherOptions) {
		this.#options = options;
		this.#catalog = createCatalogSource(options.handler);
	}

	/** As undici calls it. */
	dispatch(options: DispatchOptions, handler: DispatchHandler): boolean {
		const exchange = new Exchange(handler, this.activity);
		exchange.begin();
		if (!exchange.aborted) void this.#serve(options, exchange);
		return true;
	}

	async #serve(options: DispatchOptions, exchange: Exchange): Promise<void> {
		const headers = readHeaders(options.headers);
		try {
			const sent = await readSent(options, headers);
			this.activity.step();
			await this.#answer(sent, exchange);
		} catch (error) {
			const { failure } = toStatusError(error);
			const { code = 500, details } = failure.status;
			const seconds = details?.retryAfterSeconds;
			const answer = await encodeValue(failure.status, negotiateStatus(headers.accept), false);
			exchange.answer(code, answer, seconds === undefined ? {} : { "retry-after": String(seconds) });
		}
	}

	async #answer(sent: Sent, exchange: Exchange): Promise<void> {
		const { path, query, accept, method, userAgent } = sent;
		const catalog = this.#catalog();
		if (/^\/apis?(?:\/[^/]+){0,1}\/?$/.test(path) || /^\/apis\/[^/]+\/[^/]+\/?$/.test(path)) {
			const { value, encoding } = catalog.discovery.document(path, accept);
			exchange.answer(200, await encodeValue(value, encoding, wantsPretty(query, userAgent)));
			return;
		}
		const target = resolveTarget(catalog.index, method, path, isWatchQuery(query));
		const { resource, subresource } = target.resource;
		if (streamedSubresources.has(subresource)) throw newNotImplemented(`${resource}/${subresource} in process`);
		if (target.verb === "watch") {
			await this.#watch(sent, target, exchange);
			return;
		}
		const accepted = negotiateObject(accept);
		const { object, code, warnings } = await this.#options.door.request(await readApiRequest(sent, target, query));
		const nowMs = this.#options.clock.now();
		const kind = catalog.kindOf(target.resource);
		const answer = await encodeAnswer(object, {
			resource: target.resource,
			kind,
			accepted,
			query,
			pretty: wantsPretty(query, userAgent),
			nowMs,
		});
		exchange.answer(code, answer, warnings.length === 0 ? {} : { warning: warningHeaders(warnings) });
	}

	async #watch(sent: Sent, target: RequestTarget, exchange: Exchange): Promise<void> {
		const { conversion } = negotiateStream(sent.accept);
		if (conversion !== undefined) throw newNotImplemented(`a watch of ${conversion.kind} in process`);
		const { door, clock, machineClock, random } = this.#options;
		const asked = readWatchRequest(sent, target, sent.query);
		const seconds = asked.options?.timeoutSeconds || minWatchSeconds * (1 + random.next());
		const frames = new EventFrames();
		const early: Buffer[] = [];
		let isOpen = false;
		const handle = await door.watch(
			{ ...asked, options: { ...asked.options, timeoutSeconds: seconds } },
			{
				onEvent: ({ type, object }) => {
					const { line } = frames.frameOf(type, object);
					if (isOpen) exchange.data(line);
					else early.push(line);
				},
				onEnd: (error) => exchange.end(error),
			},
		);
		const timer = clock.setTimeout(() => exchange.end(), seconds * 1000);
		const livingSigns = machineClock.setInterval(() => exchange.data(livingSign), livingSignMs);
		exchange.whenOver(() => {
			livingSigns.cancel();
			timer.cancel();
			handle.stop();
		});
		exchange.open(200, { "content-type": "application/json" });
		isOpen = true;
		for (const line of early) exchange.data(line);
	}
}

/** Counts what the dispatcher does. */
class Steps implements Activity {
	steps = 0;
	/** Nobody outside this process has a part in it. */
	readonly isPending = false;

	step(): void {
		this.steps++;
	}
}

/** One request and its answer, from the client's side. */
class Exchange implements DispatchController {
	readonly #handler: DispatchHandler;
	readonly #activity: Steps;
	/** What the client has not taken yet: it reads slowly. */
	#waiting: (() => void)[] = [];
	#onOver: () => void = () => undefined;
	#isOver = false;
	paused = false;
	reason: Error | null = null;
	rawHeaders: readonly Buffer[] = [];

	constructor(handler: DispatchHandler, activity: Steps) {
		this.#handler = handler;
		this.#activity = activity;
	}

	get aborted(): boolean {
		return this.reason !== null;
	}

	begin(): void {
		this.#activity.step();
		this.#handler.onRequestStart?.(this, {});
	}

	abort(reason: Error): void {
		if (this.#isOver) return;
		this.reason = reason;
		this.#fail(reason);
	}

	pause(): void {
		this.paused = true;
	}

	resume(): void {
		this.paused = false;
		while (!this.paused) {
			const next = this.#waiting.shift();
			if (next === undefined) return;
			next();
		}
	}

	open(code: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
		if (this.#isOver) return;
		this.#activity.step();
		this.rawHeaders = Object.entries(headers).flatMap(([name, values]) =>
			[values].flat().flatMap((value) => [Buffer.from(name, "latin1"), Buffer.from(value, "latin1")]),
		);
		this.#handler.onResponseStart?.(this, code, headers, "");
	}

	data(chunk: Buffer): void {
		this.#tell(() => this.#handler.onResponseData?.(this, chunk));
	}

	/** @param error the connection is lost */
	end(error?: Error): void {
		this.#tell(() => {
			if (error !== undefined) {
				this.#fail(error);
				return;
			}
			this.#over();
			this.#handler.onResponseEnd?.(this, {});
		});
	}

	answer(code: number, { contentType, pieces }: Answer, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
		this.open(code, { "content-type": contentType, ...headers });
		for (const piece of pieces) this.data(typeof piece === "string" ? Buffer.from(piece) : piece);
		this.end();
	}

	/** Calls `stop` when the answer is over, or at once if it is. */
	whenOver(stop: () => void): void {
		if (this.#isOver) stop();
		else this.#onOver = stop;
	}

	#tell(action: () => void): void {
		if (this.#isOver) return;
		this.#waiting.push(() => {
			if (this.#isOver) return;
			this.#activity.step();
			action();
		});
		if (!this.paused) this.resume();
	}

	#fail(error: Error): void {
		this.#over();
		this.#activity.step();
		this.#handler.onResponseError?.(this, error);
	}

	#over(): void {
		this.#isOver = true;
		this.#onOver();
	}
}

async function readSent({ path, method, body }: DispatchOptions, headers: Readonly<Record<string, string>>): Promise<Sent> {
	const [pathname = "", search = ""] = path.split(/\?(.*)/s);
	return {
		method,
		path: pathname,
		query: new URLSearchParams(search),
		accept: headers.accept,
		contentType: headers["content-type"],
		userAgent: headers["user-agent"] ?? "",
		bytes: await readBody(body),
	};
}

async function readBody(body: unknown): Promise<Buffer> {
	if (body === null || body === undefined) return Buffer.alloc(0);
	if (typeof body === "string") return Buffer.from(body);
	if (body instanceof Uint8Array) return Buffer.from(body);
	const chunks: Buffer[] = [];
	for await (const chunk of body as AsyncIterable<Uint8Array | string>) chunks.push(Buffer.from(chunk));
	return Buffer.concat(chunks);
}

/** By lower-case name: out of an object, or of a list of names and values. */
function readHeaders(headers: unknown): Readonly<Record<string, string>> {
	const entries: [string, unknown][] = Array.isArray(headers)
		? Array.from({ length: headers.length / 2 }, (_, index) => [String(headers[2 * index]), headers[2 * index + 1]])
		: isJsonObject(headers)
			? Object.entries(headers)
			: [];
	return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
}
