/**
 * Decides what becomes of an event before it is sent: the same event again raises a count, many alike are combined
 * into one, and an object that causes too many is cut off. Without it a ReplicaSet of 300 pods would write 300 events.
 * Source of behaviour: client-go tools/record/events_cache.go, with its defaults.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { ObjectReference } from "../apimachinery/schema/generated/types.ts";
import { TokenBucket } from "./token-bucket.ts";

/** From this many different messages of one reason about one object on, further ones are combined. */
const maxSimilar = 10;
/** Similar events that lie further apart are not combined. */
const similarWithinMs = 600_000;
/** Events about one object: this many, then one every five minutes. */
const spamBurst = 25;
const spamRatePerSecond = 1 / 300;
/** How many objects and events are remembered; the least recently used are forgotten. */
const maxRemembered = 4096;

const combinedPrefix = "(combined from similar events): ";

export interface EventInput {
	readonly object: ObjectReference;
	readonly type: "Normal" | "Warning";
	readonly reason: string;
	readonly message: string;
	/** Of the events.k8s.io style alone. */
	readonly action?: string;
}

/** One Event object: the same occurrence, seen `count` times. */
export interface EventSeries {
	readonly input: EventInput;
	readonly firstMs: number;
	/** >= 1 */
	count: number;
	/** firstMs <= lastMs */
	lastMs: number;
	/** The latest message; differs from the input's only in a combined series. */
	message: string;
}

interface Similar {
	readonly messages: Set<string>;
	lastMs: number;
}

/** A map that forgets its least recently used entry. */
class RecentMap<V> {
	readonly #entries = new Map<string, V>();

	get(key: string): V | undefined {
		const value = this.#entries.get(key);
		if (value === undefined) return undefined;
		this.#entries.delete(key);
		this.#entries.set(key, value);
		return value;
	}

	set(key: string, value: V): void {
		this.#entries.delete(key);
		this.#entries.set(key, value);
		if (this.#entries.size <= maxRemembered) return;
		for (const oldest of this.#entries.keys()) {
			this.#entries.delete(oldest);
			return;
		}
	}
}

export class EventCorrelator {
	readonly #clock: Clock;
	readonly #similar = new RecentMap<Similar>();
	readonly #series = new RecentMap<EventSeries>();
	readonly #spam = new RecentMap<TokenBucket>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** The series the event belongs to, counted; undefined if the event is one too many about its object. */
	observe(input: EventInput): EventSeries | undefined {
		const nowMs = this.#clock.now();
		const object = objectIdentity(input.object);
		const similar = `${object}\0${input.type}\0${input.reason}`;
		const combined = this.#isCombined(similar, input.message, nowMs);
		const key = combined ? similar : `${similar}\0${input.object.fieldPath ?? ""}\0${input.message}`;
		const message = combined ? combinedPrefix + input.message : input.message;
		const series = this.#count(key, input, message, nowMs);
		return this.#isSpam(object) ? undefined : series;
	}

	#isCombined(key: string, message: string, nowMs: number): boolean {
		let similar = this.#similar.get(key);
		if (similar === undefined || nowMs - similar.lastMs > similarWithinMs) {
			similar = { messages: new Set(), lastMs: nowMs };
			this.#similar.set(key, similar);
		}
		similar.messages.add(message);
		similar.lastMs = nowMs;
		if (similar.messages.size < maxSimilar) return false;
		for (const oldest of similar.messages) {
			similar.messages.delete(oldest);
			break;
		}
		return true;
	}

	#count(key: string, input: EventInput, message: string, nowMs: number): EventSeries {
		let series = this.#series.get(key);
		if (series === undefined) {
			series = { input, firstMs: nowMs, count: 0, lastMs: nowMs, message };
			this.#series.set(key, series);
		}
		series.count++;
		series.lastMs = nowMs;
		series.message = message;
		return series;
	}

	#isSpam(object: string): boolean {
		let bucket = this.#spam.get(object);
		if (bucket === undefined) {
			bucket = new TokenBucket({ clock: this.#clock, ratePerSecond: spamRatePerSecond, burst: spamBurst });
			this.#spam.set(object, bucket);
		}
		return !bucket.tryTake();
	}
}

function objectIdentity({ kind, namespace, name, uid, apiVersion }: ObjectReference): string {
	return [kind, namespace, name, uid, apiVersion].join("\0");
}
