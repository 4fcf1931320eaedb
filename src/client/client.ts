/**
 * A typed client of one API server, over any transport. Every component of the cluster holds one, with its own
 * identity; users' tests hold one too.
 */
import type { ApiRequest, PatchType, RequestOptions, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import type { GroupVersionResource, KubeList, KubeObject } from "../apimachinery/meta.ts";
import type { DeleteOptions } from "../apimachinery/schema/generated/types.ts";
import type { ResourceRef } from "./resources.ts";
import type { Transport } from "./transport.ts";

/** Names one object: namespace is absent for cluster-scoped kinds. */
export interface ObjectRef {
	readonly namespace?: string | undefined;
	readonly name: string;
}

export interface WriteOptions {
	readonly subresource?: string;
	readonly options?: RequestOptions;
}

/** The verbs of one resource. Every method rejects with a `StatusError` if the server refuses. */
export class ResourceClient<T extends KubeObject> {
	readonly resource: GroupVersionResource;
	readonly #transport: Transport;

	constructor(transport: Transport, resource: GroupVersionResource) {
		this.#transport = transport;
		this.resource = { group: resource.group, version: resource.version, resource: resource.resource };
	}

	get(ref: ObjectRef, options?: RequestOptions): Promise<T> {
		return this.#send({ verb: "get", ...place(ref), options });
	}

	/** Absent namespace: all of them. */
	list(namespace?: string, options?: RequestOptions): Promise<KubeList<T>> {
		return this.#request({ verb: "list", namespace, options }) as Promise<KubeList<T>>;
	}

	/** The namespace is the object's own. */
	create(object: T, { subresource, options }: WriteOptions = {}): Promise<T> {
		const { namespace, name } = object.metadata ?? {};
		return this.#send({
			verb: "create",
			namespace,
			subresource,
			name: subresource === undefined ? undefined : name,
			body: object,
			options,
		});
	}

	/** With metadata.resourceVersion set, fails with a Conflict if somebody wrote the object since. */
	update(object: T, { subresource, options }: WriteOptions = {}): Promise<T> {
		const { namespace, name } = object.metadata ?? {};
		return this.#send({ verb: "update", namespace, name, subresource, body: object, options });
	}

	updateStatus(object: T): Promise<T> {
		return this.update(object, { subresource: "status" });
	}

	patch(ref: ObjectRef, patchType: PatchType, body: unknown, { subresource, options }: WriteOptions = {}): Promise<T> {
		return this.#send({ verb: "patch", ...place(ref), subresource, patchType, body, options });
	}

	/** A POST to a subresource that takes another kind: `binding`, `eviction`, `token`. */
	createSubresource(ref: ObjectRef, subresource: string, body: KubeObject): Promise<KubeObject> {
		return this.#request({ verb: "create", ...place(ref), subresource, body });
	}

	async delete(ref: ObjectRef, deleteOptions?: DeleteOptions, options?: RequestOptions): Promise<void> {
		await this.#request({ verb: "delete", ...place(ref), deleteOptions, options });
	}

	async deleteCollection(namespace: string | undefined, options?: RequestOptions, deleteOptions?: DeleteOptions): Promise<void> {
		await this.#request({ verb: "deletecollection", namespace, options, deleteOptions });
	}

	watch(namespace: string | undefined, options: RequestOptions, sink: WatchSink<T>): Promise<WatchHandle> {
		return this.#transport.watch(this.#complete({ verb: "watch", namespace, options }), sink as unknown as WatchSink);
	}

	#send(request: Undefinable<Omit<ApiRequest, keyof GroupVersionResource>>): Promise<T> {
		return this.#request(request) as Promise<T>;
	}

	async #request(request: Undefinable<Omit<ApiRequest, keyof GroupVersionResource>>): Promise<KubeObject> {
		return (await this.#transport.request(this.#complete(request))).object as KubeObject;
	}

	#complete(request: Undefinable<Omit<ApiRequest, keyof GroupVersionResource>>): ApiRequest {
		return { ...this.resource, ...request } as ApiRequest;
	}
}

/** exactOptionalPropertyTypes: lets a request be written with fields that may be undefined, which mean absent. */
type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined };

function place({ namespace, name }: ObjectRef) {
	return { namespace, name };
}

/** The client of a whole API: a `ResourceClient` for each resource, made on first use. */
export class Client {
	readonly transport: Transport;
	readonly #clients = new Map<string, unknown>();

	constructor(transport: Transport) {
		this.transport = transport;
	}

	resource<T extends KubeObject>(ref: ResourceRef<T>): ResourceClient<T> {
		const key = `${ref.group}/${ref.version}/${ref.resource}`;
		const known = this.#clients.get(key) as ResourceClient<T> | undefined;
		if (known !== undefined) return known;
		const made = new ResourceClient<T>(this.transport, ref);
		this.#clients.set(key, made);
		return made;
	}
}
