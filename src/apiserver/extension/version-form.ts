/**
 * How the objects of a custom resource stand in the store, in one version, and are shown in another: what the schema of
 * the stored version says today holds for what was written before, and conversion brings it into the version that is asked for.
 * Source: crdConversionRESTOptionsGetter in k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go.
 */
import type { JsonObject } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import type { StoredForm } from "../storage/object-storage.ts";
import { type CustomVersion, type DefinitionShape, storageVersionOf } from "./custom-kind.ts";

export class VersionForm implements StoredForm {
	readonly #shape: DefinitionShape;
	readonly #types: ReadonlyMap<string, CustomVersion>;
	/** The version that is shown. */
	readonly #shown: CustomVersion;
	/** A memo: objects of the cache are read again and again. */
	readonly #read = new WeakMap<KubeObject, KubeObject>();

	constructor(shape: DefinitionShape, types: ReadonlyMap<string, CustomVersion>, shown: CustomVersion) {
		this.#shape = shape;
		this.#types = types;
		this.#shown = shown;
	}

	read(stored: KubeObject): KubeObject {
		const known = this.#read.get(stored);
		if (known !== undefined) return known;
		const { version } = parseApiVersion(stored.apiVersion ?? "");
		const type = this.#types.get(version);
		const current = (type?.read(stored as JsonObject) ?? stored) as KubeObject;
		const shown = this.#convert(current, this.#shown);
		this.#read.set(stored, shown);
		return shown;
	}

	write(object: KubeObject): KubeObject {
		const type = this.#types.get(storageVersionOf(this.#shape.spec));
		return type === undefined ? object : this.#convert(object, type);
	}

	isStale(stored: KubeObject): boolean {
		const { group } = this.#shape.spec;
		return stored.apiVersion !== formatApiVersion({ group, version: storageVersionOf(this.#shape.spec) });
	}

	#convert(object: KubeObject, to: CustomVersion): KubeObject {
		const { apiVersion } = to;
		if (object.apiVersion === apiVersion) return object;
		if (this.#shape.spec.conversion?.strategy === "Webhook") throw newNotImplemented("converting custom resources by webhook");
		// Without a converter only the name of the version changes, and what the other version does not know goes.
		const renamed: KubeObject = { ...object, apiVersion };
		return to.coerced(renamed as JsonObject) as KubeObject;
	}
}
