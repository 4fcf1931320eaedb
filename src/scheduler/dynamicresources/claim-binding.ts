/**
 * What PreBind writes: a claim's devices and the pod that uses it. And what it waits for: that drivers have prepared devices which say
 * that they need it (binding conditions).
 * Source of behaviour and texts: pkg/scheduler/framework/plugins/dynamicresources; KEP-5007 (device binding conditions).
 */
import { hasClaimFinalizer, withClaimFinalizer, withReservation } from "../../apimachinery/devices/resource-claims.ts";
import type {
	AllocationResult,
	DeviceRequestAllocationResult,
	Pod,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import type { ResourceClient } from "../../client/client.ts";

/** How often a write is tried that somebody else's write comes before. Source: client-go's retry.DefaultRetry. */
const maxTries = 5;

const describe = ({ metadata }: ResourceResourceClaim): string => `${metadata?.namespace}/${metadata?.name}`;

/** Says what we did when it failed, and keeps what kind of failure it was: a conflict is tried again. */
async function during<T>(what: string, work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		if (isStatusError(error, "Conflict")) throw error;
		throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
	}
}

/** Resolves to the claim, reserved for the pod. @param allocation undefined: the claim has one already */
export async function reserveClaim(
	claim: ResourceResourceClaim,
	pod: Pod,
	allocation: AllocationResult | undefined,
	client: ResourceClient<ResourceResourceClaim>,
	nowMs: number,
): Promise<ResourceResourceClaim> {
	let current = claim;
	for (let tries = 1; ; tries++) {
		try {
			if (current.metadata?.deletionTimestamp !== undefined) throw new Error(`claim ${describe(claim)} got deleted in the meantime`);
			if (allocation !== undefined) {
				if (current.status?.allocation !== undefined) throw new Error(`claim ${describe(claim)} got allocated elsewhere in the meantime`);
				if (!hasClaimFinalizer(current))
					current = await during(`add finalizer to claim ${describe(claim)}`, client.update(withClaimFinalizer(current)));
				const allocationTimestamp = formatTime(nowMs);
				current = { ...current, status: { ...current.status, allocation: { ...allocation, allocationTimestamp } } };
			}
			const what = allocation === undefined ? "reservation" : "allocation and reservation";
			return await during(`add ${what} to claim ${describe(claim)}`, client.updateStatus(withReservation(current, pod)));
		} catch (error) {
			if (!isStatusError(error, "Conflict") || tries >= maxTries) throw error;
			const { namespace, name = "" } = claim.metadata ?? {};
			current = await during(`get updated claim ${describe(claim)} after conflict`, client.get({ namespace, name }));
		}
	}
}

/** Of a claim whose devices say what has to hold before a pod is bound. */
export type Readiness = "ready" | "waiting" | { readonly failure: string };

export function bindingReadiness({ metadata, status }: ResourceResourceClaim): Readiness {
	if (status?.allocation === undefined) return "waiting";
	let isReady = true;
	for (const { bindingConditions = [], bindingFailureConditions = [], ...device } of status.allocation.devices?.results ?? []) {
		if (bindingConditions.length === 0) continue;
		const conditions = status.devices?.find((known) => isSameDevice(known, device))?.conditions ?? [];
		const isTrue = (type: string) => conditions.find((condition) => condition.type === type && condition.status === "True");
		for (const type of bindingFailureConditions) {
			const failed = isTrue(type);
			if (failed === undefined) continue;
			const why = `reason=${failed.reason}, message=${JSON.stringify(failed.message)}`;
			return { failure: `claim ${metadata?.name} binding failed: ${why}` };
		}
		isReady &&= bindingConditions.every((type) => isTrue(type) !== undefined);
	}
	return isReady ? "ready" : "waiting";
}

type DeviceId = Pick<DeviceRequestAllocationResult, "driver" | "pool" | "device">;

const isSameDevice = (a: DeviceId, b: DeviceId): boolean => a.driver === b.driver && a.pool === b.pool && a.device === b.device;

export function hasBindingConditions({ status }: ResourceResourceClaim): boolean {
	return (status?.allocation?.devices?.results ?? []).some(({ bindingConditions = [] }) => bindingConditions.length > 0);
}

/** Its drivers have had their time. */
export function hasBindingTimedOut(claim: ResourceResourceClaim, timeoutMs: number, nowMs: number): boolean {
	const since = claim.status?.allocation?.allocationTimestamp;
	return since !== undefined && hasBindingConditions(claim) && parseTime(since) + timeoutMs < nowMs;
}
