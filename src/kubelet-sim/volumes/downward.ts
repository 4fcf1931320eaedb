/**
 * Fields of the pod as a container can ask for them: `fieldRef` and `resourceFieldRef`.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
 */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Pod, ResourceFieldSelector } from "../../apimachinery/schema/generated/types.ts";
import { findContainer } from "../pod-worker/pod-record.ts";

export interface DownwardContext {
	readonly podIp: string;
	readonly hostIp: string;
	/** Of the node: what limits are when a container has none. Quantities. */
	readonly allocatable: Readonly<Record<string, string>>;
}

/** Undefined: there is no such field. */
export function podField(pod: Pod, path: string, { podIp, hostIp }: DownwardContext): string | undefined {
	const { metadata = {}, spec } = pod;
	const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
	if (keyed !== null) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
	switch (path) {
		case "metadata.name":
			return metadata.name;
		case "metadata.namespace":
			return metadata.namespace;
		case "metadata.uid":
			return metadata.uid;
		case "metadata.labels":
			return formatMap(metadata.labels);
		case "metadata.annotations":
			return formatMap(metadata.annotations);
		case "spec.nodeName":
			return spec?.nodeName ?? "";
		case "spec.serviceAccountName":
			return spec?.serviceAccountName ?? "";
		case "status.podIP":
		case "status.podIPs":
			return podIp;
		case "status.hostIP":
		case "status.hostIPs":
			return hostIp;
		default:
			return undefined;
	}
}

/** `key="value"` lines, as the downward API writes maps. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
	return Object.entries(map ?? {})
		.map(([key, value]) => `${key}=${JSON.stringify(value)}`)
		.sort()
		.join("\n");
}

/** A limit or request divided by the divisor and rounded up. */
export function resourceField(
	pod: Pod,
	{ resource, containerName, divisor }: ResourceFieldSelector,
	ownContainer: string,
	{ allocatable }: DownwardContext,
): string | undefined {
	const resources = findContainer(pod, containerName ?? ownContainer)?.resources;
	const [kind = "", ...rest] = resource.split(".");
	const name = rest.join(".");
	const value =
		kind === "limits"
			? (resources?.limits?.[name] ?? allocatable[name])
			: kind === "requests"
				? (resources?.requests?.[name] ?? "0")
				: undefined;
	if (value === undefined) return undefined;
	const unit = divisor === undefined || divisor === "0" ? 1 : quantityToNumber(divisor);
	return String(Math.ceil(quantityToNumber(value) / unit));
}
