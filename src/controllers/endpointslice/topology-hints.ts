/**
 * Which zone's traffic an endpoint is for, by `service.kubernetes.io/topology-mode: Auto`: each zone gets endpoints in proportion to the
 * CPUs of its nodes, its own ones first. Pure.
 *
 * What comes out depends on nothing but the endpoints and the nodes, so that a sync that finds the same changes nothing. kube-controller-manager
 * also keeps former hints that are still good enough.
 * Source of behaviour and texts: k8s.io/endpointslice/topologycache;
 * https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/
 */
import { quantityToMilli } from "../../apimachinery/quantity.ts";
import type { Endpoint, Node, Service } from "../../apimachinery/schema/generated/types.ts";
import type { EndpointGroup } from "./slice-plan.ts";

const modeAnnotation = "service.kubernetes.io/topology-mode";
const formerAnnotation = "service.kubernetes.io/topology-aware-hints";
const zoneLabel = "topology.kubernetes.io/zone";
const excludedLabels = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
/** How much more than its part a zone's endpoints may be asked to take. */
const overloadThreshold = 0.2;

/** The part of the cluster's CPUs that is in each zone; undefined if hints cannot be made of what the nodes say. */
export type ZoneRatios = ReadonlyMap<string, number> | undefined;

export function wantsTopologyHints({ metadata }: Service): boolean {
	const mode = metadata?.annotations?.[formerAnnotation] ?? metadata?.annotations?.[modeAnnotation];
	return mode === "Auto" || mode === "auto";
}

/** Whether a change of a node can change the ratios. */
export function topologyChanged(old: Node, node: Node): boolean {
	return contributionOf(old) !== contributionOf(node);
}

function contributionOf({ metadata, status }: Node): string {
	const labels = metadata?.labels ?? {};
	const excluded = excludedLabels.some((label) => labels[label] !== undefined);
	return `${excluded} ${isReady(status)} ${status?.allocatable?.cpu} ${labels[zoneLabel]}`;
}

function isReady(status: Node["status"]): boolean {
	return status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

/** Of nodes that are ready and not of the control plane. One without zone or CPUs spoils it for all, as does a single zone. */
export function zoneRatios(nodes: readonly Node[]): ZoneRatios {
	const cpus = new Map<string, number>();
	let total = 0;
	for (const { metadata, status } of nodes) {
		if (excludedLabels.some((label) => metadata?.labels?.[label] !== undefined)) continue;
		if (!isReady(status)) continue;
		const zone = metadata?.labels?.[zoneLabel] ?? "";
		const cpu = cpusOf(status?.allocatable?.cpu);
		if (zone === "" || cpu === 0) return undefined;
		cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
		total += cpu;
	}
	if (cpus.size < 2) return undefined;
	return new Map([...cpus].sort(byName).map(([zone, cpu]) => [zone, cpu / total]));
}

export interface HintedGroups {
	readonly groups: readonly EndpointGroup[];
	/** Why there are none, for each address type that has none. */
	readonly problems: ReadonlyMap<string, string>;
}

/** Address types are each seen by themselves, all ports of one together. */
export function withTopologyHints(groups: readonly EndpointGroup[], ratios: ZoneRatios): HintedGroups {
	const problems = new Map<string, string>();
	const hinted = new Map<Endpoint, string>();
	for (const [addressType, ofType] of Map.groupBy(groups, (group) => group.addressType)) {
		const hints = planHints(
			ofType.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions?.ready === true),
			ratios,
		);
		if (typeof hints === "string") problems.set(addressType, hints);
		else for (const [endpoint, zone] of hints) hinted.set(endpoint, zone);
	}
	const withHint = (endpoint: Endpoint): Endpoint => {
		const { hints: _former, ...rest } = endpoint;
		const zone = hinted.get(endpoint);
		return zone === undefined ? rest : { ...rest, hints: { forZones: [{ name: zone }] } };
	};
	return { groups: groups.map((group) => ({ ...group, endpoints: group.endpoints.map(withHint) })), problems };
}

/** The zone of each endpoint, or why there is none. */
function planHints(endpoints: readonly Endpoint[], ratios: ZoneRatios): ReadonlyMap<Endpoint, string> | string {
	if (ratios === undefined) return "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
	const figures = `(${endpoints.length} endpoints, ${ratios.size} zones)`;
	if (ratios.size > endpoints.length) return `Insufficient number of endpoints ${figures}`;
	const desired = new Map<string, number>();
	let minimumTotal = 0;
	for (const [zone, ratio] of ratios) {
		const exact = ratio * endpoints.length;
		const minimum = Math.ceil(exact / (1 + overloadThreshold));
		minimumTotal += minimum;
		desired.set(zone, Math.max(exact, minimum));
	}
	if (minimumTotal > endpoints.length) {
		return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${figures}`;
	}
	const hints = new Map<Endpoint, string>();
	for (const endpoint of [...endpoints].sort((a, b) => compare(nameOf(a), nameOf(b)))) {
		if (endpoint.zone === undefined || endpoint.zone === "") return "One or more endpoints do not have a zone specified";
		hints.set(endpoint, endpoint.zone);
	}
	redistribute(hints, desired);
	return hints;
}

/** Lends endpoints of zones that have more than their part to those that have less. */
function redistribute(hints: Map<Endpoint, string>, desired: ReadonlyMap<string, number>): void {
	const own = new Map<string, number>();
	for (const zone of hints.values()) own.set(zone, (own.get(zone) ?? 0) + 1);
	const surplus = new Map<string, number>();
	const need = new Map<string, number>();
	for (const [zone, target] of desired) {
		const difference = (own.get(zone) ?? 0) - target;
		if (difference > 0) surplus.set(zone, difference);
		if (difference < 0) need.set(zone, -difference);
	}
	for (;;) {
		const giver = most(surplus);
		const taker = most(need);
		// Half an endpoint is too little to move one for, and so is less than a whole one on both sides.
		if (giver === undefined || taker === undefined) return;
		if ((giver.count < 1 && taker.count < 1) || giver.count < 0.5 || taker.count < 0.5) return;
		const lent = [...hints].find(([endpoint, zone]) => zone === giver.zone && endpoint.zone === giver.zone)?.[0];
		if (lent === undefined) return;
		hints.set(lent, taker.zone);
		surplus.set(giver.zone, giver.count - 1);
		need.set(taker.zone, taker.count - 1);
	}
}

function most(zones: ReadonlyMap<string, number>): { readonly zone: string; readonly count: number } | undefined {
	let best: { readonly zone: string; readonly count: number } | undefined;
	for (const [zone, count] of zones) if (count > (best?.count ?? 0)) best = { zone, count };
	return best;
}

function cpusOf(quantity: string | undefined): number {
	return quantity === undefined ? 0 : quantityToMilli(quantity);
}

function nameOf({ targetRef, addresses }: Endpoint): string {
	return targetRef?.name ?? addresses[0] ?? "";
}

function byName([a]: readonly [string, number], [b]: readonly [string, number]): number {
	return compare(a, b);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : Number(a > b);
}
