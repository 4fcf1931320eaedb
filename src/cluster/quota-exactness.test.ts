/**
 * Whatever comes together, through whichever server, and whatever fails: a namespace never uses more than its quota allows, what is
 * reported is never less than what is used, and in the end it is exactly that.
 *
 * Two API servers on one store, each behind a line that is slow and loses requests before or after the store has them; the
 * quota controller counts through one of them. A watcher of the store itself checks every revision.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Verb } from "../apimachinery/api-request.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { quantityToNumber } from "../apimachinery/quantity.ts";
import { type Random, SeededRandom } from "../apimachinery/random.ts";
import type { Pod, ResourceQuota, Service } from "../apimachinery/schema/generated/types.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import { ApiServer } from "../apiserver/api-server.ts";
import { decodeFromStorage } from "../apiserver/encoding.ts";
import { admin, makeTokenKeys } from "../apiserver/testing.ts";
import { Client } from "../client/client.ts";
import { InformerFactory } from "../client/informer.ts";
import { builtInDeletableResources } from "../controllers/deletable-resources.ts";
import { resourceQuotaController } from "../controllers/resourcequota/resourcequota-controller.ts";
import { createMemoryStore, type Store, type StoreWatchSink, type WatchRequest } from "../store/index.ts";
import { InProcessTransport } from "./in-process-transport.ts";

const hard = { pods: "3", "requests.cpu": "5", "services.nodeports": "3", "count/configmaps": "2" };
const keys = makeTokenKeys();

class LineError extends Error {}

/** A way to the store on which each step takes its time. */
class SlowLine implements Store {
	readonly isShared = true;
	readonly #store: Store;
	readonly #clock: VirtualClock;
	readonly #random: Random;
	/** From then on the line loses writes. */
	isLossy = false;

	constructor(store: Store, clock: VirtualClock, random: Random) {
		this.#store = store;
		this.#clock = clock;
		this.#random = random;
	}

	#pause(): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#clock.setTimeout(resolve, Math.floor(this.#random.next() * 20));
		return promise;
	}

	txn: Store["txn"] = async (request) => {
		await this.#pause();
		const fate = this.isLossy ? this.#random.next() : 1;
		if (fate < 0.1) throw new LineError("the request was lost");
		const response = await this.#store.txn(request);
		await this.#pause();
		if (fate < 0.2) throw new LineError("the answer was lost");
		return response;
	};

	range: Store["range"] = async (request) => {
		await this.#pause();
		return this.#store.range(request);
	};

	/** Events come late, and in order. */
	watch(request: WatchRequest, sink: StoreWatchSink) {
		let last = Promise.resolve();
		return this.#store.watch(request, {
			onEvents: (events, revision) => {
				last = last.then(() => this.#pause()).then(() => sink.onEvents(events, revision));
			},
			onEnd: (error) => sink.onEnd(error),
		});
	}

	compact: Store["compact"] = (revision) => this.#store.compact(revision);
	put: Store["put"] = (request) => this.#store.put(request);
	deleteRange: Store["deleteRange"] = (request) => this.#store.deleteRange(request);
	grantLease: Store["grantLease"] = (ttlSeconds, id) => this.#store.grantLease(ttlSeconds, id);
	revokeLease: Store["revokeLease"] = (id) => this.#store.revokeLease(id);
	keepAliveLease: Store["keepAliveLease"] = (id) => this.#store.keepAliveLease(id);
	lease: Store["lease"] = (id) => this.#store.lease(id);
	leases: Store["leases"] = () => this.#store.leases();
	status: Store["status"] = () => this.#store.status();
	close: Store["close"] = () => this.#store.close();
}

/** What is in the store, revision by revision, and what is wrong with it. */
class Observer {
	readonly #objects = new Map<string, KubeObject>();
	readonly findings: string[] = [];
	isCounted = false;
	/** What was used when the quota was first counted, and after each write since. */
	#before: Readonly<Record<string, number>> = {};

	constructor(store: Store) {
		store.watch(
			{ key: "/registry/", rangeEnd: "/registry0", startRevision: 1 },
			{
				onEvents: (events, revision) => {
					for (const { type, kv } of events) {
						if (type === "put") this.#objects.set(kv.key, decodeFromStorage(kv.value, kv.modRevision));
						else this.#objects.delete(kv.key);
					}
					this.#check(revision);
				},
				onEnd: () => undefined,
			},
		);
	}

	get used(): Readonly<Record<string, number>> {
		const of = <T extends KubeObject>(resource: string) =>
			[...this.#objects].filter(([key]) => key.startsWith(`/registry/${resource}/`)).map(([, object]) => object as T);
		const running = of<Pod>("pods").filter(({ status }) => status?.phase !== "Succeeded");
		const cpu = running.flatMap(
			({ spec }) => spec?.containers.map(({ resources }) => quantityToNumber(resources?.requests?.cpu ?? "0")) ?? [],
		);
		const ports = of<Service>("services/specs").filter(({ spec }) => spec?.type === "NodePort");
		return {
			pods: running.length,
			"requests.cpu": cpu.reduce((sum, each) => sum + each, 0),
			"services.nodeports": ports.reduce((sum, { spec }) => sum + (spec?.ports?.length ?? 0), 0),
			"count/configmaps": of("configmaps").length,
		};
	}

	get reported(): Readonly<Record<string, string>> | undefined {
		const quota = [...this.#objects].find(([key]) => key.startsWith("/registry/resourcequotas/"))?.[1] as ResourceQuota | undefined;
		return quota?.status?.used;
	}

	#check(revision: number): void {
		const { reported, used: now } = this;
		if (reported === undefined) return;
		// What was there before it was counted may be more than a quota allows; it only may not grow.
		const before = this.isCounted ? this.#before : now;
		this.isCounted = true;
		this.#before = now;
		for (const [name, used] of Object.entries(now)) {
			const told = quantityToNumber(reported[name] ?? "-1");
			const limit = quantityToNumber(hard[name as keyof typeof hard]);
			if (used > limit && used > (before[name] ?? 0)) this.findings.push(`revision ${revision}: ${name} uses ${used} of ${limit}`);
			if (used > told) this.findings.push(`revision ${revision}: ${name} uses ${used}, and ${told} is told`);
		}
	}
}

interface Step {
	readonly server: 0 | 1;
	readonly atMs: number;
	readonly act: "pod" | "twins" | "finish" | "delete" | "ports" | "unport" | "configmap" | "drop";
	readonly index: number;
	readonly size: number;
}

/** The request of a step. */
function requestOf({ act, index, size }: Step): readonly [Verb, string, string, object] {
	const metadata = { name: `o${index}`, namespace: "default" };
	const container = { name: "c", image: "nginx", resources: { requests: { cpu: String(size) } } };
	const service = (type: string) => ({
		metadata,
		spec: { type, ports: Array.from({ length: size }, (_, port) => ({ name: `p${port}`, port: port + 1 })) },
	});
	switch (act) {
		case "pod":
			return ["create", "pods", "", { metadata, spec: { containers: [container] } }];
		case "twins":
			return ["create", "pods", "", { metadata: { namespace: "default", generateName: "twin-" }, spec: { containers: [container] } }];
		case "finish":
			return ["patch", "pods", "status", { status: { phase: "Succeeded" } }];
		case "delete":
			return ["delete", "pods", "", {}];
		case "ports":
			return ["create", "services", "", service("NodePort")];
		case "unport":
			return ["patch", "services", "", { spec: { type: size === 1 ? "ClusterIP" : "NodePort" } }];
		case "configmap":
			return ["create", "configmaps", "", { metadata }];
		case "drop":
			return ["delete", size === 1 ? "configmaps" : "services", "", {}];
	}
}

async function run(steps: readonly Step[], quotaAtMs: number, seed: number): Promise<Observer> {
	const clock = new VirtualClock();
	const store = await createMemoryStore({ clock });
	const random = new SeededRandom(seed);
	const lines = [0, 1].map((index) => new SlowLine(store, clock, random.fork(`line-${index}`)));
	const serve = (line: SlowLine, index: number) =>
		new ApiServer({
			store: line,
			clock,
			random: random.fork(`server-${index}`),
			log: silentLog,
			tokenKeys: keys,
			admission: { disable: ["ServiceAccount"] },
		});
	const servers = lines.map(serve);
	const starting = Promise.all(servers.map((server) => server.start()));
	await clock.advance(100);
	await starting;
	const send = async (server: number, [verb, resource, subresource, body]: readonly [Verb, string, string, object], name: string) => {
		try {
			await servers[server]?.handle(admin, {
				verb,
				group: "",
				version: "v1",
				resource,
				...(subresource === "" ? {} : { subresource }),
				...(resource === "namespaces" ? {} : { namespace: "default" }),
				...(verb === "create" ? {} : { name }),
				...(verb === "patch" ? { patchType: "application/merge-patch+json" } : {}),
				...(verb === "delete" ? { deleteOptions: { gracePeriodSeconds: 0 } } : { body }),
			});
		} catch (error) {
			if (!(error instanceof StatusError) && !(error instanceof LineError)) throw error;
		}
	};
	const observer = new Observer(store);
	const namespace = send(0, ["create", "namespaces", "", { metadata: { name: "default" } }], "");
	await clock.advance(200);
	await namespace;
	const stop = new AbortController();
	const client = new Client(new InProcessTransport(servers[0] as ApiServer, admin));
	const informers = new InformerFactory({ client, clock, random: random.fork("informers"), log: silentLog });
	const controlling = resourceQuotaController(builtInDeletableResources()).run(
		{ client, informers, clock, random, log: silentLog },
		stop.signal,
	);
	void informers.start(stop.signal);
	await clock.advance(100);
	for (const line of lines) line.isLossy = true;
	const requests: Promise<void>[] = [];
	const later = (atMs: number, act: () => Promise<void>) => clock.setTimeout(() => requests.push(act()), atMs);
	later(quotaAtMs, () => send(0, ["create", "resourcequotas", "", { metadata: { name: "q" }, spec: { hard } }], ""));
	for (const step of steps) later(step.atMs, () => send(step.server, requestOf(step), `o${step.index}`));
	await clock.advance(5000);
	await Promise.all(requests);
	for (const line of lines) line.isLossy = false;
	// One resync of the controller, whatever got lost.
	await clock.advance(11 * 60_000);
	stop.abort();
	for (const server of servers) server.stop();
	await clock.advance(1000);
	await controlling;
	return observer;
}

const step: fc.Arbitrary<Step> = fc.record({
	server: fc.constantFrom<0 | 1>(0, 1),
	atMs: fc.nat(400),
	act: fc.constantFrom("pod", "twins", "twins", "finish", "delete", "ports", "unport", "configmap", "drop"),
	index: fc.nat(3),
	size: fc.integer({ min: 1, max: 3 }),
});

it("holds under any interleaving of creates, updates, deletions and failures through two servers", async () => {
	let counted = 0;
	await fc.assert(
		fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), fc.nat(150), fc.integer(), async (steps, quotaAtMs, seed) => {
			const observer = await run(steps, quotaAtMs, seed);
			expect(observer.findings).toEqual([]);
			if (!observer.isCounted) return;
			counted++;
			expect(observer.reported).toEqual(Object.fromEntries(Object.entries(observer.used).map(([name, used]) => [name, String(used)])));
		}),
		{ numRuns: Number(process.env.QUOTA_RUNS ?? 15) },
	);
	expect(counted).toBeGreaterThan(0);
});
