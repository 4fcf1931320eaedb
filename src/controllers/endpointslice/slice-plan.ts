/**
 * What to do about the EndpointSlices of a Service. Pure.
 *
 * Slices are filled so that few of them change, not so that they are packed well: an endpoint stays in the slice it is
 * in, new ones go first to slices that change anyway, then to the fullest that has room, then to new slices.
 * Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#distribution-of-endpointslices and
 * k8s.io/endpointslice/reconciler.go.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from "../../apimachinery/schema/generated/types.ts";

/** kube-controller-manager's --max-endpoints-per-slice. */
export const maxEndpointsPerSlice = 100;

/** The endpoints of one Service that share an address type and ports. */
export interface EndpointGroup {
	readonly addressType: string;
	readonly ports: readonly DiscoveryEndpointPort[];
	readonly endpoints: readonly Endpoint[];
}

/** A slice as it should be; `current` is the object to change, absent for a new one. */
export interface WantedSlice {
	readonly current: EndpointSlice | undefined;
	readonly addressType: string;
	readonly ports: readonly DiscoveryEndpointPort[];
	readonly endpoints: readonly Endpoint[];
}

export interface SlicePlan {
	/** Slices to make or to change, and those that stay as they are: all that should exist. */
	readonly wanted: readonly WantedSlice[];
	readonly remove: readonly EndpointSlice[];
}

/**
 * @param existing the Service's slices that this controller manages.
 * @param limit how many endpoints a slice has at most; default 100
 */
export function planSlices(
	groups: readonly EndpointGroup[],
	existing: readonly EndpointSlice[],
	limit: number = maxEndpointsPerSlice,
): SlicePlan {
	const byGroup = Map.groupBy(existing, groupKeyOf);
	const keys = new Set(groups.map(groupKeyOf));
	const plans = groups.map((group) => planGroup(group, byGroup.get(groupKeyOf(group)) ?? [], limit));
	const wanted = plans.flatMap((plan) => plan.wanted);
	const unused = existing.filter((slice) => !keys.has(groupKeyOf(slice)));
	return reuse(wanted, [...plans.flatMap((plan) => plan.remove), ...unused]);
}

export function groupKeyOf({ addressType, ports = [] }: Pick<EndpointSlice, "addressType" | "ports">): string {
	const texts = ports.map(({ name = "", port = 0, protocol = "TCP", appProtocol = "" }) => `${name}/${port}/${protocol}/${appProtocol}`);
	return `${addressType} ${texts.sort().join(" ")}`;
}

/** What makes two endpoints the same one, whatever its conditions. */
function identityOf({ addresses, hostname, targetRef }: Endpoint): string {
	return [addresses.join(","), hostname, targetRef?.namespace, targetRef?.name, targetRef?.uid].join(" ");
}

interface Draft {
	readonly current: EndpointSlice | undefined;
	readonly endpoints: Endpoint[];
	/** It differs from `current`, so that one more change is free. */
	changed: boolean;
}

function planGroup({ addressType, ports, endpoints }: EndpointGroup, existing: readonly EndpointSlice[], limit: number): SlicePlan {
	const missing = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
	const drafts = existing.map((slice) => keepIn(slice, missing));
	const fill = (draft: Draft) => {
		for (const [identity, endpoint] of missing) {
			if (draft.endpoints.length >= limit) return;
			missing.delete(identity);
			draft.endpoints.push(endpoint);
			draft.changed = true;
		}
	};
	for (const draft of drafts) if (draft.changed && draft.endpoints.length > 0) fill(draft);
	while (missing.size > 0) {
		const draft = fullestWithRoom(drafts, missing.size, limit) ?? newDraft(drafts);
		fill(draft);
	}
	// A Service without endpoints keeps one empty slice, so that its watchers know it has been seen to.
	if (drafts.every((draft) => draft.endpoints.length === 0)) (drafts[0] ?? newDraft(drafts)).changed = true;
	const kept = drafts.filter((draft, index) => draft.endpoints.length > 0 || (index === 0 && endpoints.length === 0));
	return {
		wanted: kept.map((draft) => ({ current: draft.current, addressType, ports, endpoints: draft.endpoints })),
		remove: drafts.flatMap((draft) => (kept.includes(draft) || draft.current === undefined ? [] : [draft.current])),
	};
}

/** The slice with those of its endpoints that are still wanted, in their present state; takes them out of `missing`. */
function keepIn(slice: EndpointSlice, missing: Map<string, Endpoint>): Draft {
	const draft: Draft = { current: slice, endpoints: [], changed: false };
	for (const endpoint of slice.endpoints ?? []) {
		const identity = identityOf(endpoint);
		const wanted = missing.get(identity);
		if (wanted !== undefined) {
			missing.delete(identity);
			draft.endpoints.push(wanted);
		}
		if (wanted === undefined || !jsonEqual(wanted, endpoint)) draft.changed = true;
	}
	return draft;
}

/** The fullest slice that can take all of the rest; none if the rest fills a slice by itself. */
function fullestWithRoom(drafts: readonly Draft[], count: number, limit: number): Draft | undefined {
	let best: Draft | undefined;
	for (const draft of drafts) {
		const size = draft.endpoints.length;
		if (size + count <= limit && size > (best?.endpoints.length ?? -1)) best = draft;
	}
	return best;
}

function newDraft(drafts: Draft[]): Draft {
	const draft: Draft = { current: undefined, endpoints: [], changed: true };
	drafts.push(draft);
	return draft;
}

/** A slice that would be deleted becomes one that would be made: one write instead of two. The address type cannot change. */
function reuse(wanted: readonly WantedSlice[], remove: readonly EndpointSlice[]): SlicePlan {
	const left = [...remove];
	const reused = wanted.map((slice) => {
		if (slice.current !== undefined) return slice;
		const index = left.findIndex(({ addressType }) => addressType === slice.addressType);
		return index === -1 ? slice : { ...slice, current: left.splice(index, 1)[0] };
	});
	return { wanted: reused, remove: left };
}
