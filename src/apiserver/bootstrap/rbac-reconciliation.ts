/**
 * Brings the roles and bindings that every cluster is born with back to what they have to hold, at every start: what was
 * taken away is added again, what was added stays. The annotation `rbac.authorization.kubernetes.io/autoupdate: "false"`
 * keeps an object as it is.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation and
 * component-helpers/auth/rbac/reconciliation
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	ClusterRole,
	ClusterRoleBinding,
	ObjectMeta,
	RbacSubject,
	Role,
	RoleBinding,
} from "../../apimachinery/schema/generated/types.ts";
import { uncoveredRules } from "../authorization/rule-covering.ts";

const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

/** What has to be done to an object that is there. */
export type Reconciliation =
	| { readonly action: "keep" }
	| { readonly action: "update"; readonly object: KubeObject }
	/** A binding's role can't be changed: it is deleted and made anew. */
	| { readonly action: "recreate" };

const keep: Reconciliation = { action: "keep" };

/** Compares a role or binding with the one that is expected in its place. */
export function reconcile(existing: KubeObject, expected: KubeObject): Reconciliation {
	if (existing.metadata?.annotations?.[autoUpdate] === "false") return keep;
	switch (expected.kind) {
		case "Role":
		case "ClusterRole":
			return reconcileRole(existing as ClusterRole, expected as ClusterRole);
		case "RoleBinding":
		case "ClusterRoleBinding":
			return reconcileBinding(existing as ClusterRoleBinding, expected as ClusterRoleBinding);
		default:
			return keep;
	}
}

function reconcileRole(existing: Role & ClusterRole, expected: Role & ClusterRole): Reconciliation {
	const { rules = [], aggregationRule } = existing;
	// Rules of an aggregated role are the aggregation controller's.
	const missing = expected.aggregationRule === undefined ? uncoveredRules(rules, expected.rules ?? []) : [];
	const { aggregationRule: _, ...rest } = existing;
	const selectors = aggregationRule?.clusterRoleSelectors ?? [];
	const wanted = expected.aggregationRule?.clusterRoleSelectors ?? [];
	const missingSelectors = wanted.filter((selector) => !selectors.some((known) => jsonEqual(known, selector)));
	const reconciled: KubeObject = {
		...rest,
		metadata: mergeMetadata(existing.metadata, expected.metadata),
		rules: missing.length === 0 ? rules : [...rules, ...missing],
		...(expected.aggregationRule === undefined
			? {}
			: { aggregationRule: { ...aggregationRule, clusterRoleSelectors: [...selectors, ...missingSelectors] } }),
	} as KubeObject;
	return jsonEqual(reconciled, { ...existing, rules }) ? keep : { action: "update", object: reconciled };
}

function reconcileBinding(existing: RoleBinding, expected: RoleBinding): Reconciliation {
	if (!jsonEqual(existing.roleRef, expected.roleRef)) return { action: "recreate" };
	const { subjects = [] } = existing;
	const missing = (expected.subjects ?? []).filter((subject) => !subjects.some((known) => isSame(known, subject)));
	const metadata = mergeMetadata(existing.metadata, expected.metadata);
	const reconciled = { ...existing, metadata, ...(missing.length === 0 ? {} : { subjects: [...subjects, ...missing] }) };
	return jsonEqual(reconciled, existing) ? keep : { action: "update", object: reconciled };
}

function isSame(a: RbacSubject, b: RbacSubject): boolean {
	return a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "") && (a.apiGroup ?? "") === (b.apiGroup ?? "");
}

/** Labels and annotations that are expected, over which what is there wins. */
function mergeMetadata(existing: ObjectMeta | undefined, expected: ObjectMeta | undefined): ObjectMeta {
	return {
		...existing,
		labels: { ...expected?.labels, ...existing?.labels },
		annotations: { ...expected?.annotations, ...existing?.annotations },
	};
}
