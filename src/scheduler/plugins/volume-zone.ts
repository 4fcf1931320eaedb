/**
 * VolumeZone: a volume with a zone or region among its labels, as volumes of in-tree drivers have, is used only by nodes there.
 * Source of behaviour: pkg/scheduler/framework/plugins/volumezone.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import { classNameOf } from "../../apimachinery/storage/volume-matching.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { Status, skip, unresolvable } from "../framework/status.ts";
import type { VolumeCache } from "./volume-cache.ts";

const name = "VolumeZone";
const conflict = unresolvable(name, "node(s) had no available volume zone");

/** Each under its old name, too. */
const topologyLabels = [
	["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
	["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
	["topology.kubernetes.io/zone", "topology.kubernetes.io/zone"],
	["topology.kubernetes.io/region", "topology.kubernetes.io/region"],
] as const;

interface Place {
	readonly keys: readonly string[];
	readonly values: readonly string[];
}

const places = stateKey<readonly Place[]>(`PreFilter${name}`);

export function createVolumeZone(cache: VolumeCache): PreFilterPlugin & FilterPlugin {
	return {
		name,
		preFilter(state, { pod }) {
			const found = placesOf(pod, cache);
			if (found instanceof Status) return found;
			if (found.length === 0) return skip;
			state.write(places, found);
			return undefined;
		},
		filter(state, _pod, { labels }) {
			// Where there are no zones, every volume is near.
			if (!topologyLabels.some(([key]) => labels[key] !== undefined)) return undefined;
			const fits = ({ keys, values }: Place) => values.includes(keys.map((key) => labels[key]).find((value) => value !== undefined) ?? "");
			return state.read(places).every(fits) ? undefined : conflict;
		},
		eventsToRegister: () => [
			{
				resource: "StorageClass",
				action: ActionType.add,
				hint: (_pod, _old, object) =>
					(object as StorageClass | undefined)?.volumeBindingMode === "WaitForFirstConsumer" ? "Queue" : "Skip",
			},
			{ resource: "Node", action: ActionType.add | ActionType.updateNodeLabel },
			{
				resource: "PersistentVolumeClaim",
				action: ActionType.add | ActionType.update,
				hint: (pod, _old, claim) => (claim !== undefined && names(pod, claim) ? "Queue" : "Skip"),
			},
			{
				resource: "PersistentVolume",
				action: ActionType.add | ActionType.update,
				hint: (_pod, old, volume) => (old === undefined || !jsonEqual(labelsOf(old), labelsOf(volume)) ? "Queue" : "Skip"),
			},
		],
	};
}

function labelsOf(volume: PersistentVolume | undefined): readonly (string | null)[] {
	return topologyLabels.map(([key]) => volume?.metadata?.labels?.[key] ?? null);
}

function names(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
	if (pod.metadata?.namespace !== metadata?.namespace) return false;
	return pod.spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata?.name) === true;
}

function placesOf(pod: Pod, cache: VolumeCache): readonly Place[] | Status {
	const found: Place[] = [];
	for (const { persistentVolumeClaim } of pod.spec?.volumes ?? []) {
		if (persistentVolumeClaim === undefined) continue;
		const { claimName } = persistentVolumeClaim;
		const claim = cache.claim(pod.metadata?.namespace ?? "", claimName);
		if (claim === undefined) return unresolvable(name, `persistentvolumeclaim ${JSON.stringify(claimName)} not found`);
		const volumeName = claim.spec?.volumeName ?? "";
		if (volumeName === "") {
			const why = whyUnbound(claim, cache);
			if (why !== undefined) return unresolvable(name, why);
			continue;
		}
		const volume = cache.volume(volumeName);
		if (volume === undefined) return unresolvable(name, `persistentvolume ${JSON.stringify(volumeName)} not found`);
		found.push(...placesOfVolume(volume));
	}
	return found;
}

/** Undefined: the claim waits for a pod, which is as it should be. */
function whyUnbound(claim: PersistentVolumeClaim, cache: VolumeCache): string | undefined {
	const className = classNameOf(claim);
	if (className === "") return "PersistentVolumeClaim had no pv name and storageClass name";
	const storageClass = cache.classes.get(className);
	if (storageClass === undefined) return `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
	return storageClass.volumeBindingMode === "WaitForFirstConsumer" ? undefined : "PersistentVolume had no name";
}

/** A volume in several zones names them `a__b`. */
function placesOfVolume({ metadata }: PersistentVolume): readonly Place[] {
	return topologyLabels.flatMap(([key, current]) => {
		const value = metadata?.labels?.[key];
		return value === undefined ? [] : [{ keys: [key, current], values: value.split("__") }];
	});
}
