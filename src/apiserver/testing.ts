/** An API server on a memory store in virtual time, for tests of this folder. */
import { generateKeyPairSync } from "node:crypto";
import type { ApiRequest, WatchEvent } from "../apimachinery/api-request.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import type { KubeList, KubeObject } from "../apimachinery/meta.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import { createMemoryStore } from "../store/index.ts";
import type { Store } from "../store/store.ts";
import { ApiServer, type ApiServerOptions } from "./api-server.ts";

export const admin: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

type Options = Omit<ApiRequest, "verb" | "group" | "version" | "resource">;

/** Requests of one resource, in the `default` namespace unless they say otherwise. */
export class ResourceDriver {
	readonly #server: ApiServer;
	readonly #resource: Pick<ApiRequest, "group" | "version" | "resource">;
	readonly #namespace: string | undefined;

	constructor(server: ApiServer, group: string, version: string, resource: string, namespace: string | undefined) {
		this.#server = server;
		this.#resource = { group, version, resource };
		this.#namespace = namespace;
	}

	async send(verb: ApiRequest["verb"], options: Options = {}): Promise<KubeObject> {
		return (await this.#server.handle(admin, this.#request(verb, options))).object as KubeObject;
	}

	async list(options: Options = {}): Promise<KubeList> {
		return (await this.send("list", options)) as KubeList;
	}

	/** Collects a watch's events into an array that grows. */
	async watch(options: Options = {}): Promise<WatchEvent[]> {
		const events: WatchEvent[] = [];
		await this.#server.watch(admin, this.#request("watch", options), { onEvent: (event) => events.push(event), onEnd: () => undefined });
		return events;
	}

	/** The message of the error that the request must fail with. */
	async failure(verb: ApiRequest["verb"], options: Options = {}): Promise<string> {
		try {
			await this.send(verb, options);
		} catch (error) {
			if (error instanceof StatusError) return `${error.code} ${error.reason}: ${error.message}`;
			throw error;
		}
		throw new Error(`${verb} should have failed`);
	}

	#request(verb: ApiRequest["verb"], options: Options): ApiRequest {
		const isWide = ["list", "watch", "deletecollection"].includes(verb) && "namespace" in options;
		return { ...this.#resource, verb, ...(this.#namespace === undefined || isWide ? {} : { namespace: this.#namespace }), ...options };
	}
}

export interface ServerFixture {
	readonly server: ApiServer;
	readonly store: Store;
	readonly clock: VirtualClock;
	resource(group: string, version: string, resource: string): ResourceDriver;
	clusterResource(group: string, version: string, resource: string): ResourceDriver;
}

export function makeTokenKeys() {
	return generateKeyPairSync("ec", {
		namedCurve: "P-256",
		publicKeyEncoding: { type: "spki", format: "pem" },
		privateKeyEncoding: { type: "pkcs8", format: "pem" },
	});
}

/** Has the namespace `default` with its service account. */
export async function startServer(options: Pick<ApiServerOptions, "outside"> = {}): Promise<ServerFixture> {
	const clock = new VirtualClock();
	const store = await createMemoryStore({ clock });
	const server = new ApiServer({ store, clock, random: new SeededRandom("test"), log: silentLog, tokenKeys: makeTokenKeys(), ...options });
	await server.start();
	const clusterResource = (group: string, version: string, resource: string) =>
		new ResourceDriver(server, group, version, resource, undefined);
	const resource = (group: string, version: string, name: string) => new ResourceDriver(server, group, version, name, "default");
	await clusterResource("", "v1", "namespaces").send("create", { body: { metadata: { name: "default" } } });
	await resource("", "v1", "serviceaccounts").send("create", { body: { metadata: { name: "default" } } });
	return { server, store, clock, resource, clusterResource };
}
