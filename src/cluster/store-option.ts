/** Which store a cluster has, and opening it. */
import { join } from "node:path";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { createEntropyRandom } from "../apimachinery/random.ts";
import { createMemoryStore, type MaintainedStore, openLevelStore, type Store } from "../store/index.ts";

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
	readonly clock: Clock;
	readonly log: Logger;
}

/** `maintained` is the same store, if it is this process's own. */
export interface OpenedStore {
	readonly store: Store;
	readonly maintained: MaintainedStore | undefined;
}

/** Rejects with the errors of the store's door; of an etcd with `StoreUnavailableError` and `StoreAccessError`. */
export async function openStore({ store: option, dataDir, clock, log }: StoreOptions): Promise<OpenedStore> {
	if (option !== undefined) {
		const { openEtcdStore } = await import("../store/external/etcd-store.ts");
		const { endpoints, tls, credentials } = option;
		const optional = { ...(tls === undefined ? {} : { tls }), ...(credentials === undefined ? {} : { credentials }) };
		// Sockets know the machine's time and chance only.
		const store = await openEtcdStore({ endpoints, ...optional, clock: new WallClock(), random: createEntropyRandom(), log });
		return { store, maintained: undefined };
	}
	const maintained =
		dataDir === undefined
			? await createMemoryStore({ clock, log })
			: await openLevelStore({ directory: join(dataDir, "store"), clock, log });
	return { store: maintained, maintained };
}
