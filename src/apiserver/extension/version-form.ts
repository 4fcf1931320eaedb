/**
 * How the objects of a custom resource stand in the store, in one version, and are shown in another: what the schema of
 * the stored version says today holds for what was written before, and conversion brings it into the version that is asked for.
 *
 *   stored ─▶ pruned, filled in ─▶ in the version that is asked for? ─▶ shown
 *                                    └─ else renamed, or converted by a webhook: `prepare` asks it, `read` knows the answer
 *
 * Source: crdConversionRESTOptionsGetter in k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go.
 */
import type { JsonObject } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import { NotPreparedError, type StoredForm } from "../storage/object-storage.ts";
import { type CustomVersion, type DefinitionShape, storageVersionOf } from "./custom-kind.ts";
import type { WebhookConverter } from "./webhook-converter.ts";

export interface VersionFormOptions {
	readonly shape: DefinitionShape;
	/** All versions, by name. */
	readonly types: ReadonlyMap<string, CustomVersion>;
	/** The version that is shown. */
	readonly shown: CustomVersion;
	/** Who converts, where the definition names a webhook. */
	readonly converter: WebhookConverter | undefined;
}

export class VersionForm implements StoredForm {
	readonly #options: VersionFormOptions;
	/** A memo: objects of the cache are read again and again. */
	readonly #read = new WeakMap<KubeObject, KubeObject>();

	constructor(options: VersionFormOptions) {
		this.#options = options;
	}

	read(stored: KubeObject): KubeObject {
		const known = this.#read.get(stored);
		if (known !== undefined) return known;
		const { shown } = this.#options;
		if (this.#asksWebhook(stored, shown)) throw new NotPreparedError();
		const object = renamed(this.#current(stored), shown);
		this.#read.set(stored, object);
		return object;
	}

	prepare(stored: readonly KubeObject[]): Promise<void> | undefined {
		const { shown } = this.#options;
		const missing = stored.filter((object) => this.#asksWebhook(object, shown) && !this.#read.has(object));
		return missing.length === 0 ? undefined : this.#convertAll(missing, shown);
	}

	async #convertAll(stored: readonly KubeObject[], to: CustomVersion): Promise<void> {
		const converted = await this.#ask(
			stored.map((object) => this.#current(object)),
			to,
		);
		for (const [index, object] of stored.entries()) {
			const result = converted[index];
			if (result !== undefined) this.#read.set(object, result);
		}
	}

	write(object: KubeObject): KubeObject | Promise<KubeObject> {
		const type = this.#options.types.get(storageVersionOf(this.#options.shape.spec));
		if (type === undefined) return object;
		if (!this.#asksWebhook(object, type)) return renamed(object, type);
		return this.#ask([object], type).then(([converted = object]) => converted);
	}

	isStale(stored: KubeObject): boolean {
		const { spec } = this.#options.shape;
		return stored.apiVersion !== formatApiVersion({ group: spec.group, version: storageVersionOf(spec) });
	}

	/** As the schema of the version that it is stored in has it today. */
	#current(stored: KubeObject): KubeObject {
		const { version } = parseApiVersion(stored.apiVersion ?? "");
		return (this.#options.types.get(version)?.read(stored as JsonObject) ?? stored) as KubeObject;
	}

	#asksWebhook({ apiVersion }: KubeObject, to: CustomVersion): boolean {
		return apiVersion !== to.apiVersion && this.#options.shape.spec.conversion?.strategy === "Webhook";
	}

	/** What the other version does not know goes. */
	async #ask(objects: readonly KubeObject[], to: CustomVersion): Promise<readonly KubeObject[]> {
		const { converter } = this.#options;
		if (converter === undefined) throw newNotImplemented("converting custom resources by webhook");
		const converted = await converter.convert(objects, to.apiVersion);
		return converted.map((object) => to.coerced(object as JsonObject) as KubeObject);
	}
}

/** Without a converter only the name of the version changes, and what the other version does not know goes. */
function renamed(object: KubeObject, to: CustomVersion): KubeObject {
	const { apiVersion } = to;
	if (object.apiVersion === apiVersion) return object;
	const other: KubeObject = { ...object, apiVersion };
	return to.coerced(other as JsonObject) as KubeObject;
}
