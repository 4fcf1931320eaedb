/**
 * For tests: a store on each engine, that can be closed and opened again on what it stored, and a watch that remembers.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { serveEtcdApi } from "../etcd-api/index.ts";
import type { EtcdClusterOptions } from "../external/etcd-cluster.ts";
import { openEtcdStore } from "../external/etcd-store.ts";
import {
	createMemoryStore,
	type MaintainedStore,
	MemoryBackend,
	openLevelStore,
	openLocalGroup,
	type Store,
	type StoreEvent,
	type StoreLimits,
	type WatchRequest,
} from "../index.ts";
import { EtcdProcess, hasEtcdServer } from "./real-etcd.ts";

/** One store and what it stands on. */
export interface Bench<S extends Store = Store> {
	/** The time of the store's leases; see `Lacks`. */
	readonly clock: VirtualClock;
	readonly store: S;
	/** Closes the store and opens it again; `store` is then the new one. */
	reopen(): Promise<void>;
	dispose(): Promise<void>;
}

/** What an engine does not do that the others do, each with the reason. */
export interface Lacks {
	/** What store.ts calls local: the order of calls, watches that hear before the writer does, exact status; and all timers are the bench's. */
	readonly order?: string;
	/** Leases run out when the bench's clock says so. */
	readonly virtualTime?: string;
	/** Watches from the compact revision on tell of a delete at it. */
	readonly compactedDelete?: string;
}

export interface Engine<S extends Store = Store> {
	readonly name: string;
	readonly lacks: Lacks;
	open(limits?: Partial<StoreLimits>): Promise<Bench<S>>;
}

export const memoryEngine: Engine<MaintainedStore> = {
	name: "memory",
	lacks: {},
	async open(limits = {}) {
		const clock = new VirtualClock();
		const backend = new MemoryBackend();
		return bench(
			clock,
			() => createMemoryStore({ clock, backend, limits }),
			async () => undefined,
		);
	},
};

export const levelEngine: Engine<MaintainedStore> = {
	name: "LevelDB",
	lacks: {},
	async open(limits = {}) {
		const clock = new VirtualClock();
		const directory = await temporaryDirectory();
		return bench(
			clock,
			() => openLevelStore({ clock, directory, limits }),
			() => rm(directory, { recursive: true, force: true }),
		);
	},
};

/** As in virtual time: everything stands still while the disk works. */
export const standstillEngine: Engine<MaintainedStore> = {
	name: "LevelDB at a standstill",
	lacks: {},
	async open(limits = {}) {
		const clock = new VirtualClock();
		const directory = await temporaryDirectory();
		return bench(
			clock,
			async () => (await openLocalGroup({ clock, directory, limits, standstill: true })).store,
			() => rm(directory, { recursive: true, force: true }),
		);
	},
};

/** Three members, each with a directory of its own. */
export const groupEngine: Engine<MaintainedStore> = {
	name: "three members on LevelDB",
	lacks: {},
	async open(limits = {}) {
		const clock = new VirtualClock();
		const directory = await temporaryDirectory();
		return bench(
			clock,
			async () => (await openLocalGroup({ clock, directory, limits, members: 3 })).store,
			() => rm(directory, { recursive: true, force: true }),
		);
	},
};

const remote = "every call is a message of its own to another process";

/** kubesim's own etcd API: both sides of gRPC in one process, over a socket. */
export const wireEngine: Engine = {
	name: "kubesim's etcd API",
	lacks: { order: remote },
	async open(limits = {}) {
		const clock = new VirtualClock();
		const backend = new MemoryBackend();
		let stop: () => Promise<void> = async () => undefined;
		const open = async () => {
			await stop();
			const store = await createMemoryStore({ clock, backend, limits });
			const api = await serveEtcdApi({ store, clock, port: 0 });
			stop = async () => {
				await api.close();
				await store.close();
			};
			return openEtcdStore(clientOptions(api.url));
		};
		return bench(clock, open, () => stop());
	},
};

/** Debian's, version 3.4. */
export const etcdEngine: Engine = {
	name: "a real etcd",
	lacks: {
		order: remote,
		virtualTime: "etcd's leases run on the machine's clock",
		compactedDelete: "etcd before 3.6 drops deletes at the compact revision (https://github.com/etcd-io/etcd/issues/19179)",
	},
	async open() {
		const etcd = await EtcdProcess.start();
		return bench(
			new VirtualClock(),
			() => openEtcdStore(clientOptions(etcd.url)),
			() => etcd[Symbol.asyncDispose](),
		);
	},
};

/** Engines that take care of themselves. */
export const localEngines: readonly Engine<MaintainedStore>[] = [memoryEngine, levelEngine, standstillEngine, groupEngine];

/** All. A real etcd only where it is installed: CI installs it. */
export const engines: readonly Engine[] = [...localEngines, wireEngine, ...(hasEtcdServer ? [etcdEngine] : [])];

export function clientOptions(...endpoints: readonly string[]): EtcdClusterOptions {
	return { endpoints, clock: new WallClock(), random: new SeededRandom("client"), log: silentLog };
}

export function temporaryDirectory(): Promise<string> {
	return mkdtemp(join(tmpdir(), "kubesim-store-"));
}

async function bench<S extends Store>(clock: VirtualClock, open: () => Promise<S>, cleanUp: () => Promise<void>): Promise<Bench<S>> {
	let store = await open();
	return {
		clock,
		get store() {
			return store;
		},
		async reopen() {
			await store.close();
			store = await open();
		},
		async dispose() {
			await store.close();
			await cleanUp();
		},
	};
}

export class RecordedWatch {
	readonly events: StoreEvent[] = [];
	/** The revision that came with the last events. */
	revision = 0;
	/** Undefined while the watch goes on. */
	end: { readonly error: Error | undefined } | undefined;
	readonly cancel: () => void;

	constructor(store: Store, request: WatchRequest) {
		const watch = store.watch(request, {
			onEvents: (events, revision) => {
				this.events.push(...events);
				this.revision = revision;
			},
			onEnd: (error) => {
				this.end = { error };
			},
		});
		this.cancel = () => watch.cancel();
	}

	/** Resolves once there are `count` events or the watch is over; gives up silently, so that the test shows what is missing. */
	async caughtUp(count: number): Promise<void> {
		const isDone = () => this.events.length >= count || this.end !== undefined;
		for (let turns = 0; turns < 2000 && !isDone(); turns++) await new Promise((resolve) => setImmediate(resolve));
		// Another process may take longer: etcd looks after watches of the past ten times a second.
		for (let rounds = 0; rounds < 500 && !isDone(); rounds++) await pause(10);
	}

	/** One line an event: "put a=1 @2", "delete a @3", with " was a=1 @2" if the previous state came along. */
	lines(): readonly string[] {
		return this.events.map(({ type, kv, prevKv }) => {
			const line = type === "put" ? `put ${kv.key}=${text(kv.value)} @${kv.modRevision}` : `delete ${kv.key} @${kv.modRevision}`;
			return prevKv === undefined ? line : `${line} was ${prevKv.key}=${text(prevKv.value)} @${prevKv.modRevision}`;
		});
	}
}

export function bytes(value: string): Uint8Array {
	return new TextEncoder().encode(value);
}

export function text(value: Uint8Array): string {
	return Buffer.from(value).toString();
}

/** Any response or error as one string, so that whole answers can be compared. */
export function show(answer: unknown): string {
	return answer instanceof Error ? `${answer.name}: ${answer.message}` : (JSON.stringify(plain(answer)) ?? "done");
}

/** What a call came to. */
export function settle(promise: Promise<unknown>): Promise<string> {
	return promise.then(show, show);
}

/** Values as text, 64-bit numbers as "1n". */
function plain(value: unknown): unknown {
	if (value instanceof Uint8Array) return text(value);
	if (typeof value === "bigint") return `${value}n`;
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	// In one order, whatever the engine's: a key's value after the key.
	const { key, value: content, ...rest } = value as Readonly<Record<string, unknown>>;
	const fields = { ...(key === undefined ? {} : { key }), ...(content === undefined ? {} : { value: content }), ...rest };
	return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, plain(field)]));
}
