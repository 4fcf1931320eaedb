/**
 * Applies a patch document to an object as clients see it.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
 */
import type { PatchType } from "../../apimachinery/api-request.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../apimachinery/patch/json-patch.ts";
import { applyMergePatch } from "../../apimachinery/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../apimachinery/patch/strategic-merge-patch.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";

/** More operations than this in one JSON patch are refused, as kube-apiserver does. */
const maxJsonPatchOperations = 10_000;

/** The patches that are a function of the object alone; an apply also needs to know who owns which field. */
type MergeablePatchType = Exclude<PatchType, "application/apply-patch+yaml">;

/** Throws BadRequest for a patch without a type; asked before the object is looked up. */
export function patchTypeOf(patchType: PatchType | undefined): PatchType {
	if (patchType === undefined) throw newBadRequest("a patch needs a content type");
	return patchType;
}

/** @param typeName the object's type in the schema table. Throws a `StatusError` for a patch that can't be applied. */
export function applyPatch(object: KubeObject, patchType: MergeablePatchType, patch: unknown, typeName: string): unknown {
	const document = object as unknown as JsonObject;
	switch (patchType) {
		case "application/json-patch+json":
			if (!Array.isArray(patch)) throw newBadRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
			if (patch.length > maxJsonPatchOperations) {
				throw newBadRequest(`The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${patch.length}`);
			}
			return applyJsonPatch(document, patch);
		case "application/merge-patch+json":
			return applyMergePatch(document, objectPatch(patch));
		case "application/strategic-merge-patch+json":
			return applyStrategicMergePatch(document, objectPatch(patch), typeName);
		default:
			return patchType satisfies never;
	}
}

function objectPatch(patch: unknown): JsonObject {
	if (!isJsonObject(patch)) throw newBadRequest("json: cannot unmarshal array into Go value of type map[string]interface {}");
	return patch;
}
