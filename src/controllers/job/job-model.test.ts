/**
 * Any life of a Job: pods end as they like, are deleted, requests take their time or fail, the controller is killed at
 * any request and starts anew. Against a model that only looks at the pods: none is made that is too many, and each that
 * ends is counted once.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ApiRequest, ApiResponse, WatchEvent, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import { sleep } from "../../apimachinery/clock/clock.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { jobs, pods } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import type { Transport } from "../../client/transport.ts";
import { isPodActive } from "../pod-state.ts";
import { type IndexRange, parseIndexes } from "./index-set.ts";
import { jobController } from "./job-controller.ts";
import { finishedAs, isTracked, validIndexOf } from "./job-pods.ts";

interface Life {
	readonly parallelism: number;
	readonly completions: number;
	readonly backoffLimit: number;
	readonly indexed: boolean;
	/** Longest time that a request of the controller takes, ms. */
	readonly latencyMs: number;
	/** How far the controller's caches are behind, ms. */
	readonly lagMs: number;
	readonly steps: readonly Step[];
}

type Step =
	| { readonly type: "succeed" | "fail" | "delete"; readonly which: number }
	| { readonly type: "wait"; readonly ms: number }
	/** The controller's next writes: so many arrive, then it is dead. */
	| { readonly type: "kill"; readonly afterWrites: number }
	/** So many of its next writes are refused. */
	| { readonly type: "refuse"; readonly writes: number };

/** What a controller talks through. Once it is cut, nothing arrives any more, and no answer comes back. */
class FragileTransport implements Transport {
	writesLeft = Number.POSITIVE_INFINITY;
	refusals = 0;
	#isCut = false;
	readonly #api: FakeApi;
	readonly #delay: () => Promise<void>;
	readonly #lag: () => Promise<void>;

	constructor(api: FakeApi, delay: () => Promise<void>, lag: () => Promise<void>) {
		this.#api = api;
		this.#delay = delay;
		this.#lag = lag;
	}

	cut(): void {
		this.#isCut = true;
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		await this.#delay();
		const isWrite = request.verb !== "get" && request.verb !== "list";
		if (isWrite && this.writesLeft-- <= 0) this.cut();
		if (this.#isCut) return never();
		if (isWrite && this.refusals > 0) {
			this.refusals--;
			throw newInternalError("not now");
		}
		const response = await this.#api.request(request);
		return this.#isCut ? never() : response;
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return this.#api.watch(request, {
			onEvent: (event) => void this.#lag().then(() => (this.#isCut ? undefined : sink.onEvent(event))),
			onEnd: (error) => (this.#isCut ? undefined : sink.onEnd(error)),
		});
	}
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** What the pods alone tell. */
class Tally {
	readonly complaints: string[] = [];
	failed = 0;
	succeeded = 0;
	/** Succeeded, but were deleted before the controller saw it: whichever it takes them for. */
	either = 0;
	readonly succeededIndexes = new Set<number>();
	readonly eitherIndexes = new Set<number>();
	readonly #live = new Map<string, Pod>();
	readonly #counted = new Set<string>();
	readonly #job: Job;

	constructor(job: Job) {
		this.#job = job;
	}

	see({ type, object }: WatchEvent): void {
		const pod = object as Pod;
		const uid = pod.metadata?.uid ?? "";
		const isNew = !this.#live.has(uid);
		if (type === "DELETED") this.#live.delete(uid);
		else this.#live.set(uid, pod);
		if (isNew && type === "ADDED") this.#checkCreation(pod);
		if ((type === "DELETED" || !isTracked(pod)) && !this.#counted.has(uid)) this.#count(uid, pod);
	}

	#checkCreation(pod: Pod): void {
		const active = [...this.#live.values()].filter(isPodActive);
		if (active.length > (this.#job.spec?.parallelism ?? 1)) this.complaints.push(`${active.length} pods at once`);
		const index = validIndexOf(pod, this.#job);
		if (index === undefined) return;
		if (this.succeededIndexes.has(index)) this.complaints.push(`index ${index} has succeeded already`);
		if (active.filter((other) => validIndexOf(other, this.#job) === index).length > 1) this.complaints.push(`two pods of index ${index}`);
	}

	/** The Job has counted the pod, or else never will. */
	#count(uid: string, pod: Pod): void {
		this.#counted.add(uid);
		if (pod.status?.phase !== "Succeeded") {
			this.failed++;
			return;
		}
		const isEither = pod.metadata?.deletionTimestamp !== undefined;
		if (isEither) this.either++;
		else this.succeeded++;
		const index = validIndexOf(pod, this.#job);
		if (index !== undefined) (isEither ? this.eitherIndexes : this.succeededIndexes).add(index);
	}
}

class World {
	readonly clock = new VirtualClock();
	readonly tally: Tally;
	readonly #random = new SeededRandom("world");
	readonly #api = new FakeApi({ clock: this.clock, random: new SeededRandom("api") });
	/** The users' and kubelets' own way to the server, which always works. */
	readonly #client = new Client(this.#api);
	readonly #life: Life;
	#transport: FragileTransport | undefined;
	#stop = new AbortController();

	constructor(life: Life) {
		this.#life = life;
		const { parallelism, completions, indexed } = life;
		this.tally = new Tally({ spec: { parallelism, completions, completionMode: indexed ? "Indexed" : "NonIndexed", template: {} } });
	}

	async start(): Promise<void> {
		const { parallelism, completions, backoffLimit, indexed } = this.#life;
		await this.#client.resource(jobs).create({
			metadata: { namespace: "ns", name: "work" },
			spec: {
				parallelism,
				completions,
				backoffLimit,
				completionMode: indexed ? "Indexed" : "NonIndexed",
				selector: { matchLabels: { job: "work" } },
				template: { metadata: { labels: { job: "work" } }, spec: { containers: [] } },
			},
		});
		await this.#client
			.resource(pods)
			.watch(undefined, { resourceVersion: "0" }, { onEvent: (event) => this.tally.see(event), onEnd: () => undefined });
		await this.restart();
	}

	/** The controller that runs is dead, wherever it was; another one begins. */
	async restart(): Promise<void> {
		this.#transport?.cut();
		this.#stop.abort();
		this.#stop = new AbortController();
		const { clock } = this;
		const { latencyMs, lagMs } = this.#life;
		const delay = () => (latencyMs === 0 ? Promise.resolve() : sleep(clock, this.#random.int(latencyMs)));
		// One lag for all events keeps them in order.
		const lag = () => (lagMs === 0 ? Promise.resolve() : sleep(clock, lagMs));
		this.#transport = new FragileTransport(this.#api, delay, lag);
		const client = new Client(this.#transport);
		const informers = new InformerFactory({ client, clock, log: silentLog });
		void informers.start(this.#stop.signal);
		const context = { client, clock, informers, random: this.#random.fork("controller"), log: silentLog };
		void jobController.run(context, this.#stop.signal);
		await clock.advance(0);
	}

	async take(step: Step): Promise<void> {
		switch (step.type) {
			case "wait":
				return this.clock.advance(step.ms);
			case "kill":
				if (this.#transport !== undefined) this.#transport.writesLeft = step.afterWrites;
				await this.clock.advance(2_000);
				return this.restart();
			case "refuse":
				if (this.#transport !== undefined) this.#transport.refusals = step.writes;
				return undefined;
			case "succeed":
			case "fail":
			case "delete":
				return this.#decideFate(step.type, step.which);
			default:
				return step satisfies never;
		}
	}

	/** Each pod has one fate. */
	async #decideFate(fate: "succeed" | "fail" | "delete", which: number): Promise<void> {
		const client = this.#client.resource(pods);
		const running = (await client.list("ns")).items.filter(isPodActive);
		const pod = running[which % running.length];
		if (pod === undefined) return;
		if (fate === "delete") await client.delete({ namespace: "ns", name: pod.metadata?.name ?? "" });
		else await client.updateStatus({ ...pod, status: { phase: fate === "succeed" ? "Succeeded" : "Failed" } });
	}

	/** From now on nothing goes wrong any more. */
	async settle(): Promise<Job> {
		for (let round = 0; round < 100 && finishedAs(await this.job()) === undefined; round++) {
			await this.take({ type: "succeed", which: 0 });
			await this.clock.advance(60_000);
		}
		await this.clock.advance(600_000);
		this.#stop.abort();
		return this.job();
	}

	job(): Promise<Job> {
		return this.#client.resource(jobs).get({ namespace: "ns", name: "work" });
	}
}

const fate = fc.record({ type: fc.constantFrom("succeed" as const, "fail" as const, "delete" as const), which: fc.nat({ max: 9 }) });
const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 5, arbitrary: fate },
	{ weight: 3, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(1, 200, 1_000, 15_000) }) },
	{ weight: 2, arbitrary: fc.record({ type: fc.constant("kill" as const), afterWrites: fc.nat({ max: 12 }) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("refuse" as const), writes: fc.integer({ min: 1, max: 4 }) }) },
);
const life: fc.Arbitrary<Life> = fc.record({
	parallelism: fc.integer({ min: 1, max: 4 }),
	completions: fc.integer({ min: 1, max: 6 }),
	backoffLimit: fc.constantFrom(0, 2, 100),
	indexed: fc.boolean(),
	latencyMs: fc.constantFrom(0, 30, 400),
	lagMs: fc.constantFrom(0, 100, 3_000),
	steps: fc.array(step, { maxLength: 30 }),
});

function expectBetween(value: number, least: number, more: number): void {
	expect(value).toBeGreaterThanOrEqual(least);
	expect(value).toBeLessThanOrEqual(least + more);
}

const numbersOf = ({ first, last }: IndexRange) => Array.from({ length: last - first + 1 }, (_, at) => first + at);

test("whatever happens, no pod is too many and each that ends is counted once", async () => {
	await fc.assert(
		fc.asyncProperty(life, async (plan) => {
			const world = new World(plan);
			await world.start();
			for (const next of plan.steps) await world.take(next);
			const { status = {}, ...job } = await world.settle();
			const { tally } = world;
			expect(finishedAs({ ...job, status })).toBeDefined();
			expect(tally.complaints).toEqual([]);
			const { succeeded = 0, failed = 0, uncountedTerminatedPods } = status;
			expect(uncountedTerminatedPods).toEqual({});
			expectBetween(failed, tally.failed, tally.either);
			if (plan.indexed) {
				const completed = new Set(parseIndexes(status.completedIndexes, plan.completions).flatMap(numbersOf));
				expect(succeeded).toBe(completed.size);
				expect(tally.succeededIndexes.isSubsetOf(completed)).toBe(true);
				expect(completed.isSubsetOf(tally.succeededIndexes.union(tally.eitherIndexes))).toBe(true);
			} else {
				expectBetween(succeeded, tally.succeeded, tally.either);
				expect(succeeded + failed).toBe(tally.succeeded + tally.failed + tally.either);
			}
			if (finishedAs({ ...job, status }) === "Complete") expect(succeeded).toBe(plan.completions);
		}),
		{ numRuns: 150 },
	);
});
