/**
 * The kubelet's back-off of container restarts and image pulls: 10 s, doubled up to 5 min, forgotten once the last
 * failure lies more than 10 min back.
 * Source: client-go util/flowcontrol/backoff.go and https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */

const initialBackoffMs = 10_000;
const maxBackoffMs = 300_000;

export interface BackoffEntry {
	/** `initialBackoffMs <= delayMs <= maxBackoffMs` */
	readonly delayMs: number;
	/** When the delay was last raised, Unix ms. */
	readonly updatedMs: number;
}

/** Until when a failure at `eventMs` is to be waited out; undefined if it is not. */
export function backoffUntil(entry: BackoffEntry | undefined, eventMs: number, nowMs: number): number | undefined {
	if (entry === undefined || isExpired(entry, eventMs)) return undefined;
	const untilMs = eventMs + entry.delayMs;
	return nowMs < untilMs ? untilMs : undefined;
}

/** The entry after one more try that follows a failure at `eventMs`. */
export function nextBackoff(entry: BackoffEntry | undefined, eventMs: number, nowMs: number): BackoffEntry {
	if (entry === undefined || isExpired(entry, eventMs)) return { delayMs: initialBackoffMs, updatedMs: nowMs };
	return { delayMs: Math.min(entry.delayMs * 2, maxBackoffMs), updatedMs: nowMs };
}

function isExpired(entry: BackoffEntry, eventMs: number): boolean {
	return eventMs - entry.updatedMs > 2 * maxBackoffMs;
}
