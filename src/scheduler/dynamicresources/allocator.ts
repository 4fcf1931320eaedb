/**
 * Finds devices for claims on a node: goes through claims, requests, alternatives and devices in order, takes what fits, and goes back
 * where it does not go on. The first solution wins. Devices of one request are tried in one order only, so that no set of them is
 * tried twice.
 *
 *   claim ─> request ─> alternative ─> device, device, … ─> next request ─> next claim ─> done
 *                ^           │ does not go on: the last device is given back, and the next one tried
 *                └───────────┘
 *
 * The search is bounded: after `maxSteps` it is given up, where kube-scheduler gives up after ten seconds.
 *
 * Implemented: selectors, counts and "all", alternatives, constraints, administrators' access, taints and tolerations, counters that
 * devices share, capacity that requests share, places of devices, configuration. All that is on by default in 1.36.
 * Source of behaviour: KEPs 4381, 4816, 4815, 5055, 5075; k8s.io/dynamic-resource-allocation/structured.
 */

import { toleratesDeviceTaint } from "../../apimachinery/devices/taints.ts";
import type { SelectableNode } from "../../apimachinery/node-selector.ts";
import type { Quantity } from "../../apimachinery/quantity.ts";
import type { AllocationResult, DeviceClass, DeviceSelector, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import type { AllocatedState } from "./allocated-devices.ts";
import { allocationResult, type ChosenDevice, type ChosenRequest } from "./allocation-result.ts";
import { consumption, isLeft } from "./capacity.ts";
import { AllocationError, type Alternative, maxDevicesPerClaim, type PlanContext, type PlannedClaim, planClaim } from "./claim-plan.ts";
import type { CounterSets, DevicePool, DevicePools, PoolDevice } from "./device-pools.ts";
import type { DeviceSelectors } from "./selectors.ts";

/** A step is one device looked at. About half a second on a slow machine. */
const usualMaxSteps = 500_000;

export interface AllocatorOptions {
	readonly pools: DevicePools;
	/** Does not change while the allocator is in use. */
	readonly allocated: AllocatedState;
	deviceClass(name: string): DeviceClass | undefined;
	readonly selectors: DeviceSelectors;
	/** Names one share of a device that several use. */
	newShareId(): string;
	readonly maxSteps?: number;
}

export type AllocationOutcome =
	/** One result a claim, in their order. */
	| { readonly results: readonly AllocationResult[] }
	/** Not on this node. */
	| { readonly impossible: string };

/** For one moment of the cluster, and any number of nodes. */
export class Allocator {
	readonly #options: AllocatorOptions;
	/** By selector: an object of a class or claim stays the same while the allocator lives. */
	readonly #matches = new Map<DeviceSelector, Map<PoolDevice, boolean>>();
	/** What is left of a pool's counters. */
	readonly #counters = new Map<DevicePool, CounterSets>();

	constructor(options: AllocatorOptions) {
		this.#options = options;
	}

	/** Throws AllocationError where no node will do. */
	allocate(claims: readonly ResourceResourceClaim[], node: SelectableNode): AllocationOutcome {
		const { pools, allocated, deviceClass, newShareId, maxSteps = usualMaxSteps } = this.#options;
		const reachable = pools.on(node);
		const devices = new Map(reachable.map((pool) => [pool, pool.devicesOn(node)]));
		const context: PlanContext = {
			pools: reachable,
			devicesOf: (pool) => devices.get(pool) ?? [],
			deviceClass,
			matches: (device, alternative, claimKey) => this.#fits(device, alternative, claimKey),
		};
		const planned = claims.map((claim) => planClaim(claim, context));
		const usable = reachable.filter(({ isComplete, problem }) => isComplete && problem === undefined);
		const search = new Search({
			claims: planned,
			devices: usable.flatMap((pool) => devices.get(pool) ?? []),
			allocated,
			matches: context.matches,
			countersLeft: (pool) => this.#countersLeft(pool),
			newShareId,
			maxSteps,
		});
		const found = search.run();
		if (found === "exhausted") return { impossible: "timed out trying to allocate devices" };
		if (found !== "impossible")
			return { results: planned.map(({ claim }, index) => allocationResult(claim, found[index] ?? [], node.name)) };
		const isInvalid = reachable.some(({ problem }) => problem !== undefined);
		return { impossible: isInvalid ? "invalid resource pools were encountered" : "cannot allocate all claims" };
	}

	#fits(device: PoolDevice, { request, deviceClass }: Pick<Alternative, "request" | "deviceClass">, claimKey: string): boolean {
		return (
			this.#matchesAll(device, deviceClass.spec.selectors ?? [], `class ${deviceClass.metadata?.name}`) &&
			this.#matchesAll(device, request.selectors ?? [], `claim ${claimKey}`)
		);
	}

	#matchesAll(device: PoolDevice, selectors: readonly DeviceSelector[], whose: string): boolean {
		return selectors.every((selector, index) => {
			const known = this.#matches.get(selector) ?? new Map<PoolDevice, boolean>();
			this.#matches.set(selector, known);
			let matches = known.get(device);
			if (matches === undefined) {
				matches = this.#evaluate(device, selector, `${whose}: selector #${index}`);
				known.set(device, matches);
			}
			return matches;
		});
	}

	#evaluate({ id, pool, device }: PoolDevice, selector: DeviceSelector, what: string): boolean {
		const compiled = this.#options.selectors.compile(selector);
		if ("problem" in compiled) throw new AllocationError(`${what}: CEL compile error: ${compiled.problem}`);
		const { attributes = {}, capacity = {}, allowMultipleAllocations = false } = device;
		const matches = compiled.matches({ driver: pool.driver, attributes, capacity, allowMultipleAllocations });
		if (typeof matches === "boolean") return matches;
		throw new AllocationError(`${what} on device ${id}: CEL runtime error: ${matches.problem}`);
	}

	#countersLeft(pool: DevicePool): CounterSets {
		let left = this.#counters.get(pool);
		if (left === undefined) {
			const sets = new Map([...pool.counterSets].map(([name, counters]) => [name, new Map(counters)]));
			const { allocated } = this.#options;
			for (const { id, counters } of pool.devices) {
				if (allocated.isTaken(id) || allocated.shared(id) !== undefined) count(sets, counters, -1n);
			}
			left = sets;
			this.#counters.set(pool, left);
		}
		return left;
	}
}

/** Adds to counters, or takes from them. */
function count(sets: ReadonlyMap<string, Map<string, bigint>>, counters: CounterSets, sign: 1n | -1n): void {
	for (const [set, amounts] of counters) {
		const known = sets.get(set);
		for (const [name, amount] of amounts) known?.set(name, (known.get(name) ?? 0n) + sign * amount);
	}
}

interface SearchOptions {
	readonly claims: readonly PlannedClaim[];
	/** Of all usable pools, in the order in which they are tried. */
	readonly devices: readonly PoolDevice[];
	readonly allocated: AllocatedState;
	matches(device: PoolDevice, alternative: Alternative, claimKey: string): boolean;
	countersLeft(pool: DevicePool): CounterSets;
	newShareId(): string;
	readonly maxSteps: number;
}

class StepsExhausted extends Error {
	override readonly name = "StepsExhausted";
}

class Search {
	readonly #options: SearchOptions;
	/** Of each claim, by request. */
	readonly #chosen: ChosenRequest[][];
	/** Whole devices, with the claims that take them; an administrator's access counts here, too. */
	readonly #taking = new Map<string, number[]>();
	/** What is taken of devices that several use. */
	readonly #sharing = new Map<string, { users: number; readonly amounts: Map<string, bigint> }>();
	readonly #counting = new Map<DevicePool, Map<string, Map<string, bigint>>>();
	#steps = 0;

	constructor(options: SearchOptions) {
		this.#options = options;
		this.#chosen = options.claims.map(() => []);
	}

	run(): readonly (readonly ChosenRequest[])[] | "impossible" | "exhausted" {
		try {
			return this.#claim(0) ? this.#chosen : "impossible";
		} catch (error) {
			if (error instanceof StepsExhausted) return "exhausted";
			throw error;
		}
	}

	#claim(at: number): boolean {
		return at >= this.#options.claims.length || this.#request(at, 0);
	}

	#request(claimAt: number, requestAt: number): boolean {
		const { requests = [] } = this.#options.claims[claimAt] ?? {};
		const request = requests[requestAt];
		if (request === undefined) return this.#claim(claimAt + 1);
		const chosen = this.#chosen[claimAt] ?? [];
		const before = chosen.reduce((sum, { devices }) => sum + devices.length, 0);
		const after = requests.slice(requestAt + 1).reduce((sum, { minCount }) => sum + minCount, 0);
		return request.alternatives.some((alternative) => {
			if (before + alternative.count + after > maxDevicesPerClaim || alternative.count === 0) return false;
			const devices: ChosenDevice[] = [];
			chosen.push({ alternative, devices });
			if (this.#devices({ claimAt, requestAt, alternative, devices }, 0)) return true;
			chosen.pop();
			return false;
		});
	}

	/** @param from devices before this one have been tried */
	#devices(place: Place, from: number): boolean {
		const { alternative, devices: taken, claimAt, requestAt } = place;
		if (taken.length === alternative.count) return this.#request(claimAt, requestAt + 1);
		if (alternative.all !== undefined) {
			const device = alternative.all[taken.length];
			return device !== undefined && this.#tryDevice(place, device, 0, true);
		}
		const { devices, claims, matches } = this.#options;
		for (let index = from; index < devices.length; index++) {
			const device = devices[index];
			if (device === undefined || !this.#isFree(device, place)) continue;
			if (!matches(device, alternative, claims[claimAt]?.key ?? "")) continue;
			if (this.#tryDevice(place, device, index + 1, false)) return true;
		}
		return false;
	}

	/** Takes the device and goes on; gives it back where that leads nowhere. @param isDemanded nothing else will do */
	#tryDevice(place: Place, device: PoolDevice, from: number, isDemanded: boolean): boolean {
		if (this.#steps++ >= this.#options.maxSteps) throw new StepsExhausted();
		const giveBack = this.#take(place, device, isDemanded);
		if (giveBack === undefined) return false;
		if (this.#devices(place, from)) return true;
		giveBack();
		return false;
	}

	#isFree({ id, device }: PoolDevice, { alternative, claimAt }: Place): boolean {
		const takers = this.#taking.get(id) ?? [];
		if (alternative.adminAccess) return !takers.includes(claimAt);
		return (takers.length === 0 || device.allowMultipleAllocations === true) && !this.#options.allocated.isTaken(id);
	}

	/** How to give it back; undefined: it cannot be had. */
	#take(place: Place, device: PoolDevice, isDemanded: boolean): (() => void) | undefined {
		const { alternative, claimAt, devices: chosen } = place;
		const { allocated, claims, newShareId } = this.#options;
		const { id, pool } = device;
		// An administrator looks at devices and takes nothing of them.
		const isShared = device.device.allowMultipleAllocations === true && !alternative.adminAccess;
		if (!this.#isFree(device, place)) return undefined;
		const isInUse = isShared && (allocated.shared(id) !== undefined || this.#sharing.has(id));
		const usesCounters = device.counters.size > 0 && !isInUse && !alternative.adminAccess;
		if (usesCounters && !this.#countersSuffice(device)) return undefined;
		if (isRepelled(device, alternative)) return undefined;
		const wanted = consumption(device.device, alternative.request.capacity?.requests);
		if (wanted === undefined) return undefined;
		if (isShared && !isLeft(device.device, wanted, allocated.shared(id), this.#sharing.get(id)?.amounts)) return undefined;
		const constrained = this.#constrain(place, device);
		if (!constrained) {
			if (!isDemanded) return undefined;
			const what = `claim ${claims[claimAt]?.key}, request ${alternative.name.slice(alternative.name.indexOf("/") + 1)}`;
			throw new AllocationError(`${what}: cannot add device ${id} because a claim constraint would not be satisfied`);
		}
		if (usesCounters) count(this.#countersOf(pool), device.counters, 1n);
		if (isShared) this.#share(id, wanted, 1);
		else this.#taking.set(id, [...(this.#taking.get(id) ?? []), claimAt]);
		chosen.push({ device, ...(isShared ? { shareId: newShareId(), consumed: wanted } : {}) });
		return () => {
			chosen.pop();
			if (isShared) this.#share(id, wanted, -1);
			else this.#taking.set(id, this.#taking.get(id)?.slice(0, -1) ?? []);
			if (usesCounters) count(this.#countersOf(pool), device.counters, -1n);
			for (const constraint of claims[claimAt]?.constraints ?? []) constraint.remove(alternative.names);
		};
	}

	/** All constraints of the claim hold with the device, and count it from now on; or none does. */
	#constrain({ claimAt, alternative }: Place, device: PoolDevice): boolean {
		const { constraints = [] } = this.#options.claims[claimAt] ?? {};
		const broken = constraints.findIndex((constraint) => !constraint.add(device, alternative.names));
		if (broken < 0) return true;
		for (const constraint of constraints.slice(0, broken)) constraint.remove(alternative.names);
		return false;
	}

	#share(id: string, wanted: ReadonlyMap<string, Quantity>, sign: 1 | -1): void {
		const share = this.#sharing.get(id) ?? { users: 0, amounts: new Map<string, bigint>() };
		share.users += sign;
		for (const [name, { nanos }] of wanted) share.amounts.set(name, (share.amounts.get(name) ?? 0n) + BigInt(sign) * nanos);
		if (share.users === 0) this.#sharing.delete(id);
		else this.#sharing.set(id, share);
	}

	#countersOf(pool: DevicePool): Map<string, Map<string, bigint>> {
		let counters = this.#counting.get(pool);
		if (counters === undefined) {
			counters = new Map([...pool.counterSets.keys()].map((name) => [name, new Map()]));
			this.#counting.set(pool, counters);
		}
		return counters;
	}

	#countersSuffice({ counters, pool }: PoolDevice): boolean {
		const left = this.#options.countersLeft(pool);
		const counting = this.#countersOf(pool);
		return [...counters].every(([set, amounts]) =>
			[...amounts].every(([name, amount]) => (counting.get(set)?.get(name) ?? 0n) + amount <= (left.get(set)?.get(name) ?? 0n)),
		);
	}
}

/** Where the search stands: the devices that a request has so far. */
interface Place {
	readonly claimAt: number;
	readonly requestAt: number;
	readonly alternative: Alternative;
	readonly devices: ChosenDevice[];
}

/** A taint keeps it away that the request does not tolerate. */
function isRepelled({ device }: PoolDevice, { request }: Alternative): boolean {
	return (device.taints ?? []).some(
		(taint) =>
			(taint.effect === "NoSchedule" || taint.effect === "NoExecute") &&
			!(request.tolerations ?? []).some((toleration) => toleratesDeviceTaint(toleration, taint)),
	);
}
