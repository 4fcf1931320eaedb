/** What is known of some stored bytes besides what they say: that they cannot be made out, or are to be written anew. */
import type { StatusError } from "../../apimachinery/status-error.ts";

const unreadable = new WeakMap<Uint8Array, StatusError>();
const stale = new WeakSet<Uint8Array>();

/** Whoever decodes these bytes gets this error. */
export function markUnreadable(bytes: Uint8Array, error: StatusError): void {
	unreadable.set(bytes, error);
}

export function unreadableReason(bytes: Uint8Array): StatusError | undefined {
	return unreadable.get(bytes);
}

/** They would be stored in another way today: a write that changes nothing writes them nevertheless. */
export function markStale(bytes: Uint8Array): void {
	stale.add(bytes);
}

export function isStale(bytes: Uint8Array | undefined): boolean {
	return bytes !== undefined && stale.has(bytes);
}
