/** One watch, followed across crashes: each time it goes on from the last resourceVersion that it saw. */
import { expect } from "vitest";
import type { WatchEvent } from "../../src/apimachinery/api-request.ts";
import type { ConfigMap } from "../../src/apimachinery/schema/generated/types.ts";
import { type Client, resources } from "../../src/client/index.ts";
import { eventually } from "../tools/eventually.ts";

const selector = { labelSelector: "test=durability" };

export class WatchLog {
	/** Of every event so far. */
	readonly revisions = new Set<number>();
	/** What the events add up to. */
	readonly #objects = new Map<string, ConfigMap>();
	#newest: number;

	/** @param from the resourceVersion of a list of what there is: nothing. */
	constructor(from: string) {
		this.#newest = Number(from);
	}

	/** Watches until the server is gone. */
	async follow(client: Client): Promise<void> {
		const { promise: ended, resolve } = Promise.withResolvers<void>();
		await this.#watch(client, () => resolve());
		await ended;
	}

	/** Watches until it has seen all that a list of this resourceVersion shows. */
	async catchUp(client: Client, resourceVersion: string): Promise<void> {
		const handle = await this.#watch(client, () => undefined, { allowWatchBookmarks: true });
		// The watch says nothing of changes to other objects: a write of our own marks the end.
		const configMaps = client.resource(resources.configMaps);
		const name = `mark-${resourceVersion}`;
		const mark = await configMaps.create({
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: { name, namespace: "default", labels: { test: "durability" } },
		});
		await configMaps.delete({ namespace: "default", name });
		await eventually(() => (this.#newest > Number(mark.metadata?.resourceVersion) ? true : undefined), {
			what: () => `the end of ${name}`,
		});
		handle.stop();
	}

	/** Fails unless the events add up to these objects. */
	check(objects: readonly ConfigMap[]): void {
		const brief = ({ metadata, data }: ConfigMap) =>
			`${metadata?.name} ${metadata?.uid} @${metadata?.resourceVersion} ${data?.text?.length}`;
		expect([...this.#objects.values()].map(brief).sort()).toEqual([...objects].map(brief).sort());
		for (const object of objects) expect(this.#objects.get(object.metadata?.name ?? "")?.data).toEqual(object.data);
	}

	#watch(client: Client, onEnd: () => void, options = {}) {
		const from = { ...selector, ...options, resourceVersion: String(this.#newest) };
		return client.resource(resources.configMaps).watch("default", from, { onEvent: (event) => this.#see(event), onEnd });
	}

	#see({ type, object }: WatchEvent<ConfigMap>): void {
		expect(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]).toContain(type);
		const revision = Number(object.metadata?.resourceVersion);
		if (type === "BOOKMARK") return;
		expect(revision, "events come in the order of their revisions, each once").toBeGreaterThan(this.#newest);
		this.#newest = revision;
		this.revisions.add(revision);
		const name = object.metadata?.name ?? "";
		expect(this.#objects.has(name), `${type} ${name}`).toBe(type !== "ADDED");
		if (type === "DELETED") this.#objects.delete(name);
		else this.#objects.set(name, object);
	}
}
