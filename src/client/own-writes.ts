/**
 * The versions that a controller wrote itself and that its cache may not have yet. Without it, a controller that
 * writes an object twice in a row would lose the second time to its own first write (409 Conflict).
 * Relies on resource versions of one resource being numbers that rise, as Kubernetes promises since 1.35
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
 */
import { type KubeObject, objectKey } from "../apimachinery/meta.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { ResourceClient } from "./client.ts";
import type { ObjectCache } from "./object-cache.ts";

export class OwnWrites<T extends KubeObject> {
	readonly #written = new Map<string, T>();

	/** Remembers what the server answered to a write. */
	note(object: T): T {
		this.#written.set(objectKey(object), object);
		return object;
	}

	/** Writes a status and remembers the answer. Of an object that was deleted meanwhile there is nobody to tell. */
	async updateStatus(client: Pick<ResourceClient<T>, "updateStatus">, object: T): Promise<void> {
		try {
			this.note(await client.updateStatus(object));
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	/** We wrote this very version. */
	has(object: T): boolean {
		return this.#written.get(objectKey(object))?.metadata?.resourceVersion === object.metadata?.resourceVersion;
	}

	/** The newer of the cache's object and our own; forgets ours when the cache has caught up. */
	freshest(cached: T): T {
		const key = objectKey(cached);
		const own = this.#written.get(key);
		if (own === undefined) return cached;
		if (own.metadata?.uid === cached.metadata?.uid && revisionOf(own) > revisionOf(cached)) return own;
		this.#written.delete(key);
		return cached;
	}

	/**
	 * The objects we wrote that the cache does not have at all yet: those we made. What a cache that is newer does not have is gone:
	 * somebody deleted it between two lists, and no event ever tells of it.
	 */
	unseen(cache: Pick<ObjectCache<T>, "get" | "revision">): readonly T[] {
		const missing = [...this.#written].filter(([key]) => cache.get(key) === undefined);
		for (const [key, object] of missing) if (revisionOf(object) <= cache.revision) this.#written.delete(key);
		return missing.map(([, object]) => object).filter((object) => revisionOf(object) > cache.revision);
	}

	/** The cache was told of this version: ours is forgotten unless it is newer. */
	observed(object: T): void {
		const key = objectKey(object);
		const own = this.#written.get(key);
		if (own !== undefined && revisionOf(own) <= revisionOf(object)) this.#written.delete(key);
	}

	/** The object is gone. */
	delete(key: string): void {
		this.#written.delete(key);
	}
}

function revisionOf({ metadata }: KubeObject): number {
	return Number(metadata?.resourceVersion ?? 0);
}
