/**
 * What expressions of policies and match conditions may refer to: the object and its old self, the request, the namespace,
 * parameters, variables and an authorizer.
 * Source: k8s.io/apiserver/pkg/admission/plugin/cel/{compile,composition,mutation}.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression
 */
import type { Environment } from "../environment.ts";
import { type CompiledExpression, compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { authorizerType, resourceCheckType } from "../library/authorizer.ts";
import { jsonPatchLibrary } from "../library/json-patch.ts";
import {
	boolType,
	type CelType,
	dynType,
	formatType,
	intType,
	isExactly,
	listType,
	mapType,
	nullType,
	objectType,
	stringType,
	timestampType,
} from "../types/types.ts";

const texts = listType(stringType);
const groupVersionKind = objectType("kubernetes.GroupVersionKind", { group: stringType, version: stringType, kind: stringType });
const groupVersionResource = objectType("kubernetes.GroupVersionResource", {
	group: stringType,
	version: stringType,
	resource: stringType,
});
const userInfo = objectType("kubernetes.UserInfo", {
	username: stringType,
	uid: stringType,
	groups: texts,
	extra: mapType(stringType, texts),
});
const admissionRequest = objectType("kubernetes.AdmissionRequest", {
	kind: groupVersionKind,
	resource: groupVersionResource,
	subResource: stringType,
	requestKind: groupVersionKind,
	requestResource: groupVersionResource,
	requestSubResource: stringType,
	name: stringType,
	namespace: stringType,
	operation: stringType,
	userInfo,
	dryRun: boolType,
	options: dynType,
});
const namespaceObject = objectType("kubernetes.Namespace", {
	metadata: objectType("kubernetes.NamespaceMetadata", {
		name: stringType,
		generateName: stringType,
		namespace: stringType,
		labels: mapType(stringType, stringType),
		annotations: mapType(stringType, stringType),
		UID: stringType,
		creationTimestamp: timestampType,
		deletionGracePeriodSeconds: intType,
		deletionTimestamp: timestampType,
		generation: intType,
		resourceVersion: stringType,
		finalizers: texts,
	}),
	spec: objectType("kubernetes.NamespaceSpec", { finalizers: texts }),
	status: objectType("kubernetes.NamespaceStatus", {
		conditions: listType(
			objectType("kubernetes.NamespaceCondition", {
				status: stringType,
				type: stringType,
				lastTransitionTime: timestampType,
				message: stringType,
				reason: stringType,
			}),
		),
		phase: stringType,
	}),
});

/** What an expression may see besides the object and the request. */
export interface Visible {
	readonly params: boolean;
	readonly authorizer: boolean;
	/** Types of the policy's variables before this one; undefined where there can be none. */
	readonly variables?: Readonly<Record<string, CelType>>;
	/** `Object{…}` and `JSONPatch{…}`, which mutations write. */
	readonly patches?: boolean;
	/** The type of `object` and `oldObject`, to check expressions against one kind; dyn otherwise. */
	readonly object?: CelType;
	/** The type of `params`; dyn otherwise. */
	readonly paramsType?: CelType;
}

/** `Object`, `Object.spec`, `Object.spec.template` …: messages with whatever fields the mutation writes. */
function resolvePatchType(name: string): CelType | undefined {
	if (name !== "Object" && !name.startsWith("Object.")) return undefined;
	return { kind: "object", name, field: () => dynType };
}

export function environmentOf({ params, authorizer, variables, patches, object = dynType, paramsType = dynType }: Visible): Environment {
	const base = kubernetesEnvironment.extend({
		variables: {
			object,
			oldObject: object,
			request: admissionRequest,
			namespaceObject,
			...(params ? { params: paramsType } : {}),
			...(authorizer ? { authorizer: authorizerType, "authorizer.requestResource": resourceCheckType } : {}),
			...(variables === undefined ? {} : { variables: objectType("kubernetes.variables", variables) }),
		},
	});
	return patches === true ? base.extend({ libraries: [jsonPatchLibrary], resolveType: resolvePatchType }) : base;
}

/** Types that an expression may have, by what it is for. */
export const resultTypes = {
	condition: [boolType],
	message: [stringType],
	annotation: [stringType, nullType],
	variable: undefined,
	applyConfiguration: [objectType("Object")],
	jsonPatch: [listType(objectType("JSONPatch"))],
} as const satisfies Readonly<Record<string, readonly CelType[] | undefined>>;

export type Purpose = keyof typeof resultTypes;

/** Compiles an expression; or what is wrong with it, as field errors tell it. */
export function compileFor(text: string, visible: Visible, purpose: Purpose): CompiledExpression | { readonly problem: string } {
	const compiled = compileExpression(text, environmentOf(visible));
	if ("problem" in compiled) return { problem: `compilation failed: ${compiled.problem}` };
	const allowed: readonly CelType[] | undefined = resultTypes[purpose];
	const { type } = compiled.checked;
	if (allowed === undefined || allowed.some((each) => isExactly(each, type))) return compiled;
	const names = allowed.map(goTypeText);
	const must = names.length === 1 ? `must evaluate to ${names[0]}` : `must evaluate to one of [${names.join(" ")}]`;
	return { problem: `${must} but got ${goTypeText(type)}` };
}

/** Go's String() of a type, which names null otherwise than error texts of the checker. */
const goTypeText = (type: CelType): string => (type.kind === "null" ? "null_type" : formatType(type));
