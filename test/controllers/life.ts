/**
 * What a built-in controller is held to: a life is a controller, what happens around it, and what has to be there in the end. Each
 * run of it is a cluster of its own, of which only the API server is there: the controller and its companions are run as processes
 * of their own, with everything going wrong between them and the server, and pods are run by the stand-in of machines.ts. That costs
 * some milliseconds, where a whole cluster takes a hundred.
 */
import type fc from "fast-check";

import type { ApiRequest } from "../../src/apimachinery/api-request.ts";
import type { KubeObject } from "../../src/apimachinery/meta.ts";
import type { ResourceRef } from "../../src/client/resources.ts";
import { openCluster } from "../../src/cluster/index.ts";
import type { TimelineEntry } from "../../src/cluster/timeline/timeline.ts";
import type { Controller } from "../../src/controllers/controller.ts";
import { checkController } from "../../src/testbench/check-controller.ts";
import type { Duration } from "../../src/testbench/pace.ts";
import type { RunnableController } from "../../src/testbench/run-controller.ts";
import { type Schedule, schedules, type UserAction } from "../../src/testbench/schedules.ts";
import { type ClusterOptions, createTestCluster, type TestCluster } from "../../src/testbench/test-cluster.ts";
import { Machines } from "./machines.ts";

export interface Life {
	readonly controller: () => RunnableController;
	/** Other controllers that it needs: they live through the same faults. */
	readonly companions?: () => readonly Controller[];
	/** Whether pods are placed, run and end. */
	readonly machines?: boolean;
	/** What is there before anything goes wrong. The namespace `default` is. */
	readonly prepare?: (cluster: TestCluster) => Promise<unknown>;
	readonly actions: fc.Arbitrary<UserAction>;
	/** Whether things are as the specs say. */
	readonly converged: (cluster: TestCluster) => boolean;
	/** What must hold at every moment: made anew for each run. */
	readonly invariant?: (cluster: TestCluster) => (entry: TimelineEntry) => void;
	/** What it may write. */
	readonly owns: (entry: TimelineEntry) => boolean;
	/** Which of its writes have to come to an end; default all. */
	readonly isWork?: (entry: TimelineEntry) => boolean;
	readonly within?: Duration;
	readonly quietFor?: Duration;
	/** Which requests may go wrong; default all. */
	readonly affects?: (request: ApiRequest) => boolean;
	/** Longest time between two actions. */
	readonly pauseMs?: number;
	readonly steps?: { readonly min: number; readonly max: number };
}

export interface LifeOptions {
	readonly runs: number;
	readonly seed?: number;
	readonly replay?: string;
	readonly shrink?: boolean;
}

/** Rejects with the property that does not hold, the smallest schedule and the timeline. */
export async function live(life: Life, { runs, seed, replay, shrink = true }: LifeOptions): Promise<void> {
	let invariant: ((entry: TimelineEntry) => void) | undefined;
	await checkController({
		controller: life.controller,
		makeCluster: async (options) => {
			const cluster = await makeCluster(options, life);
			invariant = life.invariant?.(cluster);
			return cluster;
		},
		schedule: schedulesOf(life),
		converged: life.converged,
		invariant: (entry) => invariant?.(entry),
		owns: life.owns,
		...(life.isWork === undefined ? {} : { isWork: life.isWork }),
		...(life.within === undefined ? {} : { within: life.within }),
		...(life.quietFor === undefined ? {} : { quietFor: life.quietFor }),
		runs,
		shrink,
		...(seed === undefined ? {} : { seed }),
		...(replay === undefined ? {} : { replay }),
	});
}

function schedulesOf({ actions, pauseMs = 30_000, steps, affects }: Life): fc.Arbitrary<Schedule> {
	const any = schedules(actions, { pauseMs, ...(steps === undefined ? {} : { steps }) });
	return affects === undefined ? any : any.map((schedule) => ({ ...schedule, faults: { ...schedule.faults, affects } }));
}

/** The API server, and what the life needs beside its controller. Its controllers act as administrators: their roles are another test's. */
async function makeCluster(options: ClusterOptions, life: Life): Promise<TestCluster> {
	// Without service accounts, so that pods need none.
	const admission = { disable: ["ServiceAccount"] };
	const cluster = await createTestCluster({ ...options, admission }, openCluster);
	await makeNamespace(cluster, "default");
	await life.prepare?.(cluster);
	if (life.machines === true) new Machines(cluster, options.seed ?? 0).start();
	for (const companion of life.companions?.() ?? []) cluster.run(companion);
	return cluster;
}

export function makeNamespace(cluster: TestCluster, name: string): Promise<unknown> {
	return cluster.client.resource<KubeObject>(namespaces).create({ metadata: { name } });
}

const namespaces = { group: "", version: "v1", resource: "namespaces", kind: "Namespace" };

// ── What users do ──

export function creating<T extends KubeObject>(
	ref: ResourceRef<T>,
	object: T,
	name = `create ${ref.kind} ${object.metadata?.name}`,
): UserAction {
	return { name, run: ({ client }) => client.resource(ref).create(placed(ref, object)) };
}

/** In `default`, unless it says otherwise. */
function placed<T extends KubeObject>({ resource }: ResourceRef<T>, object: T): T {
	return clusterScoped.has(resource) ? object : { ...object, metadata: { namespace: "default", ...object.metadata } };
}

/** A merge patch. @param key `name`, or `namespace/name`; objects of `default` go by their name */
export function patching<T extends KubeObject>(ref: ResourceRef<T>, key: string, body: unknown, subresource?: string): UserAction {
	const what = subresource === undefined ? "" : `/${subresource}`;
	return {
		name: `patch ${ref.kind} ${key}${what} ${JSON.stringify(body)}`,
		run: ({ client }) =>
			client.resource(ref).patch(placeOf(ref, key), "application/merge-patch+json", body, subresource === undefined ? {} : { subresource }),
	};
}

export function deleting<T extends KubeObject>(ref: ResourceRef<T>, key: string, propagationPolicy?: string): UserAction {
	return {
		name: `delete ${ref.kind} ${key} ${propagationPolicy ?? ""}`,
		run: ({ client }) => client.resource(ref).delete(placeOf(ref, key), propagationPolicy === undefined ? {} : { propagationPolicy }),
	};
}

/** Something done to one of the objects that there are, as many as there are. */
export function toOneOf<T extends KubeObject>(
	ref: ResourceRef<T>,
	which: number,
	what: string,
	act: (object: T, cluster: TestCluster) => Promise<unknown>,
): UserAction {
	return {
		name: `${what} ${ref.kind} number ${which}`,
		run: async (cluster) => {
			const objects = all(cluster, ref);
			const object = objects[which % Math.max(1, objects.length)];
			if (object !== undefined) await act(object, cluster);
		},
	};
}

const clusterScoped: ReadonlySet<string> = new Set([
	"nodes",
	"namespaces",
	"persistentvolumes",
	"storageclasses",
	"volumeattachments",
	"servicecidrs",
	"ipaddresses",
	"clusterroles",
	"certificatesigningrequests",
	"validatingadmissionpolicies",
]);

function placeOf({ resource }: ResourceRef<KubeObject>, key: string): { readonly namespace?: string; readonly name: string } {
	if (clusterScoped.has(resource)) return { name: key };
	const [first = "", second] = key.split("/");
	return second === undefined ? { namespace: "default", name: first } : { namespace: first, name: second };
}

// ── What is asked of objects ──

/**
 * Whether a request that failed may have been carried out in this life. What a controller has done without knowing, and its cache does
 * not show yet, it may do again, as upstream does: then it is put right later, and no promise of a moment holds. To be asked at
 * every event: in the end nothing goes wrong any more, and what went wrong before still counts.
 */
export function knowsItsDeeds(cluster: TestCluster): () => boolean {
	let isSure = true;
	return () => {
		isSure &&= (cluster.faults.plan.timeout ?? 0) === 0;
		return isSure;
	};
}

/** As they are in the store, without the way through the API: conditions are looked at after every event. */
export function all<T extends KubeObject>({ inner }: TestCluster, { group, resource }: ResourceRef<T>): readonly T[] {
	return inner.apiServer
		.storage(group, resource)
		.cache.list()
		.map((entry) => entry.object as T);
}

export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
	return object.metadata?.ownerReferences?.some(({ uid, controller }) => controller === true && uid === owner.metadata?.uid) === true;
}

/** The controller has seen the newest spec. */
export function isObserved({ metadata, status }: KubeObject & { readonly status?: { readonly observedGeneration?: number } }): boolean {
	return status?.observedGeneration === metadata?.generation;
}
