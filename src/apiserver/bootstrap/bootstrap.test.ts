import { describe, expect, it } from "vitest";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import { decodeObject } from "../../apimachinery/schema/decode.ts";
import type { ClusterRole, ClusterRoleBinding, FlowSchema } from "../../apimachinery/schema/generated/types.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { apiregistrationKinds } from "../registry/apiregistration/index.ts";
import { flowcontrolKinds } from "../registry/flowcontrol/index.ts";
import { networkingKinds } from "../registry/networking/index.ts";
import { rbacKinds } from "../registry/rbac/index.ts";
import { schedulingKinds } from "../registry/scheduling/index.ts";
import { storageKinds } from "../registry/storage/index.ts";
import { bootstrapObjects } from "./index.ts";

const objects = bootstrapObjects({ nowMs: Date.UTC(2026, 0, 1) });
const kinds = [...apiregistrationKinds, ...flowcontrolKinds, ...networkingKinds, ...rbacKinds, ...schedulingKinds, ...storageKinds];
const label = ({ kind, metadata }: KubeObject) => `${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`;
const find = <T extends KubeObject>(kind: string, name: string) =>
	objects.find((object): object is T => object.kind === kind && object.metadata?.name === name);

describe("bootstrap objects", () => {
	it("are what the schema says, field by field", () => {
		for (const object of objects) {
			const { group, version } = parseApiVersion(object.apiVersion ?? "");
			const resource = generatedResources.find((entry) => entry.group === group && entry.version === version && entry.kind === object.kind);
			const decoded = decodeObject(object, resource?.type ?? "", { fieldValidation: "Strict" });
			expect(decoded.object, label(object)).toEqual(object);
		}
	});

	it("pass their kinds' own validation and need no defaults but a PriorityClass's policy", () => {
		for (const object of objects) {
			if (object.kind === "Namespace") continue;
			const kind = kinds.find(
				(candidate) => candidate.kind === object.kind && formatApiVersion({ group: candidate.group, version: "v1" }) === object.apiVersion,
			);
			const filled = kind?.setDefaults?.(object) ?? object;
			expect((kind?.validate?.(filled) ?? ["no such kind"]).map(String), label(object)).toEqual([]);
			if (object.kind !== "PriorityClass") expect(filled, label(object)).toEqual(object);
		}
	});

	it("have names of their own, namespaces before what stands in them and roles before their bindings", () => {
		expect(new Set(objects.map(label)).size).toBe(objects.length);
		const position = (kind: string, namespace: string | undefined, name: string | undefined) =>
			objects.findIndex(
				({ kind: own, metadata }) =>
					own === kind && metadata?.name === name && (kind === "ClusterRole" || metadata?.namespace === namespace),
			);
		objects.forEach(({ metadata }, index) => {
			if (metadata?.namespace !== undefined) expect(position("Namespace", undefined, metadata.namespace)).toBeLessThan(index);
		});
		objects.forEach((object, index) => {
			if (object.kind !== "RoleBinding" && object.kind !== "ClusterRoleBinding") return;
			const { kind, name } = (object as ClusterRoleBinding).roleRef;
			const at = position(kind, object.metadata?.namespace, name);
			expect(at, label(object)).toBeGreaterThanOrEqual(0);
			expect(at, label(object)).toBeLessThan(index);
		});
	});

	it("bind roles that are there", () => {
		const roles = new Set(objects.filter(({ kind }) => kind === "ClusterRole").map(({ metadata }) => metadata?.name));
		const bindings = objects.filter((object): object is ClusterRoleBinding => object.kind === "ClusterRoleBinding");
		expect(bindings.filter(({ roleRef }) => !roles.has(roleRef.name)).map(label)).toEqual([]);
	});

	it("point flow schemas at priority levels that are there", () => {
		const schemas = objects.filter((object): object is FlowSchema => object.kind === "FlowSchema");
		expect(schemas.map(({ metadata }) => metadata?.name)).toContain("system-leader-election");
		for (const { spec } of schemas) expect(find("PriorityLevelConfiguration", spec?.priorityLevelConfiguration.name ?? "")).toBeDefined();
	});
});

describe("aggregated cluster roles", () => {
	const rules = (name: string) => find<ClusterRole>("ClusterRole", name)?.rules ?? [];

	it("hold the rules that their labels gather", () => {
		expect(rules("view")).toEqual(rules("system:aggregate-to-view"));
		expect(rules("edit")).toEqual([...rules("system:aggregate-to-edit"), ...rules("view")]);
		expect(rules("admin").length).toBe(rules("edit").length + rules("system:aggregate-to-admin").length);
	});

	it("let viewers see no Secret and editors write them", () => {
		const verbs = (name: string) => rules(name).filter(({ resources = [] }) => resources.includes("secrets"));
		expect(verbs("view")).toEqual([]);
		expect(
			verbs("edit")
				.flatMap((rule) => rule.verbs)
				.sort(),
		).toEqual(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
	});
});

it("writes a rule as kube-apiserver does, its lists in order", () => {
	expect(find<ClusterRole>("ClusterRole", "system:node-proxier")?.rules?.[2]).toEqual({
		apiGroups: ["", "events.k8s.io"],
		resources: ["events"],
		verbs: ["create", "patch", "update"],
	});
	expect(find<ClusterRole>("ClusterRole", "cluster-admin")?.rules).toEqual([
		{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
		{ nonResourceURLs: ["*"], verbs: ["*"] },
	]);
});

it("lists the API services of a fresh cluster", () => {
	const names = objects.filter(({ kind }) => kind === "APIService").map(({ metadata }) => metadata?.name);
	expect(names.sort()).toEqual([
		"v1.",
		"v1.admissionregistration.k8s.io",
		"v1.apiextensions.k8s.io",
		"v1.apps",
		"v1.authentication.k8s.io",
		"v1.authorization.k8s.io",
		"v1.autoscaling",
		"v1.batch",
		"v1.certificates.k8s.io",
		"v1.coordination.k8s.io",
		"v1.discovery.k8s.io",
		"v1.events.k8s.io",
		"v1.flowcontrol.apiserver.k8s.io",
		"v1.networking.k8s.io",
		"v1.node.k8s.io",
		"v1.policy",
		"v1.rbac.authorization.k8s.io",
		"v1.resource.k8s.io",
		"v1.scheduling.k8s.io",
		"v1.storage.k8s.io",
		"v2.autoscaling",
	]);
});
