/** What is known of some stored bytes besides what they say: that they cannot be made out, or are to be written anew. */
import type { StatusError } from "../../apimachinery/status-error.ts";

const unreadable = new WeakMap<Uint8Array, StatusError>();
const writtenIn = new WeakMap<Uint8Array, Generation>();

/** As long as values are stored in one way: when it is over, all that were stored in it are stale. */
export interface Generation {
	isOver: boolean;
}

/** Whoever decodes these bytes gets this error. */
export function markUnreadable(bytes: Uint8Array, error: StatusError): void {
	unreadable.set(bytes, error);
}

export function unreadableReason(bytes: Uint8Array): StatusError | undefined {
	return unreadable.get(bytes);
}

/** These bytes were stored as values were in this generation. */
export function markGeneration(bytes: Uint8Array, generation: Generation): void {
	writtenIn.set(bytes, generation);
}

/** Whether it is known of these bytes in which generation they were stored. */
export function hasGeneration(bytes: Uint8Array): boolean {
	return writtenIn.has(bytes);
}

/** They would be stored in another way today: a write that changes nothing writes them nevertheless. */
export function isStale(bytes: Uint8Array): boolean {
	return writtenIn.get(bytes)?.isOver === true;
}
