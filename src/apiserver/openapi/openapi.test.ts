import { expect, test } from "vitest";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { Catalog } from "../http/catalog.ts";
import { openApiOf } from "./openapi.ts";
import { operationsOf } from "./operations.ts";

const documents = openApiOf(new Catalog([], generatedResources));

interface Document {
	readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
	readonly definitions: Readonly<Record<string, Schema>>;
	readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
interface Operation {
	readonly operationId: string;
	readonly parameters: readonly { readonly name: string }[];
	readonly "x-kubernetes-group-version-kind": unknown;
}
interface Schema {
	readonly properties: Readonly<Record<string, unknown>>;
}

const v2 = JSON.parse(documents.v2().bytes.toString("utf8")) as Document;
const core = JSON.parse(documents.v3("api/v1")?.bytes.toString("utf8") ?? "") as Document;

test("the patch of a kind is found by its kind and knows fieldValidation, which is what kubectl looks for", () => {
	for (const { paths } of [v2, core]) {
		const patch = paths["/api/v1/namespaces/{namespace}/configmaps/{name}"]?.patch;
		expect(patch?.operationId).toBe("patchCoreV1NamespacedConfigMap");
		expect(patch?.["x-kubernetes-group-version-kind"]).toEqual({ group: "", version: "v1", kind: "ConfigMap" });
		expect(patch?.parameters.map(({ name }) => name).filter((name) => name !== "body")).toEqual([
			"dryRun",
			"fieldManager",
			"fieldValidation",
			"force",
		]);
	}
});

test("a field carries its description, list type, keys and patch strategy in both dialects", () => {
	const notes = {
		description: expect.stringMatching(/^List of containers belonging to the pod\./),
		type: "array",
		"x-kubernetes-list-map-keys": ["name"],
		"x-kubernetes-list-type": "map",
		"x-kubernetes-patch-merge-key": "name",
		"x-kubernetes-patch-strategy": "merge",
	};
	expect(v2.definitions["io.k8s.api.core.v1.PodSpec"]?.properties.containers).toEqual({
		...notes,
		items: { $ref: "#/definitions/io.k8s.api.core.v1.Container" },
	});
	expect(core.components.schemas["io.k8s.api.core.v1.PodSpec"]?.properties.containers).toEqual({
		...notes,
		items: { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" },
	});
	expect(core.components.schemas["io.k8s.api.core.v1.Pod"]?.properties.spec).toMatchObject({
		allOf: [{ $ref: "#/components/schemas/io.k8s.api.core.v1.PodSpec" }],
	});
});

test("every reference of every document has its definition", () => {
	const paths = Object.keys(documents.v3Index().paths);
	expect(paths).toContain("apis/apps/v1");
	for (const path of paths) {
		const text = documents.v3(path)?.bytes.toString("utf8") ?? "";
		const { schemas } = (JSON.parse(text) as Document).components;
		const missing = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)]
			.map(([, name = ""]) => name)
			.filter((name) => !(name in schemas));
		expect([path, missing]).toEqual([path, []]);
	}
});

test("the index names each document with a hash that its address can be cached by", () => {
	const { serverRelativeURL } = documents.v3Index().paths["api/v1"] ?? {};
	expect(`"${serverRelativeURL?.replace("/openapi/v3/api/v1?hash=", "")}"`).toBe(documents.v3("api/v1")?.etag);
	expect(documents.v3("apis/nope/v1")).toBeUndefined();
});

test("operation ids are unique", () => {
	const ids = Object.values(v2.paths).flatMap((item) => Object.values(item).flatMap(({ operationId }) => operationId ?? []));
	expect(ids.length).toBeGreaterThan(700);
	expect(new Set(ids).size).toBe(ids.length);
});

test("names of operations as published", () => {
	const ids = operationsOf(generatedResources.filter(({ group }) => group === "rbac.authorization.k8s.io"))
		.filter(({ path }) => path.endsWith("/roles") || path.endsWith("/roles/{name}"))
		.flatMap(({ operations }) => operations.map(({ id, tag }) => `${tag} ${id}`));
	expect(ids).toEqual([
		"rbacAuthorization_v1 listRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 createRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 deleteRbacAuthorizationV1CollectionNamespacedRole",
		"rbacAuthorization_v1 listRbacAuthorizationV1RoleForAllNamespaces",
		"rbacAuthorization_v1 watchRbacAuthorizationV1NamespacedRoleList",
		"rbacAuthorization_v1 watchRbacAuthorizationV1RoleListForAllNamespaces",
		"rbacAuthorization_v1 readRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 replaceRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 patchRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 deleteRbacAuthorizationV1NamespacedRole",
		"rbacAuthorization_v1 watchRbacAuthorizationV1NamespacedRole",
	]);
});

test("the protobuf form begins as gnostic's Document does", () => {
	const { bytes } = documents.v2Protobuf();
	// swagger (field 1) "2.0", then info (field 2) with title (field 1).
	expect(bytes.subarray(0, 5).toString("latin1")).toBe("\x0a\x032.0");
	expect(bytes.subarray(5, 19).toString("latin1")).toBe("\x12\x15\x0a\x0aKubernetes");
});
