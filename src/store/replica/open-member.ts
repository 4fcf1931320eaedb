/**
 * Puts one member together: its storage, its state machine, its replica, and the store that it serves.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { MemberStore, type StoreLimits } from "../member-store.ts";
import { bootstrapSnapshot, emptySnapshot, membershipOf, type Snapshot } from "../raft/index.ts";
import { idText, memberRecords } from "../roster.ts";
import { StateMachine } from "../state-machine.ts";
import type { MaintainedStore } from "../store.ts";
import type { LogLimits } from "./log-compactor.ts";
import type { MemberIdentity } from "./member-identity.ts";
import type { LoadedBackend, MemberStorage } from "./member-storage.ts";
import { Replica } from "./replica.ts";
import type { ReplicaTiming } from "./timing.ts";
import type { TransportFactory } from "./transport.ts";

export interface OpenMemberOptions {
	readonly identity: MemberIdentity;
	readonly storage: MemberStorage;
	readonly transport: TransportFactory;
	/** The cluster's: leases run on it. */
	readonly clock: Clock;
	/** Real time, for elections and timeouts; virtual where disks and networks are. */
	readonly machineClock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly limits?: Partial<StoreLimits>;
	readonly timing?: ReplicaTiming;
	readonly logLimits?: LogLimits;
}

export interface OpenedMember {
	readonly store: MaintainedStore;
	readonly replica: Replica;
}

/** Where every founder's log begins, with the same entry 1: who they are. */
export function foundingSnapshot({ founders }: MemberIdentity): Snapshot {
	return founders === undefined ? emptySnapshot : bootstrapSnapshot(membershipOf(founders.map(({ id }) => idText(id))));
}

/** Does not wait for a leader. Rejects with the errors of opening (errors.ts). */
export async function openMember(options: OpenMemberOptions): Promise<OpenedMember> {
	const { identity, storage, log: logger } = options;
	const { log, ...loaded } = await storage.open(foundingSnapshot(identity));
	const machine = machineOf(loaded, storage, logger);
	if (identity.founders !== undefined && loaded.applied === undefined) {
		const records = identity.founders.flatMap(({ id, peerUrls, name, clientUrls }) => memberRecords(id, peerUrls, { name, clientUrls }));
		machine.replay({ type: "records", records }, { index: 1, term: 1 });
	}
	let replica: Replica | undefined;
	const store = new MemberStore({
		clock: options.clock,
		log: logger,
		...(options.limits === undefined ? {} : { limits: options.limits }),
		sequencer: (events) => {
			replica = new Replica(
				{
					clusterId: identity.clusterId,
					memberId: identity.memberId,
					name: identity.name,
					token: identity.token,
					contacts: identity.contacts ?? [],
					log,
					machine,
					install: (old, snapshot) => old.replaceBy(async () => machineOf(await storage.replace(snapshot), storage, logger)),
					transport: options.transport,
					clock: options.machineClock,
					random: options.random,
					logger,
					...(options.timing === undefined ? {} : { timing: options.timing }),
					...(options.logLimits === undefined ? {} : { logLimits: options.logLimits }),
				},
				events,
			);
			return replica;
		},
	});
	if (replica === undefined) throw new Error("a store makes its sequencer at once");
	return { store, replica };
}

/** An engine that answers at once needs nobody who lets it fall behind. */
function machineOf({ applied, ...loaded }: LoadedBackend, { isImmediate }: MemberStorage, log: Logger): StateMachine {
	return new StateMachine({ ...loaded, ...(applied === undefined ? {} : { applied }), isBehindLog: !isImmediate, log });
}
