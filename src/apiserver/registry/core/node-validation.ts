/**
 * What can be wrong with a Node. Source: ValidateNode, ValidateNodeUpdate in pkg/apis/core/validation/validation.go of
 * Kubernetes 1.36. Taints are reported under `metadata`, as Kubernetes does.
 */
import type { ConfigMapNodeConfigSource, Node, NodeConfigSource, Taint } from "../../../apimachinery/schema/generated/types.ts";
import {
	FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import {
	isConfigMapKey,
	isDns1123Label,
	isDns1123Subdomain,
	isQualifiedName,
	isValidLabelValue,
} from "../../../apimachinery/validation/names.ts";
import { parseCidr } from "../validation/ip.ts";
import { validateLegacyCidr } from "../validation/legacy-ip.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";
import { goTaint } from "./go-structs.ts";
import { validateResourceQuantity } from "./resource-quantities.ts";

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateNode({ spec, status }: Node, old: Node | undefined): FieldErrors {
	return [
		...validateTaints(spec?.taints, "metadata.taints"),
		...validateResources(status),
		...validatePodCidrs(spec?.podCIDRs ?? [], old?.spec?.podCIDRs ?? []),
	];
}

/** Taints: well formed, and one for each key and effect. */
function validateTaints(taints: readonly Taint[] | undefined, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(taints, path, (taint: Partial<Taint>, at) => {
		const { key = "", value = "", effect = "" } = taint;
		const errors: FieldError[] = [...invalidFor(`${at}.key`, key, isQualifiedName(key))];
		const wrong = isValidLabelValue(value);
		if (wrong.length > 0) errors.push(fieldInvalid(`${at}.value`, value, wrong.join(";")));
		if (effect === "") errors.push(fieldRequired(`${at}.effect`));
		else if (!taintEffects.includes(effect)) errors.push(fieldNotOneOf(`${at}.effect`, effect, taintEffects));
		const identity = `${key}:${effect}`;
		if (seen.has(identity)) {
			errors.push(new FieldError("FieldValueDuplicate", at, goTaint(taint), "taints must be unique by key and effect pair"));
		}
		seen.add(identity);
		return errors;
	});
}

function validateResources(status: Node["status"]): FieldErrors {
	return (["capacity", "allocatable"] as const).flatMap((list) =>
		Object.entries(status?.[list] ?? {}).flatMap(([resource, quantity]) =>
			validateResourceQuantity(resource, quantity, `status.${list}.${resource}`),
		),
	);
}

/** Ranges of Pod addresses: one a family. */
function validatePodCidrs(ranges: readonly string[], known: readonly string[]): FieldErrors {
	const path = "spec.podCIDRs";
	const errors: FieldError[] = [...validateEach(ranges, path, (range, at) => validateLegacyCidr(range, at, known))];
	if (ranges.length < 2) return errors;
	const families = ranges.map((range) => parseCidr(range)?.family);
	const unreadable = ranges[families.indexOf(undefined)];
	if (unreadable !== undefined) {
		const text = `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: <nil> (invalid CIDR address: ${unreadable})`;
		errors.push(new FieldError("InternalError", path, "", text));
	}
	if (new Set(families).size !== 2 || ranges.length > 2 || unreadable !== undefined) {
		errors.push(fieldInvalid(path, ranges, "may specify no more than one CIDR for each IP family"));
	}
	ranges.forEach((range, index) => {
		if (ranges.indexOf(range) < index) errors.push(fieldDuplicate(`${path}[${index}]`, range));
	});
	return errors;
}

/** Addresses of Pods and the provider's name are set once; the rest of the spec but taints, cordon and kubelet configuration stays. */
export function validateNodeUpdate({ spec = {}, status = {} }: Node, { spec: old = {} }: Node): FieldErrors {
	const errors: FieldError[] = [...validateAddresses(status.addresses ?? [])];
	const ranges = spec.podCIDRs ?? [];
	const before = old.podCIDRs ?? [];
	const moved = fieldForbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid');
	if (before.length > 0 && before.length !== ranges.length) errors.push(moved);
	else errors.push(...before.filter((range, index) => range !== ranges[index]).map(() => moved));
	if ((old.providerID ?? "") !== "" && spec.providerID !== old.providerID) {
		errors.push(fieldForbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
	}
	if (spec.configSource !== undefined) errors.push(...validateConfigSource(spec.configSource, "spec.configSource", refuseVersion));
	for (const field of ["assigned", "active", "lastKnownGood"] as const) {
		const source = status.config?.[field];
		if (source !== undefined) errors.push(...validateConfigSource(source, `status.config.${field}`, requireVersion));
	}
	if ((spec.externalID ?? "") !== (old.externalID ?? "")) errors.push(fieldForbidden("spec.externalID", "may not be updated"));
	return errors;
}

/** The status endpoint looks at the whole node, as it is going to be. */
export const validateNodeStatus = (node: Node, old: Node): FieldErrors => [
	...validateResources(node.status),
	...validateNodeUpdate(node, old),
];

function validateAddresses(addresses: NonNullable<NonNullable<Node["status"]>["addresses"]>): FieldErrors {
	const seen = new Set<string>();
	return addresses.flatMap(({ type, address }, index) => {
		const identity = `${type}/${address}`;
		const isRepeated = seen.has(identity);
		seen.add(identity);
		return isRepeated ? [fieldDuplicate(`status.addresses[${index}]`, { Type: type, Address: address })] : [];
	});
}

type ConfigMapRule = (source: ConfigMapNodeConfigSource, path: string) => FieldErrors;

function validateConfigSource({ configMap }: NodeConfigSource, path: string, rule: ConfigMapRule): FieldErrors {
	if (configMap === undefined) return [fieldInvalid(path, { ConfigMap: null }, "exactly one reference subfield must be non-nil")];
	const at = `${path}.configMap`;
	return [...rule(configMap, at), ...validateConfigMap(configMap, at)];
}

/** A wish names no version. */
function refuseVersion({ uid = "", resourceVersion = "" }: ConfigMapNodeConfigSource, path: string): FieldErrors {
	return [
		...(uid === "" ? [] : [fieldForbidden(`${path}.uid`, "uid must not be set in spec")]),
		...(resourceVersion === "" ? [] : [fieldForbidden(`${path}.resourceVersion`, "resourceVersion must not be set in spec")]),
	];
}

/** A report names the version that it is about. */
function requireVersion({ uid = "", resourceVersion = "" }: ConfigMapNodeConfigSource, path: string): FieldErrors {
	return [
		...(uid === "" ? [fieldRequired(`${path}.uid`, "uid must be set in status")] : []),
		...(resourceVersion === "" ? [fieldRequired(`${path}.resourceVersion`, "resourceVersion must be set in status")] : []),
	];
}

function validateConfigMap(source: Partial<ConfigMapNodeConfigSource>, path: string): FieldErrors {
	const check = (field: "namespace" | "name" | "kubeletConfigKey", rule: (value: string) => readonly string[]) => {
		const value = source[field] ?? "";
		const at = `${path}.${field}`;
		return value === "" ? [fieldRequired(at, `${field} must be set`)] : invalidFor(at, value, rule(value));
	};
	return [...check("namespace", isDns1123Label), ...check("name", isDns1123Subdomain), ...check("kubeletConfigKey", isConfigMapKey)];
}

/** Source: nodeStrategy and pkg/api/node of Kubernetes 1.36. */
export function nodeWarnings({ spec }: Node): readonly string[] {
	return [
		...(spec?.configSource === undefined ? [] : ["spec.configSource: the feature is removed"]),
		...((spec?.externalID ?? "") === "" ? [] : ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]),
	];
}
