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

/** One Event object: the same occurrence, seen `count` times. `Note` is what its sender keeps with it. */
export interface EventSeries<Note> {
	readonly input: EventInput;
	readonly firstMs: number;
	/** >= 1 */
	count: number;
	/** firstMs <= lastMs */
	lastMs: number;
	/** The latest message; differs from the input's only in a combined series. */
	message: string;
	note: Note | undefined;
}

/**
 * What is remembered of one reason about one object. A cluster has some of these for each pod, and nearly always there is one message: arrays are
 * made anew when they grow (`concat`), because one that has been pushed to has room for sixteen more.
 */
interface Similar<Note> {
	readonly type: string;
	readonly reason: string;
	/** Different messages, oldest first; fewer than `maxSimilar`. */
	messages: readonly string[];
	series: readonly EventSeries<Note>[];
	/** The series that all further messages go to, once there were too many. */
	combined: EventSeries<Note> | undefined;
	lastMs: number;
}

/** What is remembered of one object. */
interface Remembered<Note> {
	readonly bucket: TokenBucket;
	/** As it was last referred to: most events refer to it in the same words, and share them. */
	reference: ObjectReference;
	similar: readonly Similar<Note>[];
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

export class EventCorrelator<Note> {
	readonly #clock: Clock;
	readonly #limit: ConstructorParameters<typeof TokenBucket>[0];
	readonly #objects = new RecentMap<Remembered<Note>>();

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#limit = { clock, ratePerSecond: spamRatePerSecond, burst: spamBurst };
	}

	/** The series the event belongs to, counted; undefined if the event is one too many about its object. */
	observe(event: EventInput): EventSeries<Note> | undefined {
		const nowMs = this.#clock.now();
		const object = this.#remembered(event.object);
		if (!isSameReference(object.reference, event.object)) object.reference = event.object;
		const input = { ...event, object: object.reference };
		const similar = similarOf(object, input, nowMs);
		const series = isCombined(similar, input.message) ? combinedSeries(similar, input, nowMs) : seriesOf(similar, input, nowMs);
		similar.lastMs = nowMs;
		series.count++;
		series.lastMs = nowMs;
		return object.bucket.tryTake() ? series : undefined;
	}

	#remembered(reference: ObjectReference): Remembered<Note> {
		const key = objectIdentity(reference);
		const known = this.#objects.get(key);
		if (known !== undefined) return known;
		const made: Remembered<Note> = { bucket: new TokenBucket(this.#limit), reference, similar: [] };
		this.#objects.set(key, made);
		return made;
	}
}

/** The record of the event's reason; what lies too far back counts no longer. */
function similarOf<Note>(object: Remembered<Note>, { type, reason }: EventInput, nowMs: number): Similar<Note> {
	let similar = object.similar.find((candidate) => candidate.type === type && candidate.reason === reason);
	if (similar === undefined) {
		similar = { type, reason, messages: [], series: [], combined: undefined, lastMs: nowMs };
		object.similar = object.similar.concat(similar);
	} else if (nowMs - similar.lastMs > similarWithinMs) similar.messages = [];
	return similar;
}

/** Whether the message is one of too many different ones. */
function isCombined<Note>(similar: Similar<Note>, message: string): boolean {
	const { messages } = similar;
	if (!messages.includes(message)) similar.messages = messages.concat(message);
	if (similar.messages.length < maxSimilar) return false;
	similar.messages = similar.messages.slice(1);
	return true;
}

function combinedSeries<Note>(similar: Similar<Note>, input: EventInput, nowMs: number): EventSeries<Note> {
	const message = combinedPrefix + input.message;
	similar.combined ??= { input, firstMs: nowMs, count: 0, lastMs: nowMs, message, note: undefined };
	similar.combined.message = message;
	return similar.combined;
}

function seriesOf<Note>(similar: Similar<Note>, input: EventInput, nowMs: number): EventSeries<Note> {
	const isSame = (known: EventSeries<Note>) => known.message === input.message && known.input.object.fieldPath === input.object.fieldPath;
	const known = similar.series.find(isSame);
	if (known !== undefined) return known;
	const made: EventSeries<Note> = { input, firstMs: nowMs, count: 0, lastMs: nowMs, message: input.message, note: undefined };
	similar.series = similar.series.concat(made).slice(-maxSeries);
	return made;
}

/** Of one object: what does not make it that object is the same, too. */
function isSameReference(a: ObjectReference, b: ObjectReference): boolean {
	return a.fieldPath === b.fieldPath && a.resourceVersion === b.resourceVersion;
}

function objectIdentity({ kind, namespace, name, uid, apiVersion }: ObjectReference): string {
	return [kind, namespace, name, uid, apiVersion].join("\0");
}
