/**
 * The switch between members of one process: hands messages over as they are, later in the same turn or as much later as
 * the link's faults say. Messages on one link keep their order, as on a connection.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { GroupError } from "../group.ts";
import type { InstallSnapshot, MemberId, Message } from "../raft/index.ts";
import type { LinkFaults } from "./link-faults.ts";
import type { PeerHandler, PeerRequest, PeerResponse, Transport, TransportFactory } from "./transport.ts";

/** How long somebody who asks over a link that carries nothing waits, ms: as for a connection that does not come. */
const askTimeoutMs = 1000;

export class LocalNetwork {
	readonly #clock: Clock;
	readonly #faults: LinkFaults;
	readonly #members = new Map<MemberId, PeerHandler>();

	constructor(clock: Clock, faults: LinkFaults) {
		this.#clock = clock;
		this.#faults = faults;
	}

	/** A member's access to the others, from its start to its end. */
	transport(id: MemberId): TransportFactory {
		return (handler) => {
			this.#members.set(id, handler);
			const transport: Transport = {
				send: (message) => this.#send(message),
				canReach: (to) => this.#members.has(to),
				sendSnapshot: (message, data) => this.#sendSnapshot(message, data),
				ask: (to, request) => this.#ask(id, to, request),
				update: () => undefined,
				close: async () => {
					if (this.#members.get(id) === handler) this.#members.delete(id);
				},
			};
			return transport;
		};
	}

	#send(message: Message): void {
		this.#carry(message.from, message.to, (handler) => handler.receive(message));
	}

	#carry(from: MemberId, to: MemberId, deliver: (handler: PeerHandler) => void): void {
		const delayMs = this.#faults.fate(from, to);
		if (delayMs === undefined) return;
		const arrive = () => {
			const handler = this.#members.get(to);
			if (handler !== undefined) deliver(handler);
		};
		if (delayMs === 0) queueMicrotask(arrive);
		else this.#clock.setTimeout(arrive, delayMs);
	}

	async #sendSnapshot(message: InstallSnapshot, data: Promise<readonly Uint8Array[]>): Promise<void> {
		const bytes = Buffer.concat(await data);
		const { from, to, snapshot } = message;
		if (!this.#members.has(to) || this.#faults.fate(from, to) === undefined) throw new Error(`${to} can't be reached`);
		this.#carry(from, to, (handler) => handler.receive({ ...message, snapshot: { ...snapshot, data: bytes } }));
	}

	async #ask(from: MemberId, to: MemberId, request: PeerRequest): Promise<PeerResponse> {
		const { promise, resolve, reject } = Promise.withResolvers<PeerResponse>();
		const timer = this.#clock.setTimeout(() => reject(new GroupError("noLeader")), askTimeoutMs);
		this.#carry(from, to, (handler) => {
			handler.answer(request).then((response) => {
				if (this.#faults.fate(to, from) !== undefined) resolve(response);
			}, reject);
		});
		return await promise.finally(() => timer.cancel());
	}
}
