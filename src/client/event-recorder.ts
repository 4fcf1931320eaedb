/**
 * Writes core/v1 Events about objects: what `kubectl describe` shows at its end. Recording never waits and never
 * fails; sending goes on behind, a few at a time, each event's own writes in order. While one is being sent, repeats
 * only raise its count, so a burst costs one create and one patch.
 * Source of behaviour: client-go tools/record/event.go.
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Random } from "../apimachinery/random.ts";
import type { CoreEvent, ObjectReference } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatMicroTime, formatTime } from "../apimachinery/time.ts";
import type { Client, ResourceClient } from "./client.ts";
import { EventCorrelator, type EventSeries } from "./event-correlator.ts";
import { events } from "./resources.ts";

/** Writes under way at once. */
const maxSending = 16;
/** Events that wait; more are dropped, as upstream's full broadcaster does. */
const maxWaiting = 20_000;
/** A write that could not reach the server is tried this often … */
const maxTries = 12;
/** … this far apart. */
const retryAfterMs = 10_000;
/** Events about cluster-scoped objects live here. */
const clusterScopedNamespace = "default";

export interface EventRecorderOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly random: Random;
	/** Who reports: `replicaset-controller`, `kubelet`. */
	readonly component: string;
	/** The node, for components of a node. */
	readonly host?: string;
	/** "events": in the manner of events.k8s.io, which upstream's scheduler has gone over to. Default "core". */
	readonly style?: "core" | "events";
	readonly log?: Logger;
	/** Ends retries and drops what was not sent. */
	readonly signal?: AbortSignal;
}

export interface EventDetails {
	/** The part of the object the event is about: `spec.containers{nginx}`. */
	readonly fieldPath?: string;
	/** What the component was doing, `Binding`; only events of the events.k8s.io style say so. */
	readonly action?: string;
}

/** A series on its way to the server. */
interface Outgoing {
	readonly series: EventSeries<Outgoing>;
	readonly name: string;
	/** What to send: the series as it was when an event of it was last let through. */
	latest: Latest;
	/** A create was accepted, so that the next write is a patch. */
	created: boolean;
	sending: boolean;
}

type Latest = Pick<EventSeries<Outgoing>, "count" | "lastMs" | "message">;

export class EventRecorder {
	readonly #options: Omit<EventRecorderOptions, "client">;
	readonly #log: Logger;
	readonly #events: ResourceClient<CoreEvent>;
	readonly #correlator: EventCorrelator<Outgoing>;
	/** Series with something to send, oldest first. */
	readonly #waiting = new Set<Outgoing>();
	/** 0 <= #sending <= maxSending */
	#sending = 0;
	#lastNanoseconds = 0n;

	constructor({ client, ...options }: EventRecorderOptions) {
		this.#options = options;
		this.#log = options.log ?? silentLog;
		this.#events = client.resource(events);
		this.#correlator = new EventCorrelator(options.clock);
	}

	/** Records that something happened to `object`. Returns at once; failures are logged. */
	event(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string, details: EventDetails = {}): void {
		const { action, ...part } = details;
		const series = this.#correlator.observe({
			object: { ...referenceTo(object), ...part },
			type,
			reason,
			message,
			action,
		});
		if (series === undefined || this.#options.signal?.aborted) return;
		const latest = { count: series.count, lastMs: series.lastMs, message: series.message };
		const created = series.name !== undefined;
		series.name ??= this.#eventName(object.metadata?.name ?? "");
		series.note ??= { series, name: series.name, latest, created, sending: false };
		const outgoing = series.note;
		outgoing.latest = latest;
		if (this.#waiting.size >= maxWaiting && !this.#waiting.has(outgoing)) {
			this.#log.warn("Unable to record event: channel full, event will be dropped", { reason, message });
			if (!outgoing.sending) this.#correlator.rest(series);
			return;
		}
		this.#waiting.add(outgoing);
		this.#pump();
	}

	/** `web.18a2f3b4c5d6e7f8`: the object's name and a time in nanoseconds that no other event of this recorder has. */
	#eventName(objectName: string): string {
		const { clock, random } = this.#options;
		const nanoseconds = BigInt(clock.now()) * 1_000_000n + BigInt(random.int(1_000_000));
		this.#lastNanoseconds = nanoseconds > this.#lastNanoseconds ? nanoseconds : this.#lastNanoseconds + 1n;
		return `${objectName}.${this.#lastNanoseconds.toString(16)}`;
	}

	#pump(): void {
		for (const outgoing of this.#waiting) {
			if (this.#sending >= maxSending) return;
			if (outgoing.sending) continue;
			this.#waiting.delete(outgoing);
			outgoing.sending = true;
			this.#sending++;
			void this.#send(outgoing).then(() => {
				outgoing.sending = false;
				if (!this.#waiting.has(outgoing)) this.#correlator.rest(outgoing.series);
				this.#sending--;
				this.#pump();
			});
		}
	}

	/** Never rejects. */
	async #send(outgoing: Outgoing): Promise<void> {
		const { clock, signal } = this.#options;
		for (let tries = 1; tries <= maxTries && !signal?.aborted; tries++) {
			try {
				await this.#write(outgoing);
				return;
			} catch (error) {
				const fields = { event: outgoing.name, error: String(error) };
				if (isStatusError(error)) {
					this.#log.debug("Server rejected event (will not retry!)", fields);
					return;
				}
				this.#log.warn("Unable to write event (may retry after sleeping)", fields);
				await sleep(clock, retryAfterMs, signal).catch(() => undefined);
			}
		}
	}

	async #write(outgoing: Outgoing): Promise<void> {
		if (outgoing.created && (await this.#patch(outgoing))) return;
		outgoing.created = true;
		await this.#events.create(this.#eventOf(outgoing));
	}

	/** False: the event is no longer there (events live an hour) and must be made anew. */
	async #patch({ series, name, latest }: Outgoing): Promise<boolean> {
		const times = this.#options.style === "events" ? seriesOf(latest) : { count: latest.count, lastTimestamp: formatTime(latest.lastMs) };
		const body = { ...times, message: latest.message };
		try {
			await this.#events.patch({ namespace: namespaceOf(series), name }, "application/strategic-merge-patch+json", body);
			return true;
		} catch (error) {
			if (isStatusError(error, "NotFound")) return false;
			throw error;
		}
	}

	#eventOf({ series, name, latest }: Outgoing): CoreEvent {
		const { component, host, style } = this.#options;
		const common = {
			apiVersion: "v1",
			kind: "Event",
			metadata: { name, namespace: namespaceOf(series) },
			involvedObject: series.object,
			reason: series.reason,
			message: latest.message,
			type: series.type,
			reportingComponent: component,
		};
		if (style === "events") {
			const { action = series.reason } = series;
			const isRepeated = latest.count > 1;
			return {
				...common,
				action,
				eventTime: formatMicroTime(series.firstMs),
				reportingInstance: host === undefined ? component : `${component}-${host}`,
				...(isRepeated ? seriesOf(latest) : {}),
			};
		}
		return {
			...common,
			source: { component, ...(host === undefined ? {} : { host }) },
			firstTimestamp: formatTime(series.firstMs),
			lastTimestamp: formatTime(latest.lastMs),
			count: latest.count,
			reportingInstance: host ?? "",
		};
	}
}

/** How an event of the events.k8s.io style counts its repeats. */
function seriesOf({ count, lastMs }: Latest): Pick<CoreEvent, "series"> {
	return { series: { count, lastObservedTime: formatMicroTime(lastMs) } };
}

function namespaceOf(series: EventSeries<Outgoing>): string {
	const { namespace } = series.object;
	return namespace === undefined || namespace === "" ? clusterScopedNamespace : namespace;
}

/** The reference to an object that events and targetRefs carry. */
export function referenceTo({ apiVersion, kind, metadata = {} }: KubeObject): ObjectReference {
	const { namespace, name, uid, resourceVersion } = metadata;
	return {
		...(kind === undefined ? {} : { kind }),
		...(namespace === undefined || namespace === "" ? {} : { namespace }),
		...(name === undefined ? {} : { name }),
		...(uid === undefined ? {} : { uid }),
		...(apiVersion === undefined ? {} : { apiVersion }),
		...(resourceVersion === undefined ? {} : { resourceVersion }),
	};
}
