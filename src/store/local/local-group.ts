/**
 * A group of members in this process, each with a directory and an engine of its own, and what can be done to it: members
 * stop and start, links break, members come and go. A group of one is what `openLevelStore` opens.
 *
 *     <directory>/control-plane/      a member's, named after it (replica/directory-storage.ts)
 *     <directory>/control-plane-2/
 *
 * Which members there are is what the directory says; the first start founds the group.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { GroupError } from "../group.ts";
import type { StoreLimits } from "../member-store.ts";
import type { MemberId } from "../raft/index.ts";
import { DirectoryStorage } from "../replica/directory-storage.ts";
import { type LinkFault, LinkFaults } from "../replica/link-faults.ts";
import { LocalNetwork } from "../replica/local-network.ts";
import { type MemberIdentity, writeIdentity } from "../replica/member-identity.ts";
import type { MemberStorage } from "../replica/member-storage.ts";
import { openMember } from "../replica/open-member.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplicaTiming } from "../replica/timing.ts";
import { VolatileStorage } from "../replica/volatile-storage.ts";
import { idText } from "../roster.ts";
import type { MaintainedStore } from "../store.ts";
import { FailoverStore } from "./failover-store.ts";
import { findOrFoundLocalGroup, localMemberName, localPeerUrl } from "./local-identities.ts";

export interface LocalGroupOptions {
	/** Where the members' directories lie; absent: in memory. */
	readonly directory?: string;
	/** How many members a new group has: 1, 3 or 5. An existing one has those it has. Default 1. */
	readonly members?: number;
	/** The cluster's: leases run on it. */
	readonly clock: Clock;
	/** Real time; virtual where disks and networks are. */
	readonly machineClock: Clock;
	/** Where disks are virtual: holds the clock until what it returns is called. */
	readonly holdTime?: () => () => void;
	readonly random: Random;
	readonly log: Logger;
	readonly limits?: Partial<StoreLimits>;
	readonly timing?: ReplicaTiming;
}

/** One member of a local group. */
export interface LocalMember {
	readonly name: string;
	readonly id: bigint;
	/** Undefined while it is stopped. */
	readonly store: MaintainedStore | undefined;
}

interface Slot {
	readonly identity: MemberIdentity;
	readonly storage: MemberStorage;
	running: { readonly store: MaintainedStore; readonly replica: Replica } | undefined;
}

export class LocalGroup {
	/** Over all members. Closing it closes the group. */
	readonly store: MaintainedStore;
	readonly faults: LinkFaults;
	/** Told when a member has started or stopped, or is no member any more. */
	onMembersChanged: () => void = () => undefined;
	readonly #options: LocalGroupOptions;
	readonly #network: LocalNetwork;
	readonly #slots: Map<string, Slot>;
	readonly #failover: FailoverStore;
	#watchers: readonly (() => void)[] = [];
	/** The stores of the members that run. */
	#running: readonly MaintainedStore[] = [];

	private constructor(options: LocalGroupOptions, network: LocalNetwork, faults: LinkFaults, slots: Map<string, Slot>) {
		this.#options = options;
		this.#network = network;
		this.faults = faults;
		this.#slots = slots;
		this.#count();
		this.#failover = new FailoverStore({
			running: () => this.#running,
			clock: options.machineClock,
			close: () => this.#close(),
		});
		this.store = this.#failover;
	}

	/**
	 * Opens the group in `directory`, or founds it; resolves once it has a leader and is up to date. Rejects with
	 * `StoreLockedError`, `StoreCorruptError`, `StoreFormatError` or `StoreOpenError`, and `GroupError` "timeout" if no
	 * majority comes together.
	 */
	static async open(options: LocalGroupOptions): Promise<LocalGroup> {
		const faults = new LinkFaults(options.random.fork("link faults"));
		const network = new LocalNetwork(options.machineClock, faults);
		const identities = await findOrFoundLocalGroup(options.directory, options.members ?? 1, options.random);
		const slots = new Map<string, Slot>();
		for (const identity of identities) {
			const storage = storageOf(identity, options);
			slots.set(identity.name, { identity, storage, running: undefined });
		}
		try {
			for (const slot of slots.values()) await startSlot(slot, options, network);
		} catch (error) {
			await Promise.all([...slots.values()].map(({ running }) => running?.store.close()));
			throw error;
		}
		const group = new LocalGroup(options, network, faults, slots);
		for (const slot of slots.values()) group.#observe(slot);
		const [first] = slots.values();
		// One that has started alone may find that it is too far behind; the others then elect one of their own.
		first?.running?.replica.campaign();
		await Promise.all([...slots.values()].map(({ running }) => running?.replica.whenReady()));
		return group;
	}

	/** In order of name. */
	members(): readonly LocalMember[] {
		return [...this.#slots.values()].map(({ identity, running }) => ({
			name: identity.name,
			id: identity.memberId,
			store: running?.store,
		}));
	}

	/**
	 * Calls `onChange` when a member has started, stopped, come or gone, knows another leader, or none, and when links have changed; not with
	 * each write. @returns what ends it.
	 */
	watch(onChange: () => void): () => void {
		this.#watchers = [...this.#watchers, onChange];
		return () => {
			this.#watchers = this.#watchers.filter((known) => known !== onChange);
		};
	}

	/** What Raft knows of each member that runs. */
	raftStatus(name: string) {
		return this.#slot(name).running?.replica.status();
	}

	/** Rejects with `GroupError` "memberNotFound", or that it runs already. */
	async startMember(name: string): Promise<void> {
		const slot = this.#slot(name);
		if (slot.running !== undefined) return;
		await startSlot(slot, this.#options, this.#network);
		this.#observe(slot);
		this.#changed();
	}

	/** In order: it hands leadership over first. */
	async stopMember(name: string): Promise<void> {
		const slot = this.#slot(name);
		const { running } = slot;
		if (running === undefined) return;
		slot.running = undefined;
		this.#count();
		// Requests and watches move on while it answers what it has taken up.
		this.#failover.reconsider();
		await running.store.close();
		this.#changed();
	}

	isolateMember(name: string): void {
		this.faults.isolate(this.#idOf(name));
		this.#tellWatchers();
	}

	/** All links, or those of one member. */
	heal(name?: string): void {
		this.faults.heal(name === undefined ? undefined : this.#idOf(name));
		this.#tellWatchers();
	}

	setLink(from: string, to: string, fault: LinkFault): void {
		this.faults.set(this.#idOf(from), this.#idOf(to), fault);
		this.#tellWatchers();
	}

	describeFaults(): readonly string[] {
		const names = new Map([...this.#slots.values()].map(({ identity }) => [idText(identity.memberId), identity.name]));
		return this.faults.describe((id) => names.get(id) ?? id);
	}

	/** Adds a member: first as a learner, with a vote once it has caught up, as etcd recommends. @returns its name. */
	async addMember(): Promise<string> {
		let position = 0;
		while (this.#slots.has(localMemberName(position))) position++;
		const name = localMemberName(position);
		const { clusterId } = this.store.group;
		const { token } = this.#anyIdentity();
		const { id } = await this.store.group.addMember([localPeerUrl(name)], true);
		const identity: MemberIdentity = { clusterId, memberId: id, name, token, founders: undefined };
		const { directory } = this.#options;
		if (directory !== undefined) await writeIdentity(join(directory, name), identity);
		const storage = storageOf(identity, this.#options);
		this.#slots.set(name, { identity, storage, running: undefined });
		await this.startMember(name);
		await this.#promote(id);
		await this.#slot(name).running?.store.group.publish([]);
		return name;
	}

	/** Takes a member out for good, with its data. Rejects with `GroupError`. */
	async removeMember(name: string): Promise<void> {
		const slot = this.#slot(name);
		// What is on its way to a leader that leaves would be lost with it.
		const heir = [...this.#slots.values()].find((other) => other !== slot && other.running !== undefined);
		if (heir !== undefined && this.store.group.status().leader === slot.identity.memberId) await this.moveLeader(heir.identity.name);
		await this.store.group.removeMember(slot.identity.memberId);
		this.#slots.delete(name);
		this.#count();
		this.#failover.reconsider();
		await slot.running?.store.close();
		if (this.#options.directory !== undefined) await rm(join(this.#options.directory, name), { recursive: true, force: true });
		this.#changed();
	}

	/** Rejects with `GroupError`. */
	async moveLeader(name: string): Promise<void> {
		const leader = this.store.group.status().leader;
		const slot = [...this.#slots.values()].find(({ identity }) => identity.memberId === leader);
		if (slot?.running === undefined) throw new GroupError("noLeader");
		await slot.running.store.group.moveLeader(this.#slot(name).identity.memberId);
	}

	/** A learner is behind at first; it gets its vote when it is not. */
	async #promote(id: bigint): Promise<void> {
		for (;;) {
			try {
				await this.store.group.promoteMember(id);
				return;
			} catch (error) {
				if (!(error instanceof GroupError) || error.reason !== "learnerNotReady") throw error;
				await sleep(this.#options.machineClock, 20);
			}
		}
	}

	#observe({ running }: Slot): void {
		if (running === undefined) return;
		running.replica.onLeaderChanged = () => {
			this.#failover.reconsider();
			this.#tellWatchers();
		};
	}

	#tellWatchers(): void {
		for (const onChange of this.#watchers) onChange();
	}

	#count(): void {
		this.#running = [...this.#slots.values()].flatMap(({ running }) => running?.store ?? []);
	}

	#changed(): void {
		this.#count();
		this.#failover.reconsider();
		this.onMembersChanged();
		this.#tellWatchers();
	}

	#slot(name: string): Slot {
		const slot = this.#slots.get(name);
		if (slot === undefined) throw new GroupError("memberNotFound");
		return slot;
	}

	#anyIdentity(): MemberIdentity {
		const [slot] = this.#slots.values();
		if (slot === undefined) throw new GroupError("memberNotFound");
		return slot.identity;
	}

	#idOf(name: string): MemberId {
		return idText(this.#slot(name).identity.memberId);
	}

	async #close(): Promise<void> {
		await Promise.all([...this.#slots.values()].map(({ running }) => running?.replica.drain()));
		await Promise.all([...this.#slots.values()].map(({ running }) => running?.store.close()));
	}
}

function storageOf({ name }: MemberIdentity, { directory, log, holdTime }: LocalGroupOptions): MemberStorage {
	return directory === undefined ? new VolatileStorage() : new DirectoryStorage(join(directory, name), log, holdTime);
}

async function startSlot(slot: Slot, options: LocalGroupOptions, network: LocalNetwork): Promise<void> {
	const { identity, storage } = slot;
	slot.running = await openMember({
		identity,
		storage,
		transport: network.transport(idText(identity.memberId)),
		clock: options.clock,
		machineClock: options.machineClock,
		random: options.random.fork(`store member ${identity.name}`),
		log: options.log,
		...(options.limits === undefined ? {} : { limits: options.limits }),
		...(options.timing === undefined ? {} : { timing: options.timing }),
	});
}
