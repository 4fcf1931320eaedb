/**
 * The part of a kind that has owners: all but what names the object and what the server alone writes.
 */
import type { MergeNode, StructField, StructNode } from "./merge-node.ts";

/** Fields at the top of an object that nobody owns. */
export const untrackedFields: readonly string[] = ["apiVersion", "kind"];
/** Fields of its metadata that nobody owns. */
export const untrackedMetadata: readonly string[] = [
	"name",
	"namespace",
	"creationTimestamp",
	"selfLink",
	"uid",
	"clusterName",
	"generation",
	"managedFields",
	"resourceVersion",
];

/** A pure memo: a node's tracked part is always the same. */
const tracked = new WeakMap<MergeNode, MergeNode>();

/** The node of a kind's tracked part: to it, the other fields do not exist. A kind without a schema stays as it is. */
export function trackedNodeOf(node: MergeNode): MergeNode {
	if (node.form !== "struct") return node;
	const known = tracked.get(node);
	if (known !== undefined) return known;
	const made = without(node, untrackedFields, (field) => {
		const { node: metadata } = field;
		return metadata.form === "struct" ? { ...field, node: without(metadata, untrackedMetadata) } : field;
	});
	tracked.set(node, made);
	return made;
}

function without(node: StructNode, names: readonly string[], mapMetadata?: (field: StructField) => StructField): StructNode {
	const hidden = new Set(names);
	const metadata = mapMetadata === undefined ? undefined : node.field("metadata");
	const ownMetadata = metadata && mapMetadata?.(metadata);
	return {
		...node,
		field: (name) => (hidden.has(name) ? undefined : name === "metadata" && ownMetadata !== undefined ? ownMetadata : node.field(name)),
	};
}
