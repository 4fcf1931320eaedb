/** HorizontalPodAutoscalers: a ReplicaSet that they keep as large as the load on it asks for. */
import fc from "fast-check";
import type { ApiRequest, ApiResponse } from "../../../src/apimachinery/api-request.ts";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { KubeList, KubeObject } from "../../../src/apimachinery/meta.ts";
import type { HorizontalPodAutoscalerV2, Pod, ReplicaSet } from "../../../src/apimachinery/schema/generated/types.ts";
import { formatTime } from "../../../src/apimachinery/time.ts";
import { Client } from "../../../src/client/client.ts";
import { horizontalPodAutoscalers, replicaSets } from "../../../src/client/resources.ts";
import type { Transport } from "../../../src/client/transport.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import type { ControllerContext } from "../../../src/controllers/controller.ts";
import { horizontalPodAutoscalerController } from "../../../src/controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts";
import { isPodReady } from "../../../src/controllers/pod-state.ts";
import { replicaSetController } from "../../../src/controllers/replicaset/replicaset-controller.ts";
import type { RunnableController } from "../../../src/testbench/run-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching } from "../life.ts";

/** On the ReplicaSet: what all its pods together have to do, thousandths of a core. */
const load = "example.com/load";
const requestMilli = 100;
/** What each of them is to do: half of its request. */
const targetMilli = 50;
const tolerance = 0.1;
const most = 6;

function loadOf(set: ReplicaSet | undefined): number {
	return Number(set?.metadata?.annotations?.[load] ?? 0);
}

/** metrics.k8s.io of a cluster in which the load is shared by the pods that are ready. */
class Metered implements Transport {
	readonly #transport: Transport;
	readonly #context: ControllerContext;
	readonly watch: Transport["watch"];

	constructor(context: ControllerContext) {
		this.#context = context;
		this.#transport = context.client.transport;
		this.watch = (request, sink) => this.#transport.watch(request, sink);
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		if (request.group !== "metrics.k8s.io") return this.#transport.request(request);
		const { object } = await this.#transport.request({ ...request, group: "", version: "v1" });
		const set = await this.#context.client.resource(replicaSets).get({ namespace: "default", name: "web" });
		const serving = (object as KubeList<Pod>).items.filter((each) => isPodReady(each) && each.metadata?.deletionTimestamp === undefined);
		const share = Math.floor(loadOf(set) / Math.max(1, serving.length));
		const items = serving.map(({ metadata }) => ({
			metadata,
			timestamp: formatTime(this.#context.clock.now()),
			window: "15s",
			containers: [{ name: "c", usage: { cpu: `${share}m` } }],
		}));
		return { object: { items } as unknown as KubeObject, code: 200, warnings: [] };
	}
}

const metered: RunnableController = {
	name: horizontalPodAutoscalerController.name,
	run: (context, signal) => horizontalPodAutoscalerController.run({ ...context, client: new Client(new Metered(context)) }, signal),
};

const labels = { app: "web" };
const resources = { requests: { cpu: `${requestMilli}m` } };

function webSet(replicas: number, milli: number): ReplicaSet {
	const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image: "i", resources }] } };
	return {
		metadata: { name: "web", annotations: { [load]: `${milli}` } },
		spec: { replicas, selector: { matchLabels: labels }, template },
	};
}

const bounds = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 3, max: most })).map(([minReplicas, maxReplicas]) => ({
	minReplicas,
	maxReplicas,
}));
const milli = fc.constantFrom(0, 40, 100, 140, 200, 280, 500);

const autoscaler = bounds.map(
	(its): HorizontalPodAutoscalerV2 => ({
		metadata: { name: "web" },
		spec: {
			scaleTargetRef: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" },
			metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
			...its,
		},
	}),
);

function isScaled(cluster: TestCluster): boolean {
	const set = all(cluster, replicaSets)[0];
	const replicas = set?.spec?.replicas ?? 0;
	if (set !== undefined && set.status?.readyReplicas !== replicas && replicas > 0) return false;
	return all(cluster, horizontalPodAutoscalers).every((each) => {
		const { minReplicas = 1, maxReplicas } = each.spec;
		const isActive = each.status?.conditions?.some(({ type, status }) => type === "ScalingActive" && status === "True") === true;
		// Somebody has turned it off, or there is nothing to scale.
		if (replicas === 0) return !isActive;
		const ratio = loadOf(set) / replicas / targetMilli;
		const wanted = Math.abs(ratio - 1) <= tolerance ? replicas : Math.ceil(loadOf(set) / targetMilli);
		const { currentReplicas, desiredReplicas } = each.status ?? {};
		const isSaid = isActive && currentReplicas === replicas && desiredReplicas === replicas;
		return isSaid && replicas === Math.min(maxReplicas, Math.max(minReplicas, wanted));
	});
}

/** How long a load is not forgotten: five minutes that it waits before it scales down, and what caches and requests are late. */
const rememberedMs = 7 * 60_000;

/** What was so at some moment of late. */
class Recent {
	readonly #past: { readonly untilMs: number; readonly value: number }[] = [];
	#present = 0;

	set(value: number, nowMs: number): void {
		if (value !== this.#present) this.#past.push({ untilMs: nowMs, value: this.#present });
		this.#present = value;
	}

	values(nowMs: number): readonly number[] {
		return [this.#present, ...this.#past.filter(({ untilMs }) => nowMs - untilMs < rememberedMs).map(({ value }) => value)];
	}
}

/** Of all the bounds that there have been it keeps the widest, and it goes only where a load of late asks it to. */
function followsTheLoad(): (entry: TimelineEntry) => void {
	const min = { least: Number.POSITIVE_INFINITY, most: 0 };
	const max = { least: Number.POSITIVE_INFINITY, most: 0 };
	const loads = new Recent();
	/** What it was when it was first seen is taken for what was asked for then. */
	const sizes = new Recent();

	const judge = (before: number, after: number, nowMs: number) => {
		if (after < min.least || after > max.most) throw new Error(`it is scaled to ${after}, of ${min.least} to ${max.most}`);
		const wanted = loads.values(nowMs).map((each) => Math.ceil(each / targetMilli));
		// Who is outside the bounds is brought there, whatever the load.
		if (after > before && after > Math.max(min.most, ...wanted, ...sizes.values(nowMs)))
			throw new Error(`it grows from ${before} to ${after}, of which ${wanted} were asked for`);
		if (after < before && after < Math.min(max.least, ...wanted.map((each) => each / (1 + tolerance))))
			throw new Error(`it shrinks from ${before} to ${after}, when ${wanted} were asked for`);
	};

	return ({ kind, type, object, previous, atMs }) => {
		if (kind === "HorizontalPodAutoscaler" && type !== "DELETED") {
			const { minReplicas = 1, maxReplicas } = (object as HorizontalPodAutoscalerV2).spec;
			Object.assign(min, { least: Math.min(min.least, minReplicas), most: Math.max(min.most, minReplicas) });
			Object.assign(max, { least: Math.min(max.least, maxReplicas), most: Math.max(max.most, maxReplicas) });
		}
		if (kind !== "ReplicaSet" || type === "DELETED") return;
		const [before, after] = [previous as ReplicaSet | undefined, object as ReplicaSet];
		const [from = 0, to = 0] = [before?.spec?.replicas, after.spec?.replicas];
		const isUsers = before === undefined || before.metadata?.annotations?.[byUser] !== after.metadata?.annotations?.[byUser];
		loads.set(loadOf(after), atMs);
		if (!isUsers && from !== to) judge(from, to, atMs);
		sizes.set(to, atMs);
	};
}

/** On the ReplicaSet: another one with each change of its size that is the user's. */
const byUser = "example.com/by";

const resized = fc
	.tuple(fc.nat(most + 2), fc.nat(1_000_000))
	.map(([replicas, mark]) => patching(replicaSets, "web", { metadata: { annotations: { [byUser]: `${mark}` } }, spec: { replicas } }));

/** What recent recommendations held it back from is forgotten with a crash, as upstream, so that conditions may speak of less, and of more again. */
function saysMore({ kind, object, previous }: TimelineEntry): boolean {
	if (kind !== "HorizontalPodAutoscaler") return true;
	const rest = (autoscaler: HorizontalPodAutoscalerV2 | undefined) => ({ ...autoscaler?.status, conditions: undefined });
	return !jsonEqual(rest(object as HorizontalPodAutoscalerV2), rest(previous as HorizontalPodAutoscalerV2 | undefined));
}

const autoscalerLife: Life = {
	controller: () => metered,
	companions: () => [replicaSetController],
	machines: true,
	prepare: ({ client }) =>
		client.resource(replicaSets).create({ ...webSet(2, 100), metadata: { ...webSet(2, 100).metadata, namespace: "default" } }),
	actions: fc.oneof(
		{ weight: 4, arbitrary: autoscaler.map((each) => creating(horizontalPodAutoscalers, each)) },
		{ weight: 2, arbitrary: bounds.map((spec) => patching(horizontalPodAutoscalers, "web", { spec })) },
		{ weight: 1, arbitrary: fc.constant(deleting(horizontalPodAutoscalers, "web")) },
		{ weight: 6, arbitrary: milli.map((each) => patching(replicaSets, "web", { metadata: { annotations: { [load]: `${each}` } } })) },
		{ weight: 2, arbitrary: resized },
	),
	pauseMs: 120_000,
	converged: isScaled,
	invariant: followsTheLoad,
	owns: ({ kind }) => kind === "HorizontalPodAutoscaler" || kind === "ReplicaSet",
	isWork: saysMore,
};

export const autoscalingLives: Readonly<Record<string, Life>> = { "horizontal-pod-autoscaler-controller": autoscalerLife };
