/**
 * The short form in which the bootstrap tables write RBAC rules: verbs, resources, API groups and names as words in one
 * text each, so that a role reads as a table. `toRule` turns a row into the wire form.
 */
import type {
	ClusterRole,
	ClusterRoleBinding,
	PolicyRule,
	RbacSubject,
	Role,
	RoleBinding,
} from "../../apimachinery/schema/generated/types.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const apiVersion = `${rbacGroup}/v1`;

/**
 * `[verbs, resources, groups, names]`, words separated by spaces. No groups means the core group, which is written
 * `core` beside others. Resources that start with `/` are non-resource URLs; `url:*` is all of them.
 */
export type RuleRow = readonly [verbs: string, resources: string, groups?: string, names?: string];

export interface RoleRow {
	readonly name: string;
	readonly labels?: Readonly<Record<string, string>>;
	/** Label that the rules of other ClusterRoles are gathered by. */
	readonly aggregates?: string;
	readonly rules: readonly RuleRow[];
}

export const read = "get list watch";
export const write = "create update patch delete deletecollection";
export const readWrite = `${read} ${write}`;
/** Every component that reports may write events. */
export const eventsRule: RuleRow = ["create update patch", "events", "core events.k8s.io"];

/** The metadata that kube-apiserver gives what it reconciles at start. */
function bootstrapMetadata(name: string, extra: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> } = {}) {
	return {
		name,
		...(extra.namespace === undefined ? {} : { namespace: extra.namespace }),
		annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
		labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...extra.labels },
	};
}

export function clusterRole(row: RoleRow): ClusterRole {
	const rules = row.rules.map(toRule);
	const aggregation =
		row.aggregates === undefined ? {} : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [row.aggregates]: "true" } }] } };
	const metadata = bootstrapMetadata(row.name, row.labels === undefined ? {} : { labels: row.labels });
	return { apiVersion, kind: "ClusterRole", metadata, ...aggregation, rules };
}

export function role(namespace: string, row: RoleRow): Role {
	return { apiVersion, kind: "Role", metadata: bootstrapMetadata(row.name, { namespace }), rules: row.rules.map(toRule) };
}

/** Binds a ClusterRole of the same name. */
export function clusterRoleBinding(name: string, ...subjects: readonly RbacSubject[]): ClusterRoleBinding {
	return {
		apiVersion,
		kind: "ClusterRoleBinding",
		metadata: bootstrapMetadata(name),
		roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name },
		...(subjects.length === 0 ? {} : { subjects }),
	};
}

export function roleBinding(namespace: string, name: string, roleName: string, ...subjects: readonly RbacSubject[]): RoleBinding {
	return {
		apiVersion,
		kind: "RoleBinding",
		metadata: bootstrapMetadata(name, { namespace }),
		roleRef: { apiGroup: rbacGroup, kind: "Role", name: roleName },
		subjects,
	};
}

export const user = (name: string): RbacSubject => ({ apiGroup: rbacGroup, kind: "User", name });
export const group = (name: string): RbacSubject => ({ apiGroup: rbacGroup, kind: "Group", name });
/** A ServiceAccount of kube-system. */
export const systemAccount = (name: string): RbacSubject => ({ kind: "ServiceAccount", name, namespace: "kube-system" });

/** The wire form of a row. Lists are sorted, as kube-apiserver's builder sorts them. */
export function toRule([verbs, resources, groups = "core", names]: RuleRow): PolicyRule {
	if (resources.startsWith("/") || resources.startsWith("url:")) {
		return { nonResourceURLs: words(resources).map((url) => url.replace("url:", "")), verbs: words(verbs) };
	}
	return {
		apiGroups: words(groups)
			.map((name) => (name === "core" ? "" : name))
			.sort(),
		...(names === undefined ? {} : { resourceNames: words(names) }),
		resources: words(resources),
		verbs: words(verbs),
	};
}

function words(text: string): string[] {
	return text.split(" ").sort();
}
