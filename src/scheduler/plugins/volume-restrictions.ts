/**
 * VolumeRestrictions: two pods of one node do not share a disk that allows only one, and a claim with ReadWriteOncePod is one pod's in the
 * whole cluster.
 * Source of behaviour: pkg/scheduler/framework/plugins/volumerestrictions, KEP-2485.
 */
import type { Pod, Volume } from "../../apimachinery/schema/generated/types.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unresolvable, unschedulable } from "../framework/status.ts";
import { usesClaim } from "./volume-binding.ts";
import type { VolumeCache } from "./volume-cache.ts";

const name = "VolumeRestrictions";
const diskTaken = unschedulable(name, "node(s) had no available disk");
const claimTaken = unschedulable(
	name,
	"node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
);

/** How often other pods use the pod's claims of one pod alone. */
class Uses {
	readonly claims: ReadonlySet<string>;
	count: number;

	constructor(claims: ReadonlySet<string>, count: number) {
		this.claims = claims;
		this.count = count;
	}

	clone(): Uses {
		return new Uses(this.claims, this.count);
	}
}

const uses = stateKey<Uses>(`PreFilter${name}`);

export function createVolumeRestrictions(cache: VolumeCache): PreFilterPlugin & FilterPlugin {
	const isExclusive = (namespace: string, claim: string) =>
		cache.claim(namespace, claim)?.spec?.accessModes?.includes("ReadWriteOncePod") === true;
	const usesOf = (namespace: string, { pod }: { readonly pod: Pod }, claims: ReadonlySet<string>) =>
		pod.metadata?.namespace === namespace ? podClaims(pod).filter(({ claim }) => claims.has(claim)).length : 0;
	return {
		name,
		preFilter(state, { pod, namespace }, snapshot) {
			// A claim that is made for the pod is its own.
			const ofPod = podClaims(pod).filter(({ isEphemeral }) => !isEphemeral);
			const hasDisks = pod.spec?.volumes?.some(isDisk) === true;
			if (ofPod.length === 0 && !hasDisks) return skip;
			const missing = ofPod.find(({ claim }) => cache.claim(namespace, claim) === undefined);
			if (missing !== undefined) return unresolvable(name, `persistentvolumeclaim ${JSON.stringify(missing.claim)} not found`);
			const claims = new Set(ofPod.flatMap(({ claim }) => (isExclusive(namespace, claim) ? [claim] : [])));
			if (claims.size === 0 && !hasDisks) return skip;
			let count = 0;
			if (claims.size > 0) for (const node of snapshot.nodes) for (const other of node.pods) count += usesOf(namespace, other, claims);
			state.write(uses, new Uses(claims, count));
			return undefined;
		},
		preFilterExtensions: {
			addPod(state, { namespace }, added) {
				const known = state.read(uses);
				known.count += usesOf(namespace, added, known.claims);
			},
			removePod(state, { namespace }, removed) {
				const known = state.read(uses);
				known.count -= usesOf(namespace, removed, known.claims);
			},
		},
		filter(state, { pod }, node) {
			const disks = (pod.spec?.volumes ?? []).filter(isDisk);
			const conflicts =
				disks.length > 0 &&
				node.pods.some((other) => other.pod.spec?.volumes?.some((theirs) => disks.some((disk) => conflict(disk, theirs))));
			if (conflicts) return diskTaken;
			return state.read(uses).count > 0 ? claimTaken : undefined;
		},
		eventsToRegister: () => [
			{
				resource: "AssignedPod",
				action: ActionType.delete,
				hint: (pod, deleted) => (deleted !== undefined && shareVolumes(pod, deleted) ? "Queue" : "Skip"),
			},
			{ resource: "Node", action: ActionType.add },
			{
				resource: "PersistentVolumeClaim",
				action: ActionType.add | ActionType.update,
				hint: (pod, _old, claim) => (claim !== undefined && usesClaim(pod, claim) ? "Queue" : "Skip"),
			},
		],
	};
}

function isDisk({ gcePersistentDisk, awsElasticBlockStore, iscsi, rbd }: Volume): boolean {
	return gcePersistentDisk !== undefined || awsElasticBlockStore !== undefined || iscsi !== undefined || rbd !== undefined;
}

/** The same disk, unless both only read it; one of EBS is never shared. */
function conflict(a: Volume, b: Volume): boolean {
	const bothRead = (one: { readonly readOnly?: boolean }, other: { readonly readOnly?: boolean }) =>
		one.readOnly === true && other.readOnly === true;
	if (a.gcePersistentDisk !== undefined && b.gcePersistentDisk !== undefined)
		return a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName && !bothRead(a.gcePersistentDisk, b.gcePersistentDisk);
	if (a.awsElasticBlockStore !== undefined && b.awsElasticBlockStore !== undefined)
		return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID;
	if (a.iscsi !== undefined && b.iscsi !== undefined) return a.iscsi.iqn === b.iscsi.iqn && !bothRead(a.iscsi, b.iscsi);
	if (a.rbd === undefined || b.rbd === undefined) return false;
	const { monitors } = b.rbd;
	const isSame =
		a.rbd.image === b.rbd.image &&
		(a.rbd.pool ?? "rbd") === (b.rbd.pool ?? "rbd") &&
		a.rbd.monitors.some((each) => monitors.includes(each));
	return isSame && !bothRead(a.rbd, b.rbd);
}

function shareVolumes(pod: Pod, other: Pod): boolean {
	const sharesDisk = (pod.spec?.volumes ?? []).some(
		(disk) => isDisk(disk) && other.spec?.volumes?.some((theirs) => conflict(disk, theirs)),
	);
	if (sharesDisk || pod.metadata?.namespace !== other.metadata?.namespace) return sharesDisk;
	const claims = new Set(podClaims(pod).map(({ claim }) => claim));
	return podClaims(other).some(({ claim }) => claims.has(claim));
}
