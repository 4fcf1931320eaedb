/**
 * LimitRange: bounds and defaults for the resources of Pods, containers and claims in a namespace.
 * Source: SetDefaults_LimitRangeItem, ValidateLimitRange of Kubernetes 1.36. https://kubernetes.io/docs/concepts/policy/limit-range/
 */
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type { LimitRange, LimitRangeItem } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach } from "../validation/primitives.ts";
import { validateResourceList } from "../validation/resources.ts";
import { eachItem, mapField, withDefaults, withField } from "./defaulting.ts";

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

const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

function validate({ spec }: LimitRange): FieldErrors {
	const types = new Set<string>();
	return validateEach(spec?.limits, "spec.limits", (item, path) => {
		const type = item.type ?? "";
		const errors: FieldError[] = type === "" ? [fieldRequired(`${path}.type`)] : [];
		if (types.has(type)) errors.push(fieldDuplicate(`${path}.type`, type));
		types.add(type);
		for (const list of lists) errors.push(...validateResourceList(item[list], `${path}.${list}`));
		if (item.type === "Pod") {
			for (const list of ["default", "defaultRequest"] as const) {
				if (Object.keys(item[list] ?? {}).length > 0) {
					errors.push(fieldForbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
				}
			}
		}
		if (item.type === "PersistentVolumeClaim" && item.min?.storage === undefined && item.max?.storage === undefined) {
			errors.push(fieldRequired(`${path}.limits`, "either minimum or maximum storage value is required, but neither was provided"));
		}
		return errors.length > 0 ? errors : validateOrder(item, path);
	});
}

/** min <= defaultRequest <= default <= max, as far as they are given. */
function validateOrder(item: LimitRangeItem, path: string): FieldErrors {
	const { min, max, default: limit, defaultRequest: request, maxLimitRequestRatio: ratio } = item;
	const resources = new Set(lists.flatMap((list) => Object.keys(item[list] ?? {})));
	return [...resources].flatMap((resource) => {
		const errors: FieldError[] = [];
		const order = (
			low: string | undefined,
			high: string | undefined,
			list: string,
			value: string | undefined,
			lowName: string,
			highName: string,
		) => {
			if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return;
			errors.push(fieldInvalid(`${path}.${list}[${resource}]`, value, `${lowName} value ${low} is greater than ${highName} value ${high}`));
		};
		order(min?.[resource], max?.[resource], "min", min?.[resource], "min", "max");
		order(min?.[resource], request?.[resource], "defaultRequest", request?.[resource], "min", "default request");
		order(request?.[resource], max?.[resource], "defaultRequest", request?.[resource], "default request", "max");
		order(request?.[resource], limit?.[resource], "defaultRequest", request?.[resource], "default request", "default limit");
		order(min?.[resource], limit?.[resource], "default", min?.[resource], "min", "default");
		order(limit?.[resource], max?.[resource], "default", max?.[resource], "default", "max");
		const factor = ratio?.[resource];
		if (factor !== undefined && compareQuantities(factor, "1") < 0) {
			errors.push(fieldInvalid(`${path}.maxLimitRequestRatio[${resource}]`, factor, `ratio ${factor} is less than 1`));
		}
		return errors;
	});
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
