/** What MutatingAdmissionPolicies write JSON patches with. Source: k8s.io/apiserver/pkg/cel/library/jsonpatch.go, pkg/cel/mutation. */
import { dynType, type ObjectType, objectType, stringType } from "../types/types.ts";
import { asString } from "../values/values.ts";
import { declare, type Library, overload } from "./function.ts";

/** `JSONPatch{op: "add", path: "/spec/x", value: 1}`. */
export const jsonPatchType: ObjectType = objectType("JSONPatch", { op: stringType, path: stringType, from: stringType, value: dynType });

export const jsonPatchLibrary: Library = {
	functions: [
		declare("jsonpatch.escapeKey", [
			overload("string_jsonpatch_escapeKey_string", [stringType], stringType, (key) =>
				asString(key).replaceAll("~", "~0").replaceAll("/", "~1"),
			),
		]),
	],
	typeNames: [[jsonPatchType.name, jsonPatchType]],
};
