/** What pods refer to: from the caches, or, where those are behind, from the API, and kept until the caches have it. */
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ConfigMap, Secret } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import { configMaps, persistentVolumeClaims, persistentVolumes, secrets, serviceAccounts } from "../../client/resources.ts";
import type { FleetInformers } from "../fleet-informers.ts";
import type { ObjectLookups, ObjectName } from "./objects.ts";

export interface FetchedObjectsOptions {
	readonly log: Logger;
	readonly informers: FleetInformers;
	readonly clientFor: (node: string) => Client;
}

export class FetchedObjects {
	readonly #options: FetchedObjectsOptions;
	/** By kind and key. */
	readonly #fetched = new Map<string, KubeObject>();

	constructor(options: FetchedObjectsOptions) {
		this.#options = options;
	}

	get(kind: ObjectName["kind"], key: string): KubeObject | undefined {
		return this.#fetched.get(`${kind}/${key}`);
	}

	/** The caches have it now. */
	forget(kind: ObjectName["kind"], key: string): void {
		this.#fetched.delete(`${kind}/${key}`);
	}

	/** For volumes and environments. */
	lookups(): ObjectLookups {
		return {
			configMap: (namespace, name) =>
				this.#options.informers.configMaps.cache.get(`${namespace}/${name}`) ??
				(this.#fetched.get(`configmap/${namespace}/${name}`) as ConfigMap | undefined),
			secret: (namespace, name) =>
				(this.#options.informers.secrets.cache.get(`${namespace}/${name}`) ?? this.#fetched.get(`secret/${namespace}/${name}`)) as
					| Secret
					| undefined,
			token: async ({ namespace, name, uid, serviceAccount }, { audience, expirationSeconds }) => {
				const node = this.#options.informers.pods.cache.get(`${namespace}/${name}`)?.spec?.nodeName ?? "";
				const request = {
					apiVersion: "authentication.k8s.io/v1",
					kind: "TokenRequest",
					metadata: {},
					spec: {
						audiences: audience === undefined ? [] : [audience],
						expirationSeconds,
						boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
					},
				};
				const answer = await this.#options
					.clientFor(node)
					.resource(serviceAccounts)
					.createSubresource({ namespace, name: serviceAccount }, "token", request);
				return (answer as { readonly status?: { readonly token?: string } }).status?.token ?? "";
			},
		};
	}

	/**
	 * Asks the API for an object that the caches do not have. A claim that is not bound yet is as good as absent.
	 * @returns whether it is there. Never rejects
	 */
	async fetch(node: string, { kind, namespace, name }: ObjectName): Promise<boolean> {
		const client = this.#options.clientFor(node);
		try {
			switch (kind) {
				case "configmap":
					this.#fetched.set(`${kind}/${namespace}/${name}`, await client.resource(configMaps).get({ namespace, name }));
					return true;
				case "secret":
					this.#fetched.set(`${kind}/${namespace}/${name}`, await client.resource(secrets).get({ namespace, name }));
					return true;
				case "persistentvolumeclaim": {
					const claim = await client.resource(persistentVolumeClaims).get({ namespace, name });
					this.#fetched.set(`${kind}/${namespace}/${name}`, claim);
					return claim.status?.phase === "Bound";
				}
				case "persistentvolume":
					this.#fetched.set(`${kind}/${name}`, await client.resource(persistentVolumes).get({ name }));
					return true;
				default:
					return kind satisfies never;
			}
		} catch (error) {
			if (!isStatusError(error, "NotFound"))
				this.#options.log.warn("Failed to read object for a pod", { kind, namespace, name, error: String(error) });
			return false;
		}
	}
}
