/**
 * LimitRange: bounds and defaults for the resources of Pods, containers and claims in a namespace.
 * Source: SetDefaults_LimitRangeItem, ValidateLimitRange of Kubernetes 1.36. https://kubernetes.io/docs/concepts/policy/limit-range/
 */
import { compareQuantities, quantityToInteger, quantityToMilli } from "../../../apimachinery/quantity.ts";
import type { LimitRange, LimitRangeItem } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";
import { eachItem, mapField, withDefaults, withField } from "./defaulting.ts";
import { allowsOvercommit, validateContainerResourceName, validateResourceName } from "./resource-names.ts";

/** For containers: the limit defaults to the maximum, the request to the limit, then to the minimum. */
function defaultItem(item: LimitRangeItem): LimitRangeItem {
	if (item.type !== "Container") return item;
	const limit = withDefaults(item.default ?? {}, item.max ?? {});
	const request = withDefaults(withDefaults(item.defaultRequest ?? {}, limit), item.min ?? {});
	let result = item;
	if (Object.keys(limit).length > 0) result = withField(result, "default", limit);
	if (Object.keys(request).length > 0) result = withField(result, "defaultRequest", request);
	return result;
}

type Bound = "max" | "min" | "default" | "defaultRequest" | "maxLimitRequestRatio";

function validate({ spec }: LimitRange): FieldErrors {
	const types = new Set<string>();
	return validateEach(spec?.limits, "spec.limits", (item, path) => {
		const type = item.type ?? "";
		const errors: FieldError[] = [...validateType(type, `${path}.type`)];
		if (types.has(type)) errors.push(fieldDuplicate(`${path}.type`, type));
		types.add(type);
		const names = (bound: Bound) => validateNames(item, bound, path);
		errors.push(...names("max"), ...names("min"));
		if (type === "Pod") errors.push(...refuseDefaults(item, path));
		else errors.push(...names("default"), ...names("defaultRequest"));
		if (type === "PersistentVolumeClaim" && item.min?.storage === undefined && item.max?.storage === undefined) {
			errors.push(fieldRequired(`${path}.limits`, "either minimum or maximum storage value is required, but neither was provided"));
		}
		return [...errors, ...names("maxLimitRequestRatio"), ...validateOrder(item, path)];
	});
}

function validateType(type: string, path: string): FieldErrors {
	const errors = invalidFor(path, type, isQualifiedName(type));
	const isKnown = type.includes("/") || type === "Pod" || type === "Container" || type === "PersistentVolumeClaim";
	return errors.length > 0 || isKnown ? errors : [fieldInvalid(path, type, "must be a standard limit type or fully qualified")];
}

function validateNames(item: LimitRangeItem, bound: Bound, path: string): FieldErrors {
	const rule = item.type === "Pod" || item.type === "Container" ? validateContainerResourceName : validateResourceName;
	return Object.keys(item[bound] ?? {}).flatMap((resource) => rule(resource, `${path}.${bound}[${resource}]`));
}

function refuseDefaults(item: LimitRangeItem, path: string): FieldErrors {
	return (["default", "defaultRequest"] as const)
		.filter((bound) => Object.keys(item[bound] ?? {}).length > 0)
		.map((bound) => fieldForbidden(`${path}.${bound}`, "may not be specified when `type` is 'Pod'"));
}

/** min <= defaultRequest <= default <= max, as far as they are given. */
function validateOrder(item: LimitRangeItem, path: string): FieldErrors {
	const { min, max, maxLimitRequestRatio: ratio } = item;
	const [limit, request] = item.type === "Pod" ? [] : [item.default, item.defaultRequest];
	const resources = new Set([max, min, limit, request, ratio].flatMap((list) => Object.keys(list ?? {})));
	return [...resources].flatMap((resource) => {
		const errors: FieldError[] = [];
		const bounds = { min: min?.[resource], max: max?.[resource], limit: limit?.[resource], request: request?.[resource] };
		const order = (low: keyof typeof bounds, high: keyof typeof bounds, bound: Bound, shown: keyof typeof bounds) => {
			const [lower, upper] = [bounds[low], bounds[high]];
			if (lower === undefined || upper === undefined || compareQuantities(lower, upper) <= 0) return;
			const text = `${boundNames[low]} value ${lower} is greater than ${high === "limit" && low === "request" ? "default limit" : boundNames[high]} value ${upper}`;
			errors.push(fieldInvalid(`${path}.${bound}[${resource}]`, bounds[shown], text));
		};
		order("min", "max", "min", "min");
		order("min", "request", "defaultRequest", "request");
		order("request", "max", "defaultRequest", "request");
		order("request", "limit", "defaultRequest", "request");
		order("min", "limit", "default", "min");
		order("limit", "max", "default", "max");
		const factor = ratio?.[resource];
		if (factor !== undefined) errors.push(...validateRatio(factor, bounds, `${path}.maxLimitRequestRatio[${resource}]`));
		const { limit: most, request: least } = bounds;
		if (!allowsOvercommit(resource) && most !== undefined && least !== undefined && compareQuantities(most, least) !== 0) {
			const text = `default value ${most} must equal to defaultRequest value ${least} in ${resource}`;
			errors.push(fieldInvalid(`${path}.defaultRequest[${resource}]`, least, text));
		}
		return errors;
	});
}

/** How texts call the bounds. */
const boundNames = { min: "min", max: "max", limit: "default", request: "default request" } as const;

/** Largest number whose thousandths Go can count. */
const maxMilliValue = (2 ** 63 - 1) / 1000;

/** A limit may be at least the request, and no more often than the bounds allow. */
function validateRatio(
	ratio: string,
	{ min, max }: { readonly min: string | undefined; readonly max: string | undefined },
	path: string,
): FieldErrors {
	const errors: FieldError[] = compareQuantities(ratio, "1") < 0 ? [fieldInvalid(path, ratio, `ratio ${ratio} is less than 1`)] : [];
	if (min === undefined || max === undefined) return errors;
	const isSmall = [ratio, min, max].every((quantity) => quantityToInteger(quantity) < maxMilliValue);
	const amountOf = isSmall ? quantityToMilli : quantityToInteger;
	const most = amountOf(max) / amountOf(min);
	const asked = isSmall ? quantityToMilli(ratio) / 1000 : quantityToInteger(ratio);
	return asked > most ? [...errors, fieldInvalid(path, ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`)] : errors;
}

export const limitRangeKind = defineKind<LimitRange>({
	group: "",
	kind: "LimitRange",
	resource: "limitranges",
	singular: "limitrange",
	shortNames: ["limits"],
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	setDefaults: (range) => mapField(range, "spec", (spec) => mapField(spec, "limits", eachItem(defaultItem))),
	validate,
	columns: [nameColumn(), createdAtColumn()],
});
