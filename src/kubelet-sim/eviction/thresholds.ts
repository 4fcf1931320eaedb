/**
 * When a node is short of something: thresholds of signals, as a KubeletConfiguration writes them, held against what is observed. Pure.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/, pkg/kubelet/eviction/helpers.go
 */
import {
	formatQuantity,
	parseQuantity,
	type Quantity,
	QuantityError,
	quantityFromNumber,
	quantityToNumber,
} from "../../apimachinery/quantity.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";

const signals = [
	"memory.available",
	"nodefs.available",
	"nodefs.inodesFree",
	"imagefs.available",
	"imagefs.inodesFree",
	"pid.available",
] as const;

export type Signal = (typeof signals)[number];

/** What is short, in the words of events and messages. */
export type StarvedResource = "memory" | "ephemeral-storage" | "inodes" | "pids";

export type PressureCondition = "MemoryPressure" | "DiskPressure" | "PIDPressure";

/** Of a whole, or absolute in bytes, inodes, processes. */
type ThresholdValue = { readonly fraction: number } | { readonly amount: number };

export interface Threshold {
	readonly signal: Signal;
	readonly value: ThresholdValue;
	/** How long it has to be met before pods are evicted; 0: a hard threshold. */
	readonly graceMs: number;
	/** How much beyond the threshold has to be free before the node has enough. */
	readonly minReclaim: ThresholdValue | undefined;
}

export interface Observation {
	readonly available: number;
	readonly capacity: number;
}

export type Observations = Readonly<Record<Signal, Observation>>;

/** Fields of a KubeletConfiguration, with its names and forms. */
export interface EvictionConfiguration {
	readonly evictionHard?: Readonly<Record<string, string>>;
	readonly evictionSoft?: Readonly<Record<string, string>>;
	readonly evictionSoftGracePeriod?: Readonly<Record<string, string>>;
	readonly evictionMinimumReclaim?: Readonly<Record<string, string>>;
}

/** What a kubelet is not told: setting any of these turns the others off, as with mergeDefaultEvictionSettings at its default. */
export const defaultEvictionHard: Readonly<Record<string, string>> = {
	"memory.available": "100Mi",
	"nodefs.available": "10%",
	"nodefs.inodesFree": "5%",
	"imagefs.available": "15%",
	"imagefs.inodesFree": "5%",
};

/** Throws an Error with the kubelet's text. */
export function parseThresholds({
	evictionHard = defaultEvictionHard,
	evictionSoft = {},
	evictionSoftGracePeriod = {},
	evictionMinimumReclaim = {},
}: EvictionConfiguration): readonly Threshold[] {
	const reclaims = new Map(
		Object.entries(evictionMinimumReclaim).map(([name, text]) => [knownSignal(name), parseValue(name, text, "minimum reclaim")]),
	);
	const make = (name: string, text: string, graceMs: number): Threshold => {
		const signal = knownSignal(name);
		return { signal, value: parseValue(name, text, "threshold"), graceMs, minReclaim: reclaims.get(signal) };
	};
	// Zero or all of it turns a threshold off.
	const isOn = ([, text]: readonly [string, string]) => text !== "0%" && text !== "100%";
	const hard = Object.entries(evictionHard).filter(isOn);
	const soft = Object.entries(evictionSoft).filter(isOn);
	return [
		...hard.map(([name, text]) => make(name, text, 0)),
		...soft.map(([name, text]) => {
			const grace = evictionSoftGracePeriod[name];
			if (grace === undefined) throw new Error(`grace period must be specified for the soft eviction threshold ${name}`);
			return make(name, text, parseGoDuration(grace));
		}),
	];
}

function knownSignal(name: string): Signal {
	const signal = signals.find((known) => known === name);
	if (signal === undefined) throw new Error(`unsupported eviction signal ${name}`);
	return signal;
}

function parseValue(signal: string, text: string, what: string): ThresholdValue {
	if (text.endsWith("%")) {
		const percent = Number(text.slice(0, -1));
		if (percent > 0 && percent < 100) return { fraction: percent / 100 };
		throw new Error(`eviction percentage ${what} ${signal} must be >= 0% and <= 100%: ${text}`);
	}
	try {
		const amount = quantityToNumber(parseQuantity(text));
		if (amount >= 0) return { amount };
	} catch (error) {
		if (!(error instanceof QuantityError)) throw error;
		throw new Error(`eviction ${what} ${signal}: ${error.message}`);
	}
	throw new Error(`eviction ${what} ${signal} must not be negative: ${text}`);
}

/** How much has to be available, of so much in all. */
export function amountOf(value: ThresholdValue, capacity: number): number {
	return "amount" in value ? value.amount : Math.trunc(capacity * value.fraction);
}

/** @param untilReclaimed whether as much as minReclaim has to be free beyond a threshold */
export function metThresholds(thresholds: readonly Threshold[], observations: Observations, untilReclaimed: boolean): readonly Threshold[] {
	return thresholds.filter(({ signal, value, minReclaim }) => {
		const { available, capacity } = observations[signal];
		const more = untilReclaimed && minReclaim !== undefined ? amountOf(minReclaim, capacity) : 0;
		return available < amountOf(value, capacity) + more;
	});
}

export function conditionOf(signal: Signal): PressureCondition {
	return signal === "memory.available" ? "MemoryPressure" : signal === "pid.available" ? "PIDPressure" : "DiskPressure";
}

export function resourceOf(signal: Signal): StarvedResource {
	switch (signal) {
		case "memory.available":
			return "memory";
		case "pid.available":
			return "pids";
		case "nodefs.available":
		case "imagefs.available":
			return "ephemeral-storage";
		case "nodefs.inodesFree":
		case "imagefs.inodesFree":
			return "inodes";
		default:
			return signal satisfies never;
	}
}

/** Memory before anything else. */
export function byUrgency(thresholds: readonly Threshold[]): readonly Threshold[] {
	return [...thresholds].sort((a, b) => Number(b.signal === "memory.available") - Number(a.signal === "memory.available"));
}

/** As the kubelet writes an amount of a resource. */
export function amountText(resource: StarvedResource, amount: number): string {
	const quantity: Quantity = quantityFromNumber(
		amount,
		resource === "memory" || resource === "ephemeral-storage" ? "BinarySI" : "DecimalSI",
	);
	return formatQuantity(quantity);
}
