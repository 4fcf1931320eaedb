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
/** How many objects are remembered; the least recently used are forgotten. */
const maxRemembered = 4096;
/** How many different events of one reason about one object are remembered. */
const maxSeries = 64;

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

/** What is remembered of one reason about one object. Arrays: there are few, and a cluster has thousands of these. */
interface Similar {
	readonly type: string;
	readonly reason: string;
	/** Different messages, oldest first; fewer than `maxSimilar`. */
	readonly messages: string[];
	readonly series: EventSeries[];
	/** The series that all further messages go to, once there were too many. */
	combined: EventSeries | undefined;
	lastMs: number;
}

/** What is remembered of one object. */
interface Remembered {
	readonly bucket: TokenBucket;
	readonly similar: Similar[];
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
	readonly #objects = new RecentMap<Remembered>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** The series the event belongs to, counted; undefined if the event is one too many about its object. */
	observe(input: EventInput): EventSeries | undefined {
		const nowMs = this.#clock.now();
		const object = this.#remembered(input.object);
		const similar = similarOf(object, input, nowMs);
		const series = isCombined(similar, input.message) ? combinedSeries(similar, input, nowMs) : seriesOf(similar, input, nowMs);
		similar.lastMs = nowMs;
		series.count++;
		series.lastMs = nowMs;
		return object.bucket.tryTake() ? series : undefined;
	}

	#remembered(object: ObjectReference): Remembered {
		const key = objectIdentity(object);
		const known = this.#objects.get(key);
		if (known !== undefined) return known;
		const bucket = new TokenBucket({ clock: this.#clock, ratePerSecond: spamRatePerSecond, burst: spamBurst });
		const made: Remembered = { bucket, similar: [] };
		this.#objects.set(key, made);
		return made;
	}
}

/** The record of the event's reason; what lies too far back counts no longer. */
function similarOf(object: Remembered, { type, reason }: EventInput, nowMs: number): Similar {
	let similar = object.similar.find((candidate) => candidate.type === type && candidate.reason === reason);
	if (similar === undefined) {
		similar = { type, reason, messages: [], series: [], combined: undefined, lastMs: nowMs };
		object.similar.push(similar);
	} else if (nowMs - similar.lastMs > similarWithinMs) similar.messages.length = 0;
	return similar;
}

/** Whether the message is one of too many different ones. */
function isCombined({ messages }: Similar, message: string): boolean {
	if (!messages.includes(message)) messages.push(message);
	if (messages.length < maxSimilar) return false;
	messages.shift();
	return true;
}

function combinedSeries(similar: Similar, input: EventInput, nowMs: number): EventSeries {
	const message = combinedPrefix + input.message;
	similar.combined ??= { input, firstMs: nowMs, count: 0, lastMs: nowMs, message };
	similar.combined.message = message;
	return similar.combined;
}

function seriesOf({ series }: Similar, input: EventInput, nowMs: number): EventSeries {
	const isSame = (known: EventSeries) => known.message === input.message && known.input.object.fieldPath === input.object.fieldPath;
	const known = series.find(isSame);
	if (known !== undefined) return known;
	const made: EventSeries = { input, firstMs: nowMs, count: 0, lastMs: nowMs, message: input.message };
	series.push(made);
	if (series.length > maxSeries) series.shift();
	return made;
}

function objectIdentity({ kind, namespace, name, uid, apiVersion }: ObjectReference): string {
	return [kind, namespace, name, uid, apiVersion].join("\0");
}
