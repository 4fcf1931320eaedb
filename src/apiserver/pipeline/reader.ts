/**
 * Get and list. The current state comes from the watch cache; pages of a list after the first, and reads at an exact
 * revision, come from the store's history, so that all pages show one moment.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/ ("Retrieving large results sets in chunks",
 * "Resource versions").
 */
import type { RequestOptions } from "../../apimachinery/api-request.ts";
import { formatApiVersion, type KubeList, type KubeObject } from "../../apimachinery/meta.ts";
import { newBadRequest, newExpired } from "../../apimachinery/status-error.ts";
import { CompactedError, prefixEnd, type Store } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import type { Cacher } from "../storage/cacher.ts";
import type { StorageMetrics } from "../storage/storage-metrics.ts";
import { type ContinueToken, decodeContinue, encodeContinue, newestRevision } from "./continue-token.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";
import { parseResourceVersion } from "./resource-version.ts";
import { parseSelection, type Selection } from "./selection.ts";

const inconsistentContinue =
	"The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

interface Page {
	readonly items: readonly KubeObject[];
	readonly revision: number;
	readonly next?: ContinueToken;
	/** How many objects follow, where no selector makes that unknown. */
	readonly remaining?: number;
}

export class Reader {
	readonly #store: Store;
	readonly #cacher: Cacher;
	readonly #metrics: StorageMetrics;

	constructor(options: { readonly store: Store; readonly cacher: Cacher; readonly metrics: StorageMetrics }) {
		this.#metrics = options.metrics;
		this.#store = options.store;
		this.#cacher = options.cacher;
	}

	/** A resourceVersion asks for a state not older than it. */
	async get(context: RequestContext): Promise<KubeObject> {
		await this.#cacher.reach(parseResourceVersion(context.options.resourceVersion));
		return toServedVersion(context, context.storage.get(context.namespace, context.name));
	}

	async list(context: RequestContext): Promise<KubeList> {
		const { options } = context;
		const selection = parseSelection(context.definition, context.namespace, options);
		checkResourceVersionOptions(options);
		const page = await this.#page(context, selection);
		return {
			kind: context.definition.listKind ?? `${context.endpoint.kind}List`,
			apiVersion: formatApiVersion(context.request),
			metadata: {
				resourceVersion: String(page.revision),
				...(page.next === undefined ? {} : { continue: encodeContinue(page.next, this.#rangeStart(context)) }),
				...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
			},
			items: page.items.map((object) => toServedVersion(context, object)),
		};
	}

	async #page(context: RequestContext, selection: Selection): Promise<Page> {
		const { options } = context;
		if (options.continue !== undefined && options.continue !== "") {
			return this.#pageFromHistory(context, selection, decodeContinue(options.continue, this.#rangeStart(context)));
		}
		const revision = parseResourceVersion(options.resourceVersion);
		await this.#cacher.reach(revision);
		if (options.resourceVersionMatch === "Exact") {
			return this.#pageFromHistory(context, selection, { revision, startKey: this.#rangeStart(context) });
		}
		return this.#pageFromCache(context, selection);
	}

	#pageFromCache({ storage, options, namespace }: RequestContext, selection: Selection): Page {
		const { revision } = this.#cacher;
		const limit = pageSize(options);
		if (selection.name !== undefined && namespace !== "") {
			const object = storage.find(namespace, selection.name);
			return { revision, items: object !== undefined && selection.matches(object) ? [object] : [] };
		}
		storage.cache.assertAllReadable(selection.namespace);
		const entries = storage.cache.list(selection.namespace);
		const items: KubeObject[] = [];
		for (const [index, entry] of entries.entries()) {
			if (items.length >= limit) {
				// Behind the last one told, not at the next one: what comes in between belongs to an inconsistent rest of the list.
				const next: ContinueToken = { revision, startKey: `${entries[index - 1]?.key ?? ""}\0` };
				return hasSelector(options) ? { items, revision, next } : { items, revision, next, remaining: entries.length - index };
			}
			const object = storage.shown(entry.object);
			if (selection.matches(object)) items.push(object);
		}
		return { items, revision };
	}

	async #pageFromHistory(context: RequestContext, selection: Selection, token: ContinueToken): Promise<Page> {
		const { options } = context;
		const revision = token.revision === newestRevision ? this.#cacher.revision : token.revision;
		const rangeEnd = prefixEnd(this.#rangeStart(context));
		const limit = pageSize(options);
		const items: KubeObject[] = [];
		for (let key = token.startKey; ; ) {
			const missing = limit - items.length;
			const range = await this.#rangeAt(context, { key, rangeEnd, revision, ...(Number.isFinite(missing) ? { limit: missing } : {}) });
			const stored = range.kvs.map((kv) => decodeFromStorage(kv.value, kv.modRevision));
			await context.storage.prepare(stored);
			for (const entry of stored) {
				const object = context.storage.shown(entry);
				if (selection.matches(object)) items.push(object);
			}
			const last = range.kvs.at(-1);
			if (!range.more || last === undefined) return { items, revision };
			key = `${last.key}\0`;
			if (items.length < limit) continue;
			const next: ContinueToken = { revision, startKey: key };
			return hasSelector(options) ? { items, revision, next } : { items, revision, next, remaining: range.count - range.kvs.length };
		}
	}

	async #rangeAt(context: RequestContext, request: { key: string; rangeEnd: string; revision: number; limit?: number }) {
		try {
			return await this.#metrics.measure("list", context.definition, () => this.#store.range(request));
		} catch (error) {
			if (!(error instanceof CompactedError)) throw error;
			if (!context.options.continue) throw newExpired("The resourceVersion for the provided list is too old.");
			throw newExpired(
				inconsistentContinue,
				encodeContinue({ revision: newestRevision, startKey: request.key }, this.#rangeStart(context)),
			);
		}
	}

	#rangeStart({ storage, namespace }: RequestContext): string {
		return namespace === "" ? storage.prefix : `${storage.prefix}${namespace}/`;
	}
}

function hasSelector(options: RequestOptions): boolean {
	return Boolean(options.labelSelector || options.fieldSelector);
}

/** Infinite for a list that is not paged. */
function pageSize({ limit = 0 }: RequestOptions): number {
	return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

function checkResourceVersionOptions(options: RequestOptions): void {
	const { resourceVersion = "", resourceVersionMatch, continue: token = "" } = options;
	if (resourceVersionMatch !== undefined && resourceVersion === "") {
		throw newBadRequest("resourceVersionMatch is forbidden unless resourceVersion is provided");
	}
	if (resourceVersionMatch === "Exact" && resourceVersion === "0") {
		throw newBadRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
	}
	if (token !== "" && resourceVersion !== "" && resourceVersion !== "0") {
		throw newBadRequest("specifying resource version is not allowed when using continue");
	}
}
