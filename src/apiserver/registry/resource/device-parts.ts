/**
 * What of a device can be given to several: capacities that requests share, counters that devices share; and the conditions that
 * have to be met before a pod is bound.
 * Source: validateRequestPolicy, validateCounterSet, validateDeviceCounterConsumption, validateDeviceBindingParameters in
 * pkg/apis/resource/validation/validation.go.
 */
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, quantityToInteger } from "../../../apimachinery/quantity.ts";
import type {
	CapacityRequestPolicyRange,
	Counter,
	CounterSet,
	Device,
	DeviceCapacity,
	DeviceCounterConsumption,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateDnsLabel } from "../validation/primitives.ts";
import { shortened, validateList, validateSet } from "./device-names.ts";

const maxValidValues = 10;
const maxCounterSets = 8;
const maxCounterSetsOfDevice = 2;
const maxCounters = 32;
const maxLabelBytes = 63;
const maxConditions = 4;

/** A policy says which parts of a capacity can be asked for: it needs a device that is shared. */
export function validateCapacity(
	{ value = "0", requestPolicy: policy }: Partial<DeviceCapacity>,
	path: string,
	isShared: boolean,
): FieldErrors {
	if (policy === undefined) return NO_ERRORS;
	const at = `${path}.requestPolicy`;
	if (!isShared) return [fieldForbidden(at, "allowMultipleAllocations must be true")];
	const { validValues = [], validRange, default: usual } = policy;
	if (validValues.length > 0 && validRange !== undefined) {
		const text = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
		return [fieldForbidden(at, text)];
	}
	const kind = validValues.length > 0 ? "validValues" : validRange === undefined ? undefined : "validRange";
	if (kind === undefined) return NO_ERRORS;
	if (usual === undefined) return [fieldRequired(`${at}.default`, `required when ${kind} is defined`)];
	if (validRange !== undefined) return validateRange(validRange, usual, value, `${at}.validRange`);
	return validateValues(validValues, usual, value, `${at}.validValues`);
}

function validateValues(values: readonly string[], usual: string, capacity: string, path: string): FieldErrors {
	const errors: FieldError[] = [];
	for (const [index, value] of values.entries()) {
		const before = values[index - 1];
		if (before === undefined || compareQuantities(before, value) <= 0) continue;
		errors.push(fieldInvalid(`${path}[${index}]`, canonicalQuantity(value), "values must be sorted in ascending order"));
	}
	const fits = (value: string, at: string) => atMost(value, capacity, at, "option");
	errors.push(...validateSet(values, maxValidValues, path, fits, (value) => String(quantityToInteger(value))));
	if (values.some((value) => compareQuantities(value, usual) === 0)) return errors;
	return [...errors, fieldInvalid(path, canonicalQuantity(usual), "default value is not valid according to the requestPolicy")];
}

function validateRange(
	{ min, max, step }: Partial<CapacityRequestPolicyRange>,
	usual: string,
	capacity: string,
	path: string,
): FieldErrors {
	if (min === undefined) return [fieldRequired(`${path}.min`, "required when validRange is defined")];
	const [least, ordinary] = [canonicalQuantity(min), canonicalQuantity(usual)];
	const errors: FieldError[] = [...atMost(min, capacity, `${path}.min`, "min")];
	if (compareQuantities(usual, min) < 0) errors.push(fieldInvalid(`${path}.min`, ordinary, `default is less than min: ${least}`));
	if (max !== undefined) {
		const [at, most] = [`${path}.max`, canonicalQuantity(max)];
		if (compareQuantities(min, max) > 0) errors.push(fieldInvalid(at, least, `min is larger than max: ${most}`));
		errors.push(...atMost(max, capacity, at, "max"));
		if (compareQuantities(usual, max) > 0) errors.push(fieldInvalid(at, ordinary, `default is more than max: ${most}`));
	}
	return step === undefined
		? errors
		: [...errors, ...validateStep(step, min, [usual, ...(max === undefined ? [] : [max])], capacity, path)];
}

/** The values are whole steps away from the least. */
function validateStep(step: string, min: string, values: readonly string[], capacity: string, path: string): FieldErrors {
	const [at, width] = [`${path}.step`, quantityToInteger(step)];
	const [first, limit] = [addQuantities(min, step), canonicalQuantity(capacity)];
	const isTooWide = compareQuantities(first, capacity) > 0;
	const tooWide = `one step ${formatQuantity(first)} is larger than capacity value: ${limit}`;
	const text = `value is not a multiple of a given step (${canonicalQuantity(step)}) from (${canonicalQuantity(min)})`;
	const isBetween = (value: string) => (quantityToInteger(value) - quantityToInteger(min)) % width !== 0;
	return [
		...(isTooWide ? [fieldInvalid(at, canonicalQuantity(step), tooWide)] : []),
		...values.filter(isBetween).map((value) => fieldInvalid(at, canonicalQuantity(value), text)),
	];
}

function atMost(value: string, capacity: string, path: string, what: string): FieldErrors {
	if (compareQuantities(value, capacity) <= 0) return NO_ERRORS;
	return [fieldInvalid(path, canonicalQuantity(value), `${what} is larger than capacity value: ${canonicalQuantity(capacity)}`)];
}

/** Counters of a slice, from which the devices of its pool take. */
export function validateCounterSets(sets: readonly CounterSet[] | undefined, path: string): FieldErrors {
	const validate = ({ name, counters }: Partial<CounterSet>, at: string) => [
		...validateDnsLabel(name, `${at}.name`),
		...validateCounters(counters, `${at}.counters`),
	];
	return validateSet(sets, maxCounterSets, path, validate, ({ name }: Partial<CounterSet>) => name ?? "");
}

/** What a device takes of them. */
export function validateConsumption(taken: readonly DeviceCounterConsumption[] | undefined, path: string): FieldErrors {
	const validate = ({ counterSet, counters }: Partial<DeviceCounterConsumption>, at: string) => [
		...validateDnsLabel(counterSet, `${at}.counterSet`),
		...validateCounters(counters, `${at}.counters`),
	];
	const keyOf = ({ counterSet }: Partial<DeviceCounterConsumption>) => counterSet ?? "";
	return validateSet(taken, maxCounterSetsOfDevice, path, validate, keyOf);
}

function validateCounters(counters: Readonly<Record<string, Counter>> | undefined, path: string): FieldErrors {
	const names = Object.keys(counters ?? {});
	if (names.length === 0) return [fieldRequired(path)];
	if (names.length > maxCounters) return [fieldTooMany(path, names.length, maxCounters)];
	return names.flatMap((name) => validateDnsLabel(name, `${path}[${shortened(name, maxLabelBytes)}]`));
}

/** What has to be true of a device before its pod is bound, and what ends the wait. */
export function validateBindingConditions(
	{
		bindingConditions: wanted = [],
		bindingFailureConditions: failures = [],
	}: Pick<Device, "bindingConditions" | "bindingFailureConditions">,
	path: string,
): FieldErrors {
	const [wantedPath, failuresPath] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
	const validate = (condition: string, at: string) => invalidFor(at, condition, isQualifiedName(condition));
	const errors: FieldError[] = [
		...validateList(wanted, maxConditions, wantedPath, validate),
		...validateList(failures, maxConditions, failuresPath, validate),
	];
	for (const [index, condition] of wanted.entries()) {
		if (wanted.indexOf(condition) < index) errors.push(fieldDuplicate(`${wantedPath}[${index}]`, condition));
	}
	for (const [index, condition] of failures.entries()) {
		const at = `${failuresPath}[${index}]`;
		if (failures.indexOf(condition) < index) errors.push(fieldDuplicate(at, condition));
		const overlap = "bindingFailureConditions must not overlap with bindingConditions";
		if (wanted.includes(condition)) errors.push(fieldInvalid(at, condition, overlap));
	}
	if (wanted.length === 0 && failures.length > 0) {
		errors.push(fieldInvalid(wantedPath, null, "bindingConditions are required to use bindingFailureConditions"));
	}
	if (failures.length === 0 && wanted.length > 0) {
		errors.push(fieldInvalid(failuresPath, null, "bindingFailureConditions are required to use bindingConditions"));
	}
	return errors;
}
