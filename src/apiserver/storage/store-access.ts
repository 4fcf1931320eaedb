/**
 * What a request needs of the store before it is looked at: that the store is there, and that the watch caches have what the request
 * has to see. With a store that is the server's own they have it at once; where others write to it, or a majority of its members
 * has to confirm that nothing newer is there, the store is asked first.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { newServiceUnavailable } from "../../apimachinery/status-error.ts";
import type { Store } from "../../store/store.ts";
import type { Cacher } from "./cacher.ts";

export interface StoreAccessOptions {
	readonly store: Store;
	readonly cacher: Cacher;
	/** Resolves when the custom resources that are known by now can be served; undefined if they can already. */
	readonly opening: () => Promise<unknown> | undefined;
}

export class StoreAccess {
	readonly #options: StoreAccessOptions;
	#error: Error | undefined;

	constructor(options: StoreAccessOptions) {
		this.#options = options;
	}

	/** The store failed: nothing can be read or written any more. */
	lose(error: Error): void {
		this.#error = error;
	}

	/** Throws ServiceUnavailable if the store is lost. */
	check(): void {
		if (this.#error !== undefined) throw newServiceUnavailable(`the store is not available: ${this.#error.message}`);
	}

	/** Rejects if the store does not answer, for health checks. */
	async ping(): Promise<void> {
		this.check();
		if (this.asksStore) await this.#options.cacher.ping();
	}

	/** Whether a request has to wait for `catchUp`: others write to the store, or its members have to agree. */
	get asksStore(): boolean {
		const { store } = this.#options;
		return store.isShared === true || store.isReplicated === true;
	}

	/**
	 * Before a request to one of several servers of a store: what others have written counts; and before a read from a store of several
	 * members. Reads that are content with what is in the cache, or name what they have seen, wait for no more than that.
	 */
	async catchUp({ verb, options = {} }: ApiRequest): Promise<void> {
		this.check();
		const { store, cacher } = this.#options;
		const { resourceVersion = "" } = options;
		const isRead = verb === "get" || verb === "list" || verb === "watch";
		// A write asks the members itself.
		if (isRead ? resourceVersion === "" : store.isShared === true) await cacher.catchUp();
		// A watch tells nothing before its revision anyway.
		else if (isRead && verb !== "watch" && /^[1-9]\d*$/.test(resourceVersion)) await cacher.reach(Number(resourceVersion));
		// A definition that another server has established may have been seen a moment ago.
		await this.#options.opening();
	}
}
