/**
 * Calls that are worth nothing without a leader: clients say so in their metadata ("hasleader: true"), so that they turn to
 * another member when this one is cut off. Such a call is refused while there is no leader, and ended when there has been
 * none for three election timeouts.
 * Source: https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/v3rpc/interceptor.go
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { GroupError, type StoreGroup } from "../group.ts";
import type { ResponseStream } from "./grpc/server.ts";

/** An election timeout, ms. */
const periodMs = 500;
const patiencePeriods = 3;

export class LeaderWatch {
	readonly #group: () => StoreGroup;
	readonly #calls = new Set<ResponseStream<unknown>>();
	readonly #timer;
	#periodsWithout = 0;

	constructor(group: () => StoreGroup, clock: Clock) {
		this.#group = group;
		this.#timer = clock.setInterval(() => this.#check(), periodMs);
	}

	/** @throws GroupError if the call wants a leader and there is none. */
	admit(call: ResponseStream<unknown>): void {
		if (call.context.metadata("hasleader") !== "true") return;
		if (!this.#hasLeader()) throw new GroupError("noLeader");
		this.#calls.add(call);
		call.onClose(() => this.#calls.delete(call));
	}

	stop(): void {
		this.#timer.cancel();
	}

	#check(): void {
		this.#periodsWithout = this.#hasLeader() ? 0 : this.#periodsWithout + 1;
		if (this.#periodsWithout < patiencePeriods) return;
		for (const call of this.#calls) call.end(new GroupError("noLeader"));
	}

	#hasLeader(): boolean {
		return this.#group().hasLeader;
	}
}
