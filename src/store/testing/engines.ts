/**
 * For tests: a store on each engine, that can be closed and opened again on what it stored, and a watch that remembers.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
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

/** One store and what it stands on. */
export interface Bench {
	readonly clock: VirtualClock;
	readonly store: MaintainedStore;
	/** Closes the store and opens it again; `store` is then the new one. */
	reopen(): Promise<void>;
	dispose(): Promise<void>;
}

export interface Engine {
	readonly name: string;
	open(limits?: Partial<StoreLimits>): Promise<Bench>;
}

export const memoryEngine: Engine = {
	name: "memory",
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

export const levelEngine: Engine = {
	name: "LevelDB",
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

/** Three members, each with a directory of its own. */
export const groupEngine: Engine = {
	name: "three members on LevelDB",
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

export const engines: readonly Engine[] = [memoryEngine, levelEngine, groupEngine];

export function temporaryDirectory(): Promise<string> {
	return mkdtemp(join(tmpdir(), "kubesim-store-"));
}

async function bench(clock: VirtualClock, open: () => Promise<MaintainedStore>, cleanUp: () => Promise<void>): Promise<Bench> {
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
		for (let turns = 0; turns < 20_000 && this.events.length < count && this.end === undefined; turns++)
			await new Promise((resolve) => setImmediate(resolve));
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
	return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
