import type { Node } from "../apimachinery/schema/generated/types.ts";

/** Whether its kubelet says so. */
export function isReady(node: Node): boolean {
	return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}
