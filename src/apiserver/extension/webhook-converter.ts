/**
 * Conversion of custom resources by somebody else: a ConversionReview goes out, the converted objects come back. What makes
 * an object that object (its name, its uid, all metadata but labels and annotations) stays as it was.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go of Kubernetes 1.36.
 */
import { goType } from "../../apimachinery/go-text.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import { jsonKind } from "../../apimachinery/schema/decode-errors.ts";
import type { ApiextensionsWebhookClientConfig, CustomResourceConversion, ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import { newUnknownError, type StatusError } from "../../apimachinery/status-error.ts";
import { validateLabels } from "../../apimachinery/validation/label-selector.ts";
import { validateAnnotations } from "../../apimachinery/validation/object-meta.ts";

/** How webhooks are reached. */
export interface ConversionCaller {
	/** POSTs a review and resolves to the answer. Rejects with an Error whose text is Go's. */
	call(client: ApiextensionsWebhookClientConfig, review: JsonObject): Promise<JsonObject>;
}

const reviewGroup = "apiextensions.k8s.io";
const knownReviews = ["v1", "v1beta1"];
/** All that identifies an object. */
const identity = ["name", "namespace", "uid"] as const;

export class WebhookConverter {
	readonly #conversion: CustomResourceConversion;
	readonly #caller: ConversionCaller;
	readonly #random: Random;

	constructor(conversion: CustomResourceConversion, options: { readonly caller: ConversionCaller; readonly random: Random }) {
		this.#conversion = conversion;
		this.#caller = options.caller;
		this.#random = options.random;
	}

	/** Converts objects of one kind, none of which is of that version already. Rejects with a StatusError. */
	async convert(objects: readonly KubeObject[], apiVersion: string): Promise<readonly KubeObject[]> {
		const [first] = objects;
		if (first === undefined) return [];
		const about = `conversion webhook for ${kindText(first)}`;
		const converted = await this.#ask(objects, apiVersion).catch((error: unknown) => {
			throw newUnknownError(`${about} failed: ${error instanceof Error ? error.message : String(error)}`);
		});
		if (converted.length !== objects.length) {
			throw newUnknownError(`${about} returned ${converted.length} objects, expected ${objects.length}`);
		}
		return objects.map((object, index) => checked(object, converted[index], { apiVersion, about, index, isList: objects.length > 1 }));
	}

	async #ask(objects: readonly KubeObject[], desiredAPIVersion: string): Promise<readonly JsonValue[]> {
		const { webhook } = this.#conversion;
		const version = webhook?.conversionReviewVersions.find((name) => knownReviews.includes(name));
		if (version === undefined || webhook?.clientConfig === undefined) throw new Error("no supported conversion review versions");
		const uid = this.#random.uuid();
		const apiVersion = formatApiVersion({ group: reviewGroup, version });
		const request = { uid, desiredAPIVersion, objects: objects as unknown as readonly JsonValue[] };
		const answer = await this.#caller.call(webhook.clientConfig, { kind: "ConversionReview", apiVersion, request });
		return objectsOf(answer, version === "v1" ? { apiVersion, uid } : undefined);
	}
}

/** @param expected what an answer has to repeat; undefined for v1beta1, which did not */
function objectsOf(answer: JsonObject, expected: { readonly apiVersion: string; readonly uid: string } | undefined): readonly JsonValue[] {
	const { response, kind = "", apiVersion = "" } = answer;
	if (expected !== undefined && (kind !== "ConversionReview" || apiVersion !== expected.apiVersion)) {
		const got = kindText({ kind: String(kind), apiVersion: String(apiVersion) });
		throw new Error(`expected webhook response of ${kindText({ kind: "ConversionReview", apiVersion: expected.apiVersion })}, got ${got}`);
	}
	if (!isJsonObject(response)) throw new Error("no response provided");
	if (expected !== undefined && response.uid !== expected.uid) {
		throw new Error(`expected response.uid=${JSON.stringify(expected.uid)}, got ${JSON.stringify(response.uid ?? "")}`);
	}
	const result: JsonObject = isJsonObject(response.result) ? response.result : {};
	if (result.status !== "Success") {
		const text = typeof result.message === "string" && result.message !== "" ? result.message : undefined;
		throw new Error(text ?? `response.result.status was '${String(result.status ?? "")}', not 'Success'`);
	}
	return Array.isArray(response.convertedObjects) ? (response.convertedObjects as readonly JsonValue[]) : [];
}

interface Check {
	readonly apiVersion: string;
	readonly about: string;
	readonly index: number;
	readonly isList: boolean;
}

function checked(original: KubeObject, value: JsonValue | undefined, { apiVersion, about, index, isList }: Check): KubeObject {
	// Upstream counts on before it looks at an item of a list, and then calls the first one 1.
	const place = isList ? `index ${index + 1}` : "index 0";
	const fail = (what: string, why: string): StatusError => newUnknownError(`${about} returned ${what}: ${why}`);
	const unreadable = whyUnreadable(value);
	// Of an object that is alone nothing else is said.
	if (unreadable !== undefined && !isList) throw newUnknownError(unreadable);
	if (unreadable !== undefined) throw fail(`invalid converted object at index ${index}`, unreadable);
	const converted = value as KubeObject;
	const another = isList ? `invalid converted object at ${place}` : `invalid object at ${place}`;
	if (converted.apiVersion !== apiVersion) {
		throw fail(another, `invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ""})`);
	}
	if (converted.kind !== original.kind) throw fail(another, `invalid kind (expected ${original.kind}, received ${converted.kind ?? ""})`);
	const mismatch = identity.find((field) => (converted.metadata?.[field] ?? "") !== (original.metadata?.[field] ?? ""));
	if (mismatch !== undefined) {
		const name = mismatch === "uid" ? "UID" : mismatch;
		const values = `${original.metadata?.[mismatch] ?? ""} != ${converted.metadata?.[mismatch] ?? ""}`;
		throw fail(isList ? another : "invalid object", `must have the same ${name}: ${values}`);
	}
	const wrong = whyWrongMetadata(original.metadata ?? {}, converted.metadata as JsonObject | undefined);
	if (wrong !== undefined) throw fail(isList ? `invalid metadata in object at ${place}` : "invalid metadata", wrong);
	const { labels: _labels, annotations: _annotations, ...metadata } = original.metadata ?? {};
	const { labels, annotations } = converted.metadata ?? {};
	return { ...converted, metadata: { ...metadata, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } };
}

/** What cannot be an object of any kind, in the words of Go's JSON and of runtime.NewMissingKindErr. */
function whyUnreadable(value: JsonValue | undefined): string | undefined {
	if (value === null || value === undefined) return "unexpected end of JSON input";
	if (!isJsonObject(value)) {
		return `json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`;
	}
	return typeof value.kind === "string" && value.kind !== "" ? undefined : `Object 'Kind' is missing in '${JSON.stringify(value)}'`;
}

/** Labels and annotations are all of its metadata that a webhook may change, if they are ones. */
function whyWrongMetadata(original: ObjectMeta, converted: JsonObject | undefined): string | undefined {
	if (converted === undefined) return "missing metadata in converted object";
	for (const [field, validate] of changeable) {
		const given = converted[field];
		if (given === undefined || given === null) continue;
		if (!isJsonObject(given)) return `invalid metadata.${field} of type ${goType(given)} in converted object`;
		for (const [key, value] of Object.entries(given)) {
			if (typeof value !== "string") {
				const type = value === null ? "<nil>" : goType(value);
				return `metadata.${field}[${key}] must be a string, but is ${type} in converted object`;
			}
		}
		if (jsonEqual(given, original[field] ?? {})) continue;
		const texts = validate(given as Readonly<Record<string, string>>).map(String);
		if (texts.length > 0) return texts.length === 1 ? texts[0] : `[${[...new Set(texts)].join(", ")}]`;
	}
	return undefined;
}

const changeable = [
	["labels", (labels: Readonly<Record<string, string>>) => validateLabels(labels, "metadata.labels")],
	["annotations", (annotations: Readonly<Record<string, string>>) => validateAnnotations(annotations, "metadata.annotation")],
] as const;

/** `stable.example.com/v1, Kind=CronTab` */
function kindText({ apiVersion = "", kind = "" }: KubeObject): string {
	const { group, version } = parseApiVersion(apiVersion);
	return `${group}/${version}, Kind=${kind}`;
}
