/**
 * What Kubernetes says of each wrong field of roles and bindings, one row a rule.
 * Source: pkg/apis/rbac/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, kindOf, problems } from "../testing/kind-probe.ts";
import { rbacKinds } from "./index.ts";

const group = "rbac.authorization.k8s.io";
const of = (resource: string) => kindOf(rbacKinds, resource);
const object = (fields: object): KubeObject => ({ metadata: { name: "read", namespace: "default" }, ...fields });
const reading = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
const rule = (fields: object) => ({ rules: [{ ...reading, ...fields }] });
const urls = { verbs: ["get"], nonResourceURLs: ["/healthz"] };
const BOTH = 'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs';
const NAMESPACED = 'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs';

describe("roles", () => {
	it.each<readonly [resource: string, fields: object, errors: readonly string[]]>([
		["roles", {}, []],
		...["roles", "clusterroles"].flatMap((resource) => [
			[resource, rule({}), []] as const,
			[resource, rule({ verbs: [] }), ["rules[0].verbs: Required value: verbs must contain at least one value"]] as const,
			[
				resource,
				rule({ apiGroups: [] }),
				["rules[0].apiGroups: Required value: resource rules must supply at least one api group"],
			] as const,
			[
				resource,
				rule({ resources: [] }),
				["rules[0].resources: Required value: resource rules must supply at least one resource"],
			] as const,
		]),
		["clusterroles", { rules: [urls] }, []],
		["clusterroles", rule(urls), [BOTH]],
		["roles", { rules: [urls] }, [NAMESPACED]],
		["roles", rule(urls), [NAMESPACED, BOTH]],
		["clusterroles", { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } }, []],
		[
			"clusterroles",
			{ aggregationRule: {} },
			["aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"],
		],
		[
			"clusterroles",
			{ aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "Like" }] }] } },
			[
				'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
				"aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.",
			],
		],
	])("%s %j", (resource, fields, errors) => {
		expect(problems(of(resource), object(fields))).toEqual(errors);
	});
});

describe("bindings", () => {
	const roleRef = { apiGroup: group, kind: "ClusterRole", name: "view" };
	const ref = (fields: object) => ({ roleRef: { ...roleRef, ...fields } });
	const subject = (fields: object) => ({ roleRef, subjects: [fields] });
	const account = { kind: "ServiceAccount", name: "ci", namespace: "build" };

	it.each<readonly [resource: string, fields: object, errors: readonly string[]]>([
		["rolebindings", ref({}), []],
		["rolebindings", ref({ kind: "Role" }), []],
		["rolebindings", ref({ kind: "Rule" }), ['roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"']],
		["clusterrolebindings", ref({ kind: "Role" }), ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"']],
		["rolebindings", ref({ apiGroup: "a.io" }), [`roleRef.apiGroup: Unsupported value: "a.io": supported values: "${group}"`]],
		["rolebindings", ref({ name: "" }), ["roleRef.name: Required value"]],
		["rolebindings", ref({ name: "a/b" }), ["roleRef.name: Invalid value: \"a/b\": may not contain '/'"]],
		["rolebindings", subject(account), []],
		["rolebindings", subject({ ...account, namespace: undefined }), []],
		["clusterrolebindings", subject({ ...account, namespace: undefined }), ["subjects[0].namespace: Required value"]],
		["rolebindings", subject({ ...account, name: "" }), ["subjects[0].name: Required value"]],
		[
			"rolebindings",
			subject({ ...account, name: "CI" }),
			[
				"subjects[0].name: Invalid value: \"CI\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
			],
		],
		[
			"rolebindings",
			subject({ ...account, apiGroup: group }),
			[`subjects[0].apiGroup: Unsupported value: "${group}": supported values: ""`],
		],
		["rolebindings", subject({ kind: "User", name: "system:anyone/at all" }), []],
		["rolebindings", subject({ kind: "User", name: "" }), ["subjects[0].name: Required value"]],
		[
			"rolebindings",
			subject({ kind: "User", name: "a", apiGroup: "a.io" }),
			[`subjects[0].apiGroup: Unsupported value: "a.io": supported values: "${group}"`],
		],
		[
			"rolebindings",
			subject({ kind: "Group", name: "a", apiGroup: "a.io" }),
			[`subjects[0].apiGroup: Unsupported value: "a.io": supported values: "${group}"`],
		],
		[
			"rolebindings",
			subject({ kind: "user", name: "a" }),
			['subjects[0].kind: Unsupported value: "user": supported values: "ServiceAccount", "User", "Group"'],
		],
	])("%s %j", (resource, fields, errors) => {
		expect(problems(of(resource), object(fields))).toEqual(errors);
	});

	it.each(["rolebindings", "clusterrolebindings"])("%s keep their role", (resource) => {
		expect(changeProblems(of(resource), object(ref({ name: "edit" })), object(ref({})))).toEqual([
			`roleRef: Invalid value: {"APIGroup":"${group}","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef`,
		]);
		expect(changeProblems(of(resource), object(subject({ kind: "User", name: "a" })), object(ref({})))).toEqual([]);
	});
});
