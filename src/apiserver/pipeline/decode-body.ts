/**
 * From the body of a write to the object that the pipeline goes on with: of the endpoint's kind, without what the schema does not know, and
 * with a spec. Parts that come back as they went out are taken as they are.
 */
import { isJsonObject, type JsonValue } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { type DecodeOptions, decodeObject } from "../../apimachinery/schema/decode.ts";
import type { ManagedFieldsEntry } from "../../apimachinery/schema/generated/types.ts";
import { typeSchema } from "../../apimachinery/schema/schema.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import { isOwnWriting } from "../encoding.ts";
import { isKnownList } from "./field-owners.ts";
import type { RequestContext } from "./request-context.ts";
import { withMetadata } from "./system-metadata.ts";

const noOwners: readonly ManagedFieldsEntry[] = [];

/** Checks that a body is an object of the endpoint's kind, drops what the schema does not know and says so. */
export function decodeBody(
	context: RequestContext,
	body: unknown,
	typeName: string,
	patch: Pick<DecodeOptions, "patchFindings" | "refuse" | "known"> = {},
): KubeObject {
	if (!isJsonObject(body)) throw newBadRequest("the object provided is unrecognized (must be of type Object)");
	const list = isJsonObject(body.metadata) ? body.metadata.managedFields : undefined;
	checkKind(context, body);
	if (isDeeperThan(body, context.definition.maxDepth ?? Number.POSITIVE_INFINITY)) throw newBadRequest("json: exceeded max depth");
	const { group, version } = context.endpoint.kind === context.definition.kind ? context.request : groupVersionOf(body, context);
	const { object, warnings } = decodeObject(body, typeName, {
		kind: context.endpoint.kind,
		...(context.request.duplicateFields === undefined || context.request.verb === "patch"
			? {}
			: { duplicateFields: context.request.duplicateFields }),
		...patch,
		apiVersion: formatApiVersion({ group, version }),
		fieldValidation: context.options.fieldValidation ?? "Warn",
		// Owners that come back as they went out need no decoding.
		trusted: isKnownList(list) ? list : undefined,
		known: patch.known,
		decoder: typeName === context.served.resource.type ? context.served.customType?.decode : undefined,
	});
	context.warnings.push(...warnings);
	return withReset(withSpec(object, typeName), list);
}

/** The version that the cache has, where it needs no decoding. */
export function knownVersion(context: RequestContext): KubeObject | undefined {
	const entry = context.storage.cache.find(context.namespace, context.name);
	return entry !== undefined && !entry.isBytes && isDecoded(context, entry.object) ? entry.object : undefined;
}

/**
 * Whether what the request's version shows of a stored object are its own parts, which have been decoded as the same type. The object may
 * be sent back with most of its parts as they were: by who changed one of them in this process, and by every patch.
 */
export function isDecoded({ definition, endpoint }: RequestContext, object: KubeObject): boolean {
	const isSame = endpoint.kind === definition.kind && definition.isCustom !== true && definition.fromStorage === undefined;
	return isSame && isOwnWriting(object);
}

/** Looks no deeper than it has to; without a limit it does not look at all. */
function isDeeperThan(value: unknown, limit: number): boolean {
	if (limit === Number.POSITIVE_INFINITY || typeof value !== "object" || value === null) return false;
	return limit === 0 || Object.values(value).some((part) => isDeeperThan(part, limit - 1));
}

/** An empty list of owners is a request to forget them, where every other empty list counts as absent. */
function withReset(object: KubeObject, sent: JsonValue | undefined): KubeObject {
	return Array.isArray(sent) && sent.length === 0 ? withMetadata(object, { ...object.metadata, managedFields: noOwners }) : object;
}

/** A spec is a struct in Kubernetes, never absent: its defaults hold for an object that was sent without one, too. */
function withSpec(object: KubeObject, typeName: string): KubeObject {
	if ("spec" in object || typeSchema(typeName)?.fields.get("spec")?.type.form !== "object") return object;
	return { ...object, spec: {} } as KubeObject;
}

function groupVersionOf(body: { readonly apiVersion?: unknown }, context: RequestContext) {
	if (typeof body.apiVersion !== "string") return context.request;
	const [group = "", version = ""] = body.apiVersion.includes("/") ? body.apiVersion.split("/") : ["", body.apiVersion];
	return { group, version };
}

function checkKind(context: RequestContext, body: { readonly kind?: unknown; readonly apiVersion?: unknown }): void {
	const { kind } = context.endpoint;
	if (kind !== context.definition.kind) return;
	const apiVersion = formatApiVersion(context.request);
	// What is no text is the decoder's to refuse.
	if (typeof body.apiVersion === "string" && body.apiVersion !== "" && body.apiVersion !== apiVersion) {
		throw newBadRequest(`the API version in the data (${body.apiVersion}) does not match the expected API version (${apiVersion})`);
	}
	if (typeof body.kind === "string" && body.kind !== "" && body.kind !== kind) {
		throw newBadRequest(
			`${body.kind} in version "${context.request.version}" cannot be handled as a ${kind}: converting (${body.kind}) to (${kind}): unknown conversion`,
		);
	}
}
