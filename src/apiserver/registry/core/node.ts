/**
 * Node. Source: pkg/apis/core/validation (ValidateNode), pkg/registry/core/node of Kubernetes 1.36.
 */
import type { Node, NodeSpec } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn, wide } from "../printing/columns.ts";
import { mapField, withDefaults } from "./defaulting.ts";
import { nodeWarnings, validateNode, validateNodeStatus, validateNodeUpdate } from "./node-validation.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";
const ROLE_LABEL = "kubernetes.io/role";

/** Kubernetes' encoder writes the spec even when it is empty. */
function setDefaults(node: Node): Node {
	const result = mapField(withDefaults(node, { spec: {} }), "spec", mirrorPodCidrs);
	return mapField(result, "status", (status) =>
		status.capacity === undefined ? status : withDefaults(status, { allocatable: status.capacity }),
	);
}

/** `podCIDR` is the first of `podCIDRs`. */
function mirrorPodCidrs(spec: NodeSpec): NodeSpec {
	const first = spec.podCIDRs?.[0];
	if (first !== undefined) return spec.podCIDR === first ? spec : { ...spec, podCIDR: first };
	return spec.podCIDR === undefined || spec.podCIDR === "" ? spec : { ...spec, podCIDRs: [spec.podCIDR] };
}

/** `Ready`, `NotReady`, `Unknown`, each with `,SchedulingDisabled` for a cordoned node. */
function formatStatus({ spec, status }: Node): string {
	const ready = status?.conditions?.findLast(({ type }) => type === "Ready");
	const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
	return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

function formatRoles({ metadata }: Node): string {
	const roles = new Set<string>();
	for (const [label, value] of Object.entries(metadata?.labels ?? {})) {
		if (label.startsWith(ROLE_PREFIX) && label.length > ROLE_PREFIX.length) roles.add(label.slice(ROLE_PREFIX.length));
		else if (label === ROLE_LABEL && value !== "") roles.add(value);
	}
	return roles.size === 0 ? "<none>" : [...roles].sort().join(",");
}

const addressOf = ({ status }: Node, type: string): string =>
	status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";

const orUnknown = (value: string | undefined): string => (value === undefined || value === "" ? "<unknown>" : value);

export const nodeKind = defineKind<Node>({
	group: "",
	kind: "Node",
	resource: "nodes",
	acceptsStatusOnCreate: true,
	singular: "node",
	shortNames: ["no"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "minions",
	setDefaults,
	validate: validateNode,
	validateUpdate: validateNodeUpdate,
	validateStatusUpdate: validateNodeStatus,
	warnings: nodeWarnings,
	columns: [
		nameColumn(),
		stringColumn("Status", "The status of the node", formatStatus),
		stringColumn("Roles", "The roles of the node", formatRoles),
		ageColumn(),
		stringColumn("Version", "Kubelet Version reported by the node.", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
		wide(stringColumn("Internal-IP", "List of addresses reachable to the node.", (node) => addressOf(node, "InternalIP"))),
		wide(stringColumn("External-IP", "List of addresses reachable to the node.", (node) => addressOf(node, "ExternalIP"))),
		wide(
			stringColumn("OS-Image", "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).", ({ status }) =>
				orUnknown(status?.nodeInfo?.osImage),
			),
		),
		wide(
			stringColumn("Kernel-Version", "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).", ({ status }) =>
				orUnknown(status?.nodeInfo?.kernelVersion),
			),
		),
		wide(
			stringColumn(
				"Container-Runtime",
				"ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).",
				({ status }) => orUnknown(status?.nodeInfo?.containerRuntimeVersion),
			),
		),
	],
	selectableFields: ({ spec }) => ({ "spec.unschedulable": String(spec?.unschedulable ?? false) }),
});
