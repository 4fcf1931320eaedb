/**
 * What a kubelet that can't reach the API writes again and again, for as long as that lasts: made when somebody reads it.
 * Source: k8s.io/component-helpers/apimachinery/lease/controller.go, pkg/kubelet/kubelet_node_status.go
 */
import type { JournalEntry } from "../../host/index.ts";
import { klogLine } from "./klog.ts";

export interface ApiOutage {
	/** Unix ms. */
	readonly sinceMs: number;
	readonly node: string;
	/** `https://172.19.0.2:6443`, as the kubelet has it. */
	readonly server: string;
	/** `dial tcp 172.19.0.2:6443: i/o timeout`. */
	readonly error: string;
}

/** Between two tries to renew a lease. */
const retryMs = 7_000;
/** Between two reports of the node's status, of five tries each. */
const statusMs = 10_000;
const tries = 5;
/** No more than so many of either: the last. */
const maxRounds = 20;

/** The oldest first. @param pid the kubelet's */
export function outageEntries(outage: ApiOutage | undefined, nowMs: number, pid: number, boot: number): readonly JournalEntry[] {
	if (outage === undefined) return [];
	const { sinceMs, node, server, error } = outage;
	const lease = `Put ${JSON.stringify(`${server}/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}?timeout=10s`)}: ${error}`;
	const status = `error getting node ${JSON.stringify(node)}: Get ${JSON.stringify(`${server}/api/v1/nodes/${node}?timeout=10s`)}: ${error}`;
	const entry = (atMs: number, source: string, text: string, err: string): JournalEntry => ({
		atMs,
		boot,
		unit: "kubelet.service",
		identifier: "kubelet",
		pid,
		priority: 6,
		message: klogLine("E", atMs, pid, source, text, { err }),
	});
	const leases = rounds(sinceMs, nowMs, retryMs).map((atMs) =>
		entry(atMs, "controller.go:145", "Failed to ensure lease exists, will retry", lease),
	);
	const statuses = rounds(sinceMs, nowMs, statusMs).flatMap((atMs) => [
		...Array.from({ length: tries }, () => entry(atMs, "kubelet_node_status.go:548", "Error updating node status, will retry", status)),
		entry(atMs, "kubelet_node_status.go:535", "Unable to update node status", "update node status exceeds retry count"),
	]);
	return [...leases, ...statuses].sort((a, b) => a.atMs - b.atMs);
}

function rounds(sinceMs: number, nowMs: number, everyMs: number): readonly number[] {
	const count = Math.floor((nowMs - sinceMs) / everyMs);
	const first = Math.max(1, count - maxRounds + 1);
	return Array.from({ length: Math.max(0, count - first + 1) }, (_, index) => sinceMs + (first + index) * everyMs);
}
