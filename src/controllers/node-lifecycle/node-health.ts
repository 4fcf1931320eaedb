/**
 * Whether nodes are alive, by their Leases and Ready conditions. What counts is not the time that a node wrote but
 * when this controller saw it change: no two clocks are compared. Pure but for what it remembers.
 * Source: https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats and
 * pkg/controller/nodelifecycle (tryUpdateNodeHealth).
 */
import type { Lease, Node, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { findCondition } from "../conditions.ts";

/** --node-monitor-grace-period: a node is silent for so long before it is Unknown. */
const monitorGraceMs = 50_000;
/** --node-startup-grace-period: the same for a node that never had a Ready condition. */
const startupGraceMs = 60_000;

/** The conditions that a silent node can no longer vouch for. */
const vouchedTypes = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

export type ReadyStatus = "True" | "False" | "Unknown";

export interface HealthReport {
	/** What the node's own condition says; Unknown if it has none. */
	readonly observed: ReadyStatus;
	/** What holds now. */
	readonly current: ReadyStatus;
	/** The conditions to write; undefined: they are right as they are. */
	readonly conditions: readonly NodeCondition[] | undefined;
}

interface LastSeen {
	readonly heartbeat: string | undefined;
	readonly renewal: string | undefined;
	/** When either of them last changed, Unix ms. */
	readonly aliveMs: number;
}

export function readyStatusOf({ status }: Node): ReadyStatus {
	const ready = findCondition(status?.conditions, "Ready")?.status;
	return ready === "True" || ready === "False" ? ready : "Unknown";
}

export class NodeHealth {
	readonly #lastSeen = new Map<string, LastSeen>();

	/** Looks at a node once more. Call every few seconds. */
	observe(node: Node, lease: Lease | undefined, nowMs: number): HealthReport {
		const ready = findCondition(node.status?.conditions, "Ready");
		const observed = readyStatusOf(node);
		const aliveMs = this.#aliveSince(node, ready?.lastHeartbeatTime, lease?.spec?.renewTime, nowMs);
		const graceMs = ready === undefined ? startupGraceMs : monitorGraceMs;
		if (nowMs <= aliveMs + graceMs) return { observed, current: observed, conditions: undefined };
		const conditions = silentConditions(node, nowMs);
		return { observed, current: "Unknown", conditions };
	}

	forget(nodeName: string): void {
		this.#lastSeen.delete(nodeName);
	}

	#aliveSince(node: Node, heartbeat: string | undefined, renewal: string | undefined, nowMs: number): number {
		const name = node.metadata?.name ?? "";
		const last = this.#lastSeen.get(name);
		const changed = last === undefined || last.heartbeat !== heartbeat || (renewal !== undefined && last.renewal !== renewal);
		if (!changed) return last.aliveMs;
		// A node that never said anything has been silent since it was made.
		const created = node.metadata?.creationTimestamp;
		const silentFromStart = last === undefined && heartbeat === undefined && renewal === undefined && created !== undefined;
		const aliveMs = silentFromStart ? parseTime(created) : nowMs;
		this.#lastSeen.set(name, { heartbeat, renewal, aliveMs });
		return aliveMs;
	}
}

/** The conditions of a node that fell silent; undefined if they say so already. */
function silentConditions({ metadata, status }: Node, nowMs: number): readonly NodeCondition[] | undefined {
	const conditions = [...(status?.conditions ?? [])];
	const nowText = formatTime(nowMs);
	let changed = false;
	for (const type of vouchedTypes) {
		const known = findCondition(conditions, type);
		if (known?.status === "Unknown") continue;
		changed = true;
		if (known === undefined) {
			conditions.push({
				type,
				status: "Unknown",
				reason: "NodeStatusNeverUpdated",
				message: "Kubelet never posted node status.",
				lastHeartbeatTime: metadata?.creationTimestamp ?? nowText,
				lastTransitionTime: nowText,
			});
		} else {
			conditions[conditions.indexOf(known)] = {
				...known,
				status: "Unknown",
				reason: "NodeStatusUnknown",
				message: "Kubelet stopped posting node status.",
				lastTransitionTime: nowText,
			};
		}
	}
	return changed ? conditions : undefined;
}
