import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import { MemoryBackend } from "./backend/memory-backend.ts";
import { GroupError } from "./group.ts";
import { MemberStore } from "./member-store.ts";
import { MvccState } from "./mvcc/state.ts";
import type { SequencerEvents } from "./sequencer.ts";
import { SoloSequencer } from "./solo-sequencer.ts";
import { StateMachine } from "./state-machine.ts";

/** A leader that may be asked whether it still leads. */
class DoubtfulSequencer extends SoloSequencer {
	barrier: () => Promise<void> = async () => undefined;

	override readBarrier(): Promise<void> {
		return this.barrier();
	}

	override askLeader(): Promise<never> {
		return Promise.reject(new GroupError("noLeader"));
	}
}

function open() {
	const clock = new VirtualClock();
	const machine = new StateMachine({ backend: new MemoryBackend(), state: new MvccState(), isBehindLog: false, log: silentLog });
	const parts: { sequencer?: DoubtfulSequencer; events?: SequencerEvents } = {};
	const store = new MemberStore({
		clock,
		log: silentLog,
		sequencer: (events) => {
			parts.events = events;
			parts.sequencer = new DoubtfulSequencer(machine, events);
			return parts.sequencer;
		},
	});
	const doubt = (barrier: () => Promise<void>) => {
		if (parts.sequencer !== undefined) parts.sequencer.barrier = barrier;
	};
	return { clock, store, machine, doubt, events: () => parts.events };
}

test("a lease is not kept alive by a leader that another one has replaced meanwhile", async () => {
	const { store, doubt, events } = open();
	const { id } = await store.grantLease(5);
	doubt(async () => events()?.leads(false));
	await expect(store.keepAliveLease(id)).rejects.toThrow("etcdserver: no leader");
});

test("a lease whose time is up ends once its leader knows that it still leads, and not before", async () => {
	const { clock, store, machine, doubt } = open();
	await store.grantLease(5, 7n);
	doubt(() => Promise.reject(new GroupError("timeout")));
	await clock.advance(6000);
	expect(machine.state.leases.has(7n)).toBe(true);
	doubt(async () => undefined);
	await clock.advance(1000);
	expect(machine.state.leases.has(7n)).toBe(false);
});

test("a member that loses the lead and leads again has given a lease its whole time once more", async () => {
	const { clock, store, machine, doubt, events } = open();
	await store.grantLease(5, 7n);
	doubt(() => Promise.reject(new GroupError("timeout")));
	await clock.advance(5010);
	events()?.leads(false);
	events()?.leads(true);
	doubt(async () => undefined);
	await clock.advance(4900);
	expect(machine.state.leases.has(7n)).toBe(true);
	await clock.advance(200);
	expect(machine.state.leases.has(7n)).toBe(false);
});
