/**
 * List and watch are the store: whatever is written, compacted and started anew in whatever order, whoever follows knows at
 * every revision what a list shows there, and was told every change once, in order.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import { createMemoryStore, MemoryBackend, openLevelStore } from "../../../src/store/index.ts";
import type { MaintainedStore } from "../../../src/store/store.ts";
import { namespaces, RestartableServer, type Selector } from "./restartable-server.ts";
import { type Beginning, StrictInformer } from "./strict-informer.ts";

/** Each begins in its own way; some see all, some a part. */
const followers: readonly (readonly [Selector, Beginning])[] = [
	[{}, "list"],
	[{}, "stream"],
	[{ namespace: "default" }, "any"],
	[{ labelSelector: "x=1" }, "list"],
	[{ namespace: "default", labelSelector: "x!=1" }, "stream"],
	[{ fieldSelector: "metadata.name!=a" }, "list"],
	[{ fieldSelector: "metadata.name=a", namespace: "other" }, "stream"],
];
const everybody = followers.map((_, index) => index);
/** More changes than a resource's cache remembers, so that who comes back is served from the store. */
const burstSize = 300;

interface Write {
	readonly how: "create" | "update" | "patch" | "apply" | "delete" | "deletecollection";
	readonly namespace: string;
	readonly name: string;
	readonly label: string;
	readonly data: string;
}

type Step =
	| { readonly type: "write"; readonly writes: readonly Write[]; readonly meanwhile: readonly number[] }
	| { readonly type: "connect" | "disconnect"; readonly who: readonly number[] }
	| { readonly type: "compact"; readonly back: number }
	| { readonly type: "advance"; readonly ms: number; readonly meanwhile: readonly number[] }
	| { readonly type: "burst"; readonly write: Write }
	| { readonly type: "restart" };

const write: fc.Arbitrary<Write> = fc.record({
	how: fc.constantFrom("create", "create", "create", "update", "update", "patch", "patch", "apply", "delete", "deletecollection"),
	namespace: fc.constantFrom(...namespaces),
	name: fc.constantFrom("a", "b", "c", "d"),
	label: fc.constantFrom("1", "2"),
	data: fc.constantFrom("1", "2", "3"),
});
const who = fc.uniqueArray(fc.nat(followers.length - 1), { minLength: 1, maxLength: followers.length });
const meanwhile = fc.oneof(fc.constant([]), who);
const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 6,
		arbitrary: fc.record({
			type: fc.constant("write"),
			writes: fc.array(write, { minLength: 1, maxLength: 8 }),
			meanwhile,
		}),
	},
	{ weight: 3, arbitrary: fc.record({ type: fc.constantFrom("connect", "disconnect"), who }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("compact"), back: fc.nat(10) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("advance"), ms: fc.constantFrom(60_000, 300_000), meanwhile }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("burst"), write }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("restart") }) },
);

function send(server: RestartableServer, { how, namespace, name, label, data }: Write): Promise<void> {
	const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { x: label } }, data: { k: data } };
	switch (how) {
		case "create":
			return server.write({ verb: "create", namespace, body: object });
		case "update":
			return server.write({ verb: "update", namespace, name, body: object });
		case "patch":
			return server.write({
				verb: "patch",
				namespace,
				name,
				patchType: "application/merge-patch+json",
				body: { metadata: { labels: { x: label } } },
			});
		case "apply":
			return server.write({
				verb: "patch",
				namespace,
				name,
				patchType: "application/apply-patch+yaml",
				body: object,
				options: { fieldManager: "me", force: true },
			});
		case "delete":
			return server.write({ verb: "delete", namespace, name });
		case "deletecollection":
			return server.write({ verb: "deletecollection", namespace, options: { labelSelector: `x=${label}` } });
		default:
			return how satisfies never;
	}
}

class Scenario {
	readonly #server: RestartableServer;
	readonly informers = followers.map(([selector, beginning]) => new StrictInformer(selector, beginning));

	constructor(server: RestartableServer) {
		this.#server = server;
	}

	async carryOut(step: Step): Promise<void> {
		const server = this.#server;
		switch (step.type) {
			case "write": {
				const connecting = step.meanwhile.map((index) => this.#reconnect(index));
				await Promise.all([...step.writes.map((one) => send(server, one)), ...connecting]);
				return;
			}
			case "connect":
				await Promise.all(step.who.map((index) => this.informers[index]?.connect(server)));
				return;
			case "disconnect":
				for (const index of step.who) this.informers[index]?.disconnect();
				return;
			case "compact":
				await server.compact(server.revision - step.back);
				return;
			case "advance":
				// Bookmarks come to those who are still being told what they missed.
				await Promise.all(step.meanwhile.map((index) => this.#reconnect(index)));
				await server.clock.advance(step.ms);
				return;
			case "burst":
				for (let index = 0; index < burstSize; index++) await send(server, { ...step.write, how: index % 2 === 0 ? "apply" : "delete" });
				return;
			case "restart":
				for (const informer of this.informers) informer.disconnect();
				await server.restart();
				return;
			default:
				step satisfies never;
		}
	}

	async #reconnect(index: number): Promise<void> {
		this.informers[index]?.disconnect();
		await this.informers[index]?.connect(this.#server);
	}

	/** What was told of a history that is gone is read anew; what is on its way arrives. */
	async settle(): Promise<void> {
		for (let attempt = 0; ; attempt++) {
			await this.#server.clock.advance(0);
			try {
				for (const [index, informer] of this.informers.entries()) {
					await informer.check(this.#server);
					const isOfAll = Object.keys(followers[index]?.[0] ?? {}).length === 0;
					if (isOfAll) informer.checkChanges(this.#server.changes);
				}
				break;
			} catch (error) {
				// A disk takes real time.
				if (attempt === 50) throw error;
				await pause(attempt);
			}
		}
	}
}

async function run(open: () => Promise<MaintainedStore>, clock: VirtualClock, steps: readonly Step[]): Promise<Scenario> {
	const server = await RestartableServer.start(clock, open);
	try {
		const scenario = new Scenario(server);
		await scenario.carryOut({ type: "connect", who: everybody });
		for (const step of steps) {
			await scenario.carryOut(step);
			await scenario.settle();
		}
		await scenario.carryOut({ type: "connect", who: everybody });
		await scenario.settle();
		return scenario;
	} finally {
		await server.stop();
	}
}

const steps = fc.array(step, { minLength: 1, maxLength: 12 });

test("with a store in memory", { timeout: 120_000 }, async () => {
	let expirations = 0;
	await fc.assert(
		fc.asyncProperty(steps, async (list) => {
			const clock = new VirtualClock();
			const backend = new MemoryBackend();
			const { informers } = await run(() => createMemoryStore({ clock, backend }), clock, list);
			for (const informer of informers) expirations += informer.expirations;
		}),
		{ numRuns: 60, endOnFailure: true },
	);
	// Compaction did cut some off.
	expect(expirations).toBeGreaterThan(0);
});

test("with a store on disk", { timeout: 120_000 }, async () => {
	await fc.assert(
		fc.asyncProperty(steps, async (list) => {
			const directory = mkdtempSync(join(tmpdir(), "kubesim-list-watch-"));
			const clock = new VirtualClock();
			try {
				await run(() => openLevelStore({ clock, directory }), clock, list);
			} finally {
				rmSync(directory, { recursive: true, force: true });
			}
		}),
		{ numRuns: 10, endOnFailure: true },
	);
});
