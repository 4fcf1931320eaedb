/** How simulated members reach each other: replica/transport.ts over a network that goes wrong (world/sim-network.ts). */
import { GroupError } from "../../../src/store/group.ts";
import type { InstallSnapshot, MemberId } from "../../../src/store/raft/index.ts";
import type { PeerHandler, PeerRequest, PeerResponse, TransportFactory } from "../../../src/store/replica/transport.ts";
import type { SimNetwork } from "../world/sim-network.ts";
import type { SimMachine } from "./sim-machine.ts";

/** How long somebody waits for an answer, or for a snapshot to arrive, virtual ms. */
const askTimeoutMs = 1000;

interface Endpoint {
	readonly handler: PeerHandler;
	readonly machine: SimMachine;
}

export class SimSwitch {
	readonly #network: SimNetwork;
	readonly #endpoints = new Map<MemberId, Endpoint>();

	constructor(network: SimNetwork) {
		this.#network = network;
	}

	transport(id: MemberId, machine: SimMachine): TransportFactory {
		return (handler) => {
			const endpoint: Endpoint = { handler, machine };
			this.#endpoints.set(id, endpoint);
			return {
				send: (message) => {
					// A connection loses what is on it when it breaks; it hands nothing over twice.
					const mayDuplicate = message.type !== "propose";
					if (machine.isRunning) this.#carry(id, message.to, (to) => to.receive(message), mayDuplicate);
				},
				// The network keeps to itself what it does not carry.
				canReach: () => true,
				sendSnapshot: (message, data) => this.#sendSnapshot(machine, message, data),
				ask: (to, request) => this.#ask(id, machine, to, request),
				update: () => undefined,
				close: async () => {
					if (this.#endpoints.get(id) === endpoint) this.#endpoints.delete(id);
				},
			};
		};
	}

	#carry(from: MemberId, to: MemberId, deliver: (handler: PeerHandler) => void, mayDuplicate = false): void {
		this.#network.send(
			from,
			to,
			() => {
				const endpoint = this.#endpoints.get(to);
				endpoint?.machine.do(() => deliver(endpoint.handler));
			},
			mayDuplicate,
		);
	}

	async #sendSnapshot(machine: SimMachine, message: InstallSnapshot, data: Promise<readonly Uint8Array[]>): Promise<void> {
		const bytes = Buffer.concat(await data);
		const { from, to, snapshot } = message;
		await new Promise<void>((resolve, reject) => {
			const timer = machine.machineClock.setTimeout(() => reject(new Error("timed out")), askTimeoutMs);
			this.#carry(from, to, (handler) => {
				handler.receive({ ...message, snapshot: { ...snapshot, data: bytes } });
				machine.do(() => {
					timer.cancel();
					resolve();
				});
			});
		});
	}

	#ask(from: MemberId, machine: SimMachine, to: MemberId, request: PeerRequest): Promise<PeerResponse> {
		return new Promise((resolve, reject) => {
			const timer = machine.machineClock.setTimeout(() => reject(new GroupError("noLeader")), askTimeoutMs);
			const settle = (act: () => void) =>
				this.#carry(to, from, () => {
					timer.cancel();
					act();
				});
			this.#carry(from, to, (handler) => {
				handler.answer(request).then(
					(response) => settle(() => resolve(response)),
					(error: unknown) => settle(() => reject(error)),
				);
			});
		});
	}
}
