/**
 * What happened while a pod was being scheduled. A pod that fails then must not miss an event that came after its
 * snapshot was taken: it would wait for five minutes for something that has been there all along.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";

export interface RecordedEvent {
	readonly event: ClusterEvent;
	readonly old: KubeObject | undefined;
	readonly object: KubeObject | undefined;
}

export class InFlightPods {
	/** Uid of a pod to the number of the first event after its pop. */
	readonly #since = new Map<string, number>();
	/** Recorded only while a pod is in flight; `#events[0]` has number `#firstNumber`. */
	#events: RecordedEvent[] = [];
	#firstNumber = 0;

	get size(): number {
		return this.#since.size;
	}

	has(uid: string): boolean {
		return this.#since.has(uid);
	}

	start(uid: string): void {
		this.#since.set(uid, this.#firstNumber + this.#events.length);
	}

	record(event: RecordedEvent): void {
		if (this.#since.size > 0) this.#events.push(event);
	}

	/** The events since the pod was popped. */
	eventsFor(uid: string): readonly RecordedEvent[] {
		const since = this.#since.get(uid);
		return since === undefined ? [] : this.#events.slice(since - this.#firstNumber);
	}

	/** The pod's attempt is over; forgets the events that nobody in flight needs any more. */
	done(uid: string): void {
		if (!this.#since.delete(uid) || this.#events.length === 0) return;
		let oldest = this.#firstNumber + this.#events.length;
		for (const since of this.#since.values()) oldest = Math.min(oldest, since);
		this.#events = this.#events.slice(oldest - this.#firstNumber);
		this.#firstNumber = oldest;
	}
}
