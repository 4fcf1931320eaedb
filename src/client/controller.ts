/**
 * The loop every controller shares: take a key, reconcile it, and decide when to look at it again. Level-based: a key
 * says that something about the object may have changed, never what.
 *
 *   reconcile resolves                    -> forget the key's back-off
 *   … with requeueAfterMs                 -> and look again after that time
 *   reconcile rejects                     -> report it, look again after the key's back-off
 *
 * In one event loop "concurrency" is how many reconciles may be waiting for the server at once; one key is never
 * reconciled twice at once.
 */
import type { Logger } from "../apimachinery/log.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { WorkQueue } from "./work-queue.ts";

/** What a reconcile asks for besides being done: to be called again after this time, ms, > 0. */
export interface RequeueAfter {
	readonly requeueAfterMs: number;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that asks for nothing returns nothing.
export type ReconcileResult = RequeueAfter | void;

export interface ControllerOptions {
	/** As upstream's `--controllers` names it. */
	readonly name: string;
	readonly queue: WorkQueue;
	/** >= 1 */
	readonly concurrency: number;
	/** Brings the world closer to what the object of this key says. */
	reconcile(key: string): Promise<ReconcileResult>;
	readonly log: Logger;
	/** Ends the loops; a reconcile under way is waited for. */
	readonly signal: AbortSignal;
}

/** To be called again after the shortest of these times, ms; what is 0 or undefined asks for nothing. */
export function requeueAfter(...delaysMs: readonly (number | undefined)[]): ReconcileResult {
	const delayMs = Math.min(...delaysMs.filter((delay) => delay !== undefined && delay > 0).map(Number));
	return Number.isFinite(delayMs) ? { requeueAfterMs: delayMs } : undefined;
}

/** Reconciles the queue's keys until the signal aborts. Resolves when the last reconcile is over; never rejects. */
export async function runController(options: ControllerOptions): Promise<void> {
	const { queue, signal, concurrency } = options;
	const stop = () => queue.shutDown();
	if (signal.aborted) stop();
	signal.addEventListener("abort", stop, { once: true });
	await Promise.all(Array.from({ length: concurrency }, () => work(options)));
	signal.removeEventListener("abort", stop);
}

async function work(options: ControllerOptions): Promise<void> {
	const { queue, signal } = options;
	for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
		// A key handed out in the same turn as the stop is not begun.
		if (!signal.aborted) await reconcileOnce(options, key);
		queue.done(key);
	}
}

async function reconcileOnce({ name, queue, reconcile, log }: ControllerOptions, key: string): Promise<void> {
	try {
		const result = await reconcile(key);
		queue.forget(key);
		if (result !== undefined) queue.addAfter(key, result.requeueAfterMs);
	} catch (error) {
		// A conflict is the ordinary course of optimistic concurrency: the cache is behind and will catch up.
		const expected = isStatusError(error, "Conflict");
		queue.failed(key, error instanceof Error ? error.message : String(error));
		log[expected ? "debug" : "warn"](`${name}: error syncing "${key}", requeuing`, {
			error: error instanceof Error && !isStatusError(error) ? (error.stack ?? error.message) : String(error),
			retries: queue.retries(key),
		});
		queue.addRateLimited(key);
	}
}
