/**
 * What server-side apply knows of a custom resource: the schema's structure, with Kubernetes' own metadata.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#custom-resources-and-server-side-apply and
 * the schema conversion of k8s.io/apimachinery/pkg/util/managedfields.
 */
import { type ListNode, type MergeNode, mergeNodeOf, type StructField } from "../../../apimachinery/apply/merge-node.ts";
import { fieldElement } from "../../../apimachinery/apply/path-element.ts";
import type { SchemaTree } from "./schema-tree.ts";

const any: MergeNode = { form: "any" };
const deduced: MergeNode = { form: "deduced" };
const text: MergeNode = { form: "scalar", scalar: "string" };

/** The node of a whole object or of a part of it. */
export function mergeNodeOfTree(tree: SchemaTree): MergeNode {
	const { type = "" } = tree.props;
	if (tree.isIntOrString) return { form: "scalar", scalar: "untyped" };
	switch (type) {
		case "string":
			return text;
		case "integer":
		case "number":
			return { form: "scalar", scalar: "numeric" };
		case "boolean":
			return { form: "scalar", scalar: "boolean" };
		case "array":
			return listNode(tree);
		case "object":
			return objectNode(tree);
		default:
			return tree.preservesUnknownFields ? deduced : any;
	}
}

function listNode(tree: SchemaTree): MergeNode {
	const { items } = tree;
	const type = tree.props["x-kubernetes-list-type"];
	const relation: ListNode["relation"] = type === "set" || type === "map" ? type : "atomic";
	const names = [...(tree.props["x-kubernetes-list-map-keys"] ?? [])].sort();
	const keys = relation === "map" ? names.map((name) => ({ name, fallback: items?.properties.get(name)?.props.default })) : [];
	return { form: "list", relation, keys, items: items === undefined ? deduced : mergeNodeOfTree(items) };
}

function objectNode(tree: SchemaTree): MergeNode {
	const isAtomic = tree.props["x-kubernetes-map-type"] === "atomic";
	const hasFields = tree.isResource || tree.properties.size > 0;
	if (!hasFields) {
		if (tree.values !== undefined) return { form: "map", isAtomic, values: mergeNodeOfTree(tree.values) };
		if (isAtomic) return { form: "map", isAtomic, values: deduced };
		return tree.allowsMoreProperties || tree.preservesUnknownFields ? deduced : { form: "struct", isAtomic, field: () => undefined };
	}
	// Fields are looked at when they are first met.
	const known = new Map<string, StructField | undefined>();
	return {
		form: "struct",
		isAtomic,
		field: (name) => {
			if (!known.has(name)) known.set(name, structField(tree, name));
			return known.get(name);
		},
	};
}

function structField(tree: SchemaTree, name: string): StructField | undefined {
	const element = fieldElement(name);
	if (tree.isResource && name === "metadata") return { element, node: mergeNodeOf("ObjectMeta"), zero: {} };
	if (tree.isResource && (name === "apiVersion" || name === "kind")) return { element, node: text, zero: undefined };
	const field = tree.properties.get(name);
	if (field !== undefined) return { element, node: mergeNodeOfTree(field), zero: undefined };
	return tree.preservesUnknownFields ? { element, node: deduced, zero: undefined } : undefined;
}
