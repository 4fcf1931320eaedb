/**
 * Nodes, and on each its pods: name, phase, containers that are ready. Where there is no room for all, pods that are as they should be are
 * counted, so that the others are seen.
 */
import type { Node, Pod } from "../../../apimachinery/schema/generated/types.ts";
import { nodes, pods } from "../../../client/resources.ts";
import { asCached } from "../../engine/look.ts";
import { type Line, pad, plain, type Style, truncate, widthOf } from "../../text/styled-text.ts";
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
			const all = mapLines(allNodes.items, allPods.items, { width, isBrief: false, noNode: word("onNoNode") });
			if (all.length <= height) return all;
			const brief = mapLines(allNodes.items, allPods.items, { width, isBrief: true, noNode: word("onNoNode") });
			return fitted(brief, height, word("more"));
		};
	},
};

interface MapOptions {
	readonly width: number;
	readonly isBrief: boolean;
	/** Over the pods that are on no node. */
	readonly noNode: string;
}

export function mapLines(allNodes: readonly Node[], allPods: readonly Pod[], { width, isBrief, noNode }: MapOptions): readonly Line[] {
	// States stand below each other.
	const nameWidth = Math.max(0, ...allPods.map((pod) => widthOf(nameOf(pod))));
	const podLines = (own: readonly Pod[]): Line[] => {
		const [well, others] = isBrief ? [own.filter(isWell), own.filter((pod) => !isWell(pod))] : [[], own];
		const counted: Line[] = well.length === 0 ? [] : [plain(`  ● ${well.length} Running`, { color: "green" })];
		return [...others.map((pod) => podLine(pod, width, nameWidth)), ...counted];
	};
	const waiting = podsOn(allPods, undefined);
	return [
		...allNodes.flatMap((node) => [nodeLine(node, width), ...podLines(podsOn(allPods, node.metadata?.name))]),
		...(waiting.length === 0 ? [] : [plain(noNode, { bold: true }), ...podLines(waiting)]),
	];
}

function isWell({ metadata, status }: Pod): boolean {
	return (
		metadata?.deletionTimestamp === undefined && status?.phase === "Running" && (status.containerStatuses ?? []).every(({ ready }) => ready)
	);
}

/** What does not fit is said to be there. */
function fitted(lines: readonly Line[], height: number, more: string): readonly Line[] {
	if (lines.length <= height) return lines;
	return [...lines.slice(0, Math.max(0, height - 1)), plain(`… ${lines.length - height + 1} ${more}`, { dim: true })];
}

function podsOn(all: readonly Pod[], node: string | undefined): readonly Pod[] {
	return all.filter(({ spec }) => (spec?.nodeName === "" ? undefined : spec?.nodeName) === node);
}

function nodeLine(node: Node, width: number): Line {
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
	return [
		{ text: isReady ? "■ " : "□ ", color: isReady ? "green" : "red" },
		{ text: name, bold: true },
		{
			text: truncate(`  ${notes.join(" ")}`, Math.max(0, width - name.length - 2)),
			...(isReady ? { dim: true } : { color: "red" as const }),
		},
	];
}

function nameOf({ metadata: { name = "", namespace = "" } = {} }: Pod): string {
	return namespace === "default" ? name : `${namespace}/${name}`;
}

/** @param nameWidth of the longest name, columns */
function podLine(pod: Pod, width: number, nameWidth: number): Line {
	const { sign, word, style } = lookOf(pod);
	const statuses = pod.status?.containerStatuses ?? [];
	const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
	const counts = ` ${statuses.filter(({ ready }) => ready).length}/${pod.spec?.containers.length ?? 0}${restarts > 0 ? ` ↻${restarts}` : ""}`;
	const rest = `  ${word}${counts}`;
	const room = Math.max(4, width - Math.max(longestRest, rest.length) - 4);
	return [{ text: `  ${sign} `, ...style }, { text: pad(nameOf(pod), Math.min(nameWidth, room)) }, { text: rest, ...style }];
}

/** Of what usually stands behind a name: `  ImagePullBackOff 0/1 ↻10`. */
const longestRest = 26;

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
