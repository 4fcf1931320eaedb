/**
 * The cluster's only source of time. Everything that waits or stamps a time takes a `Clock`: in real time it is a
 * `WallClock` or a `ScaledClock`, in simulation a `VirtualClock`, where a timer fires because the test says so.
 */

/** A pending timer; `cancel` after it fired, or twice, does nothing. */
export interface Timer {
	cancel(): void;
}

export interface Clock {
	/** Milliseconds since the Unix epoch, on the cluster's clock. Never goes back. */
	now(): number;
	/** Calls `callback` once, `delayMs` (>= 0, cluster time) from now. Timers of one moment fire in the order they were set. */
	setTimeout(callback: () => void, delayMs: number): Timer;
	/** Calls `callback` every `periodMs` (> 0, cluster time) until cancelled. */
	setInterval(callback: () => void, periodMs: number): Timer;
}

/** The interval of a clock that has timeouts: each begins before the callback of the last. Throws RangeError for a period of 0 or less. */
export function repeat(clock: Pick<Clock, "setTimeout">, callback: () => void, periodMs: number): Timer {
	if (!(periodMs > 0)) throw new RangeError(`interval must be greater than 0 ms, got ${periodMs}`);
	let current: Timer;
	const tick = () => {
		current = clock.setTimeout(tick, periodMs);
		callback();
	};
	current = clock.setTimeout(tick, periodMs);
	return { cancel: () => current.cancel() };
}

/** Resolves after `delayMs` of cluster time; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) {
			reject(signal.reason);
			return;
		}
		const onAbort = () => {
			timer.cancel();
			reject(signal?.reason);
		};
		const timer = clock.setTimeout(() => {
			signal?.removeEventListener("abort", onAbort);
			resolve();
		}, delayMs);
		signal?.addEventListener("abort", onAbort, { once: true });
	});
}
