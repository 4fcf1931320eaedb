/** An API server as a kubeconfig leads to it, with the kinds that it says it serves. */
import { type KindOfName, kindOfName, kindOfObject, type NamedKind } from "../../apimachinery/kind-names.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { Client, type ResourceClient } from "../../client/client.ts";
import { HttpTransport, type HttpTransportOptions } from "../../client/http-transport.ts";

/** One kind, and how to ask for its objects. */
export interface Resource extends KindOfName {
	readonly client: ResourceClient<KubeObject>;
}

/** Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery */
const discoveryType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

interface GroupDiscovery {
	readonly metadata?: { readonly name?: string };
	readonly versions: readonly {
		readonly version: string;
		readonly resources: readonly {
			readonly resource: string;
			readonly responseKind: { readonly kind: string };
			readonly scope: "Namespaced" | "Cluster";
			readonly singularResource: string;
			readonly shortNames?: readonly string[];
		}[];
	}[];
}

export class Api {
	readonly access: HttpTransportOptions;
	readonly transport: HttpTransport;
	readonly #client: Client;
	#kinds: Promise<readonly NamedKind[]> | undefined;

	constructor(access: HttpTransportOptions) {
		this.access = access;
		this.transport = new HttpTransport(access);
		this.#client = new Client(this.transport);
	}

	/** @param name as kubectl takes it: `po`, `deployments.apps`. Rejects with a StatusError, and an Error where there is no such kind */
	async resource(name: string): Promise<Resource> {
		return this.#resource(kindOfName(await this.kinds(), name));
	}

	async resourceOf(object: KubeObject): Promise<Resource> {
		return this.#resource(kindOfObject(await this.kinds(), object));
	}

	kinds(): Promise<readonly NamedKind[]> {
		this.#kinds ??= this.#discover();
		return this.#kinds;
	}

	#resource(kind: KindOfName): Resource {
		return { ...kind, client: this.#client.resource<KubeObject>(kind) };
	}

	async #discover(): Promise<readonly NamedKind[]> {
		const kinds: NamedKind[] = [];
		for (const path of ["/api", "/apis"]) {
			const { items } = JSON.parse(await this.transport.text({ path, headers: { accept: discoveryType } })) as {
				readonly items: readonly GroupDiscovery[];
			};
			for (const group of items) kinds.push(...kindsOf(group));
		}
		return kinds;
	}
}

/** The first version that has a resource is the one that is preferred. */
function kindsOf({ metadata, versions }: GroupDiscovery): readonly NamedKind[] {
	const kinds = new Map<string, NamedKind>();
	for (const { version, resources } of versions) {
		for (const { resource, responseKind, scope, singularResource, shortNames = [] } of resources) {
			const known = kinds.get(resource);
			kinds.set(resource, {
				group: metadata?.name ?? "",
				kind: responseKind.kind,
				resource,
				singular: singularResource,
				shortNames,
				namespaced: scope === "Namespaced",
				...known,
				versions: [...(known?.versions ?? []), version],
			});
		}
	}
	return [...kinds.values()];
}
