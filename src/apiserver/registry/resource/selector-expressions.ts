/**
 * Whether the selectors of claims and classes compile, and stay within their costs. Loaded with the first object that has one.
 * Source: validateCELSelector in pkg/apis/resource/validation/validation.go of Kubernetes 1.36.
 */
import { compileDeviceSelector, maxSelectorCost } from "../../../apimachinery/cel/index.ts";
import type { DeviceSelector } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { maxExpressionBytes } from "./device-names.ts";

/** @param lists selectors by their path */
export function selectorErrors(lists: ReadonlyMap<string, readonly DeviceSelector[]>): readonly FieldError[] {
	return [...lists].flatMap(([path, selectors]) =>
		selectors.flatMap(({ cel }, index) =>
			cel === undefined ? [] : expressionErrors(cel.expression ?? "", `${path}[${index}].cel.expression`),
		),
	);
}

function expressionErrors(text: string, path: string): readonly FieldError[] {
	// What is too long has been refused already, and is not compiled.
	if (Buffer.byteLength(text) > maxExpressionBytes) return [];
	const compiled = compileDeviceSelector(text);
	if ("problem" in compiled) return [fieldInvalid(path, text, compiled.problem)];
	return compiled.maxCost > maxSelectorCost ? [fieldForbidden(path, "too complex, exceeds cost limit")] : [];
}
