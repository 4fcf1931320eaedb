/**
 * How fast nodes of a zone may be emptied. Where many nodes of a zone fail at once, the fault may be between us and
 * them, and evicting all their pods would make it worse.
 * Source: https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Node } from "../../apimachinery/schema/generated/types.ts";
import { TokenBucket } from "../../client/token-bucket.ts";

/** --node-eviction-rate, nodes per second. */
const evictionRate = 0.1;
/** --secondary-node-eviction-rate, for a partly disrupted large zone. */
const secondaryEvictionRate = 0.01;
/** --large-cluster-size-threshold: smaller zones stop evicting when partly disrupted. */
const largeZoneSize = 50;
/** --unhealthy-zone-threshold */
const unhealthyPart = 0.55;

export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

export interface ZoneCount {
	ready: number;
	notReady: number;
}

export function zoneOf({ metadata }: Node): string {
	const labels = metadata?.labels ?? {};
	return `${labels["topology.kubernetes.io/region"] ?? ""}:\0:${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

function zoneStateOf({ ready, notReady }: ZoneCount): ZoneState {
	if (ready === 0 && notReady > 0) return "FullDisruption";
	return notReady > 2 && notReady / (notReady + ready) >= unhealthyPart ? "PartialDisruption" : "Normal";
}

function rateOf(state: ZoneState, size: number): number {
	if (state !== "PartialDisruption") return evictionRate;
	return size > largeZoneSize ? secondaryEvictionRate : 0;
}

export class Zones {
	readonly #clock: Clock;
	readonly #states = new Map<string, ZoneState>();
	readonly #buckets = new Map<string, TokenBucket>();
	#allDisrupted = false;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Every zone is fully disrupted: then it is us who are cut off, and nobody is evicted. */
	get allDisrupted(): boolean {
		return this.#allDisrupted;
	}

	/** Takes the counts of a pass over all nodes. Returns the zones whose state changed. */
	update(counts: ReadonlyMap<string, ZoneCount>): ReadonlyMap<string, ZoneState> {
		const changed = new Map<string, ZoneState>();
		for (const [zone, count] of counts) {
			const state = zoneStateOf(count);
			if (this.#states.get(zone) === state) continue;
			this.#states.set(zone, state);
			changed.set(zone, state);
			const ratePerSecond = rateOf(state, count.ready + count.notReady);
			if (ratePerSecond === 0) this.#buckets.delete(zone);
			else this.#buckets.set(zone, new TokenBucket({ clock: this.#clock, ratePerSecond, burst: 1 }));
		}
		for (const zone of this.#states.keys()) {
			if (counts.has(zone)) continue;
			this.#states.delete(zone);
			this.#buckets.delete(zone);
		}
		this.#allDisrupted = this.#states.size > 0 && [...this.#states.values()].every((state) => state === "FullDisruption");
		return changed;
	}

	/** Whether one more node of the zone may be emptied now. */
	mayEvict(zone: string): boolean {
		return !this.#allDisrupted && this.#buckets.get(zone)?.tryTake() === true;
	}
}
