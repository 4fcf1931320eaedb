/**
 * Random small worlds: every allocation keeps the rules, which are checked here one by one over finished allocations, and the allocator
 * finds what trying out everything in order finds first.
 */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type {
	AllocationResult,
	Device,
	DeviceConstraint,
	DeviceRequest,
	DeviceSubRequest,
	ResourceResourceClaim,
	ResourceSlice,
} from "../../apimachinery/schema/generated/types.ts";
import { cel, claim, deviceClass, driver, slice } from "../testing/devices.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { Allocator } from "./allocator.ts";
import { DevicePools } from "./device-pools.ts";
import { DeviceSelectors } from "./selectors.ts";

const selectors = new DeviceSelectors();
beforeAll(() => selectors.load());

/** A device in terms of what the rules speak of. */
interface Model {
	readonly name: string;
	readonly size: number;
	readonly numa: number | undefined;
	readonly isTainted: boolean;
	/** Of the pool's 2 units. */
	readonly units: number;
	/** Shared devices have 2 of `bandwidth`. */
	readonly isShared: boolean;
	readonly isTaken: boolean;
}

interface Ask {
	readonly count: number | "All";
	/** At least this size; a selector. */
	readonly size: number;
	readonly tolerates: boolean;
	readonly bandwidth: number | undefined;
	readonly adminAccess: boolean;
}

interface World {
	readonly devices: readonly Model[];
	readonly claims: readonly {
		readonly requests: readonly (readonly Ask[])[];
		readonly constraint: "matchAttribute" | "distinctAttribute" | undefined;
	}[];
}

const model = fc.record({
	size: fc.integer({ min: 0, max: 2 }),
	numa: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
	isTainted: fc.boolean(),
	units: fc.integer({ min: 0, max: 2 }),
	isShared: fc.boolean(),
	isTaken: fc.integer({ min: 0, max: 3 }).map((chance) => chance === 0),
});
const ask = fc.record<Ask>({
	count: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 2 }) }, { weight: 1, arbitrary: fc.constant("All" as const) }),
	size: fc.integer({ min: 0, max: 2 }),
	tolerates: fc.boolean(),
	bandwidth: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
	adminAccess: fc.integer({ min: 0, max: 5 }).map((chance) => chance === 0),
});
const world = fc.record<World>({
	devices: fc
		.array(model, { minLength: 1, maxLength: 4 })
		.map((models) => models.map((each, index): Model => ({ ...each, name: `d-${index}` }))),
	claims: fc
		.array(
			fc.record({
				requests: fc.array(fc.array(ask, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
				constraint: fc.constantFrom(undefined, "matchAttribute" as const, "distinctAttribute" as const),
			}),
			{ minLength: 1, maxLength: 2 },
		)
		// Three requests at most: all ways to satisfy them are tried.
		.filter((claims) => claims.reduce((sum, { requests }) => sum + requests.length, 0) <= 3),
});

const poolOf = (resourceSliceCount: number) => ({ name: "pool", generation: 1, resourceSliceCount });

function slicesOf({ devices }: World): readonly ResourceSlice[] {
	return [
		slice("counters", [], { pool: poolOf(2), sharedCounters: [{ name: "card", counters: { units: { value: "2" } } }] }),
		slice(
			"devices",
			devices.map(
				({ name, size, numa, isTainted, units, isShared }): Device => ({
					name,
					attributes: { size: { int: size }, ...(numa === undefined ? {} : { numa: { int: numa } }) },
					...(isTainted ? { taints: [{ key: "broken", effect: "NoSchedule" }] } : {}),
					...(units === 0 ? {} : { consumesCounters: [{ counterSet: "card", counters: { units: { value: String(units) } } }] }),
					...(isShared ? { allowMultipleAllocations: true } : {}),
					capacity: { bandwidth: { value: "2" } },
				}),
			),
			{ pool: poolOf(2) },
		),
	];
}

function subRequest({ count, size, tolerates, bandwidth }: Ask): Omit<DeviceSubRequest, "name"> {
	return {
		deviceClassName: "gpu",
		...(count === "All" ? { allocationMode: "All" } : { allocationMode: "ExactCount", count }),
		selectors: [cel(`device.attributes["${driver}"].size >= ${size}`)],
		...(tolerates ? { tolerations: [{ key: "broken", operator: "Exists" }] } : {}),
		...(bandwidth === undefined ? {} : { capacity: { requests: { bandwidth: String(bandwidth) } } }),
	};
}

function claimsOf({ claims }: World): readonly ResourceResourceClaim[] {
	return claims.map(({ requests, constraint }, claimAt) => {
		const constraints: DeviceConstraint[] = constraint === undefined ? [] : [{ [constraint]: `${driver}/numa` }];
		return claim(`c-${claimAt}`, {
			constraints,
			requests: requests.map((alternatives, at): DeviceRequest => {
				const [only, ...others] = alternatives;
				if (only === undefined) throw new Error("a request without an alternative");
				if (others.length === 0) return { name: `r-${at}`, exactly: { ...subRequest(only), adminAccess: only.adminAccess } };
				return { name: `r-${at}`, firstAvailable: alternatives.map((one, index) => ({ name: `a-${index}`, ...subRequest(one) })) };
			}),
		});
	});
}

/** What one request has got: the alternative's number and the devices' names. */
interface Got {
	readonly alternative: number;
	readonly devices: readonly string[];
}

const taken = ({ isTaken, isShared }: Model) => isTaken && !isShared;

/** Which rules an allocation breaks; none: it is a good one. */
function broken({ devices, claims }: World, got: readonly (readonly Got[])[]): readonly string[] {
	const problems: string[] = [];
	const known = new Map(devices.map((device) => [device.name, device]));
	/** Claims that have the device as a whole, or that look at it. */
	const users = new Map<string, Set<number>>();
	const bandwidth = new Map(devices.filter(({ isShared, isTaken }) => isShared && isTaken).map(({ name }) => [name, 1]));
	const inUse = new Set(devices.filter(({ isTaken }) => isTaken).map(({ name }) => name));
	for (const [claimAt, { requests, constraint }] of claims.entries()) {
		const numas: (number | undefined)[] = [];
		for (const [at, alternatives] of requests.entries()) {
			const { alternative = 0, devices: names = [] } = got[claimAt]?.[at] ?? {};
			const asked = alternatives[alternative];
			if (asked === undefined) throw new Error(`no alternative ${alternative}`);
			const adminAccess = asked.adminAccess && alternatives.length === 1;
			const fits = ({ size }: Model) => size >= asked.size && (asked.bandwidth ?? 0) <= 2;
			const wanted = asked.count === "All" ? devices.filter(fits).length : asked.count;
			if (names.length !== wanted || wanted === 0) problems.push("count");
			for (const name of names) {
				const device = known.get(name);
				if (device === undefined || !fits(device)) {
					problems.push("selector");
					continue;
				}
				if (device.isTainted && !asked.tolerates) problems.push("taint");
				numas.push(device.numa);
				if (!adminAccess) inUse.add(name);
				if (device.isShared && !adminAccess) {
					bandwidth.set(name, (bandwidth.get(name) ?? 0) + (asked.bandwidth ?? 2));
					continue;
				}
				const seen = users.get(name) ?? new Set();
				if (adminAccess && seen.has(claimAt)) problems.push("an administrator sees a device once a claim");
				if (!adminAccess && (taken(device) || seen.size > 0)) problems.push("allocated twice");
				users.set(name, seen.add(claimAt));
			}
		}
		if (constraint !== undefined && numas.includes(undefined)) problems.push("attribute");
		if (constraint === "matchAttribute" && new Set(numas).size > 1) problems.push("match");
		if (constraint === "distinctAttribute" && new Set(numas).size < numas.length) problems.push("distinct");
	}
	if ([...bandwidth.values()].some((sum) => sum > 2)) problems.push("capacity");
	// Each device in use takes its units once, however often it is used.
	const fresh = [...inUse].some((name) => !devices.find((device) => device.name === name)?.isTaken && (known.get(name)?.units ?? 0) > 0);
	const units = [...inUse].reduce((sum, name) => sum + (known.get(name)?.units ?? 0), 0);
	if (fresh && units > 2) problems.push("counters");
	return problems;
}

function* subsets(names: readonly string[], count: number, from = 0): Generator<readonly string[]> {
	if (count === 0) yield [];
	else for (let at = from; at < names.length; at++) for (const rest of subsets(names, count - 1, at + 1)) yield [names[at] ?? "", ...rest];
}

/** All ways to give each request something: the first request's best alternative with its first devices, and all that goes with them, first. */
function* assignments({ devices, claims }: World): Generator<readonly (readonly Got[])[]> {
	const names = devices.map(({ name }) => name);
	const flat = claims.flatMap(({ requests }, claimAt) => requests.map((alternatives) => ({ claimAt, alternatives })));
	function* fill(at: number): Generator<readonly Got[]> {
		const entry = flat[at];
		if (entry === undefined) {
			yield [];
			return;
		}
		for (const [alternative, asked] of entry.alternatives.entries()) {
			const fitting = devices.filter(({ size }) => size >= asked.size && (asked.bandwidth ?? 0) <= 2).map(({ name }) => name);
			const sets = asked.count === "All" ? [fitting] : subsets(names, asked.count);
			for (const set of sets) for (const rest of fill(at + 1)) yield [{ alternative, devices: set }, ...rest];
		}
	}
	for (const filled of fill(0)) yield claims.map((_, claimAt) => filled.filter((__, index) => flat[index]?.claimAt === claimAt));
}

function firstGood(each: World): readonly (readonly Got[])[] | undefined {
	for (const candidate of assignments(each)) if (broken(each, candidate).length === 0) return candidate;
	return undefined;
}

function allocated(each: World): readonly (readonly Got[])[] | undefined {
	const state = new AllocatedDevices();
	for (const { name, isTaken, isShared } of each.devices) {
		const share = isShared ? { shareID: name, consumedCapacity: { bandwidth: "1" } } : {};
		const others: AllocationResult = { devices: { results: [{ request: "x", driver, pool: "pool", device: name, ...share }] } };
		if (isTaken) state.set(`other-${name}`, others);
	}
	let shares = 0;
	const allocator = new Allocator({
		pools: new DevicePools(slicesOf(each)),
		allocated: state,
		deviceClass: () => deviceClass(),
		selectors,
		newShareId: () => `share-${shares++}`,
	});
	const claims = claimsOf(each);
	const outcome = allocator.allocate(claims, { name: "node-1", labels: {} });
	if ("impossible" in outcome) return undefined;
	return claims.map(({ spec }, claimAt) =>
		(spec.devices?.requests ?? []).map(({ name }) => {
			const results = outcome.results[claimAt]?.devices?.results?.filter(({ request }) => request.split("/")[0] === name) ?? [];
			return { alternative: Number(results[0]?.request.split("/a-")[1] ?? 0), devices: results.map(({ device }) => device) };
		}),
	);
}

/** "All" devices under a constraint that they break is an error, and no search. */
const isSearchable = ({ claims }: World) =>
	claims.every(({ requests, constraint }) => constraint === undefined || requests.flat().every(({ count }) => count !== "All"));

test("the allocator finds what can be found, and breaks no rule", () => {
	let found = 0;
	let impossible = 0;
	fc.assert(
		fc.property(world.filter(isSearchable), (each) => {
			const got = allocated(each);
			const best = firstGood(each);
			expect(got === undefined).toBe(best === undefined);
			if (got === undefined || best === undefined) {
				impossible++;
				return;
			}
			found++;
			expect(broken(each, got)).toEqual([]);
			expect(got).toEqual(best);
		}),
		{ numRuns: 600 },
	);
	// Worlds in which everything, or nothing, goes would prove little.
	expect(Math.min(found, impossible)).toBeGreaterThan(60);
});
