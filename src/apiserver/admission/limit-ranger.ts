/**
 * LimitRanger: containers get the defaults of their namespace's LimitRanges, and containers, pods and claims stay within their
 * bounds. Source: plugin/pkg/admission/limitranger; https://kubernetes.io/docs/concepts/policy/limit-range/
 */

import type { KubeObject } from "../../apimachinery/meta.ts";
import { compareQuantities, formatQuantity, type Quantity } from "../../apimachinery/quantity.ts";
import { type Amounts, parseAmounts, type ResourceList } from "../../apimachinery/quota/amounts.ts";
import { podAmounts } from "../../apimachinery/quota/pod-amounts.ts";
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { aggregate, forbidden } from "./forbidden.ts";

const annotation = "kubernetes.io/limit-ranger";
const specAlone = { withStatus: false, withOverhead: false };

export const limitRanger: AdmissionPlugin = {
	name: "LimitRanger",
	handles({ operation, group, resource, subresource }) {
		if (group !== "") return false;
		// Containers can't be added to a pod or change what they take but by a resize.
		if (resource === "pods") return subresource === (operation === "CREATE" ? "" : "resize") && isWrite(operation);
		return resource === "persistentvolumeclaims" && subresource === "" && isWrite(operation);
	},
	mutate(object, attributes) {
		if (attributes.resource !== "pods") return object;
		return limitRangesFor(attributes).reduce((pod, limits) => withDefaults(pod, limits), object as Pod);
	},
	validate(object, attributes) {
		for (const limits of limitRangesFor(attributes)) {
			const errors = violations(object as KubeObject, attributes, limits);
			if (errors.length > 0) throw forbidden(attributes, aggregate(errors), object);
		}
	},
};

/** A LimitRange with its amounts read: once an object, because every pod of the namespace is held against it. */
interface Range {
	readonly items: readonly Item[];
	/** What containers get that do not say. */
	readonly requests: ResourceList;
	readonly limits: ResourceList;
	/** By containers that were seen: a pure memo. */
	readonly completed: WeakMap<readonly Container[], Completed>;
}

interface Completed {
	readonly containers: readonly Container[];
	/** What was set, for the annotation. */
	readonly told: readonly string[];
}

interface Item {
	readonly type: string;
	readonly min: Bounds;
	readonly max: Bounds;
	readonly maxLimitRequestRatio: Bounds;
}

/** In the order of names, where Kubernetes has none. */
type Bounds = readonly (readonly [name: string, bound: Quantity])[];

const none: readonly string[] = [];
const ranges = new WeakMap<LimitRange, Range>();

function readRange(limitRange: LimitRange): Range {
	const known = ranges.get(limitRange);
	if (known !== undefined) return known;
	const limits = limitRange.spec?.limits ?? [];
	const ofContainers = limits.filter(({ type }) => type === "Container");
	const range: Range = {
		items: limits.map(({ type = "", min, max, maxLimitRequestRatio }) => ({
			type,
			min: readBounds(min),
			max: readBounds(max),
			maxLimitRequestRatio: readBounds(maxLimitRequestRatio),
		})),
		requests: Object.assign({}, ...ofContainers.map(({ defaultRequest }) => defaultRequest)),
		limits: Object.assign({}, ...ofContainers.map((item) => item.default)),
		completed: new WeakMap(),
	};
	ranges.set(limitRange, range);
	return range;
}

function readBounds(list: ResourceList = {}): Bounds {
	return [...parseAmounts(list)].sort(([a], [b]) => (a < b ? -1 : 1));
}

const isWrite = (operation: string): boolean => operation === "CREATE" || operation === "UPDATE";

/** None for what is on its way out. */
function limitRangesFor({ lookup, namespace, oldObject }: AdmissionAttributes): readonly LimitRange[] {
	return oldObject?.metadata?.deletionTimestamp === undefined ? lookup.list("", "limitranges", namespace) : [];
}

// Defaults

function withDefaults(pod: Pod, limitRange: LimitRange): Pod {
	const range = readRange(limitRange);
	const { requests, limits } = range;
	if (pod.spec === undefined || (Object.keys(requests).length === 0 && Object.keys(limits).length === 0)) return pod;
	const { containers, initContainers } = pod.spec;
	const completed = complete(range, "container", containers);
	const completedInit = initContainers && complete(range, "init container", initContainers);
	const told = [...completed.told, ...(completedInit?.told ?? [])];
	if (told.length === 0) return pod;
	return {
		...pod,
		metadata: {
			...pod.metadata,
			annotations: { ...pod.metadata?.annotations, [annotation]: `LimitRanger plugin set: ${told.join("; ")}` },
		},
		spec: {
			...pod.spec,
			containers: completed.containers,
			...(completedInit === undefined ? {} : { initContainers: completedInit.containers }),
		},
	};
}

/** The containers with what they do not say; one list for the pods that share one, so that what comes after finds them shared, too. */
function complete({ requests, limits, completed }: Range, what: string, containers: readonly Container[]): Completed {
	const known = completed.get(containers);
	if (known !== undefined) return known;
	const told: string[] = [];
	const completeOne = (container: Container): Container => {
		const { resources } = container;
		const missing = (from: ResourceList, given: ResourceList = {}) => Object.keys(from).filter((name) => given[name] === undefined);
		const [newRequests, newLimits] = [missing(requests, resources?.requests), missing(limits, resources?.limits)];
		if (newRequests.length > 0) told.push(`${newRequests.sort().join(", ")} request for ${what} ${container.name}`);
		if (newLimits.length > 0) told.push(`${newLimits.sort().join(", ")} limit for ${what} ${container.name}`);
		if (newRequests.length === 0 && newLimits.length === 0) return container;
		return {
			...container,
			resources: {
				...resources,
				...merged("limits", limits, resources?.limits),
				...merged("requests", requests, resources?.requests),
			},
		};
	};
	const result = { containers: containers.map(completeOne), told };
	completed.set(containers, result);
	return result;
}

function merged(part: "limits" | "requests", defaults: ResourceList, known: ResourceList = {}) {
	const list = { ...defaults, ...known };
	return Object.keys(list).length === 0 ? {} : { [part]: list };
}

// Bounds

function violations(object: KubeObject, { resource }: AdmissionAttributes, limitRange: LimitRange): readonly string[] {
	const { items } = readRange(limitRange);
	return resource === "pods"
		? items.flatMap((item) => podViolations(object as Pod, item))
		: items.flatMap((item) => claimViolations(object as PersistentVolumeClaim, item));
}

function podViolations(pod: Pod, item: Item): readonly string[] {
	if (item.type === "Container") {
		const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
		return containers.flatMap(({ resources }) => outOfBounds(item, parseAmounts(resources?.requests), parseAmounts(resources?.limits)));
	}
	if (item.type !== "Pod") return [];
	return outOfBounds(item, podAmounts(pod, "requests", specAlone), podAmounts(pod, "limits", specAlone));
}

function outOfBounds(item: Item, requests: Amounts, limits: Amounts): readonly string[] {
	const { type } = item;
	return [
		...each(item.min, (name, bound) => belowMin(name, type, bound, requests.get(name), limits.get(name))),
		...each(item.max, (name, bound) => aboveMax(name, type, bound, requests.get(name), limits.get(name))),
		...each(item.maxLimitRequestRatio, (name, bound) => aboveRatio(name, type, bound, requests.get(name), limits.get(name))),
	];
}

function claimViolations({ spec }: PersistentVolumeClaim, item: Item): readonly string[] {
	if (item.type !== "PersistentVolumeClaim") return [];
	const requests = parseAmounts(spec?.resources?.requests);
	return [
		...each(item.min, (name, bound) => belowMin(name, item.type, bound, requests.get(name), undefined)),
		...each(item.max, (name, bound) => requestAboveMax(name, item.type, bound, requests.get(name))),
	];
}

function each(bounds: Bounds, check: (name: string, bound: Quantity) => string | undefined): readonly string[] {
	return bounds.flatMap(([name, bound]) => check(name, bound) ?? none);
}

const isOver = (amount: Quantity | undefined, bound: Quantity): amount is Quantity =>
	amount !== undefined && compareQuantities(amount, bound) > 0;
const isUnder = (amount: Quantity | undefined, bound: Quantity): amount is Quantity =>
	amount !== undefined && compareQuantities(amount, bound) < 0;

function belowMin(name: string, type: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined) {
	const rule = () => `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
	if (request === undefined) return `${rule()}.  No request is specified`;
	if (isUnder(request, bound)) return `${rule()}, but request is ${formatQuantity(request)}`;
	return isUnder(limit, bound) ? `${rule()}, but limit is ${formatQuantity(limit)}` : undefined;
}

function aboveMax(name: string, type: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined) {
	const rule = () => `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
	if (limit === undefined) return `${rule()}.  No limit is specified`;
	if (isOver(limit, bound)) return `${rule()}, but limit is ${formatQuantity(limit)}`;
	return isOver(request, bound) ? `${rule()}, but request is ${formatQuantity(request)}` : undefined;
}

/** Claims have requests and no limits. */
function requestAboveMax(name: string, type: string, bound: Quantity, request: Quantity | undefined) {
	const rule = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
	if (request === undefined) return `${rule}.  No request is specified`;
	return isOver(request, bound) ? `${rule}, but request is ${formatQuantity(request)}` : undefined;
}

function aboveRatio(name: string, type: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined) {
	const rule = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
	if (request === undefined || request.nanos === 0n) return `${rule}, but no request is specified or request is 0`;
	if (limit === undefined || limit.nanos === 0n) return `${rule}, but no limit is specified or limit is 0`;
	// limit / request > bound, without a division; the bound is in nanos as well.
	if (limit.nanos * 1_000_000_000n <= bound.nanos * request.nanos) return undefined;
	return `${rule}, but provided ratio is ${(Number(limit.nanos) / Number(request.nanos)).toFixed(6)}`;
}
