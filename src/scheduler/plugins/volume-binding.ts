/**
 * VolumeBinding: a pod goes only where its volumes can go, and claims that wait for their pod get their volumes there before the pod is
 * bound: the plugin writes the claim into a free volume, or the node into the claim for its provisioner, and waits until the binding
 * controller has finished.
 *
 *     PreFilter  all claims are there; those that do not wait for a pod are bound
 *     Filter     the volumes can be had on the node          Reserve / Unreserve  they are spoken for
 *     PreBind    writes, and waits up to ten minutes for both sides to be bound
 *
 * Not implemented: storage capacity (CSIStorageCapacity), and scores by it, which are off by default.
 * Source of behaviour: pkg/scheduler/framework/plugins/volumebinding, KEP-490.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import { selectedNode } from "../../apimachinery/storage/annotations.ts";
import { foreignClaim, podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { bindVolume, classNameOf, isFullyBound, isReachable, withAnnotations } from "../../apimachinery/storage/volume-matching.ts";
import type { Client } from "../../client/client.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../client/resources.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { type CycleState, stateKey } from "../framework/cycle-state.ts";
import type { FilterPlugin, PreBindPlugin, PreFilterPlugin, ReservePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { errorStatus, type Status, skip, unresolvable, type Verdict } from "../framework/status.ts";
import { revisionOf, type VolumeCache } from "./volume-cache.ts";
import { bySize, chooseVolumes, nothingToDo, type PodClaims, type VolumeChoice } from "./volume-choice.ts";

const name = "VolumeBinding";
const unbound = unresolvable(name, "pod has unbound immediate PersistentVolumeClaims");
/** Source: VolumeBindingArgs.bindTimeoutSeconds. */
const usualBindTimeoutMs = 600_000;

interface PodVolumes {
	readonly claims: PodClaims;
	/** By node, as far as the filter has looked. */
	readonly choices: Map<string, VolumeChoice>;
	/** What was assumed for the node that was chosen. */
	assumed: VolumeChoice;
}

const podVolumes = stateKey<PodVolumes>(name);

export interface VolumeBindingOptions {
	readonly cache: VolumeCache;
	readonly client: Client;
	readonly clock: Clock;
	/** How long a pod waits for its volumes to be bound, ms. Default 600,000. */
	readonly bindTimeoutMs?: number;
	/** Whether the pod is still there, by "namespace/name" and uid. */
	readonly isPodThere: (key: string, uid: string) => boolean;
	/** Labels of a node; undefined: it is gone. */
	readonly nodeLabels: (node: string) => Readonly<Record<string, string>> | undefined;
}

export function createVolumeBinding(options: VolumeBindingOptions): PreFilterPlugin & FilterPlugin & ReservePlugin & PreBindPlugin {
	const { cache } = options;
	return {
		name,
		preFilter(state, { pod }) {
			if (podClaims(pod).length === 0) return skip;
			const claims = claimsOf(pod, cache);
			if ("code" in claims) return claims;
			state.write(podVolumes, { claims, choices: new Map(), assumed: nothingToDo });
			return undefined;
		},
		filter(state, _pod, node) {
			const { claims, choices } = state.read(podVolumes);
			const choice = chooseVolumes(claims, node, cache);
			if (!("bindings" in choice)) return unresolvable(name, ...choice);
			choices.set(node.name, choice);
			return undefined;
		},
		reserve(state, _pod, nodeName) {
			const volumes = state.find(podVolumes);
			const choice = volumes?.choices.get(nodeName);
			if (volumes !== undefined && choice !== undefined) volumes.assumed = assume(choice, nodeName, cache);
			return undefined;
		},
		unreserve(state) {
			const { bindings, provisions } = state.find(podVolumes)?.assumed ?? nothingToDo;
			for (const { volume } of bindings) cache.restoreVolume(volume);
			for (const claim of provisions) cache.restoreClaim(claim);
		},
		preBind: (state, pod, nodeName) => bindVolumes(state, pod, nodeName, options),
		eventsToRegister: () => [
			{
				resource: "StorageClass",
				action: ActionType.add | ActionType.update,
				hint: (_pod, old, object) => classOpens(old as StorageClass, object as StorageClass),
			},
			{
				resource: "PersistentVolumeClaim",
				action: ActionType.add | ActionType.update,
				hint: (pod, _old, claim) => (claim !== undefined && usesClaim(pod, claim) ? "Queue" : "Skip"),
			},
			{ resource: "PersistentVolume", action: ActionType.add | ActionType.update },
			{ resource: "Node", action: ActionType.add | ActionType.updateNodeLabel },
			// What drivers a node has says nothing of volumes in reach; plugins that moved to CSI are not simulated.
			{ resource: "CSINode", action: ActionType.add },
		],
	};
}

/** A class that is new, or opens other places to its volumes. */
function classOpens(old: StorageClass | undefined, storageClass: StorageClass | undefined): "Queue" | "Skip" {
	return old === undefined || !jsonEqual(old.allowedTopologies ?? [], storageClass?.allowedTopologies ?? []) ? "Queue" : "Skip";
}

export function usesClaim(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
	return pod.metadata?.namespace === metadata?.namespace && podClaims(pod).some(({ claim }) => claim === metadata?.name);
}

/** The pod's claims in order, or why it cannot be scheduled anywhere. */
function claimsOf(pod: Pod, cache: VolumeCache): PodClaims | Status {
	const bound: PersistentVolumeClaim[] = [];
	const delayed: PersistentVolumeClaim[] = [];
	let waits = false;
	for (const { claim: claimName, isEphemeral } of podClaims(pod)) {
		const claim = cache.claim(pod.metadata?.namespace ?? "", claimName);
		const why = claim === undefined ? absence(claimName, isEphemeral) : unusable(pod, claim, isEphemeral);
		if (claim === undefined || why !== undefined) return unresolvable(name, why ?? "");
		if (isFullyBound(claim)) bound.push(claim);
		else if ((claim.spec?.volumeName ?? "") === "" && cache.classes.get(classNameOf(claim))?.volumeBindingMode === "WaitForFirstConsumer")
			delayed.push(claim);
		else waits = true;
	}
	return waits ? unbound : { bound, delayed: bySize(delayed) };
}

function absence(claim: string, isEphemeral: boolean): string {
	return isEphemeral
		? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${JSON.stringify(claim)}`
		: `persistentvolumeclaim ${JSON.stringify(claim)} not found`;
}

function unusable(pod: Pod, claim: PersistentVolumeClaim, isEphemeral: boolean): string | undefined {
	const { metadata, spec, status } = claim;
	const claimName = JSON.stringify(metadata?.name);
	if (status?.phase === "Lost")
		return `persistentvolumeclaim ${claimName} bound to non-existent persistentvolume ${JSON.stringify(spec?.volumeName ?? "")}`;
	if (metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim ${claimName} is being deleted`;
	return isEphemeral ? foreignClaim(pod, claim) : undefined;
}

/** Speaks for the volumes; the choice as it is to be written. */
function assume({ bindings, provisions }: VolumeChoice, nodeName: string, cache: VolumeCache): VolumeChoice {
	const assumed: VolumeChoice = {
		bindings: bindings.map(({ claim, volume }) => ({ claim, volume: bindVolume(volume, claim) })),
		provisions: provisions.map((claim) => withAnnotations(claim, { [selectedNode]: nodeName })),
	};
	for (const { volume } of assumed.bindings) cache.assumeVolume(volume);
	for (const claim of assumed.provisions) cache.assumeClaim(claim);
	return assumed;
}

async function bindVolumes(state: CycleState, pod: PodInfo, nodeName: string, options: VolumeBindingOptions): Promise<Verdict> {
	const { bindings, provisions } = state.find(podVolumes)?.assumed ?? nothingToDo;
	if (bindings.length === 0 && provisions.length === 0) return undefined;
	const { client } = options;
	try {
		const volumes: VolumeChoice["bindings"][number][] = [];
		const claims: PersistentVolumeClaim[] = [];
		for (const { claim, volume } of bindings) volumes.push({ claim, volume: await client.resource(persistentVolumes).update(volume) });
		for (const claim of provisions) claims.push(await client.resource(persistentVolumeClaims).update(claim));
		await untilBound({ bindings: volumes, provisions: claims }, pod, nodeName, options);
		return undefined;
	} catch (error) {
		return errorStatus(name, error instanceof Error ? error.message : String(error));
	}
}

/** Looks whenever a claim or a volume changes. Rejects when there is nothing to wait for any more, or time is up. */
async function untilBound(choice: VolumeChoice, pod: PodInfo, nodeName: string, options: VolumeBindingOptions): Promise<void> {
	const { cache, clock, bindTimeoutMs = usualBindTimeoutMs } = options;
	const done = new AbortController();
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const look = () => {
		try {
			if (areBound(choice, pod, nodeName, options)) resolve();
		} catch (error) {
			reject(error instanceof Error ? new Error(`binding volumes: ${error.message}`) : error);
		}
	};
	const timer = clock.setTimeout(() => reject(new Error("binding volumes: context deadline exceeded")), bindTimeoutMs);
	// A pod that is deleted meanwhile changes no claim: it is noticed by a look now and then, as upstream polls.
	const poll = clock.setInterval(look, 1_000);
	cache.claimInformer.onChange({ updated: look, deleted: look }, done.signal);
	cache.volumeInformer.onChange({ updated: look, deleted: look }, done.signal);
	look();
	try {
		await promise;
	} finally {
		timer.cancel();
		poll.cancel();
		done.abort();
	}
}

/** Throws when the pod has to be scheduled anew. What the caches do not have yet is waited for. */
function areBound(
	{ bindings, provisions }: VolumeChoice,
	pod: PodInfo,
	nodeName: string,
	{ cache, isPodThere, nodeLabels }: VolumeBindingOptions,
): boolean {
	if (!isPodThere(pod.key, pod.uid)) throw new Error(`pod does not exist any more: pod ${JSON.stringify(pod.name)} not found`);
	const labels = nodeLabels(nodeName);
	if (labels === undefined) throw new Error(`failed to get node ${JSON.stringify(nodeName)}: node ${JSON.stringify(nodeName)} not found`);
	const checkReach = (volume: PersistentVolume) => {
		if (!isReachable(volume, { name: nodeName, labels }))
			throw new Error(
				`pv ${JSON.stringify(volume.metadata?.name)} node affinity doesn't match node ${JSON.stringify(nodeName)}: no matching NodeSelectorTerms`,
			);
	};
	for (const { claim, volume: written } of bindings) {
		const volume = cache.volumeInformer.cache.get(written.metadata?.name ?? "");
		if (volume === undefined)
			throw new Error(`failed to check binding: could not find v1.PersistentVolume ${JSON.stringify(written.metadata?.name)}`);
		if (revisionOf(volume) < revisionOf(written)) return false;
		checkReach(volume);
		if ((volume.spec?.claimRef?.uid ?? "") === "") throw new Error(`ClaimRef got reset for pv ${JSON.stringify(volume.metadata?.name)}`);
		if (!isSettled(currentClaim(claim, cache, "failed to check binding"))) return false;
	}
	for (const written of provisions) {
		const claim = currentClaim(written, cache, "failed to check provisioning pvc");
		if (revisionOf(claim) < revisionOf(written)) return false;
		if (claim.metadata?.annotations?.[selectedNode] !== nodeName)
			throw new Error(`provisioning failed for PVC ${JSON.stringify(claim.metadata?.name)}`);
		const volume = cache.volumeInformer.cache.get(claim.spec?.volumeName ?? "");
		if (volume !== undefined) checkReach(volume);
		if (volume === undefined || !isSettled(claim)) return false;
	}
	return true;
}

/**
 * Bound, and its status says so, which comes one write later. Upstream looks each second only, and so never sees what is between;
 * a kubelet that did would tell of a claim that is not bound (FailedMount).
 */
function isSettled(claim: PersistentVolumeClaim): boolean {
	return isFullyBound(claim) && claim.status?.phase === "Bound";
}

/** As the server has it: what is assumed may be another pod's wish. */
function currentClaim({ metadata }: PersistentVolumeClaim, cache: VolumeCache, what: string): PersistentVolumeClaim {
	const claim = cache.claimInformer.cache.get(`${metadata?.namespace}/${metadata?.name}`);
	if (claim === undefined)
		throw new Error(`${what}: could not find v1.PersistentVolumeClaim ${JSON.stringify(`${metadata?.namespace}/${metadata?.name}`)}`);
	return claim;
}
