import fc from "fast-check";
import { expect, test } from "vitest";
import type { ConfigMap } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { runController } from "../client/controller.ts";
import { configMaps } from "../client/resources.ts";
import { WorkQueue } from "../client/work-queue.ts";
import type { Controller } from "../controllers/controller.ts";
import { type ControllerCheck, checkController } from "./check-controller.ts";
import { applying, deleting, losingStoreMember, returningStoreMembers, type Schedule, schedules } from "./schedules.ts";
import type { TestCluster } from "./test-cluster.ts";

/** What a copier gets wrong. */
type Bug = "gives up" | "never rests" | "writes again after a start" | "touches others" | "loops" | "breaks the invariant";

/** Keeps a copy of the data of each ConfigMap that asks for one by a label, and of no other. */
function copier(bug?: Bug): Controller {
	return {
		name: "copier",
		async run({ client, informers, clock, log }, signal) {
			const queue = new WorkQueue({ clock });
			const informer = informers.informer(configMaps, { namespace: "default" });
			const enqueue = ({ metadata }: ConfigMap) => queue.add((metadata?.name ?? "").replace(/-copy$/, ""));
			informer.onChange({ added: enqueue, updated: (_, object) => enqueue(object), deleted: enqueue }, signal);
			await informer.whenSynced();
			const maps = client.resource(configMaps);
			let isFirst = true;
			const reconcile = async (name: string) => {
				const [map, copy] = [informer.cache.get(`default/${name}`), informer.cache.get(`default/${name}-copy`)];
				const place = { namespace: "default", name: `${name}-copy` };
				const isWanted = map?.metadata?.labels?.copy === "yes";
				if (bug === "writes again after a start" && isFirst && copy !== undefined) {
					isFirst = false;
					await maps.patch(place, "application/merge-patch+json", { metadata: { annotations: { started: String(clock.now()) } } });
				}
				if (bug === "touches others" && map !== undefined && isWanted && map.metadata?.annotations?.seen === undefined) {
					await maps.patch({ namespace: "default", name }, "application/merge-patch+json", { metadata: { annotations: { seen: "yes" } } });
				}
				if (isWanted && copy === undefined) {
					const data = bug === "breaks the invariant" ? { forbidden: "yes" } : { ...map.data };
					await maps.create({ metadata: place, data }).catch((error: unknown) => {
						if (!isStatusError(error, "AlreadyExists") && bug !== "gives up") throw error;
					});
				} else if (!isWanted && copy !== undefined) {
					await maps.delete(place).catch((error: unknown) => {
						if (!isStatusError(error, "NotFound")) throw error;
					});
				} else if (isWanted && copy !== undefined && JSON.stringify(copy.data) !== JSON.stringify(map.data)) {
					await maps.update({ ...copy, ...(map.data === undefined ? {} : { data: map.data }) });
				}
				return undefined;
			};
			const restless = async (name: string) => {
				const result = await reconcile(name);
				const periodMs = bug === "never rests" ? 60_000 : bug === "loops" ? 10 : undefined;
				if (periodMs === undefined || informer.cache.get(`default/${name}-copy`) === undefined) return result;
				const place = { namespace: "default", name: `${name}-copy` };
				await maps.patch(place, "application/merge-patch+json", { metadata: { annotations: { at: String(clock.now()) } } });
				return { requeueAfterMs: periodMs };
			};
			await runController({ name: "copier", queue, concurrency: 2, reconcile: restless, log, signal });
		},
	};
}

const names = ["a", "b"];
const manifest = (name: string, copy: boolean, value: string) =>
	`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {copy: "${copy ? "yes" : "no"}"}}\ndata: {value: "${value}"}`;
const actions = fc.oneof(
	fc
		.tuple(fc.constantFrom(...names), fc.boolean(), fc.constantFrom("1", "2"))
		.map(([name, copy, value]) => applying(`apply ${name}, copy ${copy}, value ${value}`, manifest(name, copy, value))),
	fc.constantFrom(...names).map((name) => deleting("configmap", name)),
);

async function allCopied(cluster: TestCluster): Promise<boolean> {
	const all = await cluster.list(configMaps, { namespace: "default" });
	const find = (name: string) => all.find(({ metadata }) => metadata?.name === name);
	return names.every((name) => {
		const [map, copy] = [find(name), find(`${name}-copy`)];
		if (map?.metadata?.labels?.copy !== "yes") return copy === undefined;
		return JSON.stringify(copy?.data) === JSON.stringify(map.data);
	});
}

const check = (bug?: Bug): ControllerCheck => ({
	controller: () => copier(bug),
	schedule: schedules(actions, { pauseMs: 5_000 }),
	converged: allCopied,
	owns: ({ name }) => name.endsWith("-copy"),
	invariant: ({ kind, object }) => {
		if (kind === "ConfigMap" && (object as ConfigMap).data?.forbidden !== undefined) throw new Error("a forbidden key");
	},
	within: "10m",
	quietFor: "90s",
	maxWritesPerObject: 30,
	seed: 1,
	// A bug that shows only when the last write of a run fails takes some runs to be met.
	runs: bug === undefined ? 20 : 80,
	cluster: { controllers: [] },
});

test("a controller in good order passes", async () => {
	await checkController(check());
});

test.each<[Bug, string]>([
	["gives up", "converges"],
	["never rests", "quiescent"],
	["writes again after a start", "idempotent"],
	["touches others", "ownership"],
	["loops", "no hot loop"],
	["breaks the invariant", "invariant"],
])("one that %s does not: %s", async (bug, property) => {
	const error = await checkController(check(bug)).then(
		() => undefined,
		(failure: unknown) => failure,
	);
	expect(String(error)).toMatch(new RegExp(`^Error: ${property}: `));
	// Smallest: one step is enough for most, and the way back to it works.
	const [, replay = ""] = /run it again with replay: "([^"]+)"/.exec(String(error)) ?? [];
	await expect(checkController({ ...check(bug), replay })).rejects.toThrow(`${property}: `);
	await checkController({ ...check(), replay });
});

/** What a user asks for while a store elects a leader or has no majority, and what a controller sees late: it then cannot write. */
const storeCheck = (bug?: Bug): ControllerCheck => ({
	...check(bug),
	schedule: fc.record<Schedule>({
		seed: fc.nat(1_000_000),
		steps: fc.constant(
			[
				{ afterMs: 1_000, action: losingStoreMember() },
				{ afterMs: 10, action: applying("apply a", manifest("a", true, "1")) },
				{ afterMs: 15_000, action: returningStoreMembers() },
				{ afterMs: 15_000, action: applying("apply b", manifest("b", true, "2")) },
				{ afterMs: 0, action: losingStoreMember("control-plane") },
				{ afterMs: 0, action: losingStoreMember("control-plane-2") },
				{ afterMs: 10, action: deleting("configmap", "a") },
			].map((step) => ({ ...step, crashAfterWrites: undefined })),
		),
		lastingMs: fc.constant(30_000),
		faults: fc.constant({ eventDelayMs: 5_000 }),
	}),
	runs: 4,
	shrink: false,
	cluster: { controllers: [], storeMembers: 3 },
});

test("a store without a leader, or a majority, is no excuse once all its members are back", async () => {
	await checkController(storeCheck());
	await expect(checkController(storeCheck("gives up"))).rejects.toThrow("converges: ");
});
