/** Nodes, and on each its pods: name, phase, containers that are ready. */
import type { Node, Pod } from "../../../apimachinery/schema/generated/types.ts";
import { nodes, pods } from "../../../client/resources.ts";
import { asCached } from "../../engine/look.ts";
import { type Line, plain, type Style, truncate } from "../../text/styled-text.ts";
import type { Pane } from "./pane.ts";

interface Look {
	readonly sign: string;
	readonly word: string;
	readonly style: Style;
}

export const clusterMap: Pane = {
	id: "map",
	title: { zh: "集群", en: "Cluster" },
	read: async ({ session, word }) => {
		const { client } = session.cluster.lookout;
		const [allNodes, allPods] = await Promise.all([
			client.resource(nodes).list(undefined, asCached),
			client.resource(pods).list(undefined, asCached),
		]);
		return (width, height) => {
			const lines: Line[] = [];
			for (const node of allNodes.items) lines.push(...nodeLines(node, podsOn(allPods.items, node.metadata?.name), width));
			const waiting = podsOn(allPods.items, undefined);
			if (waiting.length > 0) lines.push(plain(word("onNoNode"), { bold: true }), ...waiting.map((pod) => podLine(pod, width)));
			return fitted(lines, height, word("more"));
		};
	},
};

/** What does not fit is said to be there. */
function fitted(lines: readonly Line[], height: number, more: string): readonly Line[] {
	if (lines.length <= height) return lines;
	return [...lines.slice(0, Math.max(0, height - 1)), plain(`… ${lines.length - height + 1} ${more}`, { dim: true })];
}

function podsOn(all: readonly Pod[], node: string | undefined): readonly Pod[] {
	return all.filter(({ spec }) => (spec?.nodeName === "" ? undefined : spec?.nodeName) === node);
}

function nodeLines(node: Node, own: readonly Pod[], width: number): Line[] {
	const { name = "" } = node.metadata ?? {};
	const { status, reason = "" } = node.status?.conditions?.find(({ type }) => type === "Ready") ?? {};
	const isReady = status === "True";
	const notes = [
		isReady ? "Ready" : `NotReady ${reason}`.trim(),
		...(node.spec?.unschedulable === true ? ["SchedulingDisabled"] : []),
		...(node.spec?.taints ?? [])
			.filter(({ key }) => key !== "node.kubernetes.io/unschedulable")
			.map(({ key, effect }) => `${key}:${effect}`),
	];
	const head: Line = [
		{ text: isReady ? "■ " : "□ ", color: isReady ? "green" : "red" },
		{ text: name, bold: true },
		{
			text: truncate(`  ${notes.join(" ")}`, Math.max(0, width - name.length - 2)),
			...(isReady ? { dim: true } : { color: "red" as const }),
		},
	];
	return [head, ...own.map((pod) => podLine(pod, width))];
}

function podLine(pod: Pod, width: number): Line {
	const { name = "", namespace = "" } = pod.metadata ?? {};
	const { sign, word, style } = lookOf(pod);
	const statuses = pod.status?.containerStatuses ?? [];
	const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
	const counts = ` ${statuses.filter(({ ready }) => ready).length}/${pod.spec?.containers.length ?? 0}${restarts > 0 ? ` ↻${restarts}` : ""}`;
	const full = namespace === "default" ? name : `${namespace}/${name}`;
	const rest = `  ${word}${counts}`;
	return [{ text: `  ${sign} `, ...style }, { text: truncate(full, Math.max(4, width - rest.length - 4)) }, { text: rest, ...style }];
}

function lookOf({ metadata, status }: Pod): Look {
	const statuses = status?.containerStatuses ?? [];
	if (metadata?.deletionTimestamp !== undefined) return { sign: "†", word: "Terminating", style: { color: "magenta" } };
	const waiting = statuses
		.map(({ state }) => state?.waiting?.reason)
		.find((reason) => reason !== undefined && reason !== "ContainerCreating");
	if (waiting !== undefined) return { sign: "✗", word: waiting, style: { color: "red" } };
	switch (status?.phase) {
		case "Running":
			return statuses.every(({ ready }) => ready)
				? { sign: "●", word: "Running", style: { color: "green" } }
				: { sign: "◐", word: "Running", style: { color: "yellow" } };
		case "Succeeded":
			return { sign: "✓", word: "Succeeded", style: { dim: true } };
		case "Failed":
			return { sign: "✗", word: status.reason ?? "Failed", style: { color: "red" } };
		default:
			return { sign: "○", word: status?.phase ?? "Pending", style: { color: "yellow" } };
	}
}
