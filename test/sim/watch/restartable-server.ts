/** An API server over a store that outlives it, and the record of every write that was answered. */
import { generateKeyPairSync } from "node:crypto";
import type { ApiRequest, WatchHandle, WatchSink } from "../../../src/apimachinery/api-request.ts";
import type { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../../src/apimachinery/log.ts";
import type { KubeList, KubeObject } from "../../../src/apimachinery/meta.ts";
import { SeededRandom } from "../../../src/apimachinery/random.ts";
import { isStatusError } from "../../../src/apimachinery/status-error.ts";
import type { UserInfo } from "../../../src/apimachinery/user.ts";
import { ApiServer } from "../../../src/apiserver/api-server.ts";
import { type MaintainedStore, prefixEnd, type StoreWatch } from "../../../src/store/store.ts";

const admin: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const configMaps = { group: "", version: "v1", resource: "configmaps" } as const;
export const namespaces = ["default", "other"] as const;

const tokenKeys = generateKeyPairSync("ec", {
	namedCurve: "P-256",
	publicKeyEncoding: { type: "spki", format: "pem" },
	privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export interface Selector {
	readonly namespace?: string;
	readonly labelSelector?: string;
	readonly fieldSelector?: string;
}

export class RestartableServer {
	readonly #open: () => Promise<MaintainedStore>;
	#store: MaintainedStore;
	#server: ApiServer;
	#record: StoreWatch | undefined;
	/** Revisions at which a ConfigMap changed, as the store itself tells them. */
	readonly changes: number[] = [];
	readonly clock: VirtualClock;

	private constructor(open: () => Promise<MaintainedStore>, clock: VirtualClock, store: MaintainedStore, server: ApiServer) {
		this.#open = open;
		this.clock = clock;
		this.#store = store;
		this.#server = server;
	}

	/** @param open the same store each time it is asked, once the last one is closed */
	static async start(clock: VirtualClock, open: () => Promise<MaintainedStore>): Promise<RestartableServer> {
		const store = await open();
		const server = new RestartableServer(open, clock, store, await startOn(store, clock));
		server.#startRecord(store.status().revision + 1);
		for (const name of namespaces) {
			const request = { verb: "create", group: "", version: "v1", resource: "namespaces", body: { metadata: { name } } } as const;
			await server.#server.handle(admin, request);
		}
		return server;
	}

	/** Every watch ends with it, and goes nowhere from here: its owner has to ask again. */
	async restart(): Promise<void> {
		const { revision } = this;
		await this.stop();
		this.#store = await this.#open();
		this.#startRecord(revision + 1);
		this.#server = await startOn(this.#store, this.clock);
	}

	async stop(): Promise<void> {
		this.#record?.cancel();
		this.#server.stop();
		await this.#store.close();
	}

	#startRecord(startRevision: number): void {
		const key = "/registry/configmaps/";
		const onEvents = (events: readonly { readonly kv: { readonly modRevision: number } }[]) => {
			for (const { kv } of events) this.changes.push(kv.modRevision);
		};
		this.#record = this.#store.watch({ key, rangeEnd: prefixEnd(key), startRevision }, { onEvents, onEnd: () => undefined });
	}

	get revision(): number {
		return this.#server.revision;
	}

	async compact(revision: number): Promise<void> {
		if (revision > this.#store.status().compactRevision) await this.#store.compact(revision);
	}

	/** One write of a ConfigMap. One that can't be done (there is none, there is one already) does nothing. */
	async write(request: Omit<ApiRequest, "group" | "version" | "resource">): Promise<void> {
		try {
			await this.#server.handle(admin, { ...configMaps, ...request });
		} catch (error) {
			if (!isStatusError(error, "NotFound", "AlreadyExists", "Conflict")) throw error;
		}
	}

	async list({ namespace, ...options }: Selector): Promise<KubeList> {
		const scope = namespace === undefined ? {} : { namespace };
		return (await this.#server.handle(admin, { ...configMaps, ...scope, verb: "list", options })).object as KubeList;
	}

	watch({ namespace, ...selectors }: Selector, options: ApiRequest["options"], sink: WatchSink): Promise<WatchHandle> {
		const scope = namespace === undefined ? {} : { namespace };
		const request: ApiRequest = {
			...configMaps,
			...scope,
			verb: "watch",
			options: { ...selectors, ...options, allowWatchBookmarks: true },
		};
		return this.#server.watch(admin, request, sink as WatchSink<KubeObject>);
	}
}

async function startOn(store: MaintainedStore, clock: VirtualClock): Promise<ApiServer> {
	const server = new ApiServer({ store, clock, random: new SeededRandom("list-watch"), log: silentLog, tokenKeys });
	await server.start();
	return server;
}
