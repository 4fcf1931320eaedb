/**
 * DynamicResources: a pod goes only where the devices are that its claims ask for, and gets them before it is bound.
 *
 *     PreEnqueue  all claims are there, and the pod's own
 *     PreFilter   nobody else is about to allocate them; their classes are there
 *     Filter      allocated ones can be reached from the node; for the others devices are found on it
 *     PostFilter  a claim that keeps the pod from every node, and that nobody else uses, gives its devices back
 *     Score       nodes that give what requests would rather have (firstAvailable)
 *     Reserve / Unreserve  the devices are spoken for
 *     PreBind     writes allocations and reservations; waits for devices that their drivers have to prepare
 *
 * Extended resources that a DeviceClass stands for are one more claim, which the scheduler makes: what it asks for depends on the node,
 * as a node may have such a resource by itself.
 *
 * Not implemented: claims of PodGroups (alpha upstream).
 * Source of behaviour and texts: pkg/scheduler/framework/plugins/dynamicresources of Kubernetes 1.36,
 * https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import { claimReference, foreignClaim, isReservedFor, withClaimFinalizer } from "../../apimachinery/devices/resource-claims.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import { type NodePredicate, nodeSelectorPredicate } from "../../apimachinery/node-selector.ts";
import type {
	AllocationResult,
	ContainerExtendedResourceRequest,
	Pod,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import type { Client } from "../../client/client.ts";
import { pods, resourceClaims } from "../../client/resources.ts";
import { Allocator } from "../dynamicresources/allocator.ts";
import { bindingReadiness, hasBindingConditions, hasBindingTimedOut, reserveClaim } from "../dynamicresources/claim-binding.ts";
import { AllocationError } from "../dynamicresources/claim-plan.ts";
import type { DeviceCache } from "../dynamicresources/device-cache.ts";
import { claimForExtendedResources, extendedRequests } from "../dynamicresources/extended-resources.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { type CycleState, stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { normalizeToMax } from "../framework/normalize-score.ts";
import type {
	FilterPlugin,
	PostFilterPlugin,
	PreBindPlugin,
	PreEnqueuePlugin,
	PreFilterPlugin,
	PreScorePlugin,
	ReservePlugin,
	ScorePlugin,
} from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { errorStatus, type Status, skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";

const name = "DynamicResources";
/** Source: DynamicResourcesArgs.bindingTimeout. */
const usualBindingTimeoutMs = 600_000;
/** How often it is looked whether devices are ready. */
const readinessPeriodMs = 5_000;
/** Alternatives of a request: the first one counts most. Source: FirstAvailableDeviceRequestMaxSize. */
const maxAlternatives = 8;

const nothingToDeallocate = { status: unschedulable(name, "no new claims to deallocate") };
const stillNot = { status: unschedulable(name, "still not schedulable") };
const hasDeallocated = { status: unschedulable(name, "deallocation of ResourceClaim completed") };
const hasRemoved = { status: unschedulable(name, "deletion of ResourceClaim completed") };
const cannotFit = unresolvable(name, "cannot fit resource");
const staleClaim = unresolvable(name, "cannot schedule extended resource claim");
const outOfReach = unresolvable(name, "resourceclaim not available on the node");

interface PodDevices {
	/** In the order of the pod's; those that we wrote are replaced by what the server answered. */
	readonly claims: ResourceResourceClaim[];
	/** By claim: where it can be used, if it is allocated and not everywhere. */
	readonly reach: readonly (NodePredicate | undefined)[];
	/** Claims without an allocation, by their place among the pod's. */
	readonly toAllocate: readonly number[];
	readonly allocator: Allocator | undefined;
	/** By node, as far as the filter has looked: what `toAllocate` would get. */
	readonly found: Map<string, readonly AllocationResult[]>;
	/** Allocated claims that kept the pod from a node. */
	readonly unavailable: Set<number>;
	/** By claim: what Reserve has spoken for. */
	readonly promised: Map<number, AllocationResult>;
	/** Of a pod that requests resources which a class stands for. */
	readonly extended: ExtendedDevices | undefined;
}

interface ExtendedDevices {
	/** Names and amounts, those that no class stands for among them. */
	readonly resources: ReadonlyMap<string, number>;
	/** The claim's uid until it is written. */
	readonly uid: string;
	/** Left from an attempt that failed: it has to go first. */
	readonly stale: ResourceResourceClaim | undefined;
	/** By node: what is asked for there, and what it would get. */
	readonly found: Map<string, ExtendedAllocation>;
	/** What Reserve has spoken for. */
	promised: ExtendedAllocation | undefined;
	/** As the server has it. */
	written: ResourceResourceClaim | undefined;
}

interface ExtendedAllocation {
	readonly claim: ResourceResourceClaim;
	readonly mappings: readonly ContainerExtendedResourceRequest[];
	readonly allocation: AllocationResult;
}

const podDevices = stateKey<PodDevices>(name);

export interface DynamicResourcesOptions {
	readonly cache: DeviceCache;
	readonly client: Client;
	readonly clock: Clock;
	/** Names one share of a device that several use. */
	newShareId(): string;
	/** Gives a claim's devices back, so that it can get others. Returns at once. */
	deallocate(claim: ResourceResourceClaim): void;
	/** Devices that were spoken for are free again. */
	onTakenBack(pending: ResourceResourceClaim, claim: ResourceResourceClaim): void;
	/** Deletes the claim for a pod's extended resources. Returns at once. */
	remove(claim: ResourceResourceClaim): void;
	/** Takes the pod from those who use a claim. Returns at once. */
	unreserve(claim: ResourceResourceClaim, pod: Pod): void;
	/** The pod waits for devices. */
	onWaiting(pod: Pod, nodeName: string): void;
	readonly bindingTimeoutMs?: number;
}

type DynamicResources = PreEnqueuePlugin &
	PreFilterPlugin &
	FilterPlugin &
	PostFilterPlugin &
	PreScorePlugin &
	ScorePlugin &
	ReservePlugin &
	PreBindPlugin;

export function createDynamicResources(options: DynamicResourcesOptions): DynamicResources {
	const { cache } = options;
	return {
		name,
		preEnqueue(pod) {
			const claims = claimsOf(pod, cache);
			return typeof claims === "string" ? unresolvable(name, claims) : undefined;
		},
		preFilter(state, pod) {
			const extended = extendedDevices(pod, options);
			if (extended === undefined && (pod.pod.spec?.resourceClaims?.length ?? 0) === 0) return skip;
			const claims = claimsOf(pod.pod, cache);
			if (typeof claims === "string") return unresolvable(name, claims);
			if (claims.length === 0 && extended === undefined) return skip;
			const why = obstacle(claims, cache);
			if (why !== undefined) return why;
			state.write(podDevices, newPodDevices(claims, extended, options));
			return undefined;
		},
		filter: (state, { pod }, node) => tryNode(state.read(podDevices), pod, node, options),
		postFilter({ state, pod }) {
			const devices = state.find(podDevices);
			if (devices === undefined) return nothingToDeallocate;
			const free = [...devices.unavailable]
				.flatMap((index) => devices.claims[index] ?? [])
				.find((claim) => isUsedByNobodyElse(claim, pod.uid));
			const stale = devices.extended?.stale;
			if (free !== undefined) options.deallocate(free);
			else if (stale !== undefined) options.remove(stale);
			return free !== undefined ? hasDeallocated : stale !== undefined ? hasRemoved : stillNot;
		},
		preScore: (state) => (state.find(podDevices)?.claims.some(hasAlternatives) === true ? undefined : skip),
		score: (state, _pod, node) => preferenceOf(state.read(podDevices), node.name),
		normalizeScore: (_state, _pod, scores) => normalizeToMax(scores, false),
		reserve(state, _pod, nodeName) {
			const devices = state.find(podDevices);
			if (devices === undefined) return undefined;
			const extended = devices.extended?.found.get(nodeName);
			if (devices.extended !== undefined && extended !== undefined) {
				devices.extended.promised = extended;
				cache.setPending({ ...extended.claim, status: { allocation: extended.allocation } });
			}
			if (devices.toAllocate.length === 0) return undefined;
			const found = devices.found.get(nodeName);
			if (found === undefined) return errorStatus(name, "claim allocation not found for node");
			for (const [at, index] of devices.toAllocate.entries()) {
				const [claim, allocation] = [devices.claims[index], found[at]];
				if (claim === undefined || allocation === undefined) continue;
				devices.promised.set(index, allocation);
				cache.setPending({ ...withClaimFinalizer(claim), status: { ...claim.status, allocation } });
			}
			return undefined;
		},
		unreserve(state, { pod, uid }) {
			const extended = state.find(podDevices)?.extended;
			if (extended !== undefined) takeBack(extended, options);
			for (const claim of state.find(podDevices)?.claims ?? []) {
				const pending = cache.takeBack(claim);
				if (pending !== undefined) options.onTakenBack(pending, claim);
				if (claim.status?.allocation !== undefined && isReservedFor(claim, uid)) options.unreserve(claim, pod);
			}
		},
		preBind: (state, pod, nodeName) => bindClaims(state, pod, nodeName, options),
		eventsToRegister: () => [
			{ resource: "Node", action: ActionType.add | ActionType.updateNodeLabel | ActionType.updateNodeAllocatable },
			{
				resource: "ResourceClaim",
				action: ActionType.add | ActionType.update,
				hint: (pod, old, claim) => afterClaimChange(pod, old as ResourceResourceClaim | undefined, claim as ResourceResourceClaim, cache),
			},
			{
				resource: "Pod",
				action: ActionType.updatePodGeneratedResourceClaim,
				hint: (pod, _old, changed) =>
					changed !== undefined && changed.metadata?.uid === pod.metadata?.uid && typeof claimsOf(changed as Pod, cache) !== "string"
						? "Queue"
						: "Skip",
			},
			{ resource: "DeviceClass", action: ActionType.add | ActionType.update },
			{ resource: "ResourceSlice", action: ActionType.add | ActionType.update },
		],
	};
}

/** What the pod requests of resources, if a class stands for any of it. */
function extendedDevices({ requests, uid }: PodInfo, { cache, newShareId }: DynamicResourcesOptions): ExtendedDevices | undefined {
	if (requests.scalars === undefined) return undefined;
	const resources = new Map([...requests.scalars].filter(([, amount]) => amount > 0));
	if (![...resources.keys()].some((resource) => cache.classOfResource(resource) !== undefined)) return undefined;
	const stale = cache.extendedClaim(uid);
	return { resources, uid: newShareId(), stale, found: new Map(), promised: undefined, written: undefined };
}

/** Those of them that the node does not have by itself; or why it cannot have the pod. */
function missingResources({ resources }: ExtendedDevices, { allocatable }: NodeInfo, cache: DeviceCache): ReadonlySet<string> | Status {
	const missing = new Set<string>();
	for (const resource of resources.keys()) {
		if (allocatable.get(resource) > 0) continue;
		if (cache.classOfResource(resource) !== undefined) missing.add(resource);
		else if (allocatable.scalars?.has(resource) !== true) return cannotFit;
	}
	return missing;
}

function takeBack(extended: ExtendedDevices, { cache, onTakenBack, remove }: DynamicResourcesOptions): void {
	const { promised, written } = extended;
	const pending = promised === undefined ? undefined : cache.takeBack(promised.claim);
	if (promised !== undefined && pending !== undefined) onTakenBack(pending, promised.claim);
	if (written !== undefined) remove(written);
	extended.promised = undefined;
	extended.written = undefined;
}

const noClaims: ResourceResourceClaim[] = [];

/** The pod's claims in order, those left out that are not needed; or why it has to wait. */
function claimsOf(pod: Pod, cache: DeviceCache): ResourceResourceClaim[] | string {
	const { resourceClaims: wanted = [] } = pod.spec ?? {};
	if (wanted.length === 0) return noClaims;
	const claims: ResourceResourceClaim[] = [];
	for (const podClaim of wanted) {
		const reference = claimReference(pod, podClaim);
		if ("problem" in reference) return reference.problem;
		if ("notNeeded" in reference) continue;
		const claim = cache.claim(pod.metadata?.namespace ?? "", reference.name);
		if (claim === undefined) return `could not find ResourceClaim ${JSON.stringify(`${pod.metadata?.namespace}/${reference.name}`)}`;
		if (claim.metadata?.deletionTimestamp !== undefined) return `resourceclaim ${JSON.stringify(reference.name)} is being deleted`;
		const foreign = reference.isGenerated ? foreignClaim(pod, claim) : undefined;
		if (foreign !== undefined) return foreign;
		claims.push(claim);
	}
	return claims;
}

/** What keeps the pod from all nodes. */
function obstacle(claims: readonly ResourceResourceClaim[], cache: DeviceCache): Status | undefined {
	for (const { metadata, spec, status } of claims) {
		if (status?.allocation !== undefined) continue;
		if (cache.isPending(metadata?.uid ?? ""))
			return unresolvable(name, `resource claim ${metadata?.namespace}/${metadata?.name} is in the process of being allocated`);
		for (const { name: request, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
			const asked = [
				...(exactly === undefined ? [] : [{ what: request, className: exactly.deviceClassName }]),
				...firstAvailable.map((one) => ({ what: `${request}/${one.name}`, className: one.deviceClassName })),
			];
			if (asked.length === 0) {
				const what = `resource claim ${metadata?.namespace}/${metadata?.name}, request ${request}`;
				return unresolvable(name, `${what}: unknown request type`);
			}
			const missing = asked.find(({ className }) => cache.deviceClass(className) === undefined);
			if (missing !== undefined) return unresolvable(name, `request ${missing.what}: device class ${missing.className} does not exist`);
		}
	}
	return undefined;
}

function newPodDevices(
	claims: ResourceResourceClaim[],
	extended: ExtendedDevices | undefined,
	{ cache, newShareId }: DynamicResourcesOptions,
): PodDevices {
	const toAllocate = [...claims.keys()].filter((index) => claims[index]?.status?.allocation === undefined);
	const { pools, allocated, selectors } = cache;
	const deviceClass = (className: string) => cache.deviceClass(className);
	return {
		claims,
		reach: claims.map(({ status }) => {
			const selector = status?.allocation?.nodeSelector;
			return selector === undefined ? undefined : nodeSelectorPredicate(selector);
		}),
		toAllocate,
		allocator:
			toAllocate.length === 0 && extended === undefined
				? undefined
				: new Allocator({ pools, allocated, selectors, deviceClass, newShareId }),
		found: new Map(),
		unavailable: new Set(),
		promised: new Map(),
		extended,
	};
}

function tryNode(
	{ claims, reach, toAllocate, allocator, found, unavailable, extended }: PodDevices,
	pod: Pod,
	node: NodeInfo,
	{ cache, clock, bindingTimeoutMs = usualBindingTimeoutMs }: DynamicResourcesOptions,
): Verdict {
	const hindering = [...claims.keys()].filter((index) => {
		if (reach[index]?.(node) === false) return true;
		const claim = claims[index];
		if (claim?.status?.allocation === undefined) return false;
		const readiness = bindingReadiness(claim);
		return typeof readiness === "object" || (readiness === "waiting" && hasBindingTimedOut(claim, bindingTimeoutMs, clock.now()));
	});
	if (extended?.stale !== undefined) return staleClaim;
	const missing = extended === undefined ? noResources : missingResources(extended, node, cache);
	if (!("size" in missing)) return missing;
	if (allocator !== undefined && (toAllocate.length > 0 || missing.size > 0)) {
		try {
			const { requests, mappings } = extendedRequests(pod, missing, (resource) => cache.classOfResource(resource));
			const ofResources = missing.size === 0 ? [] : [claimForExtendedResources(pod, requests, extended?.uid ?? "")];
			const outcome = allocator.allocate([...toAllocate.flatMap((index) => claims[index] ?? []), ...ofResources], node);
			if ("impossible" in outcome) return unresolvable(name, outcome.impossible);
			found.set(node.name, outcome.results.slice(0, toAllocate.length));
			const [claim] = ofResources;
			const allocation = outcome.results.at(-1);
			if (claim !== undefined && allocation !== undefined) extended?.found.set(node.name, { claim, mappings, allocation });
		} catch (error) {
			if (error instanceof AllocationError) return errorStatus(name, error);
			throw error;
		}
	}
	for (const index of hindering) unavailable.add(index);
	return hindering.length === 0 ? undefined : outOfReach;
}

const noResources: ReadonlySet<string> = new Set();

function isUsedByNobodyElse({ status }: ResourceResourceClaim, uid: string): boolean {
	return (status?.reservedFor ?? []).every((consumer) => consumer.uid === uid);
}

function hasAlternatives({ spec }: ResourceResourceClaim): boolean {
	return spec.devices?.requests?.some(({ firstAvailable = [] }) => firstAvailable.length > 0) ?? false;
}

/** How much the node gives of what requests would rather have. */
function preferenceOf({ claims, toAllocate, found }: PodDevices, nodeName: string): number {
	const results = found.get(nodeName) ?? [];
	let sum = 0;
	for (const [index, { spec, status }] of claims.entries()) {
		const allocation = status?.allocation ?? results[toAllocate.indexOf(index)];
		const given = new Set((allocation?.devices?.results ?? []).map(({ request }) => request));
		for (const { name: request, firstAvailable = [] } of spec.devices?.requests ?? []) {
			const at = firstAvailable.findIndex((one) => given.has(`${request}/${one.name}`));
			if (at >= 0) sum += maxAlternatives - at;
		}
	}
	return sum;
}

async function bindClaims(state: CycleState, pod: PodInfo, nodeName: string, options: DynamicResourcesOptions): Promise<Verdict> {
	const devices = state.find(podDevices);
	if (devices === undefined) return undefined;
	const { cache, client, clock } = options;
	try {
		for (const [index, claim] of devices.claims.entries()) {
			if (isReservedFor(claim, pod.uid)) continue;
			const allocation = devices.promised.get(index);
			try {
				const written = await reserveClaim(claim, pod.pod, allocation, client.resource(resourceClaims), clock.now());
				cache.written(written);
				devices.claims[index] = written;
			} finally {
				const pending = cache.takeBack(claim);
				if (pending !== undefined) options.onTakenBack(pending, claim);
			}
		}
		if (devices.extended?.promised !== undefined) await bindExtended(devices.extended, devices.extended.promised, pod.pod, options);
		if (devices.claims.some(hasBindingConditions)) await untilReady(devices, pod, nodeName, options);
		return undefined;
	} catch (error) {
		return errorStatus(name, error);
	}
}

/** Makes the claim, gives it its devices, and tells the pod. */
async function bindExtended(
	extended: ExtendedDevices,
	{ claim, allocation, mappings }: ExtendedAllocation,
	pod: Pod,
	{ cache, client, clock }: DynamicResourcesOptions,
): Promise<void> {
	const { namespace = "", name: podName = "", uid } = pod.metadata ?? {};
	const { name: _, uid: __, ...metadata } = claim.metadata ?? {};
	const made = await client.resource(resourceClaims).create({ ...claim, metadata });
	extended.written = made;
	const written = await reserveClaim(made, pod, allocation, client.resource(resourceClaims), clock.now());
	extended.written = written;
	cache.written(written);
	cache.takeBack(claim);
	const extendedResourceClaimStatus = { requestMappings: mappings, resourceClaimName: written.metadata?.name ?? "" };
	const body = { metadata: { uid }, status: { extendedResourceClaimStatus } };
	await client
		.resource(pods)
		.patch({ namespace, name: podName }, "application/strategic-merge-patch+json", body, { subresource: "status" });
}

/** Rejects where a driver says that it failed, or when time is up: the next attempt takes the devices back. */
async function untilReady(devices: PodDevices, { pod }: PodInfo, nodeName: string, options: DynamicResourcesOptions): Promise<void> {
	const { cache, clock, onWaiting, bindingTimeoutMs = usualBindingTimeoutMs } = options;
	onWaiting(pod, nodeName);
	const untilMs = clock.now() + bindingTimeoutMs;
	while (!areReady(devices, cache, bindingTimeoutMs, clock.now())) {
		if (clock.now() >= untilMs) throw new Error("device binding timeout");
		await sleep(clock, readinessPeriodMs);
	}
}

function areReady(devices: PodDevices, cache: DeviceCache, timeoutMs: number, nowMs: number): boolean {
	for (const [index, { metadata }] of devices.claims.entries()) {
		const key = `${metadata?.namespace}/${metadata?.name}`;
		const claim = cache.claim(metadata?.namespace ?? "", metadata?.name ?? "");
		if (claim === undefined) throw new Error(`could not find ResourceClaim ${JSON.stringify(key)}`);
		devices.claims[index] = claim;
		const readiness = bindingReadiness(claim);
		if (typeof readiness === "object") throw new Error(readiness.failure);
		if (readiness === "ready") continue;
		if (hasBindingTimedOut(claim, timeoutMs, nowMs)) throw new Error(`claim ${metadata?.name} binding timeout`);
		return false;
	}
	return true;
}

/** Devices have become free, or something has happened to a claim of the pod itself. */
function afterClaimChange(
	pod: Pod,
	old: ResourceResourceClaim | undefined,
	claim: ResourceResourceClaim,
	cache: DeviceCache,
): "Queue" | "Skip" {
	const own = claimsOf(pod, cache);
	if (typeof own === "string") return "Skip";
	if (old?.status?.allocation !== undefined && claim.status?.allocation === undefined) return "Queue";
	if (!own.some(({ metadata }) => metadata?.uid === claim.metadata?.uid)) return "Skip";
	return old === undefined || !jsonEqual(old.status ?? {}, claim.status ?? {}) ? "Queue" : "Skip";
}
