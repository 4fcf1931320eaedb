/** What probes and hooks are carried out on, and what the ways of doing so have in common. */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { NetworkError } from "../../host/index.ts";
import type { SimContainer } from "../container/container.ts";

export interface ActionTarget {
	readonly container: SimContainer;
	readonly spec: Container | EphemeralContainer;
	readonly pod: Pod;
	readonly podIp: string;
	readonly clock: Clock;
}

/** A port that is no number, and no name of a port of the container: Go's text. */
export class PortError extends Error {
	constructor(port: string) {
		super(`strconv.Atoi: parsing ${JSON.stringify(port)}: invalid syntax`);
	}
}

/** `web_default(e1f3…)`. */
export function podText({ metadata = {} }: Pod): string {
	return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}

/** A number, or the name of one of the container's ports. Throws `PortError`. */
export function portOf(port: number | string, spec: Container | EphemeralContainer): number {
	if (typeof port === "number") return port;
	const named = spec.ports?.find(({ name }) => name === port)?.containerPort;
	if (named === undefined && !/^\d+$/.test(port)) throw new PortError(port);
	return named ?? Number(port);
}

/** Go's text for a failed connection. */
export function dialError(error: NetworkError, host: string, port: number): string {
	if (error.code === "ENOTFOUND") return `dial tcp: lookup ${host}: no such host`;
	return `dial tcp ${host}:${port}: connect: ${error.message.toLowerCase()}`;
}

/** Does something for at most so long. Rejects with "expired", or as the work does. */
export async function within<T>(clock: Clock, limitMs: number, work: () => Promise<T>): Promise<T> {
	const abort = new AbortController();
	const expired = sleep(clock, limitMs, abort.signal).then(() => {
		throw "expired";
	});
	expired.catch(() => undefined);
	const result = work();
	// What comes after the limit is of no interest any more.
	result.catch(() => undefined);
	try {
		return await Promise.race([result, expired]);
	} finally {
		abort.abort();
	}
}
