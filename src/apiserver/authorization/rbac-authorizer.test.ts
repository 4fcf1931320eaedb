import { describe, expect, it } from "vitest";
import {
	account,
	asAccount,
	asGroup,
	asUser,
	clusterRole,
	clusterRoleBinding,
	person,
	RbacKit,
	role,
	roleBinding,
	rule,
} from "./rbac.test-kit.ts";

const reader = clusterRole("reader", rule("get", "pods"));
const jane = person("jane", "dev");

describe("the reason", () => {
	it.each([
		[asUser("jane"), 'User "jane"'],
		[asGroup("dev"), 'Group "dev"'],
	])("names the binding, the role and the subject: %j", (subject, text) => {
		const kit = new RbacKit([reader, clusterRoleBinding("readers", "reader", asUser("other"), subject)]);
		expect(kit.ask(jane, "get", "pods").reason).toBe(`RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to ${text}`);
	});

	it("names a RoleBinding and a service account with their namespaces", () => {
		const own = roleBinding("dev", "readers", "Role/reader", asAccount("ci"));
		const kit = new RbacKit([role("dev", "reader", rule("get", "pods")), own]);
		expect(kit.ask(account("dev", "ci"), "get", "pods", "dev").reason).toBe(
			'RBAC: allowed by RoleBinding "readers/dev" of Role "reader" to ServiceAccount "ci/dev"',
		);
	});

	it("of a refusal names the roles that are missing, each once", () => {
		const kit = new RbacKit([
			clusterRoleBinding("a", "gone", asUser("jane")),
			clusterRoleBinding("b", "gone", asGroup("dev")),
			roleBinding("dev", "c", "Role/lost", asUser("jane")),
			roleBinding("dev", "d", "ClusterRole/gone", asUser("jane")),
		]);
		expect(kit.ask(jane, "get", "pods").reason).toBe('RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found');
		expect(kit.ask(jane, "get", "pods", "dev").reason).toBe(
			'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]',
		);
		expect(kit.ask(person("bob"), "get", "pods", "dev").reason).toBe("");
	});
});

describe("the index follows", () => {
	const allowed = (kit: RbacKit, namespace = "") => kit.ask(jane, "get", "pods", namespace).verdict === "allow";
	const binding = clusterRoleBinding("readers", "reader", asUser("jane"));

	it("bindings that come, change and go", () => {
		const kit = new RbacKit([reader]);
		expect(allowed(kit)).toBe(false);
		kit.put(binding);
		expect(allowed(kit)).toBe(true);
		kit.put({ ...binding, subjects: [asUser("bob")] });
		expect(allowed(kit)).toBe(false);
		kit.put({ ...binding, subjects: [asUser("bob"), asGroup("dev")] });
		expect(allowed(kit)).toBe(true);
		kit.remove(binding);
		expect(allowed(kit)).toBe(false);
	});

	it("roles that come after their binding, change and go", () => {
		const kit = new RbacKit([binding]);
		expect(allowed(kit)).toBe(false);
		kit.put(reader);
		expect(allowed(kit)).toBe(true);
		kit.put(clusterRole("reader", rule("get", "secrets")));
		expect(allowed(kit)).toBe(false);
		kit.put(reader);
		expect(allowed(kit)).toBe(true);
		kit.remove(reader);
		expect(allowed(kit)).toBe(false);
	});

	it("one of two bindings to the same role that goes, the other one stays", () => {
		const second = clusterRoleBinding("more-readers", "reader", asUser("jane"));
		const kit = new RbacKit([reader, binding, second]);
		kit.remove(binding);
		expect(kit.ask(jane, "get", "pods").reason).toContain("more-readers");
		kit.remove(second);
		expect(allowed(kit)).toBe(false);
	});

	it("a subject that a binding names twice", () => {
		const kit = new RbacKit([reader, clusterRoleBinding("readers", "reader", asUser("jane"), asUser("jane"))]);
		expect(allowed(kit)).toBe(true);
		kit.remove(binding);
		expect(allowed(kit)).toBe(false);
	});

	it("roles of the same name in two namespaces, and a ClusterRole of that name", () => {
		const kit = new RbacKit([
			role("a", "same", rule("get", "pods")),
			role("b", "same", rule("get", "secrets")),
			clusterRole("same", rule("get", "nodes")),
			roleBinding("a", "x", "Role/same", asUser("jane")),
			roleBinding("b", "x", "Role/same", asUser("jane")),
			roleBinding("c", "x", "ClusterRole/same", asUser("jane")),
		]);
		expect([allowed(kit, "a"), allowed(kit, "b"), allowed(kit, "c")]).toEqual([true, false, false]);
		expect(kit.ask(jane, "get", "nodes", "c").verdict).toBe("allow");
	});
});

it("lists the rules of the cluster and of the namespace, resources apart from paths", () => {
	const kit = new RbacKit([
		clusterRole("reader", rule("get", "pods"), { verbs: ["get"], nonResourceURLs: ["/metrics"] }),
		role("dev", "names", rule("update", "configmaps", "", "a b")),
		clusterRoleBinding("readers", "reader", asGroup("dev")),
		roleBinding("dev", "names", "Role/names", asUser("jane")),
		roleBinding("dev", "lost", "Role/lost", asUser("jane")),
	]);
	expect(kit.rbac.rulesFor(jane, "dev")).toEqual({
		resourceRules: [
			{ verbs: ["get"], apiGroups: [""], resources: ["pods"] },
			{ verbs: ["update"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["a", "b"] },
		],
		nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }],
		incomplete: false,
		error: 'role.rbac.authorization.k8s.io "lost" not found',
	});
	expect(kit.rbac.rulesFor(jane, "prod").resourceRules).toHaveLength(1);
});
