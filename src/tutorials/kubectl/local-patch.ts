/** A patch of what stands in a file. Apart from its callers, since types of all kinds are loaded for it. */
import type { PatchType } from "../../apimachinery/api-request.ts";
import type { JsonValue } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../apimachinery/patch/json-patch.ts";
import { applyMergePatch } from "../../apimachinery/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../apimachinery/patch/strategic-merge-patch.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";

/** Throws as the functions of apimachinery/patch/. */
export function patched(object: KubeObject, type: PatchType, patch: JsonValue): JsonValue {
	if (type === "application/json-patch+json") return applyJsonPatch(object, patch);
	const made =
		type === "application/merge-patch+json" ? applyMergePatch(object, patch) : applyStrategicMergePatch(object, patch, typeOf(object));
	return made as unknown as JsonValue;
}

function typeOf({ apiVersion, kind }: KubeObject): string {
	const found = generatedResources.find((resource) => resource.kind === kind && formatApiVersion(resource) === apiVersion);
	return found?.type ?? "";
}
