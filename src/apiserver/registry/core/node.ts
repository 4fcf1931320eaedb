/**
 * Node. Source: pkg/apis/core/validation (ValidateNode), pkg/registry/core/node of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Node, NodeSpec, Taint } from "../../../apimachinery/schema/generated/types.ts";
import { FieldError, fieldForbidden } from "../../../apimachinery/validation/field-error.ts";
import { isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn, wide } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateEnum, validateLabels } from "../validation/primitives.ts";
import { validateQualified } from "../validation/qualified.ts";
import { taintEffects } from "../validation/scheduling.ts";
import { mapField, withDefaults } from "./defaulting.ts";

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

/** Taints: well formed, and one for each key and effect. */
function validateTaints(taints: readonly Taint[] | undefined, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(taints, path, (taint, at) => {
		const errors = [
			...validateQualified(taint.key, `${at}.key`),
			...invalidFor(`${at}.value`, taint.value ?? "", isValidLabelValue(taint.value ?? "")),
			...validateEnum(taint.effect, `${at}.effect`, taintEffects),
		];
		const identity = `${taint.key}:${taint.effect}`;
		if (seen.has(identity)) {
			errors.push(new FieldError("FieldValueDuplicate", at, taint, "taints must be unique by key and effect pair"));
		}
		seen.add(identity);
		return errors;
	});
}

/** Addresses and provider are set once; the rest of the spec but taints and cordon stays. */
function validateUpdate({ spec = {} }: Node, { spec: old = {} }: Node): FieldErrors {
	const errors: FieldError[] = [];
	if (old.podCIDRs !== undefined && !jsonEqual(spec.podCIDRs, old.podCIDRs)) {
		errors.push(fieldForbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
	}
	if ((old.providerID ?? "") !== "" && spec.providerID !== old.providerID) {
		errors.push(fieldForbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
	}
	return errors;
}

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
	validate: ({ spec }) => [...validateTaints(spec?.taints, "spec.taints")],
	validateUpdate,
	validateStatusUpdate: ({ metadata }) => (metadata?.labels === undefined ? NO_ERRORS : validateLabels(metadata.labels, "metadata.labels")),
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
