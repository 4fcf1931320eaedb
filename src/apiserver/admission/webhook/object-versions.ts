/**
 * An object in the versions that webhooks ask for, and back: inside the server it is in its storage version.
 * Source: k8s.io/apimachinery/pkg/runtime/mapper.go (EquivalentResourceRegistry); resources that share their place in the
 * store are the same objects.
 */
import { isJsonObject } from "../../../apimachinery/json.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { decodeObject } from "../../../apimachinery/schema/decode.ts";
import type { GeneratedResource } from "../../../apimachinery/schema/resources.ts";
import { newInternalError } from "../../../apimachinery/status-error.ts";
import { fromStorageVersion, toStorageVersion } from "../../pipeline/request-context.ts";
import type { KindDefinition } from "../../registry/kind.ts";
import type { ServedResource } from "../../registry/resource-table.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Endpoint } from "./invocation.ts";

/** What the server serves now. */
export interface ServedResources {
	find(group: string, version: string, resource: string): ServedResource | undefined;
	all(): Iterable<ServedResource>;
}

type RequestFacts = Pick<AdmissionAttributes, "group" | "version" | "resource" | "subresource" | "kind">;

export class ObjectVersions {
	readonly #resources: ServedResources;

	constructor(resources: ServedResources) {
		this.#resources = resources;
	}

	/** The endpoint as the request names it. */
	requested({ group, version, resource, kind }: RequestFacts): Endpoint {
		return { resource: { group, version, resource }, kind };
	}

	/** The same objects under other names, in the order in which the server serves them. */
	equivalents(facts: RequestFacts): readonly Endpoint[] {
		const own = this.#resources.find(facts.group, facts.version, facts.resource);
		if (own === undefined) return [];
		const place = placeOf(own.definition);
		const found: Endpoint[] = [];
		for (const other of this.#resources.all()) {
			if (other === own || placeOf(other.definition) !== place) continue;
			const served = endpointOf(other, facts.subresource);
			if (served === undefined) continue;
			const { group, version, resource } = other.resource;
			const kind = isOfResource(facts, own) ? { group, version, kind: served.kind } : facts.kind;
			found.push({ resource: { group, version, resource }, kind });
		}
		return found;
	}

	/** From the server's form to the endpoint's. What has a kind of its own (a Scale, the options of a stream) has one form. */
	toVersion(object: KubeObject, facts: RequestFacts, { resource }: Endpoint): KubeObject {
		const served = this.#resources.find(resource.group, resource.version, resource.resource);
		return served === undefined || !isOfResource(facts, served) ? object : fromStorageVersion(served.definition, object, resource.version);
	}

	/** From what a webhook has made of the endpoint's form to the server's, with defaults. @throws StatusError InternalError */
	fromVersion(value: unknown, facts: RequestFacts, { resource, kind }: Endpoint): KubeObject {
		if (!isJsonObject(value)) throw newInternalError(`couldn't get version/kind; json parse error: not an object`);
		const served = this.#resources.find(resource.group, resource.version, resource.resource);
		const endpoint = served === undefined ? undefined : endpointOf(served, facts.subresource);
		// The options of a stream have no schema.
		if (served === undefined || endpoint === undefined || endpoint.type === "") return value as KubeObject;
		const { object } = decodeObject(value, endpoint.type, {
			fieldValidation: "Ignore",
			kind: kind.kind,
			refuse: (error) => newInternalError(error.message),
		});
		if (!isOfResource(facts, served)) return object;
		const { definition } = served;
		const stored = toStorageVersion({ definition, request: { ...resource, verb: "update" } }, object);
		return definition.setDefaults?.(stored) ?? stored;
	}
}

function endpointOf({ resource, subresources }: ServedResource, subresource: string): GeneratedResource | undefined {
	return subresource === "" ? resource : subresources.get(subresource);
}

/** Whether the request carries an object of the resource itself, not one of a subresource's own kind. */
function isOfResource({ kind }: RequestFacts, { definition }: ServedResource): boolean {
	return kind.kind === definition.kind;
}

function placeOf({ storagePrefix, resource, group }: KindDefinition): string {
	return storagePrefix ?? (resource === "events" ? resource : `${group}/${resource}`);
}
