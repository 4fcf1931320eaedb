/**
 * /scale: a workload's replica count behind one small kind, autoscaling/v1 Scale, whatever the workload's own kind.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ (scale).
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Scale } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newInvalid, newPathNotFound } from "../../apimachinery/status-error.ts";
import { fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { applyPatch, assertMergeable } from "../pipeline/patch.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { mainStrategy } from "../pipeline/strategy.ts";
import type { Writer } from "../pipeline/writer.ts";
import type { ScaleMapping } from "../registry/kind.ts";

function mappingOf({ definition }: RequestContext): ScaleMapping<KubeObject> {
	if (definition.scale === undefined) throw newPathNotFound();
	return definition.scale;
}

export function scaleOf(context: RequestContext, object: KubeObject): Scale {
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

/** PUT or PATCH of /scale: changes spec.replicas of the object behind it. */
export async function writeScale(context: RequestContext, writer: Writer): Promise<Scale> {
	const mapping = mappingOf(context);
	const sentScale = scaleSource(context);
	const make = (current: KubeObject): KubeObject => {
		const decoded: Scale = writer.decode(context, sentScale(scaleOf(context, current)), "Scale");
		if (decoded.metadata?.name !== undefined && decoded.metadata.name !== context.name) {
			throw newBadRequest(`the name of the object (${decoded.metadata.name}) does not match the name on the URL (${context.name})`);
		}
		const replicas = decoded.spec?.replicas ?? 0;
		if (replicas < 0) {
			const error = fieldInvalid("spec.replicas", replicas, "must be greater than or equal to 0");
			throw newInvalid({ group: "autoscaling", kind: "Scale" }, context.name, [error]);
		}
		const version = decoded.metadata?.resourceVersion;
		const scaled = mapping.withReplicas(current, replicas);
		return version === undefined ? withoutVersion(scaled) : { ...scaled, metadata: { ...scaled.metadata, resourceVersion: version } };
	};
	return scaleOf(context, await writer.write(context, make, mainStrategy(context.served)));
}

/** What the request makes of the current Scale: its body, or a patch applied. */
function scaleSource({ request }: RequestContext): (current: Scale) => unknown {
	const { verb, patchType, body } = request;
	if (verb !== "patch") return () => body;
	assertMergeable(patchType);
	return (current) => applyPatch(current, patchType, body, "Scale");
}

/** Without a resourceVersion the write takes whatever is current. */
function withoutVersion(object: KubeObject): KubeObject {
	const { resourceVersion: _, ...metadata } = object.metadata ?? {};
	return { ...object, metadata };
}
