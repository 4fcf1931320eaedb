/**
 * Which devices are taken, by all claims together, and how much of those that can be shared. Kept up claim by claim, so that a pod's
 * allocation does not go through all of them.
 * Source of behaviour: pkg/scheduler/framework/plugins/dynamicresources/allocateddevices.go. Administrators' access takes nothing.
 */
import { parseQuantity } from "../../apimachinery/quantity.ts";
import type { AllocationResult, DeviceRequestAllocationResult } from "../../apimachinery/schema/generated/types.ts";
import type { Amounts } from "./capacity.ts";
import { deviceId } from "./device-pools.ts";

/** What the allocator looks at. */
export interface AllocatedState {
	/** Somebody has the whole device. */
	isTaken(id: string): boolean;
	/** What is taken of a shared device; undefined: nobody uses it. */
	shared(id: string): Amounts | undefined;
}

export class AllocatedDevices implements AllocatedState {
	readonly #claims = new Map<string, AllocationResult>();
	/** How many claims have the device; > 0, and 1 unless somebody else has allocated it, too. */
	readonly #taken = new Map<string, number>();
	readonly #shared = new Map<string, { users: number; readonly amounts: Map<string, bigint> }>();

	isTaken(id: string): boolean {
		return this.#taken.has(id);
	}

	shared(id: string): Amounts | undefined {
		return this.#shared.get(id)?.amounts;
	}

	/** A claim's allocation from now on; undefined: it has none. */
	set(claimUid: string, allocation: AllocationResult | undefined): void {
		const before = this.#claims.get(claimUid);
		if (before === allocation) return;
		for (const result of before?.devices?.results ?? []) this.#count(result, -1);
		for (const result of allocation?.devices?.results ?? []) this.#count(result, 1);
		if (allocation === undefined) this.#claims.delete(claimUid);
		else this.#claims.set(claimUid, allocation);
	}

	#count({ driver, pool, device, adminAccess, shareID, consumedCapacity }: DeviceRequestAllocationResult, sign: 1 | -1): void {
		if (adminAccess === true) return;
		const id = deviceId(driver, pool, device);
		if (shareID === undefined) {
			const count = (this.#taken.get(id) ?? 0) + sign;
			if (count === 0) this.#taken.delete(id);
			else this.#taken.set(id, count);
			return;
		}
		const share = this.#shared.get(id) ?? { users: 0, amounts: new Map<string, bigint>() };
		share.users += sign;
		for (const [name, amount] of Object.entries(consumedCapacity ?? {})) {
			share.amounts.set(name, (share.amounts.get(name) ?? 0n) + BigInt(sign) * parseQuantity(amount).nanos);
		}
		if (share.users === 0) this.#shared.delete(id);
		else this.#shared.set(id, share);
	}
}
