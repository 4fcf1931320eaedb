/**
 * The objects that a binding gives its policy as `params`.
 * Source: k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams);
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
 */
import { type KubeObject, parseApiVersion } from "../../../apimachinery/meta.ts";
import type { ParamKind, ParamRef } from "../../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../../apimachinery/selector.ts";
import type { AdmissionAttributes } from "../admission.ts";

/** What serves a kind; undefined for a kind that is not served. */
export type FindKind = (group: string, version: string, kind: string) => FoundKind | undefined;

export interface FoundKind {
	readonly resource: string;
	readonly isNamespaced: boolean;
	/** Name of its type in the schema table; "" for a kind that the table does not have. */
	readonly type: string;
	setDefaults(object: KubeObject): KubeObject;
}

/** Each of the objects is for an evaluation of its own; `undefined` is for one without. No object: the binding does nothing. */
export type Params = { readonly objects: readonly (KubeObject | undefined)[] } | { readonly error: string };

export function paramsOf(
	paramKind: ParamKind | undefined,
	ref: ParamRef | undefined,
	{ namespace: requestNamespace, lookup }: AdmissionAttributes,
	findKind: FindKind,
): Params {
	// A policy without a kind of parameters has none, and a binding without a reference gives none.
	if (paramKind === undefined || ref === undefined) return { objects: [undefined] };
	const { group, version } = parseApiVersion(paramKind.apiVersion ?? "");
	const kind = findKind(group, version, paramKind.kind ?? "");
	if (kind === undefined) return { error: `paramKind kind \`${group}/${version}, Kind=${paramKind.kind ?? ""}\` not known` };
	const { name = "", namespace: refNamespace = "", selector, parameterNotFoundAction = "Deny" } = ref;
	if (!kind.isNamespaced && refNamespace !== "")
		return { error: "paramRef.namespace must not be provided for a cluster-scoped `paramKind`" };
	const namespace = !kind.isNamespaced ? "" : refNamespace === "" ? requestNamespace : refNamespace;
	if (kind.isNamespaced && namespace === "") {
		return { error: "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources" };
	}
	const objects: readonly KubeObject[] =
		selector === undefined
			? [lookup.find(group, kind.resource, namespace, name)].filter((each) => each !== undefined)
			: lookup
					.list(group, kind.resource, namespace)
					.filter(({ metadata }) => labelSelectorFromObject(selector).matches(metadata?.labels ?? {}));
	if (objects.length > 0 || parameterNotFoundAction === "Allow") return { objects };
	return { error: "no params found for policy binding with `Deny` parameterNotFoundAction" };
}
