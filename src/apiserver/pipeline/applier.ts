/**
 * Server-side apply of one request: from a configuration and the current object to the merged one and its owners.
 * Source of behaviour and texts: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and
 * k8s.io/apimachinery/pkg/util/managedfields.
 */
import { type Applied, type ApplyOptions, applyConfiguration } from "../../apimachinery/apply/apply.ts";
import { ApplyConflictError, conflictsOutside, newApplyConflict } from "../../apimachinery/apply/conflict.ts";
import type { FieldSet } from "../../apimachinery/apply/field-set.ts";
import {
	fieldsOfLastApplied,
	kubectlManager,
	lastAppliedAnnotation,
	lastAppliedOf,
	noteOf,
} from "../../apimachinery/apply/last-applied.ts";
import { ItemError } from "../../apimachinery/apply/list-item.ts";
import type { OwnedFields } from "../../apimachinery/apply/managers.ts";
import { mergeNodeOf } from "../../apimachinery/apply/merge-node.ts";
import { formatTypeErrors, typeErrorsOf } from "../../apimachinery/apply/validate.ts";
import type { Before } from "../../apimachinery/apply/writes.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict, newUnknownError } from "../../apimachinery/status-error.ts";
import { maxAnnotationsBytes } from "../../apimachinery/validation/object-meta.ts";
import { type FieldOwners, withManagedFields } from "./field-owners.ts";
import { OwnerConversionError } from "./owner-conversions.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";

export class Applier {
	readonly #owners: FieldOwners;

	constructor(owners: FieldOwners) {
		this.#owners = owners;
	}

	/**
	 * Checks what can be checked without the current object: kind and version, types, no owners in it.
	 * @param typeName the endpoint's type. Throws BadRequest, or Kubernetes' plain error for what is not of the type
	 */
	checkConfiguration({ endpoint, request, served }: RequestContext, body: unknown, typeName: string): JsonObject {
		if (!isJsonObject(body)) throw newBadRequest("the object provided is unrecognized (must be of type Object)");
		const apiVersion = endpoint.kind === "Scale" ? "autoscaling/v1" : formatApiVersion(request);
		const [wanted, sent] = [kindText(apiVersion, endpoint.kind), kindText(textOf(body.apiVersion), textOf(body.kind))];
		if (sent !== wanted) throw newBadRequest(`invalid object type: ${sent}`);
		const metadata: JsonObject = isJsonObject(body.metadata) ? body.metadata : {};
		if (Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
			throw newBadRequest("metadata.managedFields must be nil");
		}
		const custom = typeName === served.resource.type ? served.customType : undefined;
		const errors = typeErrorsOf(custom?.mergeNode ?? mergeNodeOf(typeName), body);
		if (errors.length === 0) return body;
		const subject = `${textOf(metadata.namespace)}/${textOf(metadata.name)}; ${sent}`;
		throw newUnknownError(`failed to create typed patch object (${subject}): ${formatTypeErrors(errors)}`);
	}

	/**
	 * Lays a checked configuration over the current object; undefined if there is none.
	 * Throws Conflict with every field that others own and the configuration changes.
	 * @returns the object in the request's version
	 */
	apply(
		context: RequestContext,
		current: KubeObject | undefined,
		configuration: JsonObject,
		reset: FieldSet | undefined,
	): { readonly object: KubeObject; readonly owners: readonly OwnedFields[] } {
		const before: Before = {
			object: current === undefined ? {} : withManagedFields(toServedVersion(context, current), []),
			entries: current === undefined ? [] : this.#owners.beforeApply(context, current),
		};
		const options = { ...this.#owners.writeOptions(context, "Apply", reset), force: context.options.force === true };
		if (current === undefined) checkAbsent(context, configuration);
		try {
			const { object, entries } = applyMindfulOfNote(before, configuration, options);
			return { object: withNote(object, configuration, options) as KubeObject, owners: entries };
		} catch (error) {
			if (error instanceof ItemError) throw newUnknownError(error.message);
			throw error instanceof OwnerConversionError ? error.cause : error;
		}
	}
}

/** A configuration that names the object it is meant for does not make another one. */
function checkAbsent({ definition, name }: RequestContext, { metadata }: JsonObject): void {
	const { uid = "" }: ObjectMeta = isJsonObject(metadata) ? (metadata as ObjectMeta) : {};
	if (uid === "") return;
	throw newConflict(definition, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
}

/** What kubectl has noted as its own it may take back from anybody, as long as nobody has changed it. */
function applyMindfulOfNote(before: Before, configuration: JsonObject, options: ApplyOptions): Applied {
	try {
		return applyConfiguration(before, configuration, options);
	} catch (error) {
		if (!(error instanceof ApplyConflictError) || options.id.manager !== kubectlManager) throw error;
		const node = options.versions.nodeOf(options.id.apiVersion);
		if (node === undefined) throw error;
		const rest = conflictsOutside(error.conflicts, fieldsOfLastApplied(node, before.object, options.id.apiVersion));
		if (rest.length > 0) throw newApplyConflict(rest);
		return applyConfiguration(before, configuration, { ...options, force: true });
	}
}

/** Keeps kubectl's note up to date on objects that have one; a note that is too large goes. */
function withNote(object: unknown, configuration: JsonObject, { id }: ApplyOptions): unknown {
	if (id.manager !== kubectlManager || lastAppliedOf(object) === undefined) return object;
	const { metadata = {}, ...rest } = object as KubeObject;
	const noted = { ...metadata.annotations, [lastAppliedAnnotation]: noteOf(configuration) };
	const { [lastAppliedAnnotation]: _, ...others } = noted;
	return { ...rest, metadata: { ...metadata, annotations: bytesOf(noted) > maxAnnotationsBytes ? others : noted } };
}

function bytesOf(annotations: Readonly<Record<string, string>>): number {
	return Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}

/** Go's text of a kind: `apps/v1, Kind=Deployment`, `/v1, Kind=ConfigMap`. */
function kindText(apiVersion: string, kind: string): string {
	const { group, version } = parseApiVersion(apiVersion);
	return `${group}/${version}, Kind=${kind}`;
}

function textOf(value: unknown): string {
	return typeof value === "string" ? value : "";
}
