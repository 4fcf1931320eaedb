/**
 * NodeVolumeLimits: a node has no more volumes of a CSI driver attached than its CSINode says it can.
 * Source of behaviour: pkg/scheduler/framework/plugins/nodevolumelimits,
 * https://kubernetes.io/docs/concepts/storage/storage-limits/
 */
import type { CSINode, PersistentVolumeClaim, Pod, VolumeAttachment } from "../../apimachinery/schema/generated/types.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { classNameOf } from "../../apimachinery/storage/volume-matching.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import { usesClaim } from "./volume-binding.ts";
import type { VolumeCache } from "./volume-cache.ts";

const name = "NodeVolumeLimits";
const full = unschedulable(name, "node(s) exceed max volume count");

/** What the pod brings: drivers by volume, or what is missing to say so. */
interface Wanted {
	readonly volumes: ReadonlyMap<string, string>;
	readonly missing: Verdict;
}

const wantedKey = stateKey<Wanted>(`PreFilter${name}`);

export function createNodeVolumeLimits(cache: VolumeCache): PreFilterPlugin & FilterPlugin {
	return {
		name,
		preFilter(state, { pod, namespace }) {
			if (podClaims(pod).length === 0) return skip;
			state.write(wantedKey, wantedBy(pod, namespace, cache));
			return undefined;
		},
		filter(state, _pod, node) {
			const { volumes, missing } = state.read(wantedKey);
			if (missing !== undefined || volumes.size === 0) return missing;
			const limits = limitsOf(cache.csiNodes.get(node.name));
			if (limits.size === 0 || volumes.size + mostAttachedTo(node, cache) <= Math.min(...limits.values())) return undefined;
			const attached = attachedTo(node.name, node.pods, cache);
			const added = [...volumes].flatMap(([volume, driver]) => (attached.has(volume) ? [] : driver));
			for (const [driver, limit] of limits) {
				const isOf = (each: string) => each === driver;
				const more = added.filter(isOf).length;
				if (more > 0 && [...attached.values()].filter(isOf).length + more > limit) return full;
			}
			return undefined;
		},
		eventsToRegister: () => [
			{
				resource: "CSINode",
				action: ActionType.add | ActionType.update,
				hint: (_pod, old, object) => (hasMoreRoom(old as CSINode, object as CSINode) ? "Queue" : "Skip"),
			},
			{
				resource: "AssignedPod",
				action: ActionType.delete,
				hint: (_pod, deleted: Pod | undefined) => (deleted !== undefined && podClaims(deleted).length > 0 ? "Queue" : "Skip"),
			},
			{
				resource: "PersistentVolumeClaim",
				action: ActionType.add,
				hint: (pod, _old, claim) => (claim !== undefined && usesClaim(pod, claim) ? "Queue" : "Skip"),
			},
			{
				resource: "VolumeAttachment",
				action: ActionType.delete,
				hint: (_pod, old) => ((old as VolumeAttachment | undefined)?.spec.source.persistentVolumeName === undefined ? "Skip" : "Queue"),
			},
		],
	};
}

function wantedBy(pod: Pod, namespace: string, cache: VolumeCache): Wanted {
	const volumes = new Map<string, string>();
	for (const { claim: claimName, isEphemeral } of podClaims(pod)) {
		const claim = cache.claim(namespace, claimName);
		if (claim === undefined) {
			const message = isEphemeral
				? `looking up PVC ${namespace}/${claimName}`
				: `persistentvolumeclaim ${JSON.stringify(claimName)} not found`;
			return { volumes, missing: unresolvable(name, message) };
		}
		addVolume(volumes, claim, cache);
	}
	return { volumes, missing: undefined };
}

function hasMoreRoom(old: CSINode | undefined, csiNode: CSINode | undefined): boolean {
	const before = limitsOf(old);
	return old === undefined || [...limitsOf(csiNode)].some(([driver, limit]) => limit > (before.get(driver) ?? Number.POSITIVE_INFINITY));
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
	return new Map(
		(csiNode?.spec.drivers ?? []).flatMap((driver) =>
			driver.allocatable?.count === undefined ? [] : [[driver.name, driver.allocatable.count]],
		),
	);
}

/** Notes the driver of the claim's volume under the volume's name; a claim without a volume stands for the one that it will get. */
function addVolume(volumes: Map<string, string>, claim: PersistentVolumeClaim, cache: VolumeCache): void {
	const csi = cache.volume(claim.spec?.volumeName ?? "")?.spec?.csi;
	if (csi !== undefined) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
	else if ((claim.spec?.volumeName ?? "") === "") {
		const driver = cache.classes.get(classNameOf(claim))?.provisioner;
		if (driver !== undefined) volumes.set(`${driver}/${claim.metadata?.namespace}/${claim.metadata?.name}`, driver);
	}
}

/** As many volumes as can be attached to the node at most; mostly they are far from any limit, and nobody need look at them. */
function mostAttachedTo({ name: nodeName, pods }: NodeInfo, cache: VolumeCache): number {
	let most = cache.attachmentsOf(nodeName).length;
	for (const { pod } of pods) most += pod.spec?.volumes?.length ?? 0;
	return most;
}

/** What the node's pods use, and what is still attached to it. */
function attachedTo(
	nodeName: string,
	pods: readonly { readonly pod: Pod; readonly namespace: string }[],
	cache: VolumeCache,
): ReadonlyMap<string, string> {
	const volumes = new Map<string, string>();
	for (const { pod, namespace } of pods) {
		for (const { claim: claimName } of podClaims(pod)) {
			const claim = cache.claim(namespace, claimName);
			if (claim !== undefined) addVolume(volumes, claim, cache);
		}
	}
	for (const { spec } of cache.attachmentsOf(nodeName)) {
		const csi = cache.volume(spec.source.persistentVolumeName ?? "")?.spec?.csi;
		if (csi !== undefined) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
	}
	return volumes;
}
