/**
 * Applies a patch document to an object as clients see it.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
 */
import type { ApiRequest, PatchType } from "../../apimachinery/api-request.ts";
import { goJson, goText } from "../../apimachinery/go-text.ts";
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../apimachinery/patch/json-patch.ts";
import { applyMergePatch } from "../../apimachinery/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../../apimachinery/patch/strategic-merge-patch.ts";
import type { DecodeOptions, FieldValidation } from "../../apimachinery/schema/decode.ts";
import { jsonKind } from "../../apimachinery/schema/decode-errors.ts";
import { newBadRequest, newInvalid, newRequestEntityTooLarge } from "../../apimachinery/status-error.ts";
import { fieldInvalid } from "../../apimachinery/validation/field-error.ts";

/** More operations than this in one JSON patch are refused, as kube-apiserver does. */
const maxJsonPatchOperations = 10_000;

/** The patches that are a function of the object alone; an apply also needs to know who owns which field. */
type MergeablePatchType = Exclude<PatchType, "application/apply-patch+yaml">;

/** Throws BadRequest for a patch without a type; asked before the object is looked up. */
export function patchTypeOf(patchType: PatchType | undefined): PatchType {
	if (patchType === undefined) throw newBadRequest("a patch needs a content type");
	return patchType;
}

/**
 * @param typeName the object's type in the schema table
 * @param fieldValidation under Ignore nobody minds of which types the members of a JSON patch's operations are
 * Throws a `StatusError` for a patch that can't be applied.
 */
export function applyPatch(
	object: KubeObject,
	patchType: MergeablePatchType,
	patch: unknown,
	typeName: string,
	fieldValidation: FieldValidation = "Warn",
): unknown {
	const document = object as unknown as JsonObject;
	switch (patchType) {
		case "application/json-patch+json":
			if (!Array.isArray(patch)) throw newBadRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
			if (patch.length > maxJsonPatchOperations) {
				throw newRequestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${patch.length}`);
			}
			if (fieldValidation !== "Ignore") checkOperations(patch);
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

/**
 * How the outcome of a request's patch is decoded: what does not fit is the patch's fault, and what strict decoding finds in
 * the patch itself is told, too. For a PUT, which has no patch: nothing.
 * @param patched the object after the patch
 */
export function patchDecoding(
	{ patchType, body, duplicateFields = [] }: ApiRequest,
	patched: unknown,
): Pick<DecodeOptions, "patchFindings" | "refuse"> {
	if (patchType === undefined || patchType === "application/apply-patch+yaml") return {};
	const isStrategic = patchType === "application/strategic-merge-patch+json";
	const shown = () => (isStrategic ? goText(body as JsonValue) : goJson(patched as JsonValue));
	const isJsonPatch = patchType === "application/json-patch+json";
	return {
		patchFindings: [
			...(isJsonPatch ? unknownMembers(body) : []),
			...duplicateFields.map((field) => `${isJsonPatch ? "json patch " : ""}duplicate field "${field}"`),
		],
		refuse: (error) =>
			newInvalid({ group: "", kind: "" }, "", [fieldInvalid("patch", shown(), isStrategic ? error.conversion : error.message)]),
	};
}

const operationMembers = ["op", "path", "from", "value"];

/** Throws BadRequest for a member of an operation that is no text and should be. */
function checkOperations(operations: readonly unknown[]): void {
	for (const operation of operations) {
		if (!isJsonObject(operation)) continue;
		for (const member of ["op", "path", "from"]) {
			const value = ownValue(operation, member) ?? null;
			if (value === null || typeof value === "string") continue;
			const kind = jsonKind(value);
			throw newBadRequest(`error decoding patch: json: cannot unmarshal ${kind} into Go struct field jsonPatchOp.${member} of type string`);
		}
	}
}

function unknownMembers(patch: unknown): readonly string[] {
	const operations: readonly unknown[] = Array.isArray(patch) ? patch : [];
	return operations.flatMap((operation, index) => {
		const unknown = isJsonObject(operation) ? Object.keys(operation).filter((key) => !operationMembers.includes(key)) : [];
		return unknown.map((key) => `json patch unknown field "[${index}].${key}"`);
	});
}
