/**
 * /scale: a workload's replica count behind one small kind, autoscaling/v1 Scale, whatever the workload's own kind.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ (scale).
 */
import { ApplyConflictError, newApplyConflict } from "../../apimachinery/apply/conflict.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Scale } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict, newInternalError, newInvalid, newPathNotFound } from "../../apimachinery/status-error.ts";
import { fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { andThen } from "../admission/admission.ts";
import { decodeBody } from "../pipeline/decode-body.ts";
import { applyPatch, patchDecoding, patchTypeOf } from "../pipeline/patch.ts";
import { type RequestContext, toStorageVersion } from "../pipeline/request-context.ts";
import { mainStrategy, type UpdateStrategy } from "../pipeline/strategy.ts";
import type { Made, Writer } from "../pipeline/writer.ts";
import type { ScaleMapping } from "../registry/kind.ts";

const applyType = "application/apply-patch+yaml";

/** The write to the object behind the Scale, on which admission has spoken. */
function scaleStrategy({ served }: RequestContext): UpdateStrategy {
	return { ...mainStrategy(served), isAdmitted: true };
}

function mappingOf({ definition }: RequestContext): ScaleMapping<KubeObject> {
	if (definition.scale === undefined) throw newPathNotFound();
	return definition.scale;
}

function scaleOf(context: RequestContext, object: KubeObject): Scale {
	const mapping = mappingOf(context);
	const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
	return {
		kind: "Scale",
		apiVersion: "autoscaling/v1",
		metadata: Object.fromEntries(
			Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp }).filter(([, value]) => value !== undefined),
		),
		spec: { replicas: mapping.specReplicas(object) },
		status: { replicas: mapping.statusReplicas(object), selector: mapping.selector(object) },
	};
}

/** GET of /scale. Throws InternalError for an object that has no count. */
export function readScale(context: RequestContext): Scale {
	const object = context.storage.get(context.namespace, context.name);
	const problem = mappingOf(context).missing?.(object);
	if (problem !== undefined) throw newInternalError(problem);
	return scaleOf(context, object);
}

/** PUT or PATCH of /scale: changes spec.replicas of the object behind it. */
export async function writeScale(context: RequestContext, writer: Writer): Promise<Scale> {
	const mapping = mappingOf(context);
	if (context.request.patchType === applyType) return applyScale(context, writer);
	const sentScale = scaleSource(context);
	const make = (current: KubeObject): KubeObject | Promise<KubeObject> => {
		const sent = sentScale(scaleOf(context, current));
		const decoded: Scale = decodeBody(context, sent, "Scale", patchDecoding(context.request, sent));
		if (decoded.metadata?.name !== undefined && decoded.metadata.name !== context.name) {
			throw newBadRequest(`the name of the object (${decoded.metadata.name}) does not match the name on the URL (${context.name})`);
		}
		const replicas = decoded.spec?.replicas ?? 0;
		if (replicas < 0) {
			const error = fieldInvalid("spec.replicas", replicas, "must be greater than or equal to 0");
			throw newInvalid({ group: "autoscaling", kind: "Scale" }, context.name, [error]);
		}
		checkUid(context, decoded, current);
		return andThen(writer.admit(context, "UPDATE", decoded, scaleOf(context, current)), (admitted) => {
			const version = decoded.metadata?.resourceVersion;
			const scaled = mapping.withReplicas(current, (admitted as Scale).spec?.replicas ?? 0);
			// A kind that wants to be told which version is meant gets the one that the scale was made from.
			if (version === undefined && context.definition.allowUnconditionalUpdate === false) return scaled;
			return version === undefined ? withoutVersion(scaled) : { ...scaled, metadata: { ...scaled.metadata, resourceVersion: version } };
		});
	};
	return scaleOf(context, await writer.write(context, make, scaleStrategy(context)));
}

/** What the request makes of the current Scale: its body, or a patch applied. */
function scaleSource({ request }: RequestContext): (current: Scale) => unknown {
	const { verb, body, options } = request;
	if (verb !== "patch") return () => body;
	const patchType = patchTypeOf(request.patchType);
	return (current) => (patchType === applyType ? body : applyPatch(current, patchType, body, "Scale", options?.fieldValidation));
}

/** Server-side apply: the Scale's replicas are those of the object behind it, and so are their owners. */
async function applyScale(context: RequestContext, writer: Writer): Promise<Scale> {
	const scale = writer.applier.checkConfiguration(context, context.request.body, "Scale");
	const configuration = parentConfiguration(scale, mappingOf(context).replicasPath ?? ["spec", "replicas"]);
	const make = (current: KubeObject): Made | Promise<Made> => {
		const { object, owners } = writer.applier.apply(context, current, configuration, undefined);
		const next = toStorageVersion(context, object);
		return andThen(writer.admit(context, "UPDATE", scaleOf(context, next), scaleOf(context, current)), (admitted) => {
			const replicas = (admitted as Scale).spec?.replicas ?? 0;
			return { object: mappingOf(context).withReplicas(next, replicas), owners };
		});
	};
	try {
		return scaleOf(context, await writer.writeMade(context, make, scaleStrategy(context)));
	} catch (error) {
		if (!(error instanceof ApplyConflictError)) throw error;
		// The other owners are named as owners of the Scale, too.
		const inScale = error.conflicts.map(({ owner, path }) => ({ owner: { ...owner, apiVersion: "autoscaling/v1" }, path }));
		throw newApplyConflict(inScale);
	}
}

/** What a configuration of a Scale says of the object behind it. */
function parentConfiguration({ metadata, spec }: JsonObject, path: readonly string[]): JsonObject {
	const { resourceVersion, uid }: JsonObject = isJsonObject(metadata) ? metadata : {};
	const replicas = isJsonObject(spec) ? spec.replicas : undefined;
	const nested = path.reduceRight<JsonValue | undefined>((value, name) => (value === undefined ? undefined : { [name]: value }), replicas);
	return { ...(isJsonObject(nested) ? nested : {}), metadata: { resourceVersion, uid } };
}

function checkUid({ definition, name }: RequestContext, { metadata }: Scale, current: KubeObject): void {
	const { uid = "" } = metadata ?? {};
	if (uid === "" || uid === current.metadata?.uid) return;
	const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata?.uid}`;
	throw newConflict({ group: definition.group, resource: `${definition.resource}/scale` }, name, why);
}

/** Without a resourceVersion the write takes whatever is current. */
function withoutVersion(object: KubeObject): KubeObject {
	const { resourceVersion: _, ...metadata } = object.metadata ?? {};
	return { ...object, metadata };
}
