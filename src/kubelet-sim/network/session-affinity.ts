/**
 * Which endpoint a client was sent to last, on each node: what the kernel's recent lists hold for Services with session affinity.
 * Source: kube-proxy's `-m recent --rcheck --seconds N --reap`.
 */
import type { Backend } from "./service-routing.ts";

/** Over so many, those that have run out are forgotten. */
const tidyAbove = 10_000;

interface Remembered {
	readonly address: string;
	readonly port: number;
	readonly untilMs: number;
}

export class SessionAffinity {
	#remembered: Map<string, Remembered> | undefined;

	/** The one of the endpoints that this client was sent to last, if that is not too long ago. */
	find(node: string, service: string, client: string, backends: readonly Backend[], nowMs: number): Backend | undefined {
		const known = this.#remembered?.get(keyOf(node, service, client));
		if (known === undefined || known.untilMs <= nowMs) return undefined;
		return backends.find(({ address, port }) => address === known.address && port === known.port);
	}

	remember(node: string, service: string, client: string, { address, port }: Backend, untilMs: number, nowMs: number): void {
		this.#remembered ??= new Map();
		this.#remembered.set(keyOf(node, service, client), { address, port, untilMs });
		if (this.#remembered.size <= tidyAbove) return;
		for (const [key, { untilMs: endMs }] of this.#remembered) if (endMs <= nowMs) this.#remembered.delete(key);
	}
}

function keyOf(node: string, service: string, client: string): string {
	return `${node} ${service} ${client}`;
}
