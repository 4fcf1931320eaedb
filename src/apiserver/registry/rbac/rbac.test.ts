import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { rbacKinds } from "./index.ts";

const of = (resource: string) => kindOf(rbacKinds, resource);
const object = (fields: object): KubeObject => ({
	metadata: { name: "read", namespace: "default", creationTimestamp: created },
	...fields,
});
const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };

describe("roles", () => {
	it("print when they were made", () => {
		expect(printed(of("clusterroles"), object({ rules: [] }))).toBe("NAME | CREATED AT\nread | 2026-01-01T00:00:00Z");
	});

	it("need verbs, groups and resources; URLs only in ClusterRoles", () => {
		const rules = [{ verbs: [] }, { verbs: ["get"], nonResourceURLs: ["/healthz"] }];
		expect(problems(of("roles"), object({ rules }))).toEqual([
			"rules[0].verbs: Required value: verbs must contain at least one value",
			"rules[0].apiGroups: Required value: resource rules must supply at least one api group",
			"rules[0].resources: Required value: resource rules must supply at least one resource",
			'rules[1].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
		]);
		expect(problems(of("clusterroles"), object({ rules: rules.slice(1) }))).toEqual([]);
	});

	it("take names that no other kind would", () => {
		expect(of("roles").validateName?.("system::leader:Röle", false)).toEqual([]);
		expect(of("roles").validateName?.("a/b", false)).toEqual(["may not contain '/'"]);
	});
});

describe("bindings", () => {
	const subjects = [
		{ kind: "User", name: "alice" },
		{ kind: "Group", name: "dev" },
		{ kind: "ServiceAccount", name: "ci", namespace: "build" },
	];

	it("default the group of the role, of users and of groups", () => {
		expect(defaulted(of("rolebindings"), object({ roleRef: { kind: "Role", name: "a" }, subjects }))).toEqual(
			object({
				roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "a" },
				subjects: [
					{ kind: "User", name: "alice", apiGroup: "rbac.authorization.k8s.io" },
					{ kind: "Group", name: "dev", apiGroup: "rbac.authorization.k8s.io" },
					{ kind: "ServiceAccount", name: "ci", namespace: "build" },
				],
			}),
		);
	});

	it("print role and subjects", () => {
		expect(printed(of("rolebindings"), object({ roleRef, subjects }))).toBe(
			"NAME | ROLE | AGE | (USERS) | (GROUPS) | (SERVICEACCOUNTS)\nread | ClusterRole/view | 5m | alice | dev | build/ci",
		);
	});

	it("never change their role", () => {
		const changed = object({ roleRef: { ...roleRef, name: "edit" } });
		expect(updateProblems(of("clusterrolebindings"), changed, object({ roleRef }))).toEqual([
			'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef',
		]);
	});

	it("say what is wrong with role and subjects", () => {
		const bad = [
			{ kind: "ServiceAccount", name: "ci" },
			{ kind: "Robot", name: "r2" },
			{ kind: "User", name: "" },
		];
		expect(problems(of("clusterrolebindings"), object({ roleRef: { kind: "Role", name: "" }, subjects: bad }))).toEqual([
			'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
			"roleRef.name: Required value",
			"subjects[0].namespace: Required value",
			'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
			"subjects[2].name: Required value",
		]);
	});
});
