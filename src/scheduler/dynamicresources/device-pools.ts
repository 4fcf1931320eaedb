/**
 * Pools of devices, as ResourceSlices make them up: of each pool only the newest generation counts, and the pool is complete when all
 * its slices are there. Pure.
 * Source of behaviour: k8s.io/dynamic-resource-allocation/structured (pools), KEP-4381; shared counters: KEP-4815.
 */
import { type NodePredicate, nodeSelectorPredicate, type SelectableNode } from "../../apimachinery/node-selector.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import type { Device, NodeSelector, ResourceSlice } from "../../apimachinery/schema/generated/types.ts";

/** Names of counter sets, and in each its counters, in nanos. */
export type CounterSets = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

export interface PoolDevice {
	/** `driver/pool/device`. */
	readonly id: string;
	readonly device: Device;
	readonly pool: DevicePool;
	/** Where it is: its own place, or its slice's. */
	readonly place: DevicePlace;
	/** What it takes of the pool's counters. */
	readonly counters: CounterSets;
}

/** Which nodes have access; none of the fields: no node. */
export interface DevicePlace {
	readonly nodeName?: string | undefined;
	readonly nodeSelector?: NodeSelector | undefined;
	readonly allNodes?: boolean | undefined;
}

export interface DevicePool {
	/** `driver/pool`. */
	readonly id: string;
	readonly driver: string;
	readonly name: string;
	/** All slices of the generation are known. */
	readonly isComplete: boolean;
	/** Why nothing may be allocated from it. */
	readonly problem: string | undefined;
	readonly counterSets: CounterSets;
	/** In the order of the slices' names, and in theirs. */
	readonly devices: readonly PoolDevice[];
	/** Those that a node can reach. */
	devicesOn(node: SelectableNode): readonly PoolDevice[];
	readonly hasBindingConditions: boolean;
}

export const deviceId = (driver: string, pool: string, device: string): string => `${driver}/${pool}/${device}`;

const noPools: readonly DevicePool[] = [];

/** All pools of a cluster at one moment. */
export class DevicePools {
	/** Pools that only one node can reach, by its name. */
	readonly #local = new Map<string, DevicePool[]>();
	readonly #shared: DevicePool[] = [];

	constructor(slices: readonly ResourceSlice[]) {
		const groups = Map.groupBy(slices, ({ spec }) => `${spec.driver}/${spec.pool.name}`);
		const pools = [...groups.values()].map(newestPool).sort(byPreference);
		for (const { pool, nodeNames, isShared } of pools) {
			if (isShared) this.#shared.push(pool);
			else for (const nodeName of nodeNames) this.#local.set(nodeName, [...(this.#local.get(nodeName) ?? []), pool]);
		}
	}

	/** Pools with a device that the node can reach, in the order in which they are tried. */
	on(node: SelectableNode): readonly DevicePool[] {
		const local = this.#local.get(node.name) ?? noPools;
		const reachable = this.#shared.filter((pool) => pool.devicesOn(node).length > 0);
		return reachable.length === 0 ? local : [...local, ...reachable].sort((a, b) => byPreference({ pool: a }, { pool: b }));
	}
}

interface PlacedPool {
	readonly pool: DevicePool;
	readonly nodeNames: ReadonlySet<string>;
	/** It has devices that are not bound to one node by name. */
	readonly isShared: boolean;
}

/** Devices that need no preparation go first; otherwise by name, so that equal clusters choose alike. */
function byPreference({ pool: a }: Pick<PlacedPool, "pool">, { pool: b }: Pick<PlacedPool, "pool">): number {
	if (a.hasBindingConditions !== b.hasBindingConditions) return a.hasBindingConditions ? 1 : -1;
	return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function newestPool(all: readonly ResourceSlice[]): PlacedPool {
	const generation = Math.max(...all.map(({ spec }) => spec.pool.generation));
	const slices = all.filter(({ spec }) => spec.pool.generation === generation).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
	const { driver = "", pool: { name = "", resourceSliceCount = 0 } = {} } = slices[0]?.spec ?? {};
	const devices: PoolDevice[] = [];
	const placed: { readonly device: PoolDevice; readonly isHere: NodePredicate }[] = [];
	const counterSets: CounterSets = new Map(slices.flatMap(({ spec }) => (spec.sharedCounters ?? []).map((set) => countersOf(set))));
	const pool: DevicePool = {
		id: `${driver}/${name}`,
		driver,
		name,
		isComplete: slices.length === resourceSliceCount,
		problem: problemOf(slices, counterSets),
		counterSets,
		devices,
		devicesOn: (node) => placed.filter(({ isHere }) => isHere(node)).map(({ device }) => device),
		hasBindingConditions: slices.some(({ spec }) => spec.devices?.some(({ bindingConditions = [] }) => bindingConditions.length > 0)),
	};
	const nodeNames = new Set<string>();
	let isShared = false;
	for (const { spec } of slices) {
		const ofSlice = spec.perDeviceNodeSelection === true ? undefined : { place: placeOf(spec), isHere: predicateOf(spec) };
		for (const device of spec.devices ?? []) {
			const { place, isHere } = ofSlice ?? { place: placeOf(device), isHere: predicateOf(device) };
			const counters = new Map((device.consumesCounters ?? []).map(({ counterSet, ...set }) => countersOf({ name: counterSet, ...set })));
			const known: PoolDevice = { id: deviceId(driver, name, device.name), device, pool, place, counters };
			devices.push(known);
			placed.push({ device: known, isHere });
			if (place.nodeName === undefined) isShared = true;
			else nodeNames.add(place.nodeName);
		}
	}
	return { pool, nodeNames, isShared: isShared || nodeNames.size > 1 };
}

const nameOf = ({ metadata }: ResourceSlice): string => metadata?.name ?? "";

function placeOf({ nodeName, nodeSelector, allNodes }: DevicePlace): DevicePlace {
	return nodeName === undefined || nodeName === "" ? { nodeSelector, allNodes } : { nodeName };
}

function predicateOf({ nodeName = "", nodeSelector, allNodes }: DevicePlace): NodePredicate {
	if (nodeName !== "") return ({ name }) => name === nodeName;
	if (allNodes === true) return () => true;
	return nodeSelector === undefined ? () => false : nodeSelectorPredicate(nodeSelector);
}

interface NamedCounters {
	readonly name: string;
	readonly counters: Readonly<Record<string, { readonly value: string }>>;
}

function countersOf({ name, counters }: NamedCounters): readonly [string, ReadonlyMap<string, bigint>] {
	return [name, new Map(Object.entries(counters).map(([counter, { value }]) => [counter, parseQuantity(value).nanos]))];
}

/** What only shows when all slices are there together. */
function problemOf(slices: readonly ResourceSlice[], counterSets: CounterSets): string | undefined {
	const names = new Set<string>();
	for (const { name, consumesCounters = [] } of slices.flatMap(({ spec }) => spec.devices ?? [])) {
		if (names.has(name)) return `duplicate device name ${name}`;
		names.add(name);
		for (const { counterSet, counters } of consumesCounters) {
			const known = counterSets.get(counterSet);
			if (known === undefined) return `counter set ${counterSet} not found`;
			const missing = Object.keys(counters).find((counter) => !known.has(counter));
			if (missing !== undefined) return `counter ${missing} not found in counter set ${counterSet}`;
		}
	}
	return undefined;
}
