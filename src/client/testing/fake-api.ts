/**
 * A small API server in memory, for tests of clients and controllers. It keeps objects under one revision counter and
 * does what controllers rely on: optimistic concurrency, generation, finalizers and deletion policies, generated
 * names, status subresources, selectors, watches from a revision with 410 for what was forgotten.
 *
 * Not here: defaulting, validation, admission, authorization, paging, graceful deletion (a pod without finalizers is gone
 * at once). What must be right about those is tested against the real API server.
 */
import type { ApiRequest, ApiResponse, WatchEvent, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject, jsonEqual } from "../../apimachinery/json.ts";
import { formatApiVersion, formatGroupResource, type KubeObject } from "../../apimachinery/meta.ts";
import { applyMergePatch } from "../../apimachinery/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../apimachinery/patch/strategic-merge-patch.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import { allResources } from "../../apimachinery/schema/resources.ts";
import { parseFieldSelector, parseLabelSelector } from "../../apimachinery/selector.ts";
import * as errors from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { Transport } from "../transport.ts";

/** An object with its metadata certain, spec and status at hand. */
interface Stored extends KubeObject {
	readonly metadata: ObjectMeta;
	readonly spec?: JsonObject;
	readonly status?: JsonObject;
}

interface Change {
	readonly revision: number;
	readonly collection: string;
	readonly before: Stored | undefined;
	readonly after: Stored | undefined;
}

interface Watcher {
	readonly request: ApiRequest;
	readonly collection: string;
	readonly sink: WatchSink;
}

export class FakeApi implements Transport {
	/** Every request so far, watches too. */
	readonly requests: ApiRequest[] = [];
	/** May throw a `StatusError`, or delay, before a request is carried out. */
	intercept: ((request: ApiRequest) => void | Promise<void>) | undefined;
	/** By resource: how long its watch events take to arrive, ms, so that caches lag behind. Set it before there are any. */
	readonly watchDelayMs = new Map<string, number>();
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #collections = new Map<string, Map<string, Stored>>();
	readonly #watchers = new Set<Watcher>();
	#history: Change[] = [];
	/** Watches from before this revision are answered with 410. */
	#oldest = 0;
	#revision = 0;

	constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
		this.#clock = clock;
		this.#random = random;
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		this.requests.push(request);
		await this.intercept?.(request);
		// An answer never comes in the caller's own turn, as from a real server.
		await Promise.resolve();
		const object = this.#carryOut(request);
		return { object, code: request.verb === "create" ? 201 : 200, warnings: [] };
	}

	async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		this.requests.push(request);
		await this.intercept?.(request);
		const from = Number(request.options?.resourceVersion ?? this.#revision);
		const watcher: Watcher = { request, collection: formatGroupResource(request), sink };
		if (from < this.#oldest) {
			const error = errors.newExpired(`too old resource version: ${from} (${this.#oldest})`);
			queueMicrotask(() => sink.onEvent({ type: "ERROR", object: error.status as KubeObject }));
			return { stop: () => undefined };
		}
		this.#watchers.add(watcher);
		for (const change of this.#history) if (change.revision > from) this.#notify(watcher, change);
		return { stop: () => this.#watchers.delete(watcher) };
	}

	/** Ends every watch, as a server that restarts does. */
	endWatches(error?: Error): void {
		const ended = [...this.#watchers];
		this.#watchers.clear();
		for (const { sink } of ended) sink.onEnd(error);
	}

	/** Forgets history, so that watches from older revisions have expired. */
	compact(): void {
		this.#history = [];
		this.#oldest = this.#revision;
	}

	#carryOut(request: ApiRequest): KubeObject {
		switch (request.verb) {
			case "get":
				return this.#mustGet(request);
			case "list":
				return this.#list(request);
			case "create":
				return this.#create(request);
			case "update":
				return this.#update(request, request.body as Stored);
			case "patch":
				return this.#patch(request);
			case "delete":
				return this.#delete(request, this.#mustGet(request));
			case "deletecollection":
				for (const object of this.#select(request)) this.#delete(request, object);
				return { kind: "Status", apiVersion: "v1" };
			default:
				throw errors.newMethodNotSupported(request, request.verb);
		}
	}

	#collection(request: Pick<ApiRequest, "group" | "resource">): Map<string, Stored> {
		const name = formatGroupResource(request);
		let collection = this.#collections.get(name);
		if (collection === undefined) {
			collection = new Map();
			this.#collections.set(name, collection);
		}
		return collection;
	}

	#mustGet(request: ApiRequest): Stored {
		const object = this.#collection(request).get(keyOf(request.namespace, request.name));
		if (object === undefined) throw errors.newNotFound(request, request.name ?? "");
		return object;
	}

	#select(request: ApiRequest): Stored[] {
		return [...this.#collection(request).values()].filter((object) => selects(request, object));
	}

	#list(request: ApiRequest): KubeObject {
		const list = { ...typeOf(request), metadata: { resourceVersion: String(this.#revision) }, items: this.#select(request) };
		return { ...list, kind: `${list.kind}List` };
	}

	#create(request: ApiRequest): Stored {
		const body = request.body as Stored;
		const name = body.metadata.name ?? `${body.metadata.generateName ?? ""}${this.#random.suffix(5)}`;
		const key = keyOf(request.namespace, name);
		if (this.#collection(request).has(key)) throw errors.newAlreadyExists(request, name);
		const metadata = { ...body.metadata, name, uid: this.#random.uuid(), creationTimestamp: formatTime(this.#clock.now()) };
		return this.#write(request, { ...typeOf(request), ...body, metadata: { ...metadata, generation: 1 } }, undefined);
	}

	#update(request: ApiRequest, body: Stored): Stored {
		const old = this.#mustGet(request);
		const wanted = body.metadata.resourceVersion;
		if (wanted !== undefined && wanted !== old.metadata.resourceVersion) throw errors.newStaleConflict(request, old.metadata.name ?? "");
		if (body.metadata.uid !== undefined && body.metadata.uid !== old.metadata.uid) {
			throw errors.newConflict(request, old.metadata.name ?? "", "Precondition failed: UID in precondition differs");
		}
		const next = this.#merge(request.subresource, old, body);
		const finalized = (next.metadata.finalizers ?? []).length === 0 && ((next.spec?.finalizers as string[] | undefined) ?? []).length === 0;
		if (next.metadata.deletionTimestamp !== undefined && finalized) return this.#remove(request, next);
		return jsonEqual(next, old) ? old : this.#write(request, next, old);
	}

	/** Which part of `body` a write to this subresource may change. */
	#merge(subresource: string | undefined, old: Stored, body: Stored): Stored {
		const annotations = body.metadata.annotations === undefined ? {} : { annotations: body.metadata.annotations };
		const status = body.status === undefined ? {} : { status: body.status };
		const finalizers = body.metadata.finalizers === undefined ? {} : { finalizers: body.metadata.finalizers };
		if (subresource === "status") return { ...old, metadata: { ...old.metadata, ...annotations, ...finalizers }, ...status };
		const { name, namespace, uid, creationTimestamp, deletionTimestamp, generation = 0, resourceVersion } = old.metadata;
		const kept = { name, namespace, uid, creationTimestamp, deletionTimestamp, resourceVersion } as ObjectMeta;
		const changed = !jsonEqual(body.spec, old.spec);
		const metadata = { ...body.metadata, ...kept, generation: changed ? generation + 1 : generation };
		return { ...body, metadata, ...(old.status === undefined ? {} : { status: old.status }) };
	}

	#patch(request: ApiRequest): Stored {
		const old = this.#mustGet(request);
		const strategic = request.patchType === "application/strategic-merge-patch+json";
		const patched = strategic
			? applyStrategicMergePatch(old, request.body, entryOf(request)?.type ?? "")
			: applyMergePatch(old, request.body);
		return this.#update(request, patched);
	}

	#delete(request: ApiRequest, object: Stored): Stored {
		const { preconditions, propagationPolicy } = request.deleteOptions ?? {};
		const { uid, resourceVersion, name = "" } = object.metadata;
		if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
			const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`;
			throw errors.newConflict(request, name, why);
		}
		if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
			throw errors.newStaleConflict(request, name);
		}
		const policyFinalizer = { Foreground: "foregroundDeletion", Orphan: "orphan" }[propagationPolicy ?? ""];
		const finalizers = [...new Set([...(object.metadata.finalizers ?? []), ...(policyFinalizer === undefined ? [] : [policyFinalizer])])];
		const specFinalizers = object.spec?.finalizers;
		if (finalizers.length === 0 && specFinalizers === undefined) return this.#remove(request, object);
		const deletionTimestamp = object.metadata.deletionTimestamp ?? formatTime(this.#clock.now());
		const terminating = specFinalizers === undefined ? {} : { status: { ...object.status, phase: "Terminating" } };
		return this.#write(request, { ...object, ...terminating, metadata: { ...object.metadata, finalizers, deletionTimestamp } }, object);
	}

	#write(request: ApiRequest, object: Stored, before: Stored | undefined): Stored {
		const after = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } };
		this.#collection(request).set(keyOf(after.metadata.namespace, after.metadata.name), after);
		this.#publish({ revision: this.#revision, collection: formatGroupResource(request), before, after });
		return after;
	}

	#remove(request: ApiRequest, object: Stored): Stored {
		this.#collection(request).delete(keyOf(object.metadata.namespace, object.metadata.name));
		const before = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } };
		this.#publish({ revision: this.#revision, collection: formatGroupResource(request), before, after: undefined });
		return before;
	}

	#publish(change: Change): void {
		this.#history.push(change);
		for (const watcher of this.#watchers) this.#notify(watcher, change);
	}

	/** Delivers later, in order: a watch event never comes in the turn of the write that caused it. */
	#notify(watcher: Watcher, { collection, before, after }: Change): void {
		if (collection !== watcher.collection) return;
		const wasIn = before !== undefined && selects(watcher.request, before);
		const isIn = after !== undefined && selects(watcher.request, after);
		if (!wasIn && !isIn) return;
		const event: WatchEvent =
			after === undefined || !isIn
				? { type: "DELETED", object: after === undefined ? (before ?? {}) : { ...before, metadata: { ...before?.metadata, ...rv(after) } } }
				: { type: wasIn ? "MODIFIED" : "ADDED", object: after };
		const deliver = () => {
			if (this.#watchers.has(watcher)) watcher.sink.onEvent(event);
		};
		const delayMs = this.watchDelayMs.get(collection);
		if (delayMs === undefined) queueMicrotask(deliver);
		else this.#clock.setTimeout(deliver, delayMs);
	}
}

function rv({ metadata }: Stored): ObjectMeta {
	return { resourceVersion: metadata.resourceVersion ?? "" };
}

function keyOf(namespace: string | undefined, name: string | undefined): string {
	return `${namespace ?? ""}/${name ?? ""}`;
}

function entryOf({ group, resource }: ApiRequest) {
	return allResources.find((entry) => entry.group === group && entry.resource === resource && entry.subresource === "");
}

function typeOf(request: ApiRequest): { apiVersion: string; kind: string } {
	return { apiVersion: formatApiVersion(request), kind: entryOf(request)?.kind ?? "" };
}

function selects({ namespace, name, options = {} }: ApiRequest, object: Stored): boolean {
	if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
	if (name !== undefined && object.metadata.name !== name) return false;
	if (!parseLabelSelector(options.labelSelector ?? "").matches(object.metadata.labels)) return false;
	return options.fieldSelector === undefined || parseFieldSelector(options.fieldSelector).matches(fieldsOf(object));
}

/** Every scalar of the object by its path: more fields than a real server lets a selector name. */
function fieldsOf(value: unknown, path = ""): Record<string, string> {
	if (!isJsonObject(value)) return Array.isArray(value) ? {} : { [path]: String(value) };
	const entries = Object.entries(value).map(([field, inner]) => fieldsOf(inner, path === "" ? field : `${path}.${field}`));
	return Object.assign({}, ...entries) as Record<string, string>;
}
