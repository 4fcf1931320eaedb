/**
 * Who may write which roles and bindings; texts are those of pkg/registry/rbac (validation/rule.go, the policybased
 * storages) of Kubernetes.
 */
import { beforeEach, describe, expect, it } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterRole } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { admin, type ServerFixture, startServer } from "../testing.ts";
import { asAccount, asUser, clusterRole, clusterRoleBinding, person, role, roleBinding, rule } from "./rbac.test-kit.ts";

const group = "rbac.authorization.k8s.io";
const jane = person("jane", "dev");
let fixture: ServerFixture;

const plurals: Readonly<Record<string, string>> = {
	Role: "roles",
	ClusterRole: "clusterroles",
	RoleBinding: "rolebindings",
	ClusterRoleBinding: "clusterrolebindings",
};

function target({ kind = "", metadata }: KubeObject): Pick<ApiRequest, "group" | "version" | "resource" | "namespace"> {
	const { namespace } = metadata ?? {};
	return { group, version: "v1", resource: plurals[kind] ?? "", ...(namespace === undefined ? {} : { namespace }) };
}

async function send(user: UserInfo, request: ApiRequest): Promise<string> {
	try {
		await fixture.server.handle(user, request);
		return "done";
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
}

const create = (user: UserInfo, object: KubeObject) => send(user, { ...target(object), verb: "create", body: object });
const update = (user: UserInfo, object: KubeObject) =>
	send(user, { ...target(object), verb: "update", name: object.metadata?.name ?? "", body: object });
const patch = (user: UserInfo, object: KubeObject, body: object) =>
	send(user, {
		...target(object),
		verb: "patch",
		name: object.metadata?.name ?? "",
		patchType: "application/merge-patch+json",
		body,
	});

async function given(...objects: readonly KubeObject[]): Promise<void> {
	for (const object of objects) expect(await create(admin, object)).toBe("done");
}

const writeRbac = rule("create update patch delete get", "roles rolebindings clusterroles clusterrolebindings", group);
const podReader = rule("get list", "pods");

beforeEach(async () => {
	fixture = await startServer();
	await given(
		clusterRole("rbac-writer", writeRbac),
		clusterRoleBinding("writers", "rbac-writer", asUser("jane")),
		role("default", "reader", podReader),
		roleBinding("default", "jane-reads", "Role/reader", asUser("jane")),
		clusterRole("power", rule("*", "*", "*"), { verbs: ["*"], nonResourceURLs: ["*"] }),
	);
});

describe("roles", () => {
	it("may be written with what their writer has", async () => {
		expect(await create(jane, role("default", "mine", rule("get", "pods")))).toBe("done");
		expect(await update(jane, role("default", "mine", podReader))).toBe("done");
		expect(await patch(jane, role("default", "mine"), { rules: [rule("list", "pods")] })).toBe("done");
	});

	it("are refused with what their writer does not have, by verb and resource", async () => {
		const wanted = role("default", "mine", rule("get update delete", "pods configmaps"), rule("get", "secrets", "", "tls"));
		const text = `403 roles.rbac.authorization.k8s.io "mine" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "update" "delete"]}
{APIGroups:[""], Resources:["pods"], Verbs:["update" "delete"]}
{APIGroups:[""], Resources:["secrets"], ResourceNames:["tls"], Verbs:["get"]}`;
		expect(await create(jane, wanted)).toBe(text);
		await given(role("default", "mine", rule("get", "pods")));
		expect(await update(jane, wanted)).toBe(text);
		expect(await patch(jane, wanted, { rules: wanted.rules })).toBe(text);
		// A role that is more than its writer has may not be touched, even to take something away.
		await update(admin, wanted);
		expect(await patch(jane, wanted, { rules: wanted.rules?.slice(0, 1) })).toContain("not currently held");
		expect(await patch(jane, wanted, { rules: [] })).toBe("done");
	});

	it("give in a namespace what is held there, and in the cluster what is held everywhere", async () => {
		expect(await create(jane, clusterRole("mine", rule("get", "pods")))).toContain("not currently held");
		expect(await create(jane, clusterRole("mine", rule("get", "roles", group)))).toBe("done");
		await fixture.clusterResource("", "v1", "namespaces").send("create", { body: { metadata: { name: "other" } } });
		expect(await create(jane, role("other", "mine", rule("get", "pods")))).toContain("not currently held");
	});

	it("name paths, too", async () => {
		const urls = { verbs: ["get"], nonResourceURLs: ["/metrics"] };
		expect(await create(jane, clusterRole("mine", urls))).toContain('\n{NonResourceURLs:["/metrics"], Verbs:["get"]}');
		await given(clusterRole("urls", { verbs: ["*"], nonResourceURLs: ["/met*"] }), clusterRoleBinding("urls", "urls", asUser("jane")));
		expect(await create(jane, clusterRole("mine", urls))).toBe("done");
	});

	it("may hold anything if the writer may escalate them", async () => {
		const wanted = role("default", "mine", rule("*", "*", "*"));
		await given(role("default", "esc", rule("escalate", "roles", group)), roleBinding("default", "esc", "Role/esc", asUser("jane")));
		expect(await create(jane, wanted)).toBe("done");
		expect(await update(jane, wanted)).toBe("done");
		expect(await create(jane, clusterRole("mine", rule("get", "pods")))).toContain("not currently held");
	});

	it("may be escalated one by one, which a create is not", async () => {
		await given(
			role("default", "esc", rule("escalate", "roles", group, "mine")),
			roleBinding("default", "esc", "Role/esc", asUser("jane")),
			role("default", "mine"),
		);
		expect(await update(jane, role("default", "mine", rule("get", "secrets")))).toBe("done");
		expect(await create(jane, role("default", "other", rule("get", "secrets")))).toContain("not currently held");
	});

	it("say which rules could not be found out", async () => {
		await given(clusterRoleBinding("lost", "lost", asUser("jane")));
		expect(await create(jane, role("default", "mine", rule("get", "secrets")))).toContain(
			'Verbs:["get"]}; resolution errors: [clusterrole.rbac.authorization.k8s.io "lost" not found]',
		);
	});

	it("gather others only for who has everything", async () => {
		const gathering = (name: string): ClusterRole => ({
			...clusterRole(name),
			aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] },
		});
		const text =
			'403 clusterroles.rbac.authorization.k8s.io "mine" is forbidden: must have cluster-admin privileges to use the aggregationRule';
		expect(await create(jane, gathering("mine"))).toBe(text);
		await given(gathering("mine"));
		expect(await update(jane, clusterRole("mine"))).toBe(text);
		await given(clusterRoleBinding("root", "power", asUser("jane")));
		expect(await update(jane, clusterRole("mine"))).toBe("done");
		expect(await create(jane, gathering("second"))).toBe("done");
	});

	it("may lose owners and finalizers by who could not make them", async () => {
		const held = { ...role("default", "mine", rule("get", "secrets")) };
		await given({ ...held, metadata: { ...held.metadata, finalizers: ["example.com/hold"] } } as KubeObject);
		expect(await patch(jane, held, { metadata: { finalizers: null } })).toBe("done");
		expect(await patch(jane, held, { metadata: { labels: { a: "b" } } })).toContain("not currently held");
	});
});

describe("bindings", () => {
	it("may be made to roles whose rules their writer has", async () => {
		expect(await create(jane, roleBinding("default", "more", "Role/reader", asUser("bob"), asAccount("ci", "default")))).toBe("done");
		expect(await create(jane, clusterRoleBinding("more", "rbac-writer", asUser("bob")))).toBe("done");
	});

	it("are refused to roles that hold more", async () => {
		const missing = 'is attempting to grant RBAC permissions not currently held:\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}';
		expect(await create(jane, roleBinding("default", "root", "ClusterRole/power", asUser("jane")))).toContain(
			`403 rolebindings.rbac.authorization.k8s.io "root" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) ${missing}`,
		);
		expect(await create(jane, clusterRoleBinding("root", "power", asUser("jane")))).toContain(
			`403 clusterrolebindings.rbac.authorization.k8s.io "root" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) ${missing}`,
		);
		await given(roleBinding("default", "root", "ClusterRole/power", asUser("bob")));
		expect(await update(jane, roleBinding("default", "root", "ClusterRole/power", asUser("jane")))).toContain("not currently held");
	});

	it("are refused to roles that are not there", async () => {
		expect(await create(jane, roleBinding("default", "b", "Role/none", asUser("jane")))).toBe(
			'404 roles.rbac.authorization.k8s.io "none" not found',
		);
		expect(await create(jane, clusterRoleBinding("b", "none", asUser("jane")))).toBe(
			'404 clusterroles.rbac.authorization.k8s.io "none" not found',
		);
		await given(roleBinding("default", "b", "Role/none", asUser("bob")));
	});

	it("may be made to roles that their writer may bind, where it may", async () => {
		await given(
			role("default", "bind", rule("bind", "clusterroles", group, "power")),
			roleBinding("default", "bind", "Role/bind", asUser("jane")),
		);
		expect(await create(jane, roleBinding("default", "root", "ClusterRole/power", asUser("bob")))).toBe("done");
		expect(await create(jane, clusterRoleBinding("root", "power", asUser("bob")))).toContain("not currently held");
	});

	it("keep their role, whoever writes them", async () => {
		await given(roleBinding("default", "b", "Role/reader", asUser("bob")));
		expect(await update(admin, roleBinding("default", "b", "ClusterRole/power", asUser("bob")))).toContain("cannot change roleRef");
	});
});
