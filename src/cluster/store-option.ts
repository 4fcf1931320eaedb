/** Which store a cluster has, and opening it. */
import { join } from "node:path";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { createEntropyRandom, type Random } from "../apimachinery/random.ts";
import { createMemoryStore, type LocalGroup, type MaintainedStore, MemoryBackend, openLocalGroup, type Store } from "../store/index.ts";

/** An etcd cluster, which other servers of the same Kubernetes cluster may use, too. */
export interface EtcdStoreOption {
	readonly type: "etcd";
	/** "http://127.0.0.1:2379", or https; one is used until it fails. */
	readonly endpoints: readonly string[];
	/** PEM texts, for https. Without `ca`, the authorities that Node knows. */
	readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
	/** The user needs a role for the whole key space: kubesim watches all of it, as one revision counts for all keys. */
	readonly credentials?: { readonly username: string; readonly password: string };
}

export interface StoreOptions {
	/** Absent: kubesim's own, in `dataDir` or in memory. */
	readonly store?: EtcdStoreOption;
	readonly dataDir?: string;
	/** How many members kubesim's own store has when it is made: 1, 3 or 5. One that is there has those it has. Default 1. */
	readonly storeMembers?: number;
	/** What a store in memory begins with. */
	readonly storeSnapshot?: Uint8Array;
	readonly clock: Clock;
	readonly log: Logger;
}

interface OpenStoreOptions extends StoreOptions {
	/** Of the cluster: elections and ids. */
	readonly random: Random;
	/** What a store in memory is made on; default an empty one. */
	readonly backend?: MemoryBackend;
}

/** `maintained` is the same store, if it is this process's own. */
export interface OpenedStore {
	readonly store: Store;
	readonly maintained: MaintainedStore | undefined;
	/** Its members, if it has a log that they agree on: in a directory, or more than one of them. */
	readonly group: LocalGroup | undefined;
}

/** The member of a store in memory, named after the machine as kubeadm does. */
const memoryMember = "control-plane";

/** Rejects with the errors of the store's door; of an etcd with `StoreUnavailableError` and `StoreAccessError`. */
export async function openStore(options: OpenStoreOptions): Promise<OpenedStore> {
	const { store: option, dataDir, storeMembers = 1, storeSnapshot, clock, log, random } = options;
	if (option !== undefined) {
		const { openEtcdStore } = await import("../store/external/etcd-store.ts");
		const { endpoints, tls, credentials } = option;
		const optional = { ...(tls === undefined ? {} : { tls }), ...(credentials === undefined ? {} : { credentials }) };
		// Sockets know the machine's time and chance only.
		const store = await openEtcdStore({ endpoints, ...optional, clock: new WallClock(), random: createEntropyRandom(), log });
		return { store, maintained: undefined, group: undefined };
	}
	if (isInMemory(options)) {
		const backend = storeSnapshot === undefined ? options.backend : await backendOf(storeSnapshot);
		const maintained = await createMemoryStore({ clock, log, name: memoryMember, ...(backend === undefined ? {} : { backend }) });
		return { store: maintained, maintained, group: undefined };
	}
	const directory = dataDir === undefined ? {} : { directory: join(dataDir, "store") };
	const standstill = clock instanceof VirtualClock;
	const group = await openLocalGroup({ ...directory, members: storeMembers, clock, log, random: random.fork("store"), standstill });
	const [first, ...others] = group.members();
	// In virtual time one member is asked in as many steps as a store in memory is: with nobody between, who would look for another.
	if (standstill && first?.store !== undefined && others.length === 0)
		return { store: first.store, maintained: first.store, group: undefined };
	return { store: group.store, maintained: group.store, group };
}

/** Rejects with `SnapshotError`. */
async function backendOf(snapshot: Uint8Array): Promise<MemoryBackend> {
	const { snapshotMutations } = await import("../store/snapshot/restore.ts");
	const backend = new MemoryBackend();
	await backend.write(snapshotMutations(snapshot));
	return backend;
}

/** Whether it is the store that is alone and in memory. */
export function isInMemory({ store, dataDir, storeMembers = 1 }: Pick<StoreOptions, "store" | "dataDir" | "storeMembers">): boolean {
	return store === undefined && dataDir === undefined && storeMembers === 1;
}
