/**
 * A client that follows a resource by list and watch as client-go's reflector does, and believes nothing: every event must
 * fit what it knows. Its state at a revision must be what a list shows there.
 */
import assert from "node:assert/strict";
import type { WatchEvent, WatchHandle } from "../../../src/apimachinery/api-request.ts";
import { type KubeObject, objectKey } from "../../../src/apimachinery/meta.ts";
import type { Status } from "../../../src/apimachinery/schema/generated/types.ts";
import type { RestartableServer, Selector } from "./restartable-server.ts";

/**
 * How it gets to know the state: a list; a list that the watch streams; or a watch from revision 0, "any state", where
 * the end of the state is not marked.
 */
export type Beginning = "list" | "stream" | "any";

const initialEventsEnd = "k8s.io/initial-events-end";

interface Connection {
	handle: WatchHandle | undefined;
}

export class StrictInformer {
	readonly #selector: Selector;
	readonly #beginning: Beginning;
	readonly #state = new Map<string, KubeObject>();
	/** The watch that is listened to. */
	#connection: Connection | undefined;
	/** Also while it is being made. */
	#isConnected = false;
	/** Everything up to here is in the state. Undefined: nothing is known. */
	#revision: number | undefined;
	/** Keys seen in the state that is being streamed; undefined while changes are told. */
	#streamed: Set<string> | undefined;
	/** Revisions of the changes that were told since the state was last read anew. */
	#changes: number[] = [];
	/** Where `changes` begin. */
	#since = 0;
	/** How often the state had to be read anew since its history was gone. */
	expirations = 0;

	constructor(selector: Selector, beginning: Beginning) {
		this.#selector = selector;
		this.#beginning = beginning;
	}

	/** Goes on from where it was; from the beginning, if it was nowhere. */
	async connect(server: RestartableServer): Promise<void> {
		if (this.#isConnected) return;
		this.#isConnected = true;
		if (this.#revision === undefined && this.#beginning === "list") await this.#list(server);
		const options = this.#revision === undefined ? this.#beginningOptions() : { resourceVersion: String(this.#revision) };
		const connection: Connection = { handle: undefined };
		this.#connection = connection;
		const isCurrent = () => this.#connection === connection;
		connection.handle = await server.watch(this.#selector, options, {
			onEvent: (event) => {
				if (isCurrent()) this.#take(event);
			},
			onEnd: () => {
				if (isCurrent()) this.#lose();
			},
		});
		if (!isCurrent()) connection.handle.stop();
	}

	disconnect(): void {
		this.#connection?.handle?.stop();
		this.#lose();
	}

	/** Compares with a list; nothing may be on its way. */
	async check(server: RestartableServer): Promise<void> {
		if (!this.#isConnected || this.#streamed !== undefined) return;
		const list = await server.list(this.#selector);
		const told = [...this.#state.values()].sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
		assert.deepEqual(told, list.items, `the state of ${JSON.stringify(this.#selector)} at ${this.#revision}`);
		// Of "any state" nobody says where it ends; now it has.
		if (this.#revision === undefined) this.#begin(Number(list.metadata?.resourceVersion));
	}

	/** Checks that the changes told are these, of those that lie in the time that was followed. Only without selectors. */
	checkChanges(revisions: readonly number[]): void {
		if (this.#revision === undefined) return;
		const last = this.#changes.at(-1) ?? this.#since;
		const wanted = revisions.filter((revision) => revision > this.#since && (revision <= last || this.#isConnected));
		assert.deepEqual(this.#changes, wanted, `changes since ${this.#since}`);
	}

	#lose(): void {
		this.#connection = undefined;
		this.#isConnected = false;
		// A state that was not told to its end is no state.
		if (this.#streamed !== undefined || this.#revision === undefined) this.#forget();
	}

	#forget(): void {
		this.#state.clear();
		this.#revision = undefined;
		this.#streamed = undefined;
		this.#changes = [];
	}

	async #list(server: RestartableServer): Promise<void> {
		const list = await server.list(this.#selector);
		for (const item of list.items) this.#state.set(objectKey(item), item);
		this.#begin(Number(list.metadata?.resourceVersion));
	}

	#begin(revision: number): void {
		this.#revision = revision;
		this.#since = revision;
		this.#changes = [];
	}

	#beginningOptions() {
		this.#streamed = this.#beginning === "stream" ? new Set() : undefined;
		if (this.#beginning === "stream") return { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" } as const;
		return { resourceVersion: "0" };
	}

	#take({ type, object }: WatchEvent): void {
		const { resourceVersion, annotations } = object.metadata ?? {};
		if (type === "ERROR") {
			const { reason, code } = object as Status;
			assert.deepEqual([reason, code], ["Expired", 410]);
			this.expirations++;
			this.#forget();
			return;
		}
		const revision = Number(resourceVersion);
		assert.ok(revision > 0, `the resourceVersion of ${JSON.stringify(object)}`);
		if (type === "BOOKMARK") {
			if (this.#streamed !== undefined && annotations?.[initialEventsEnd] === "true") {
				this.#streamed = undefined;
				this.#begin(revision);
			}
			assert.ok(revision >= (this.#revision ?? 0), `a bookmark at ${revision} after ${this.#revision}`);
			if (this.#streamed === undefined && this.#revision !== undefined) this.#revision = revision;
			return;
		}
		if (this.#streamed === undefined) this.#takeChange(type, object, revision);
		else this.#takeStreamed(type, object);
	}

	#takeStreamed(type: string, object: KubeObject): void {
		const key = objectKey(object);
		assert.equal(type, "ADDED");
		assert.ok(!this.#streamed?.has(key), `${key} twice in one state`);
		this.#streamed?.add(key);
		this.#state.set(key, object);
	}

	#takeChange(type: string, object: KubeObject, revision: number): void {
		const key = objectKey(object);
		const wasThere = this.#state.has(key);
		assert.ok(this.#revision === undefined || revision > this.#revision, `${type} ${key} at ${revision} after ${this.#revision}`);
		assert.equal(type === "ADDED", !wasThere, `${type} of ${key}, which was ${wasThere ? "" : "not "}there`);
		if (type === "DELETED") this.#state.delete(key);
		else this.#state.set(key, object);
		if (this.#revision === undefined) return;
		this.#revision = revision;
		this.#changes.push(revision);
	}
}
