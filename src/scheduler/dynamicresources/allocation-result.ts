/**
 * What a claim's status says of the devices that were chosen for it: the devices, the configuration for their drivers, and the nodes
 * that have access to all of them. Pure.
 * Source: AllocationResult in the API reference; k8s.io/dynamic-resource-allocation/structured.
 */
import { formatQuantity, type Quantity } from "../../apimachinery/quantity.ts";
import type {
	AllocationResult,
	DeviceAllocationConfiguration,
	DeviceRequestAllocationResult,
	NodeSelector,
	NodeSelectorRequirement,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import type { Alternative } from "./claim-plan.ts";
import type { PoolDevice } from "./device-pools.ts";

export interface ChosenDevice {
	readonly device: PoolDevice;
	/** Of a device that several use. */
	readonly shareId?: string;
	readonly consumed?: ReadonlyMap<string, Quantity>;
}

/** The alternative that was taken of a request, and its devices. */
export interface ChosenRequest {
	readonly alternative: Alternative;
	readonly devices: readonly ChosenDevice[];
}

export function allocationResult(claim: ResourceResourceClaim, requests: readonly ChosenRequest[], nodeName: string): AllocationResult {
	const results = requests.flatMap(({ alternative, devices }) => devices.map((chosen) => deviceResult(alternative, chosen)));
	const config = configuration(claim, requests);
	const nodeSelector = commonNodes(
		requests.flatMap(({ devices }) => devices.map(({ device }) => device)),
		nodeName,
	);
	return {
		devices: { ...(results.length === 0 ? {} : { results }), ...(config.length === 0 ? {} : { config }) },
		...(nodeSelector === undefined ? {} : { nodeSelector }),
	};
}

function deviceResult(
	{ name, request, adminAccess }: Alternative,
	{ device: { device, pool }, shareId, consumed }: ChosenDevice,
): DeviceRequestAllocationResult {
	const { bindingConditions = [], bindingFailureConditions = [] } = device;
	const { tolerations = [] } = request;
	const amounts = Object.fromEntries([...(consumed ?? [])].map(([capacity, amount]) => [capacity, formatQuantity(amount)]));
	return {
		request: name,
		driver: pool.driver,
		pool: pool.name,
		device: device.name,
		...(adminAccess ? { adminAccess } : {}),
		...(tolerations.length === 0 ? {} : { tolerations }),
		...(bindingConditions.length === 0 ? {} : { bindingConditions }),
		...(bindingFailureConditions.length === 0 ? {} : { bindingFailureConditions }),
		...(shareId === undefined ? {} : { shareID: shareId }),
		...(Object.keys(amounts).length === 0 ? {} : { consumedCapacity: amounts }),
	};
}

/** Of the classes first, each once with the requests that it is for; then of the claim, as far as it concerns what was chosen. */
function configuration({ spec }: ResourceResourceClaim, requests: readonly ChosenRequest[]): readonly DeviceAllocationConfiguration[] {
	const ofClass = [...Map.groupBy(requests, ({ alternative }) => alternative.deviceClass)].flatMap(([deviceClass, its]) =>
		(deviceClass.spec.config ?? []).map((config): DeviceAllocationConfiguration => {
			return { source: "FromClass", requests: its.map(({ alternative }) => alternative.name), ...config };
		}),
	);
	const concerns = (names: readonly string[]) =>
		names.length === 0 || requests.some(({ alternative }) => alternative.names.some((name) => names.includes(name)));
	const ofClaim = (spec.devices?.config ?? [])
		.filter((config) => concerns(config.requests ?? []))
		.map((config): DeviceAllocationConfiguration => ({ source: "FromClaim", ...config }));
	// What is for all requests names none.
	return [...ofClass, ...ofClaim].map(({ requests: names = [], ...config }) =>
		names.length === 0 || names.length === spec.devices?.requests?.length ? config : { ...config, requests: names },
	);
}

/** Undefined: the devices can be reached from everywhere. */
function commonNodes(devices: readonly PoolDevice[], nodeName: string): NodeSelector | undefined {
	if (devices.some(({ place, device }) => place.nodeName !== undefined || device.bindsToNode === true)) {
		return { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }] };
	}
	const matchFields: NodeSelectorRequirement[] = [];
	const matchExpressions: NodeSelectorRequirement[] = [];
	for (const { place } of devices) {
		// Slices have exactly one term.
		const [term] = place.nodeSelector?.nodeSelectorTerms ?? [];
		addNew(matchFields, term?.matchFields);
		addNew(matchExpressions, term?.matchExpressions);
	}
	if (matchFields.length === 0 && matchExpressions.length === 0) return undefined;
	return {
		nodeSelectorTerms: [
			{ ...(matchFields.length === 0 ? {} : { matchFields }), ...(matchExpressions.length === 0 ? {} : { matchExpressions }) },
		],
	};
}

function addNew(requirements: NodeSelectorRequirement[], added: readonly NodeSelectorRequirement[] = []): void {
	for (const requirement of added) if (!requirements.some((known) => isSame(known, requirement))) requirements.push(requirement);
}

function isSame(a: NodeSelectorRequirement, b: NodeSelectorRequirement): boolean {
	const values = new Set(a.values);
	const others = new Set(b.values);
	return a.key === b.key && a.operator === b.operator && values.size === others.size && [...values].every((value) => others.has(value));
}
