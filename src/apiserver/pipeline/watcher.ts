/**
 * Watches: the current state first where the client wants it, then every change, filtered by the selection.
 *
 *            object before   object after    event
 *   change   in selection    in selection    MODIFIED
 *            –               in selection    ADDED
 *            in selection    –               DELETED (with the state before)
 *
 * Changes come from the cache's own history, or, for a client that comes back after a long time, from the store's; the
 * join is at one revision, so that nothing is lost or told twice.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { WatchEventType, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { newBadRequest, newExpired, newInternalError, StatusError } from "../../apimachinery/status-error.ts";
import { CompactedError, prefixEnd, type Store, type StoreEvent } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import type { Cacher } from "../storage/cacher.ts";
import type { CacheChange } from "../storage/watch-cache.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";
import { parseResourceVersion } from "./resource-version.ts";
import { parseSelection, type Selection } from "./selection.ts";

/** How often a watch is told the revision it has reached, if it asked for bookmarks. */
const bookmarkPeriodMs = 60_000;
/** The last bookmark comes this long before a watch's time is up, so that the client goes on from a fresh revision. */
const lastBookmarkMs = 2000;
const initialEventsEnd = "k8s.io/initial-events-end";

export interface WatcherOptions {
	readonly store: Store;
	readonly cacher: Cacher;
	readonly clock: Clock;
}

/**
 * Starts a watch. Rejects with BadRequest for options that make no sense, with Timeout for a state that does not come.
 * Events may come before this resolves.
 */
export async function startWatch(options: WatcherOptions, context: RequestContext, sink: WatchSink): Promise<WatchHandle> {
	const watcher = new Watcher(options, context, sink);
	if (watcher.wantsState) await options.cacher.reach(watcher.asked);
	return watcher.start();
}

class Watcher implements WatchHandle {
	readonly #options: WatcherOptions;
	readonly #context: RequestContext;
	readonly #selection: Selection;
	readonly #sink: WatchSink;
	readonly #timers: Timer[] = [];
	/** The revision that the client named; 0 for none. */
	readonly asked: number;
	/** Whether the watch begins with the objects that are there. */
	readonly wantsState: boolean;
	#stopSource: () => void = () => undefined;
	#forgetRetirement: () => void = () => undefined;
	#isOver = false;
	/** Changes whose objects somebody else converts first, and those behind them. */
	#waiting: CacheChange[] = [];
	/** The cache's changes are told as they come; not yet, while older ones come from the store. */
	#followsCache = false;
	/** Every change up to this revision has been told, or needs no telling. Never goes down. */
	#revision = 0;

	constructor(options: WatcherOptions, context: RequestContext, sink: WatchSink) {
		this.#options = options;
		this.#context = context;
		this.#selection = parseSelection(context.definition, context.namespace, context.options);
		this.#sink = sink;
		const { resourceVersion, sendInitialEvents, resourceVersionMatch } = context.options;
		this.asked = parseResourceVersion(resourceVersion);
		if (sendInitialEvents !== undefined && resourceVersionMatch !== "NotOlderThan") {
			throw newBadRequest("resourceVersionMatch must be set to NotOlderThan when sendInitialEvents is set");
		}
		// A watch from nowhere or from 0 is one that asks for the state: SetListOptionsDefaults of k8s.io/apimachinery.
		this.wantsState = sendInitialEvents ?? this.asked === 0;
	}

	start(): WatchHandle {
		const { allowWatchBookmarks } = this.#context.options;
		if (this.wantsState) {
			this.#tellState();
			if (allowWatchBookmarks === true) this.#bookmark({ [initialEventsEnd]: "true" });
			this.#followCache();
		} else this.#followFrom(this.asked === 0 ? this.#options.cacher.revision : this.asked);
		// Clients come back, and see objects as their definition says by then.
		this.#forgetRetirement = this.#context.storage.onRetired(() => this.#end());
		this.#setTimers();
		return this;
	}

	#setTimers(): void {
		const { clock } = this.#options;
		const { allowWatchBookmarks, timeoutSeconds = 0 } = this.#context.options;
		const timeoutMs = timeoutSeconds * 1000;
		if (allowWatchBookmarks === true) {
			this.#timers.push(clock.setInterval(() => this.#bookmark(), bookmarkPeriodMs));
			if (timeoutMs > lastBookmarkMs) this.#timers.push(clock.setTimeout(() => this.#bookmark(), timeoutMs - lastBookmarkMs));
		}
		if (timeoutMs > 0) this.#timers.push(clock.setTimeout(() => this.#end(), timeoutMs));
		if (this.#isOver) this.#release();
	}

	stop(): void {
		this.#isOver = true;
		this.#release();
	}

	#tellState(): void {
		const { storage } = this.#context;
		storage.cache.assertAllReadable(this.#selection.namespace);
		this.#revision = this.#options.cacher.revision;
		// All of them before the first is told: one that cannot be shown yet lets the watch begin anew.
		const objects = storage.cache.list(this.#selection.namespace).map(({ object }) => storage.shown(object));
		for (const object of objects) if (this.#selection.matches(object)) this.#emit("ADDED", object);
	}

	#followFrom(revision: number): void {
		this.#revision = revision;
		const missed = this.#context.storage.cache.changesSince(revision);
		if (missed === undefined) {
			this.#followStore(revision);
			return;
		}
		for (const change of missed) this.#tell(change);
		this.#followCache();
	}

	#followCache(): void {
		if (this.#isOver) return;
		this.#followsCache = true;
		this.#stopSource = this.#context.storage.cache.subscribe((change) => this.#tell(change));
	}

	/** For revisions that the cache has forgotten: the store's own history, until the cache remembers what is next. */
	#followStore(revision: number): void {
		const { prefix } = this.#context.storage;
		const watch = this.#options.store.watch(
			{ key: prefix, rangeEnd: prefixEnd(prefix), startRevision: revision + 1, prevKv: true },
			{
				onEvents: (events, reached) => {
					for (const event of events) this.#tell(changeOf(event));
					this.#revision = Math.max(this.#revision, reached);
					this.#returnToCache(() => watch.cancel(), reached);
				},
				onEnd: (error) => this.#fail(error, revision),
			},
		);
		this.#stopSource = () => watch.cancel();
	}

	/** Goes on from the cache if its history begins at or before the revision that has been told. */
	#returnToCache(leaveStore: () => void, reached: number): void {
		const missed = this.#isOver ? undefined : this.#context.storage.cache.changesSince(reached);
		if (missed === undefined) return;
		leaveStore();
		this.#revision = reached;
		for (const change of missed) this.#tell(change);
		this.#followCache();
	}

	#fail(error: Error | undefined, revision: number): void {
		if (error instanceof CompactedError) {
			this.#sendError(newExpired(`too old resource version: ${revision} (${error.compactRevision})`));
		} else if (error !== undefined) this.#sendError(newInternalError(error));
		this.#end();
	}

	#tell(stored: CacheChange): void {
		if (this.#isOver || stored.revision <= this.#revision) return;
		if (this.#waiting.length > 0) {
			this.#waiting.push(stored);
			return;
		}
		const preparing = this.#prepare(stored);
		if (preparing === undefined) this.#tellPrepared(stored);
		else {
			this.#waiting.push(stored);
			void this.#tellWaiting(preparing);
		}
	}

	#prepare({ object, previous }: CacheChange): Promise<void> | undefined {
		const { definition, storage } = this.#context;
		if (definition.isCustom !== true) return undefined;
		return storage.prepare(previous === undefined ? [object] : [object, previous]);
	}

	/** Tells what waits, in its order. @param preparing of the first */
	async #tellWaiting(preparing: Promise<void> | undefined): Promise<void> {
		try {
			let ready = preparing;
			for (let [change] = this.#waiting; change !== undefined && !this.#isOver; [change] = this.#waiting) {
				await ready;
				this.#tellPrepared(change);
				this.#waiting.shift();
				const [next] = this.#waiting;
				ready = next === undefined ? undefined : this.#prepare(next);
			}
		} catch (error) {
			this.#sendError(error instanceof StatusError ? error : newInternalError(error));
			this.#end();
		}
	}

	#tellPrepared(stored: CacheChange): void {
		const { namespace } = this.#selection;
		if (namespace !== undefined && stored.object.metadata?.namespace !== namespace) {
			this.#revisionReached(stored.revision);
			return;
		}
		const change = this.#shown(stored);
		const after = change.type !== "DELETED" && this.#selection.matches(change.object);
		const before = change.previous !== undefined && this.#selection.matches(change.previous);
		if (after) this.#emit(before ? "MODIFIED" : "ADDED", change.object);
		else if (before && change.previous !== undefined) {
			this.#emit("DELETED", change.type === "DELETED" ? change.object : atRevision(change.previous, change.revision));
		}
		this.#revisionReached(change.revision);
	}

	#shown(stored: CacheChange): CacheChange {
		const { storage } = this.#context;
		const object = storage.shown(stored.object);
		const previous = stored.previous === undefined ? undefined : storage.shown(stored.previous);
		return object === stored.object && previous === stored.previous ? stored : { ...stored, object, previous };
	}

	/** Several objects of one revision (a transaction) are all told before the revision counts as reached. */
	#revisionReached(revision: number): void {
		this.#revision = Math.max(this.#revision, revision - 1);
	}

	#emit(type: WatchEventType, object: KubeObject): void {
		if (this.#isOver) return;
		this.#sink.onEvent({ type, object: toServedVersion(this.#context, object) });
	}

	/** At the revision up to which all has been told: the client goes on from there. */
	#bookmark(annotations?: Readonly<Record<string, string>>): void {
		// What waits has not been told.
		if (this.#isOver || this.#waiting.length > 0) return;
		const { endpoint, request } = this.#context;
		const resourceVersion = String(this.#followsCache ? this.#options.cacher.revision : this.#revision);
		const metadata = annotations === undefined ? { resourceVersion } : { resourceVersion, annotations };
		this.#sink.onEvent({ type: "BOOKMARK", object: { kind: endpoint.kind, apiVersion: formatApiVersion(request), metadata } });
	}

	#sendError(error: StatusError): void {
		if (!this.#isOver) this.#sink.onEvent({ type: "ERROR", object: error.status as KubeObject });
	}

	#end(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#release();
		this.#sink.onEnd();
	}

	#release(): void {
		for (const timer of this.#timers) timer.cancel();
		this.#forgetRetirement();
		this.#stopSource();
	}
}

function changeOf({ type, kv, prevKv }: StoreEvent): CacheChange {
	const previous = prevKv === undefined ? undefined : decodeFromStorage(prevKv.value, prevKv.modRevision);
	if (type === "delete") {
		return { revision: kv.modRevision, type: "DELETED", object: atRevision(previous ?? {}, kv.modRevision), previous };
	}
	const object = decodeFromStorage(kv.value, kv.modRevision);
	return { revision: kv.modRevision, type: previous === undefined ? "ADDED" : "MODIFIED", object, previous };
}

function atRevision(object: KubeObject, revision: number): KubeObject {
	return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
