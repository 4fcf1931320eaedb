/**
 * What an object counts for in a ResourceQuota: one evaluator a resource, for the API server, which charges, and for the controller,
 * which counts anew.
 * Source: pkg/quota/v1/evaluator/core, k8s.io/apiserver/pkg/quota/v1/generic and pkg/quota/v1/install/registry.go;
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import { formatGroupResource, type KubeObject } from "../meta.ts";
import { parseQuantity, type Quantity } from "../quantity.ts";
import type {
	Container,
	PersistentVolumeClaim,
	Pod,
	PodAffinityTerm,
	ResourceResourceClaim,
	ScopedResourceSelectorRequirement,
	Service,
} from "../schema/generated/types.ts";
import { parseTime } from "../time.ts";
import { type Amounts, addAmounts, countOf, greaterAmounts, noAmounts } from "./amounts.ts";
import { podAmounts } from "./pod-amounts.ts";

export interface QuotaEvaluator {
	readonly group: string;
	readonly resource: string;
	/** Whether such a write can use more. */
	handles(operation: "CREATE" | "UPDATE", subresource: string): boolean;
	/** Of these names of resources in a quota, those that this resource's objects count for. */
	isCounted(name: string): boolean;
	usage(object: KubeObject, nowMs: number): Amounts;
	matchesScope(requirement: ScopedResourceSelectorRequirement, object: KubeObject): boolean;
	/** What the object has to say because a quota counts it: `must specify cpu for: c`; undefined if it says all. */
	missing?(counted: readonly string[], object: KubeObject): string | undefined;
}

const one = countOf(1);

const pods: QuotaEvaluator = {
	group: "",
	resource: "pods",
	handles: (operation, subresource) => subresource === (operation === "CREATE" ? "" : "resize"),
	isCounted: (name) => podResources.has(name) || isHugePages(name) || isExtendedRequest(name),
	usage: (object, nowMs) => podUsage(object, nowMs),
	matchesScope: (requirement, object) => podMatches(requirement, object),
	missing: (counted, object) => missingOfPod(counted, object),
};

const services: QuotaEvaluator = {
	group: "",
	resource: "services",
	handles: (_operation, subresource) => subresource === "",
	isCounted: (name) => ["count/services", "services", "services.nodeports", "services.loadbalancers"].includes(name),
	usage: (object) => serviceUsage(object),
	matchesScope: () => false,
};

const claims: QuotaEvaluator = {
	group: "",
	resource: "persistentvolumeclaims",
	handles: (operation, subresource) => subresource === "" || (operation === "UPDATE" && subresource === "status"),
	isCounted: (name) =>
		name === "count/persistentvolumeclaims" ||
		claimResources.includes(name) ||
		claimResources.some((resource) => name.endsWith(`${storageClassSuffix}${resource}`)),
	usage: (object) => claimUsage(object),
	matchesScope: (requirement, object) => claimMatches(requirement, object),
};

const resourceClaims: QuotaEvaluator = {
	group: "resource.k8s.io",
	resource: "resourceclaims",
	handles: (operation, subresource) => operation === "CREATE" && subresource === "",
	isCounted: (name) => name === "count/resourceclaims.resource.k8s.io" || name.endsWith(deviceClassSuffix),
	usage: (object) => resourceClaimUsage(object as ResourceResourceClaim),
	matchesScope: () => false,
};

const special: ReadonlyMap<string, QuotaEvaluator> = new Map(
	[pods, services, claims, resourceClaims].map((evaluator) => [formatGroupResource(evaluator), evaluator]),
);

/** Resources that quotas have long counted by their bare name, too. */
const aliases: readonly string[] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];

/** Objects that are not stored, and events, are never counted. */
const ignored: ReadonlySet<string> = new Set([
	"bindings",
	"componentstatuses",
	"events",
	"events.events.k8s.io",
	"tokenreviews.authentication.k8s.io",
	"selfsubjectreviews.authentication.k8s.io",
	"subjectaccessreviews.authorization.k8s.io",
	"selfsubjectaccessreviews.authorization.k8s.io",
	"localsubjectaccessreviews.authorization.k8s.io",
	"selfsubjectrulesreviews.authorization.k8s.io",
]);

/** Of a namespaced resource; undefined for one that quotas do not count. */
export function evaluatorOf(group: string, resource: string): QuotaEvaluator | undefined {
	const name = formatGroupResource({ group, resource });
	if (ignored.has(name)) return undefined;
	return special.get(name) ?? countEvaluator(group, resource, name);
}

/** Counts objects, nothing else: `count/deployments.apps`. */
function countEvaluator(group: string, resource: string, name: string): QuotaEvaluator {
	const names = group === "" && aliases.includes(resource) ? [`count/${name}`, resource] : [`count/${name}`];
	const usage: Amounts = new Map(names.map((counted) => [counted, one]));
	return {
		group,
		resource,
		handles: (operation, subresource) => operation === "CREATE" && subresource === "",
		isCounted: (counted) => names.includes(counted),
		usage: () => usage,
		matchesScope: () => false,
	};
}

/** The resource whose objects count for this name in a quota; undefined if there is none. */
export function resourceCountedBy(name: string): { readonly group: string; readonly resource: string } | undefined {
	const known = [...special.values()].find((evaluator) => evaluator.isCounted(name));
	if (known !== undefined) return known;
	if (aliases.includes(name)) return { group: "", resource: name };
	if (!name.startsWith("count/")) return undefined;
	const [resource = "", ...group] = name.slice("count/".length).split(".");
	return { group: group.join("."), resource };
}

// Pods

const computeNames = ["cpu", "memory", "ephemeral-storage"] as const;
const podResources: ReadonlySet<string> = new Set([
	"count/pods",
	"pods",
	...computeNames.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** What every container has to request, or to be limited in, as soon as a quota counts it: kept for those who rely on it. */
const mandatory: ReadonlySet<string> = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

const isHugePages = (name: string): boolean => name.startsWith("hugepages-") || name.startsWith("requests.hugepages-");
const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");
const isExtendedRequest = (name: string): boolean => !isNative(name) && name.startsWith("requests.");

function podUsage(pod: Pod, nowMs: number): Amounts {
	const stored: Amounts = new Map([["count/pods", one]]);
	if (!isCharged(pod, nowMs)) return stored;
	const options = { withStatus: true, withOverhead: true };
	return addAmounts(stored, computeUsage(podAmounts(pod, "requests", options), podAmounts(pod, "limits", options)));
}

/** A pod that has ended, or should be gone by now, takes nothing. */
export function isCharged(pod: Pod, nowMs: number): boolean {
	if (pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded") return false;
	const endMs = chargedUntilMs(pod);
	return endMs === undefined || nowMs <= endMs;
}

/** When a pod that is being deleted stops counting even if it is not gone; undefined: not by itself. */
export function chargedUntilMs({ metadata }: Pod): number | undefined {
	const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
	if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return undefined;
	return parseTime(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** The names under which a quota counts what is requested and limited. */
function computeUsage(requests: Amounts, limits: Amounts): Amounts {
	const usage = new Map<string, Quantity>([["pods", one]]);
	for (const [name, quantity] of requests) {
		const isCompute = (computeNames as readonly string[]).includes(name);
		if (isCompute || name.startsWith("hugepages-")) usage.set(name, quantity);
		if (isCompute || name.startsWith("hugepages-") || isExtended(name)) usage.set(`requests.${name}`, quantity);
	}
	for (const name of computeNames) {
		const limit = limits.get(name);
		if (limit !== undefined) usage.set(`limits.${name}`, limit);
	}
	return usage;
}

const isExtended = (name: string): boolean => !isNative(name) && !name.startsWith("requests.");

function missingOfPod(counted: readonly string[], { spec }: Pod): string | undefined {
	const needed = counted.filter((name) => mandatory.has(name)).sort();
	if (needed.length === 0) return undefined;
	const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
	const parts = needed.flatMap((name) => {
		const part = name.startsWith("limits.") ? "limits" : "requests";
		const resource = name.slice(name.indexOf(".") + 1);
		const lacks = ({ resources }: Container): boolean => resources?.[part]?.[resource] === undefined;
		if (!containers.some(lacks)) return [];
		const lacking = containers.filter(lacks).map((container) => container.name);
		return [`${name} for: ${[...new Set(lacking)].sort().join(",")}`];
	});
	return parts.length === 0 ? undefined : `must specify ${parts.join("; ")}`;
}

function podMatches(requirement: ScopedResourceSelectorRequirement, pod: Pod): boolean {
	const isTerminating = (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
	const isBestEffort = pod.status?.qosClass === "BestEffort";
	switch (requirement.scopeName) {
		case "Terminating":
			return isTerminating;
		case "NotTerminating":
			return !isTerminating;
		case "BestEffort":
			return isBestEffort;
		case "NotBestEffort":
			return !isBestEffort;
		case "PriorityClass":
			return matchesName(requirement, pod.spec?.priorityClassName ?? "");
		case "CrossNamespacePodAffinity":
			return reachesOtherNamespaces(pod);
		default:
			return false;
	}
}

function matchesName({ operator, values = [] }: ScopedResourceSelectorRequirement, name: string): boolean {
	switch (operator) {
		case "Exists":
			return name !== "";
		case "DoesNotExist":
			return name === "";
		case "In":
			return name !== "" && values.includes(name);
		case "NotIn":
			return name === "" || !values.includes(name);
		default:
			return false;
	}
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
	const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
	const reaches = ({ namespaces = [], namespaceSelector }: PodAffinityTerm) => namespaces.length > 0 || namespaceSelector !== undefined;
	return [podAffinity, podAntiAffinity].some(
		(affinity) =>
			affinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(reaches) === true ||
			affinity?.preferredDuringSchedulingIgnoredDuringExecution?.some(({ podAffinityTerm }) => reaches(podAffinityTerm)) === true,
	);
}

// Services

function serviceUsage({ spec }: Service): Amounts {
	const ports = spec?.ports ?? [];
	const isBalanced = spec?.type === "LoadBalancer";
	const takesAll = spec?.type === "NodePort" || (isBalanced && spec?.allocateLoadBalancerNodePorts !== false);
	const chosen = isBalanced ? ports.filter(({ nodePort = 0 }) => nodePort !== 0).length : 0;
	return new Map([
		["count/services", one],
		["services", one],
		["services.loadbalancers", countOf(isBalanced ? 1 : 0)],
		["services.nodeports", countOf(takesAll ? ports.length : chosen)],
	]);
}

// Claims for storage

const claimResources: readonly string[] = ["persistentvolumeclaims", "requests.storage"];
const storageClassSuffix = ".storageclass.storage.k8s.io/";

function claimUsage({ metadata, spec, status }: PersistentVolumeClaim): Amounts {
	const storageClass = metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
	const usage = new Map<string, Quantity>([
		["count/persistentvolumeclaims", one],
		["persistentvolumeclaims", one],
	]);
	const requested = spec?.resources?.requests?.storage;
	const allocated = status?.allocatedResources?.storage;
	const storage = requested === undefined ? undefined : wholeBytes(requested, allocated);
	if (storage !== undefined) usage.set("requests.storage", storage);
	if (storageClass !== "") {
		usage.set(`${storageClass}${storageClassSuffix}persistentvolumeclaims`, one);
		if (storage !== undefined) usage.set(`${storageClass}${storageClassSuffix}requests.storage`, storage);
	}
	return usage;
}

/** A claim that was granted more than it asks for now counts with what it was granted. */
function wholeBytes(requested: string, allocated: string | undefined): Quantity {
	const amounts = greaterAmounts(
		new Map([["", parseQuantity(requested)]]),
		allocated === undefined ? noAmounts : new Map([["", parseQuantity(allocated)]]),
	);
	const { nanos, format } = amounts.get("") ?? countOf(0);
	const unit = 1_000_000_000n;
	return { nanos: ((nanos + unit - 1n) / unit) * unit, format };
}

function claimMatches(requirement: ScopedResourceSelectorRequirement, { spec, status }: PersistentVolumeClaim): boolean {
	if (requirement.scopeName !== "VolumeAttributesClass") return false;
	const named = [
		spec?.volumeAttributesClassName,
		status?.currentVolumeAttributesClassName,
		status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
	];
	const names = named.filter((name): name is string => name !== undefined && name !== "");
	return names.length === 0 ? matchesName(requirement, "") : names.some((name) => matchesName(requirement, name));
}

// Claims for devices

const deviceClassSuffix = ".deviceclass.resource.k8s.io/devices";
/** The most devices that one claim can be given: what a request for all of them counts for. */
const maxDevices = 32;

function resourceClaimUsage({ spec }: ResourceResourceClaim): Amounts {
	let usage: Amounts = new Map([["count/resourceclaims.resource.k8s.io", one]]);
	for (const request of spec.devices?.requests ?? []) {
		const exact = request.exactly === undefined ? noAmounts : devicesOf(request.exactly);
		// Of alternatives the claim gets one: each class counts with the most that it can be asked for.
		const alternatives = (request.firstAvailable ?? []).map(devicesOf).reduce(greaterAmounts, noAmounts);
		usage = addAmounts(usage, addAmounts(exact, alternatives));
	}
	return usage;
}

function devicesOf({
	deviceClassName,
	allocationMode,
	count = 1,
}: {
	readonly deviceClassName?: string;
	readonly allocationMode?: string;
	readonly count?: number;
}): Amounts {
	return new Map([[`${deviceClassName}${deviceClassSuffix}`, countOf(allocationMode === "All" ? maxDevices : count)]]);
}
