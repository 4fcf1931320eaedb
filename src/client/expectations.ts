/**
 * What a controller has asked the server for and not yet seen in its cache. Until creations and deletions that it
 * made show up, the cache is behind the controller's own acts, and acting on it again would do them twice.
 * Source of behaviour: kube-controller-manager's UIDTrackingControllerExpectations (pkg/controller/controller_utils.go).
 */
import type { Clock } from "../apimachinery/clock/clock.ts";

/** After this long a missing event is taken for lost, and the controller goes by the cache again. */
const timeoutMs = 300_000;

interface Expectation {
	/** Creations not yet seen; below 0 when others create too. */
	creations: number;
	/** Keys of deletions not yet seen, so that one deletion seen twice counts once. */
	readonly deletions: Set<string>;
	/** Of the last act, Unix ms. */
	sinceMs: number;
}

export class Expectations {
	readonly #clock: Clock;
	readonly #byController = new Map<string, Expectation>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** The controller is about to create `count` objects. */
	expectCreations(controller: string, count: number): void {
		this.#byController.set(controller, { creations: count, deletions: new Set(), sinceMs: this.#clock.now() });
	}

	/** The controller is about to delete these objects. */
	expectDeletions(controller: string, keys: Iterable<string>): void {
		this.#byController.set(controller, { creations: 0, deletions: new Set(keys), sinceMs: this.#clock.now() });
	}

	/** The controller is about to do this besides what it is expected to have done. */
	raise(
		controller: string,
		{ creations = 0, deletions = [] }: { readonly creations?: number; readonly deletions?: readonly string[] },
	): void {
		const expected = this.#byController.get(controller) ?? { creations: 0, deletions: new Set(), sinceMs: 0 };
		expected.creations += creations;
		for (const key of deletions) expected.deletions.add(key);
		expected.sinceMs = this.#clock.now();
		this.#byController.set(controller, expected);
	}

	/** A creation showed up in the cache, or `count` of them failed or were not tried. */
	creationObserved(controller: string, count = 1): void {
		const expectation = this.#byController.get(controller);
		if (expectation !== undefined) expectation.creations -= count;
	}

	/** A deletion showed up in the cache, or failed. */
	deletionObserved(controller: string, key: string): void {
		this.#byController.get(controller)?.deletions.delete(key);
	}

	/** Whether the cache has caught up, or nothing is expected, or it was too long ago. */
	satisfied(controller: string): boolean {
		return this.expireInMs(controller) === 0;
	}

	/**
	 * How long until the controller goes by the cache again whatever happens, ms; 0: it does. What was made and deleted between two
	 * lists never shows up, so who waits for it has to look again by then (upstream does at its next resync, in 12 to 24 hours).
	 */
	expireInMs(controller: string): number {
		const expectation = this.#byController.get(controller);
		if (expectation === undefined) return 0;
		if (expectation.creations <= 0 && expectation.deletions.size === 0) return 0;
		return Math.max(0, expectation.sinceMs + timeoutMs + 1 - this.#clock.now());
	}

	/** The controller's object is gone. */
	delete(controller: string): void {
		this.#byController.delete(controller);
	}
}
