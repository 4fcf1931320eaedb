/** Questions about access, as `kubectl auth can-i` and webhooks put them, and how requests themselves are refused. */
import { beforeAll, describe, expect, it } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { SelfSubjectRulesReview, SubjectAccessReviewStatus } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { asUser, clusterRole, clusterRoleBinding, person, role, roleBinding, rule } from "../authorization/rbac.test-kit.ts";
import { admin, type ServerFixture, startServer } from "../testing.ts";

const rbac = { group: "rbac.authorization.k8s.io", version: "v1" } as const;
const jane = person("jane");
let fixture: ServerFixture;

beforeAll(async () => {
	fixture = await startServer();
	const create = (resource: string, body: KubeObject, namespace?: string) =>
		fixture.server.handle(admin, { ...rbac, resource, verb: "create", body, ...(namespace === undefined ? {} : { namespace }) });
	const asks = "selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews localsubjectaccessreviews";
	await create("clusterroles", clusterRole("asker", rule("create", asks, "authorization.k8s.io")));
	await create("clusterrolebindings", clusterRoleBinding("askers", "asker", asUser("jane")));
	await create("roles", role("default", "reader", rule("get list watch", "pods"), rule("get", "pods/log")), "default");
	await create("rolebindings", roleBinding("default", "readers", "Role/reader", asUser("jane")), "default");
	await create("rolebindings", roleBinding("default", "lost", "Role/lost", asUser("jane")), "default");
});

async function ask(user: UserInfo, resource: string, spec: object, namespace?: string): Promise<SubjectAccessReviewStatus> {
	const { object } = await fixture.server.handle(user, {
		group: "authorization.k8s.io",
		version: "v1",
		resource,
		verb: "create",
		body: { spec },
		...(namespace === undefined ? {} : { namespace }),
	});
	return (object as { readonly status?: SubjectAccessReviewStatus }).status ?? { allowed: false };
}

async function refusal(user: UserInfo, request: ApiRequest): Promise<string> {
	try {
		await fixture.server.handle(user, request);
		return "done";
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
}

const yes = { allowed: true, reason: 'RBAC: allowed by RoleBinding "readers/default" of Role "reader" to User "jane"' };
const lost = 'RBAC: role.rbac.authorization.k8s.io "lost" not found';
const pods = { verb: "list", resource: "pods", namespace: "default" };

describe("reviews of access", () => {
	it("answer for the asker and for others, with the reason", async () => {
		expect(await ask(jane, "selfsubjectaccessreviews", { resourceAttributes: pods })).toEqual(yes);
		expect(await ask(admin, "subjectaccessreviews", { user: "jane", resourceAttributes: pods })).toEqual(yes);
		expect(await ask(admin, "localsubjectaccessreviews", { user: "jane", resourceAttributes: pods }, "default")).toEqual(yes);
		expect(await ask(admin, "subjectaccessreviews", { user: "bob", resourceAttributes: pods })).toEqual({ allowed: false });
		expect(await ask(admin, "subjectaccessreviews", { groups: ["system:masters"], resourceAttributes: pods })).toEqual({ allowed: true });
		const secrets = { ...pods, resource: "secrets" };
		expect(await ask(jane, "selfsubjectaccessreviews", { resourceAttributes: secrets })).toEqual({ allowed: false, reason: lost });
	});

	it("know subresources, names, all namespaces and paths", async () => {
		const self = (resourceAttributes: object) => ask(jane, "selfsubjectaccessreviews", { resourceAttributes });
		expect((await self({ ...pods, verb: "get", subresource: "log", name: "a" })).allowed).toBe(true);
		expect((await self({ ...pods, verb: "get", subresource: "exec", name: "a" })).allowed).toBe(false);
		expect((await self({ verb: "list", resource: "pods" })).allowed).toBe(false);
		expect((await self({ ...pods, resource: "*" })).allowed).toBe(false);
		const url = { nonResourceAttributes: { path: "/metrics", verb: "get" } };
		expect(await ask(jane, "selfsubjectaccessreviews", url)).toEqual({ allowed: false });
		expect(await ask(admin, "selfsubjectaccessreviews", url)).toEqual({ allowed: true });
	});

	it.each([
		[{ fieldSelector: { rawSelector: "spec.nodeName=n1" } }, { allowed: true }],
		[{ fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n1"] }] } }, { allowed: true }],
		[{ fieldSelector: { rawSelector: "spec.nodeName=n2" } }, { allowed: false }],
		[{ fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "NotIn", values: ["n1"] }] } }, { allowed: false }],
		[
			{ fieldSelector: { rawSelector: "nonsense" } },
			{ allowed: false, evaluationError: "spec.resourceAttributes.fieldSelector ignored due to parse error" },
		],
		[
			{
				fieldSelector: {
					requirements: [
						{ key: "spec.nodeName", operator: "In", values: ["n1"] },
						{ key: "a", operator: "Exists" },
					],
				},
				labelSelector: { rawSelector: "a in (" },
			},
			{
				allowed: true,
				evaluationError:
					"spec.resourceAttributes.fieldSelector partially ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error",
			},
		],
	])("let selectors narrow a list of a node: %j", async (selectors, expected) => {
		const resourceAttributes = { verb: "list", resource: "pods", ...selectors };
		const answer = await ask(admin, "subjectaccessreviews", { user: "system:node:n1", groups: ["system:nodes"], resourceAttributes });
		expect(answer).toMatchObject(expected);
		expect(answer.evaluationError).toBe("evaluationError" in expected ? expected.evaluationError : undefined);
	});
});

describe("the review of rules", () => {
	const list = async (namespace: string, user = jane) => {
		const { object } = await fixture.server.handle(user, {
			group: "authorization.k8s.io",
			version: "v1",
			resource: "selfsubjectrulesreviews",
			verb: "create",
			body: { spec: { namespace } },
		});
		return (object as SelfSubjectRulesReview).status;
	};

	it("lists what holds in the namespace, and what went wrong", async () => {
		const asks = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews", "localsubjectaccessreviews"];
		expect(await list("default")).toEqual({
			resourceRules: [
				{ verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: asks },
				{ verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["pods"] },
				{ verbs: ["get"], apiGroups: [""], resources: ["pods/log"] },
			],
			nonResourceRules: [],
			incomplete: false,
			evaluationError: 'role.rbac.authorization.k8s.io "lost" not found',
		});
		expect((await list("other"))?.resourceRules).toHaveLength(1);
	});

	it("is not complete for a node, and needs a namespace", async () => {
		expect(await list("default", { name: "system:node:n1", groups: ["system:nodes", "system:masters"] })).toEqual({
			resourceRules: [],
			nonResourceRules: [],
			incomplete: true,
			evaluationError: "node authorizer does not support user rule resolution",
		});
		await expect(list("")).rejects.toMatchObject({ message: "no namespace on request" });
	});
});

describe("a request that is refused", () => {
	const core = { group: "", version: "v1" } as const;
	it.each<readonly [ApiRequest, string]>([
		[
			{ ...core, resource: "pods", verb: "list" },
			'403 pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
		],
		[
			{ ...core, resource: "pods", verb: "get", namespace: "default", name: "a" },
			'403 pods "a" is forbidden: User "bob" cannot get resource "pods" in API group "" in the namespace "default"',
		],
		[
			{ ...core, resource: "pods", subresource: "status", verb: "patch", namespace: "default", name: "a" },
			'403 pods "a" is forbidden: User "bob" cannot patch resource "pods/status" in API group "" in the namespace "default"',
		],
		[
			{ group: "apps", version: "v1", resource: "deployments", verb: "create", namespace: "default", body: { metadata: { name: "a" } } },
			'403 deployments.apps is forbidden: User "bob" cannot create resource "deployments" in API group "apps" in the namespace "default"',
		],
		[
			{ ...core, resource: "namespaces", verb: "delete", name: "default" },
			'403 namespaces "default" is forbidden: User "bob" cannot delete resource "namespaces" in API group "" in the namespace "default"',
		],
		[
			{ ...core, resource: "nodes", verb: "get", name: "n1" },
			'403 nodes "n1" is forbidden: User "bob" cannot get resource "nodes" in API group "" at the cluster scope',
		],
		[
			{ ...core, resource: "pods", verb: "list", namespace: "default", options: { fieldSelector: "metadata.name=a" } },
			'403 pods "a" is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
		],
	])("%j", async (request, text) => {
		expect(await refusal(person("bob"), request)).toBe(text);
	});

	it("is told why, where authorizers say so", async () => {
		const request = { ...core, resource: "secrets", verb: "get", namespace: "default", name: "s" } as const;
		const text = (name: string) =>
			`403 secrets "s" is forbidden: User "${name}" cannot get resource "secrets" in API group "" in the namespace "default"`;
		expect(await refusal(jane, request)).toBe(`${text("jane")}: ${lost}`);
		const node = person("system:node:n1", "system:nodes");
		expect(await refusal(node, request)).toBe(`${text(node.name)}: no relationship found between node 'n1' and this object`);
	});

	it("for a path says the path", async () => {
		await expect(fixture.server.authorizePath(person("bob"), "get", "/metrics")).rejects.toMatchObject({
			message: 'forbidden: User "bob" cannot get path "/metrics"',
			status: { code: 403, reason: "Forbidden", details: {} },
		});
	});

	it("that would make an object by changing it needs the right to make one", async () => {
		const send = (verb: "update" | "patch", resource: string, body: object) => {
			const [group, version] = resource === "leases" ? ["coordination.k8s.io", "v1"] : ["", "v1"];
			const patchType = verb === "patch" ? { patchType: "application/apply-patch+yaml" as const } : {};
			const options = { fieldManager: "m" };
			const request = { group, version, resource, verb, namespace: "default", name: "new", body, options, ...patchType } as const;
			return refusal(person("una"), request);
		};
		const create = (resource: string, body: KubeObject) =>
			fixture.server.handle(admin, { ...rbac, resource, verb: "create", body, namespace: "default" });
		const changes = rule("get update patch", "leases configmaps", "coordination.k8s.io ");
		await create("roles", role("default", "changer", changes));
		await create("rolebindings", roleBinding("default", "changer", "Role/changer", asUser("una")));
		const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "new" }, spec: {} };
		const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "new" } };
		expect(await send("update", "leases", lease)).toContain('cannot create resource "leases" in API group "coordination.k8s.io"');
		expect(await send("patch", "configmaps", configMap)).toContain('cannot create resource "configmaps" in API group ""');
		await create("roles", role("default", "maker", rule("create", "leases configmaps", "coordination.k8s.io ")));
		await create("rolebindings", roleBinding("default", "maker", "Role/maker", asUser("una")));
		expect(await send("update", "leases", lease)).toBe("done");
		expect(await send("patch", "configmaps", configMap)).toBe("done");
	});

	it("lets a role for one namespace and for one name through", async () => {
		const create = (resource: string, body: KubeObject, namespace?: string) =>
			fixture.server.handle(admin, { ...rbac, resource, verb: "create", body, ...(namespace === undefined ? {} : { namespace }) });
		await create("roles", role("default", "own", rule("get", "namespaces"), rule("list", "configmaps", "", "one")), "default");
		await create("rolebindings", roleBinding("default", "own", "Role/own", asUser("nina")), "default");
		const nina = person("nina");
		const configMaps = { ...core, resource: "configmaps", verb: "list", namespace: "default" } as const;
		expect(await refusal(nina, { ...core, resource: "namespaces", verb: "get", name: "default" })).toBe("done");
		expect(await refusal(nina, { ...configMaps, options: { fieldSelector: "metadata.name=one" } })).toBe("done");
		expect(await refusal(nina, configMaps)).toContain("403");
	});
});

it("impersonation is a question like any other", async () => {
	const { authorization } = fixture.server;
	const may = async (user: UserInfo, resource: string, name: string) => {
		const question = { user, verb: "impersonate", group: "", resource, subresource: "", namespace: "", name };
		return (await authorization.authorize(question)).verdict;
	};
	expect(await may(admin, "users", "anybody")).toBe("allow");
	expect(await may(jane, "users", "bob")).toBe("undecided");
});
