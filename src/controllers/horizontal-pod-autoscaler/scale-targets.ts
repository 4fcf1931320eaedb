/**
 * Finds what an autoscaler scales, of any kind with a /scale: which resource a kind is, its scale, and setting it.
 * Source: the RESTMapper and scaleForResourceMappings of pkg/controller/podautoscaler/horizontal.go
 */
import { formatGroupResource, type GroupVersionResource, parseApiVersion } from "../../apimachinery/meta.ts";
import type { CrossVersionObjectReferenceV2, Scale } from "../../apimachinery/schema/generated/types.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import type { Informers } from "../../client/informer.ts";
import type { Transport } from "../../client/transport.ts";
import { CustomResourceList } from "../custom-resources.ts";
import { isPreferred } from "../deletable-resources.ts";
import { clientText } from "./metrics-client.ts";

/** There is nothing to scale; the message says why, in upstream's words. */
export class ScaleTargetError extends Error {
	override readonly name = "ScaleTargetError";
}

export interface ScaleTarget {
	readonly resource: GroupVersionResource;
	readonly scale: Scale;
}

export class ScaleTargets {
	readonly #transport: Transport;
	readonly #custom: CustomResourceList;

	constructor(transport: Transport, informers: Informers) {
		this.#transport = transport;
		this.#custom = new CustomResourceList(informers);
	}

	whenSynced(): Promise<void> {
		return this.#custom.whenSynced();
	}

	/** Throws ScaleTargetError. */
	async get(namespace: string, { apiVersion = "", kind, name }: CrossVersionObjectReferenceV2): Promise<ScaleTarget> {
		if (apiVersion.split("/").length > 2) throw new ScaleTargetError(`unexpected GroupVersion string: ${apiVersion}`);
		const resource = this.resourceOf(parseApiVersion(apiVersion).group, kind);
		try {
			const { object } = await this.#transport.request({ ...resource, verb: "get", namespace, name, subresource: "scale" });
			return { resource, scale: object as Scale };
		} catch (error) {
			throw new ScaleTargetError(clientText(error, { resource: resource.resource, name }));
		}
	}

	/** Rejects with what the server answers. */
	async set(namespace: string, name: string, { resource, scale }: ScaleTarget, replicas: number): Promise<void> {
		const body: Scale = { ...scale, spec: { ...scale.spec, replicas } };
		await this.#transport.request({ ...resource, verb: "update", namespace, name, subresource: "scale", body });
	}

	/** Throws ScaleTargetError. */
	resourceOf(group: string, kind: string): GroupVersionResource {
		const builtin = generatedResources.filter((each) => each.group === group && each.kind === kind && each.subresource === "");
		const custom = this.#custom.list().map((each) => each.resource);
		const all = [...builtin, ...custom.filter((each) => each.group === group && each.kind === kind)];
		const [first, ...others] = all;
		if (first === undefined) throw new ScaleTargetError(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
		const { version, resource } = others.reduce<GroupVersionResource>(
			(best, other) => (isPreferred(other.version, best.version) ? other : best),
			first,
		);
		return { group, version, resource };
	}

	/** `pods`, `ingresses.networking.k8s.io`: how metrics of objects name their kind. Throws ScaleTargetError. */
	qualifiedName({ apiVersion = "", kind }: CrossVersionObjectReferenceV2): string {
		return formatGroupResource(this.resourceOf(parseApiVersion(apiVersion).group, kind));
	}
}
