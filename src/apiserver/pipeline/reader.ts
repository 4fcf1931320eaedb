/**
 * Get and list. The current state comes from the watch cache; pages of a list after the first, and reads at an exact
 * revision, come from the store's history, so that all pages show one moment.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/ ("Retrieving large results sets in chunks",
 * "Resource versions").
 */
import type { RequestOptions } from "../../apimachinery/api-request.ts";
import { formatApiVersion, type KubeList, type KubeObject } from "../../apimachinery/meta.ts";
import { newBadRequest, newExpired, newTimeout } from "../../apimachinery/status-error.ts";
import { CompactedError, prefixEnd, type Store } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import type { Cacher } from "../storage/cacher.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";
import { parseSelection, type Selection } from "./selection.ts";

/** Where the next page starts. */
interface ContinueToken {
	readonly revision: number;
	/** First key of the page. */
	readonly startKey: string;
}

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

	constructor(options: { readonly store: Store; readonly cacher: Cacher }) {
		this.#store = options.store;
		this.#cacher = options.cacher;
	}

	get(context: RequestContext): KubeObject {
		return toServedVersion(context, context.storage.get(context.namespace, context.name));
	}

	async list(context: RequestContext): Promise<KubeList> {
		const { options } = context;
		const selection = parseSelection(context.definition, context.namespace, options);
		checkResourceVersionOptions(options);
		const page = await this.#page(context, selection);
		return {
			kind: `${context.endpoint.kind}List`,
			apiVersion: formatApiVersion(context.request),
			metadata: {
				resourceVersion: String(page.revision),
				...(page.next === undefined ? {} : { continue: encodeContinue(page.next) }),
				...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
			},
			items: page.items.map((object) => toServedVersion(context, object)),
		};
	}

	async #page(context: RequestContext, selection: Selection): Promise<Page> {
		const { options } = context;
		if (options.continue !== undefined && options.continue !== "") {
			return this.#pageFromHistory(context, selection, decodeContinue(options.continue));
		}
		const revision = Number(options.resourceVersion || 0);
		if (options.resourceVersionMatch === "Exact") {
			return this.#pageFromHistory(context, selection, { revision, startKey: this.#rangeStart(context) });
		}
		if (revision > this.#cacher.revision) {
			throw newTimeout(`Too large resource version: ${revision}, current: ${this.#cacher.revision}`, 1);
		}
		return this.#pageFromCache(context, selection);
	}

	#pageFromCache({ storage, options, namespace }: RequestContext, selection: Selection): Page {
		const { revision } = this.#cacher;
		const limit = options.limit || Number.POSITIVE_INFINITY;
		if (selection.name !== undefined && namespace !== "") {
			const object = storage.find(namespace, selection.name);
			return { revision, items: object !== undefined && selection.matches(object) ? [object] : [] };
		}
		const entries = storage.cache.list(selection.namespace);
		const items: KubeObject[] = [];
		for (const [index, entry] of entries.entries()) {
			if (items.length >= limit) {
				const next: ContinueToken = { revision, startKey: entry.key };
				return hasSelector(options) ? { items, revision, next } : { items, revision, next, remaining: entries.length - index };
			}
			if (selection.matches(entry.object)) items.push(entry.object);
		}
		return { items, revision };
	}

	async #pageFromHistory(context: RequestContext, selection: Selection, { revision, startKey }: ContinueToken): Promise<Page> {
		const { options } = context;
		const rangeEnd = prefixEnd(this.#rangeStart(context));
		const limit = options.limit || Number.POSITIVE_INFINITY;
		const items: KubeObject[] = [];
		for (let key = startKey; ; ) {
			const missing = limit - items.length;
			const range = await this.#rangeAt({ key, rangeEnd, revision, ...(Number.isFinite(missing) ? { limit: missing } : {}) });
			for (const kv of range.kvs) {
				const object = decodeFromStorage(kv.value, kv.modRevision);
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

	async #rangeAt(request: { key: string; rangeEnd: string; revision: number; limit?: number }) {
		try {
			return await this.#store.range(request);
		} catch (error) {
			if (!(error instanceof CompactedError)) throw error;
			throw newExpired(
				"The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
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

function checkResourceVersionOptions(options: RequestOptions): void {
	const { resourceVersion = "", resourceVersionMatch, continue: token = "" } = options;
	if (!/^\d*$/.test(resourceVersion)) throw newBadRequest(`Invalid value: "${resourceVersion}": must be a non-negative integer`);
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

/** The token is opaque to clients: base64 of JSON, as kube-apiserver's is. */
function encodeContinue({ revision, startKey }: ContinueToken): string {
	return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: startKey })).toString("base64url");
}

function decodeContinue(token: string): ContinueToken {
	try {
		const { rv, start } = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as {
			readonly rv?: unknown;
			readonly start?: unknown;
		};
		if (typeof rv === "number" && typeof start === "string") return { revision: rv, startKey: start };
	} catch (error) {
		throw newBadRequest(`continue key is not valid: ${error instanceof Error ? error.message : error}`);
	}
	throw newBadRequest("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
}
