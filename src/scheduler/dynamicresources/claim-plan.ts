/**
 * What a claim asks for on one node, before any device is chosen: its requests with their alternatives, classes resolved, "all devices"
 * counted. Pure.
 * Source of behaviour and texts: k8s.io/dynamic-resource-allocation/structured of Kubernetes 1.36; KEP-4816 (prioritized alternatives).
 */
import type {
	DeviceClass,
	DeviceRequest,
	DeviceSubRequest,
	ExactDeviceRequest,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { consumption } from "./capacity.ts";
import { type Constraint, constraintOf } from "./constraints.ts";
import type { DevicePool, PoolDevice } from "./device-pools.ts";

/** Devices that one claim can have at most. Source: AllocationResultsMaxSize. */
export const maxDevicesPerClaim = 32;

/** Something is wrong with a claim or a class, or with a pool that all devices are asked of: no node will do. */
export class AllocationError extends Error {
	override readonly name = "AllocationError";
}

/** One way to satisfy a request. */
export interface Alternative {
	/** As results and configurations name it: `gpu`, or `gpu/large`. */
	readonly name: string;
	/** What constraints may call it. */
	readonly names: readonly string[];
	readonly request: ExactDeviceRequest | DeviceSubRequest;
	readonly deviceClass: DeviceClass;
	readonly adminAccess: boolean;
	/** >= 0; 0 only where all devices are asked for and there is none, which does not do. */
	readonly count: number;
	/** The very devices it must have; undefined: any that fit. */
	readonly all: readonly PoolDevice[] | undefined;
}

export interface PlannedRequest {
	/** The best first; never empty. */
	readonly alternatives: readonly Alternative[];
	/** Devices that it takes at least. */
	readonly minCount: number;
}

export interface PlannedClaim {
	readonly claim: ResourceResourceClaim;
	/** `namespace/name`. */
	readonly key: string;
	readonly requests: readonly PlannedRequest[];
	readonly constraints: readonly Constraint[];
}

export interface PlanContext {
	/** That the node can reach. */
	readonly pools: readonly DevicePool[];
	/** Devices of a pool that the node can reach. */
	devicesOf(pool: DevicePool): readonly PoolDevice[];
	deviceClass(name: string): DeviceClass | undefined;
	/** Throws AllocationError for a selector that fails. */
	matches(device: PoolDevice, alternative: Pick<Alternative, "request" | "deviceClass">, claimKey: string): boolean;
}

/** Throws AllocationError. */
export function planClaim(claim: ResourceResourceClaim, context: PlanContext): PlannedClaim {
	const key = `${claim.metadata?.namespace}/${claim.metadata?.name}`;
	const { requests = [], constraints = [] } = claim.spec.devices ?? {};
	const planned = requests.map((request) => planRequest(request, key, context));
	const least = planned.reduce((sum, { minCount }) => sum + minCount, 0);
	if (least > maxDevicesPerClaim)
		throw new AllocationError(`claim ${key}: number of requested devices ${least} exceeds the claim limit of ${maxDevicesPerClaim}`);
	return {
		claim,
		key,
		requests: planned,
		constraints: constraints.map((constraint, index) => {
			const known = constraintOf(constraint);
			if (known === undefined)
				throw new AllocationError(`claim ${key}, constraint #${index}: empty constraint (unsupported constraint type?)`);
			return known;
		}),
	};
}

function planRequest({ name, exactly, firstAvailable = [] }: DeviceRequest, key: string, context: PlanContext): PlannedRequest {
	const alternatives =
		exactly === undefined
			? firstAvailable.map((one) => planAlternative(`${name}/${one.name}`, [name, `${name}/${one.name}`], one, key, context))
			: [planAlternative(name, [name], exactly, key, context)];
	if (alternatives.length === 0) throw new AllocationError(`claim ${key}, request ${name}: unknown request type`);
	return { alternatives, minCount: Math.min(...alternatives.map(({ count }) => count)) };
}

function planAlternative(
	name: string,
	names: readonly string[],
	request: ExactDeviceRequest | DeviceSubRequest,
	key: string,
	context: PlanContext,
): Alternative {
	const { deviceClassName, allocationMode, count = 1 } = request;
	// Upstream names an alternative alone in its errors, without its request.
	const what = `claim ${key}, request ${name.slice(name.indexOf("/") + 1)}`;
	const deviceClass = context.deviceClass(deviceClassName);
	if (deviceClass === undefined) {
		const notFound = `deviceclass.resource.k8s.io ${JSON.stringify(deviceClassName)} not found`;
		throw new AllocationError(`${what}: could not retrieve device class ${deviceClassName}: ${notFound}`);
	}
	const adminAccess = "adminAccess" in request && request.adminAccess === true;
	const plan = { name, names, request, deviceClass, adminAccess };
	if (allocationMode === "All") {
		const all = allDevices(plan, what, key, context);
		return { ...plan, count: all.length, all };
	}
	if (allocationMode !== undefined && allocationMode !== "ExactCount")
		throw new AllocationError(`${what}: unsupported count mode ${allocationMode}`);
	return { ...plan, count, all: undefined };
}

/** What "all" is can only be told where all devices are known. */
function allDevices(
	plan: Pick<Alternative, "request" | "deviceClass">,
	what: string,
	key: string,
	{ pools, devicesOf, matches }: PlanContext,
): readonly PoolDevice[] {
	return pools.flatMap((pool) => {
		const state = pool.isComplete ? (pool.problem === undefined ? undefined : "invalid") : "being updated";
		if (state !== undefined) throw new AllocationError(`${what}: asks for all devices, but resource pool ${pool.id} is currently ${state}`);
		return devicesOf(pool).filter(
			(device) => matches(device, plan, key) && consumption(device.device, plan.request.capacity?.requests) !== undefined,
		);
	});
}
