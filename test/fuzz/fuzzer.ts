/**
 * Sends a seed's requests to a server, batch by batch: each batch has a server of its own, so that a failing case needs
 * only its batch to come back.
 */
import { gunzipSync } from "node:zlib";
import type { Logger } from "../../src/apimachinery/log.ts";
import { silentLog } from "../../src/apimachinery/log.ts";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { bootstrap } from "../../src/apiserver/bootstrap/bootstrap.ts";
import { type Fixture, startFixture } from "../http/fixture.ts";
import { judge } from "./judge.ts";
import { type FuzzRequest, makeRequest } from "./requests.ts";

/** Cases that one server sees. */
const batchSize = 1000;
/** Real time after which a request counts as hung; cluster time is moved on hours before. */
const hangMs = 20_000;

export interface Failure {
	readonly seed: string;
	readonly index: number;
	readonly why: string;
	readonly request: FuzzRequest;
	/** What the server logged of it. */
	readonly log: string;
}

export interface FuzzReport {
	readonly cases: number;
	/** How often which code was answered. */
	readonly codes: ReadonlyMap<number, number>;
	readonly failures: readonly Failure[];
	/** Highest use of memory, in bytes, between batches. */
	readonly residentBytes: number;
}

export interface FuzzOptions {
	readonly seed: string;
	readonly cases: number;
	/** First case; its whole batch is played. Default 0. */
	readonly first?: number;
	/** Ends after so many failures; default 1. */
	readonly maxFailures?: number;
	readonly onBatch?: (done: number) => void;
}

export async function fuzz({ seed, cases, first = 0, maxFailures = 1, onBatch }: FuzzOptions): Promise<FuzzReport> {
	let crash: unknown;
	const onCrash = (error: unknown) => {
		crash = error;
	};
	process.on("uncaughtException", onCrash);
	const codes = new Map<number, number>();
	const failures: Failure[] = [];
	let residentBytes = 0;
	let index = Math.floor(first / batchSize) * batchSize;
	const end = first + cases;
	let played = 0;
	while (index < end && failures.length < maxFailures) {
		const batch = new Batch(seed);
		await batch.start(index);
		try {
			for (const last = Math.min(end, index + batchSize); index < last && failures.length < maxFailures; index++, played++) {
				const request = makeRequest(new SeededRandom(`${seed}/${index}`));
				const { code, why: verdict } = await batch.play(request);
				const why = crash === undefined ? verdict : `the server crashed: ${crash instanceof Error ? crash.stack : String(crash)}`;
				crash = undefined;
				codes.set(code, (codes.get(code) ?? 0) + 1);
				if (why !== undefined) failures.push({ seed, index, why, request, log: batch.log });
			}
		} finally {
			await batch.end();
		}
		residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
		onBatch?.(index);
	}
	process.off("uncaughtException", onCrash);
	return { cases: played, codes, failures, residentBytes };
}

class Batch {
	readonly #seed: string;
	#fixture: Fixture | undefined;
	log = "";

	constructor(seed: string) {
		this.#seed = seed;
	}

	async start(index: number): Promise<void> {
		const log: Logger = {
			...silentLog,
			error: (message, fields) => {
				this.log = `${message} ${JSON.stringify(fields)?.replaceAll("\\n", "\n")}`;
			},
		};
		this.#fixture = await startFixture({ log, random: new SeededRandom(`${this.#seed}/server/${index}`) });
		const { server, clock } = this.#fixture;
		const target = { server, address: "172.19.0.2", port: 6443, nowMs: clock.now(), serviceCidr: "10.96.0.0/12", serviceIp: "10.96.0.1" };
		await bootstrap(target);
		await this.#fixture.create("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
	}

	async end(): Promise<void> {
		await this.#fixture?.close();
	}

	async play({ method, url, headers, body }: FuzzRequest): Promise<{ code: number; why: string | undefined }> {
		this.log = "";
		const fixture = this.#fixture;
		if (fixture === undefined) throw new Error("the batch has not started");
		const pending = fixture.http.inject({
			method: method as "GET",
			url,
			headers,
			...(body === undefined ? {} : { payload: body }),
		});
		const response = await this.#answer(fixture, pending).catch((error: unknown) =>
			error instanceof Error ? error : new Error(String(error)),
		);
		if (response === undefined) return { code: 0, why: "no answer" };
		if (response instanceof Error) return { code: 0, why: `the server threw: ${response.stack}` };
		const { statusCode: code, headers: sent, rawPayload } = response;
		const text = (sent["content-encoding"] === "gzip" ? gunzipSync(rawPayload) : rawPayload).toString("utf8");
		return { code, why: judge(method, { code, headers: sent, body: text }) };
	}

	/** Moves cluster time on for whoever waits for it: a revision to come, the end of a watch. Undefined for who never answers. */
	async #answer<T>(fixture: Fixture, pending: Promise<T>): Promise<T | undefined> {
		let isSettled = false;
		const settled = pending.finally(() => {
			isSettled = true;
		});
		settled.catch(() => undefined);
		const turn = () => new Promise(setImmediate);
		for (let turns = 0; turns < 30 && !isSettled; turns++) await turn();
		for (const seconds of [3, 60, 7200]) {
			if (isSettled) break;
			await fixture.clock.advance(seconds * 1000);
			for (let turns = 0; turns < 10 && !isSettled; turns++) await turn();
		}
		if (isSettled) return settled;
		const { promise, resolve } = Promise.withResolvers<undefined>();
		const timer = setTimeout(() => resolve(undefined), hangMs);
		return Promise.race([settled, promise]).finally(() => clearTimeout(timer));
	}
}

/** How to bring a failure back, and what it was. */
export function describeFailure({ seed, index, why, request, log }: Failure): string {
	const { method, url, headers, body } = request;
	return [
		`case ${index} of seed ${seed}: ${why}`,
		`${method} ${url.slice(0, 500)}`,
		JSON.stringify(headers),
		body === undefined ? "" : body.subarray(0, 4000).toString("utf8"),
		log,
		`replay: npm run fuzz -- --seed ${seed} --first ${index} --cases 1`,
	].join("\n");
}
