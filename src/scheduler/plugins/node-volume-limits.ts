/**
 * NodeVolumeLimits: a node has no more volumes of a CSI driver attached than its CSINode says it can.
 * Source of behaviour: pkg/scheduler/framework/plugins/nodevolumelimits,
 * https://kubernetes.io/docs/concepts/storage/storage-limits/
 */
import type { CSINode, PersistentVolumeClaim, Pod, VolumeAttachment } from "../../apimachinery/schema/generated/types.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { classNameOf } from "../../apimachinery/storage/volume-matching.ts";
import { ActionType } from "../framework/cluster-event.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unresolvable, unschedulable } from "../framework/status.ts";
import { usesClaim } from "./volume-binding.ts";
import type { VolumeCache } from "./volume-cache.ts";

const name = "NodeVolumeLimits";
const full = unschedulable(name, "node(s) exceed max volume count");

export function createNodeVolumeLimits(cache: VolumeCache): PreFilterPlugin & FilterPlugin {
	return {
		name,
		preFilter: (_state, { pod }) => (podClaims(pod).length === 0 ? skip : undefined),
		filter(_state, { pod, namespace }, node) {
			const wanted = new Map<string, string>();
			for (const { claim: claimName, isEphemeral } of podClaims(pod)) {
				const claim = cache.claim(namespace, claimName);
				const missing = isEphemeral
					? `looking up PVC ${namespace}/${claimName}`
					: `persistentvolumeclaim ${JSON.stringify(claimName)} not found`;
				if (claim === undefined) return unresolvable(name, missing);
				addVolume(wanted, claim, cache);
			}
			if (wanted.size === 0) return undefined;
			const limits = limitsOf(cache.csiNodes.get(node.name));
			if (![...wanted.values()].some((driver) => limits.has(driver))) return undefined;
			const attached = attachedTo(node.name, node.pods, cache);
			for (const volume of attached.keys()) wanted.delete(volume);
			for (const [driver, limit] of limits) {
				const isOf = (each: string) => each === driver;
				const more = [...wanted.values()].filter(isOf).length;
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
	for (const { spec } of cache.attachments.list()) {
		const csi = spec.nodeName === nodeName ? cache.volume(spec.source.persistentVolumeName ?? "")?.spec?.csi : undefined;
		if (csi !== undefined) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
	}
	return volumes;
}
