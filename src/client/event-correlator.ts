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
	readonly action?: string | undefined;
}

/**
 * One Event object: the same occurrence, seen `count` times. A cluster keeps some of these for each pod and node, so it is one flat value.
 * `Note` is what its sender keeps with it while it is under way.
 */
export interface EventSeries<Note> extends EventInput {
	/** The latest; of other than a combined series it is always the same. */
	message: string;
	readonly action: string | undefined;
	readonly firstMs: number;
	/** >= 1 */
	count: number;
	/** firstMs <= lastMs */
	lastMs: number;
	/** Of its Event, once its sender has given it one. */
	name: string | undefined;
	note: Note | undefined;
}

/** What is remembered of a reason about one object from its second message on: nearly always there is one, over and over. */
interface Variety<Note> {
	readonly type: string;
	readonly reason: string;
	/** Different messages, oldest first; fewer than `maxSimilar`. */
	messages: readonly string[];
	/** The series that all further messages go to, once there were too many. */
	combined: EventSeries<Note> | undefined;
	lastMs: number;
}

/**
 * What is remembered of one object while an event of it is under way; at other times it is a text, in a third of the room. Arrays are made
 * anew when they grow (`concat`): one that has been pushed to has room for sixteen more.
 */
interface Remembered<Note> {
	readonly bucket: TokenBucket;
	/** As it was last referred to: most events refer to it in the same words, and share them. */
	reference: ObjectReference;
	/** Oldest first, without the combined ones. Those of a reason without variety have one message. */
	series: readonly EventSeries<Note>[];
	varieties: readonly Variety<Note>[] | undefined;
}

/** Tokens left and when, and of each series: all that it says, in order. */
type Resting = readonly [
	tokens: number,
	atMs: number,
	series: readonly (readonly [
		type: string,
		reason: string,
		message: string,
		action: string | null,
		fieldPath: string | null,
		resourceVersion: string | null,
		firstMs: number,
		count: number,
		lastMs: number,
		name: string | null,
	])[],
];
/** JSON of that. */
type RestingText = string;

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

	/** Without being used. */
	peek(key: string): V | undefined {
		return this.#entries.get(key);
	}

	/** Another value of a key that is there, without being used. */
	replace(key: string, value: V): void {
		if (this.#entries.has(key)) this.#entries.set(key, value);
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
	readonly #objects = new RecentMap<Remembered<Note> | RestingText>();

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
		const variety = varietyOf(object, input, nowMs);
		const isCombined = variety !== undefined && isOneTooMany(variety, input.message);
		const series = isCombined ? combinedSeries(variety, input, nowMs) : seriesOf(object, input, nowMs);
		if (variety !== undefined) variety.lastMs = nowMs;
		series.count++;
		series.lastMs = nowMs;
		return object.bucket.tryTake() ? series : undefined;
	}

	#remembered(reference: ObjectReference): Remembered<Note> {
		const key = objectIdentity(reference);
		const known = this.#objects.get(key);
		if (known !== undefined && typeof known !== "string") return known;
		const made: Remembered<Note> =
			known === undefined
				? { bucket: new TokenBucket(this.#limit), reference, series: [], varieties: undefined }
				: this.#awake(known, reference);
		this.#objects.set(key, made);
		return made;
	}

	/** The sender has nothing to send of it any more: its note is gone, and it may be another value next time. */
	rest(series: EventSeries<Note>): void {
		series.note = undefined;
		const key = objectIdentity(series.object);
		const known = this.#objects.peek(key);
		if (known === undefined || typeof known === "string") return;
		// Those with a variety are few, and have more to come.
		if (known.varieties === undefined && known.series.every(({ note }) => note === undefined))
			this.#objects.replace(key, restingText(known));
	}

	#awake(text: RestingText, reference: ObjectReference): Remembered<Note> {
		const [tokens, atMs, all] = JSON.parse(text) as Resting;
		const { fieldPath: _, resourceVersion: __, ...identity } = reference;
		let latest: ObjectReference = identity;
		const series = all.map(
			([type, reason, message, action, fieldPath, resourceVersion, firstMs, count, lastMs, name]): EventSeries<Note> => {
				const object = {
					...identity,
					...(resourceVersion === null ? {} : { resourceVersion }),
					...(fieldPath === null ? {} : { fieldPath }),
				};
				if (!isSameReference(latest, object)) latest = object;
				const common = { object: latest, type: type as EventInput["type"], reason, message, firstMs, count, lastMs, note: undefined };
				return { ...common, action: action ?? undefined, name: name ?? undefined };
			},
		);
		return { bucket: new TokenBucket(this.#limit, { tokens, atMs }), reference, series, varieties: undefined };
	}
}

function restingText<Note>({ bucket, series }: Remembered<Note>): RestingText {
	const { tokens, atMs } = bucket.left;
	const resting: Resting = [
		tokens,
		atMs,
		series.map(({ type, reason, message, action = null, object, firstMs, count, lastMs, name = null }) => {
			const { fieldPath = null, resourceVersion = null } = object;
			return [type, reason, message, action, fieldPath, resourceVersion, firstMs, count, lastMs, name];
		}),
	];
	return JSON.stringify(resting);
}

function isOfReason({ type, reason }: EventInput): (other: { readonly type: string; readonly reason: string }) => boolean {
	return (other) => other.type === type && other.reason === reason;
}

/** The record of the messages of the event's reason; undefined while there is one. What lies too far back counts no longer. */
function varietyOf<Note>(object: Remembered<Note>, event: EventInput, nowMs: number): Variety<Note> | undefined {
	const { type, reason, message } = event;
	const known = object.varieties?.find(isOfReason(event));
	if (known !== undefined) {
		if (nowMs - known.lastMs > similarWithinMs) known.messages = [];
		return known;
	}
	const last = object.series.filter(isOfReason(event)).reduce<EventSeries<Note> | undefined>(later, undefined);
	if (last === undefined || last.message === message) return undefined;
	const messages = nowMs - last.lastMs > similarWithinMs ? [] : [last.message];
	const made: Variety<Note> = { type, reason, messages, combined: undefined, lastMs: nowMs };
	object.varieties = (object.varieties ?? []).concat(made);
	return made;
}

function later<Note>(a: EventSeries<Note> | undefined, b: EventSeries<Note>): EventSeries<Note> {
	return a === undefined || a.lastMs <= b.lastMs ? b : a;
}

/** Takes note of the message. @returns whether it is one of too many different ones */
function isOneTooMany<Note>(variety: Variety<Note>, message: string): boolean {
	const { messages } = variety;
	if (!messages.includes(message)) variety.messages = messages.concat(message);
	if (variety.messages.length < maxSimilar) return false;
	variety.messages = variety.messages.slice(1);
	return true;
}

function combinedSeries<Note>(variety: Variety<Note>, input: EventInput, nowMs: number): EventSeries<Note> {
	variety.combined ??= newSeries(input, nowMs);
	variety.combined.message = combinedPrefix + input.message;
	return variety.combined;
}

function seriesOf<Note>(object: Remembered<Note>, input: EventInput, nowMs: number): EventSeries<Note> {
	const ofReason = object.series.filter(isOfReason(input));
	const known = ofReason.find(({ message, object: { fieldPath } }) => message === input.message && fieldPath === input.object.fieldPath);
	if (known !== undefined) return known;
	const made = newSeries<Note>(input, nowMs);
	const kept = ofReason.length < maxSeries ? object.series : object.series.filter((series) => series !== ofReason[0]);
	object.series = kept.concat(made);
	return made;
}

function newSeries<Note>({ object, type, reason, message, action }: EventInput, nowMs: number): EventSeries<Note> {
	return { object, type, reason, message, action, firstMs: nowMs, count: 0, lastMs: nowMs, name: undefined, note: undefined };
}

/** Of one object: what does not make it that object is the same, too. */
function isSameReference(a: ObjectReference, b: ObjectReference): boolean {
	return a.fieldPath === b.fieldPath && a.resourceVersion === b.resourceVersion;
}

function objectIdentity({ kind, namespace, name, uid, apiVersion }: ObjectReference): string {
	return [kind, namespace, name, uid, apiVersion].join("\0");
}
