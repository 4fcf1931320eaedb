/**
 * A device as its driver describes it: attributes, capacities, taints, and where it is.
 * Source: validateDevice, validateDeviceTaint, validateDeviceToleration in pkg/apis/resource/validation/validation.go.
 */
import type {
	Device,
	DeviceAttribute,
	DeviceTaint,
	DeviceToleration,
	ResourceSliceSpec,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooLong,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateDnsLabel, validateEach } from "../validation/primitives.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { validateList, validateQualifiedMap } from "./device-names.ts";
import { validateBindingConditions, validateCapacity, validateConsumption } from "./device-parts.ts";

const maxAttributesAndCapacities = 32;
const maxValueBytes = 64;
const maxTaints = 16;
const taintEffects = ["NoExecute", "NoSchedule", "None"];
const toleratedEffects = ["NoExecute", "NoSchedule"];

/** https://semver.org/spec/v2.0.0.html */
const numeric = "(0|[1-9]\\d*)";
const preRelease = "(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
const build = "[0-9a-zA-Z-]+";
const semver = new RegExp(`^${numeric}\\.${numeric}\\.${numeric}(-${preRelease}(\\.${preRelease})*)?(\\+${build}(\\.${build})*)?$`);

export function validateDevice(device: Partial<Device>, path: string, isPlacedAlone: boolean): FieldErrors {
	const { attributes = {}, capacity = {}, taints } = device;
	const isShared = device.allowMultipleAllocations === true;
	const count = Object.keys(attributes).length + Object.keys(capacity).length;
	const tooMany = `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`;
	return [
		...validateDnsLabel(device.name, `${path}.name`),
		...validateQualifiedMap(attributes, `${path}.attributes`, validateAttribute),
		...validateQualifiedMap(capacity, `${path}.capacity`, (amount, at) => validateCapacity(amount, at, isShared)),
		...(count > maxAttributesAndCapacities ? [fieldInvalid(path, count, tooMany)] : []),
		...validateList(taints, maxTaints, `${path}.taints`, validateTaint),
		...validateConsumption(device.consumesCounters, `${path}.consumesCounters`),
		...(isPlacedAlone ? validatePlace(device, path) : validateNoPlace(device, path)),
		...validateBindingConditions(device, path),
	];
}

/** One value, of one sort. */
function validateAttribute(attribute: DeviceAttribute, path: string): FieldErrors {
	const { string, version } = attribute;
	const errors: FieldError[] = [];
	const isLong = (text: string) => Buffer.byteLength(text) > maxValueBytes;
	if (string !== undefined && isLong(string)) errors.push(fieldTooLong(`${path}.string`, maxValueBytes));
	if (version !== undefined) {
		const at = `${path}.version`;
		if (!semver.test(version)) errors.push(fieldInvalid(at, version, "must be a string compatible with semver.org spec 2.0.0"));
		if (isLong(version)) errors.push(fieldTooLong(at, maxValueBytes));
	}
	const count = Object.values(attribute).filter((value) => value !== undefined).length;
	if (count === 0) errors.push(fieldRequired(path, "exactly one value must be specified"));
	if (count > 1) errors.push(fieldInvalid(path, attribute, "exactly one value must be specified"));
	return errors;
}

/** Where a device is, if each says so for itself. */
function validatePlace({ nodeName = "", nodeSelector, allNodes }: Partial<Device>, path: string): FieldErrors {
	const one =
		"exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
	const given = [
		...(nodeName === "" ? [] : ["`nodeName`"]),
		...(nodeSelector === undefined ? [] : ["`nodeSelector`"]),
		...(allNodes === true ? ["`allNodes`"] : []),
	];
	const errors: FieldError[] = [...validateNodeChoice({ nodeName, ...(nodeSelector === undefined ? {} : { nodeSelector }) }, path)];
	if (given.length === 0) return [...errors, fieldRequired(path, one)];
	return given.length === 1 ? errors : [...errors, fieldInvalid(path, `{${given.join(", ")}}`, `${one}, but multiple fields are set`)];
}

/** Devices are where their slice is. */
function validateNoPlace({ nodeName, nodeSelector, allNodes }: Partial<Device>, path: string): FieldErrors {
	if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return NO_ERRORS;
	const fields = "`nodeName`, `nodeSelector` and `allNodes`";
	const text = `${fields} can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`;
	return [fieldInvalid(path, null, text)];
}

/** A node by name or by selector; the selector is a single term, which merges with others'. */
export function validateNodeChoice(
	{ nodeName = "", nodeSelector }: Pick<ResourceSliceSpec, "nodeName" | "nodeSelector">,
	path: string,
): FieldErrors {
	const terms = nodeSelector?.nodeSelectorTerms ?? [];
	return [
		...(nodeName === "" ? [] : invalidFor(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName))),
		...(nodeSelector === undefined ? [] : validateNodeSelector(nodeSelector, `${path}.nodeSelector`)),
		...(nodeSelector !== undefined && terms.length !== 1
			? [fieldInvalid(`${path}.nodeSelector.nodeSelectorTerms`, terms, "must have exactly one node selector term")]
			: []),
	];
}

function validateTaint({ key = "", value = "", effect = "" }: Partial<DeviceTaint>, path: string): FieldErrors {
	return [
		...invalidFor(`${path}.key`, key, isQualifiedName(key)),
		...invalidFor(`${path}.value`, value, isValidLabelValue(value)),
		...(effect === "" ? [fieldRequired(`${path}.effect`)] : validateEffect(effect, `${path}.effect`, taintEffects)),
	];
}

const validateEffect = (effect: string, path: string, supported: readonly string[]): FieldErrors =>
	supported.includes(effect) ? NO_ERRORS : [fieldNotSupported(path, effect, supported)];

export function validateTolerations(tolerations: readonly DeviceToleration[] | undefined, path: string): FieldErrors {
	return validateEach(tolerations, path, ({ key = "", operator = "", value = "", effect = "" }, at) => [
		...(key === "" ? [] : invalidFor(`${at}.key`, key, isQualifiedName(key))),
		...validateOperator(operator, value, at),
		...(effect === "" ? [] : validateEffect(effect, `${at}.effect`, toleratedEffects)),
	]);
}

function validateOperator(operator: string, value: string, path: string): FieldErrors {
	switch (operator) {
		case "":
			return [fieldRequired(`${path}.operator`)];
		case "Exists":
			return value === "" ? NO_ERRORS : [fieldInvalid(`${path}.value`, value, "must be empty for operator `Exists`")];
		case "Equal":
			return invalidFor(`${path}.value`, value, isValidLabelValue(value));
		default:
			return [fieldNotSupported(`${path}.operator`, operator, ["Equal", "Exists"])];
	}
}
