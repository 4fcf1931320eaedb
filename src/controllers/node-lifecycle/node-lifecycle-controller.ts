/**
 * node-lifecycle-controller: notices nodes that fell silent, says so in their conditions and taints, and marks their
 * pods as not ready. Pods are evicted by taint-eviction-controller, which goes by those taints.
 *
 * Watches  nodes, their Leases, pods that are assigned to a node
 * Writes   node conditions (Unknown), node taints, the Ready condition of pods; events on nodes and pods
 *
 *   every 5 s, each node:   silent for 50 s? -> conditions Unknown, pods not ready
 *                           not ready?       -> NoExecute taint, as fast as its zone allows
 *   at once, each change:   conditions and spec.unschedulable -> NoSchedule taints
 *
 * Source of behaviour and texts: pkg/controller/nodelifecycle.
 */
import type { Lease, Node, NodeCondition, Pod, Taint } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { leases, nodes, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { addNodeIndex, isPodReady, podsOnNode } from "../pod-state.ts";
import { NodeHealth, readyStatusOf } from "./node-health.ts";
import { NodeMetrics } from "./node-metrics.ts";
import { hasNoExecuteTaint, planNoExecuteTaints, planNoScheduleTaints } from "./node-taints.ts";
import { type ZoneCount, Zones, zoneOf } from "./zones.ts";

const name = "node-lifecycle-controller";
/** --node-monitor-period */
const monitorPeriodMs = 5_000;
/** Workers of upstream's passes over nodes. */
const concurrency = 8;
const leaseNamespace = "kube-node-lease";

export const nodeLifecycleController: Controller = {
	name,
	run: (context, signal) => new NodeLifecycleController(context, signal).run(signal),
};

class NodeLifecycleController {
	readonly #context: ControllerContext;
	readonly #nodes: Informer<Node>;
	readonly #leases: Informer<Lease>;
	readonly #pods: Informer<Pod>;
	/** Nodes whose NoSchedule taints may have to change. */
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #health = new NodeHealth();
	readonly #zones: Zones;
	readonly #metrics: NodeMetrics | undefined;
	readonly #ownWrites = new OwnWrites<Node>();
	/** Nodes whose pods could not all be marked as not ready yet. */
	readonly #podsToMark = new Set<string>();
	#passUnderWay = false;

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#nodes = context.informers.informer(nodes);
		this.#leases = context.informers.informer(leases, { namespace: leaseNamespace });
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "node_lifecycle_controller");
		this.#recorder = recorderOf(context, "node-controller", signal);
		this.#zones = new Zones(context.clock);
		this.#metrics = context.metrics && new NodeMetrics(context.metrics);
	}

	async run(signal: AbortSignal): Promise<void> {
		addNodeIndex(this.#pods.cache);
		await Promise.all([this.#nodes.whenSynced(), this.#leases.whenSynced(), this.#pods.whenSynced()]);
		this.#watch(signal);
		const timer = this.#context.clock.setInterval(() => void this.#pass(), monitorPeriodMs);
		signal.addEventListener("abort", () => timer.cancel(), { once: true });
		void this.#pass();
		const reconcile = (key: string) => this.#taintByConditions(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
		timer.cancel();
	}

	#watch(signal: AbortSignal): void {
		this.#nodes.onChange(
			{
				added: (node) => {
					this.#nodeEvent(node, "RegisteredNode", `Registered Node ${node.metadata?.name} in Controller`);
					this.#nodeChanged(node);
				},
				updated: (_old, node) => this.#nodeChanged(node),
				deleted: (node) => {
					const nodeName = node.metadata?.name ?? "";
					this.#nodeEvent(node, "RemovingNode", `Removing Node ${nodeName} from Controller`);
					this.#health.forget(nodeName);
					this.#ownWrites.delete(nodeName);
					this.#podsToMark.delete(nodeName);
				},
			},
			signal,
		);
		this.#pods.onChange(
			{
				added: (pod) => this.#podAssigned(pod),
				updated: (old, pod) => {
					if (old.spec?.nodeName !== pod.spec?.nodeName) this.#podAssigned(pod);
				},
			},
			signal,
		);
	}

	#nodeEvent(node: Node, reason: string, text: string): void {
		this.#recorder.event(node, "Normal", reason, `Node ${node.metadata?.name} event: ${text}`);
	}

	/** Heartbeats come all the time; few of them call for another taint. */
	#nodeChanged(node: Node): void {
		if (planNoScheduleTaints(node, this.#context.clock.now()) !== undefined) this.#queue.add(node.metadata?.name ?? "");
	}

	/** A pod that comes to a node which is down already is not ready either; the next pass sees to it. */
	#podAssigned(pod: Pod): void {
		const node = this.#nodes.cache.get(pod.spec?.nodeName ?? "");
		if (node?.metadata?.name !== undefined && readyStatusOf(node) !== "True" && isPodReady(pod)) this.#podsToMark.add(node.metadata.name);
	}

	// ── NoSchedule taints, at once ──

	async #taintByConditions(nodeName: string): Promise<void> {
		const cached = this.#nodes.cache.get(nodeName);
		if (cached === undefined) return;
		const node = this.#ownWrites.freshest(cached);
		const taints = planNoScheduleTaints(node, this.#context.clock.now());
		if (taints !== undefined) await this.#writeTaints(node, taints);
	}

	/** Rejects with a Conflict if somebody changed the node meanwhile. */
	async #writeTaints(node: Node, taints: readonly Taint[]): Promise<void> {
		const { name: nodeName = "", resourceVersion } = node.metadata ?? {};
		const body = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
		try {
			const client = this.#context.client.resource(nodes);
			this.#ownWrites.note(await client.patch({ name: nodeName }, "application/merge-patch+json", body));
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	// ── The pass over all nodes ──

	/** Never rejects; what fails is tried again by the next pass. */
	async #pass(): Promise<void> {
		if (this.#passUnderWay) return;
		this.#passUnderWay = true;
		const counts = new Map<string, ZoneCount>();
		const startMs = this.#context.clock.now();
		try {
			await Promise.all(this.#nodes.cache.list().map((node) => this.#monitor(this.#ownWrites.freshest(node), counts)));
			await this.#updateZones(counts);
			this.#metrics?.passed(counts, this.#context.clock.now() - startMs);
		} catch (error) {
			this.#context.log.warn(`${name}: error monitoring node health`, { error: String(error) });
		} finally {
			this.#passUnderWay = false;
		}
	}

	async #monitor(node: Node, counts: Map<string, ZoneCount>): Promise<void> {
		const nodeName = node.metadata?.name ?? "";
		const lease = this.#leases.cache.get(`${leaseNamespace}/${nodeName}`);
		const { observed, current, conditions } = this.#health.observe(node, lease, this.#context.clock.now());
		const count = counts.get(zoneOf(node)) ?? { ready: 0, notReady: 0 };
		counts.set(zoneOf(node), count);
		count[current === "True" ? "ready" : "notReady"]++;
		try {
			const written = conditions === undefined ? node : await this.#writeConditions(node, conditions);
			await this.#taintForEviction(written, observed);
			if (current !== "True" && observed === "True") {
				this.#recorder.event(node, "Normal", "NodeNotReady", `Node ${nodeName} status is now: NodeNotReady`);
				this.#podsToMark.add(nodeName);
			}
			if (current === "True") this.#podsToMark.delete(nodeName);
			if (this.#podsToMark.has(nodeName)) await this.#markPodsNotReady(nodeName);
		} catch (error) {
			this.#context.log[isStatusError(error, "Conflict") ? "debug" : "warn"](`${name}: error monitoring node ${nodeName}`, {
				error: String(error),
			});
		}
	}

	async #writeConditions(node: Node, conditions: readonly NodeCondition[]): Promise<Node> {
		const client = this.#context.client.resource(nodes);
		return this.#ownWrites.note(await client.updateStatus({ ...node, status: { ...node.status, conditions } }));
	}

	/** A node that is back loses its taint at once; one that goes gets it when its zone's turn comes; a change of taint has no turn. */
	async #taintForEviction(node: Node, observed: "True" | "False" | "Unknown"): Promise<void> {
		const taints = planNoExecuteTaints(node, observed, this.#context.clock.now());
		if (taints === undefined) return;
		const isNew = observed !== "True" && !hasNoExecuteTaint(node);
		if (isNew && !this.#zones.mayEvict(zoneOf(node))) return;
		await this.#writeTaints(node, taints);
		if (isNew) this.#metrics?.evicted(zoneOf(node));
	}

	async #updateZones(counts: ReadonlyMap<string, ZoneCount>): Promise<void> {
		const wasDisrupted = this.#zones.allDisrupted;
		for (const [zone, state] of this.#zones.update(counts)) {
			this.#context.log.info("Controller detected that zone is now in new state", { zone, state });
		}
		if (!this.#zones.allDisrupted || wasDisrupted) return;
		this.#context.log.info("Controller detected that all Nodes are not-Ready. Entering master disruption mode.");
		for (const cached of this.#nodes.cache.list()) {
			const node = this.#ownWrites.freshest(cached);
			const taints = planNoExecuteTaints(node, "True", this.#context.clock.now());
			if (taints !== undefined) await this.#writeTaints(node, taints);
		}
	}

	async #markPodsNotReady(nodeName: string): Promise<void> {
		const nowText = formatTime(this.#context.clock.now());
		const client = this.#context.client.resource(pods);
		await Promise.all(
			podsOnNode(this.#pods.cache, nodeName)
				.filter(isPodReady)
				.map(async (pod) => {
					const conditions = (pod.status?.conditions ?? []).map((condition) =>
						condition.type === "Ready" ? { ...condition, status: "False", lastTransitionTime: nowText } : condition,
					);
					try {
						await client.updateStatus({ ...pod, status: { ...pod.status, conditions } });
						this.#recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready");
					} catch (error) {
						if (!isStatusError(error, "NotFound")) throw error;
					}
				}),
		);
		this.#podsToMark.delete(nodeName);
	}
}
