/**
 * What a Pod may be told about itself, in variables and in files: fields and resources.
 * Source: validateObjectFieldSelector, validateContainerResourceFieldSelector in pkg/apis/core/validation/validation.go,
 * ConvertDownwardAPIFieldLabel in pkg/apis/core/pods/helpers.go of Kubernetes 1.36.
 */
import { canonicalQuantity, compareQuantities, QuantityError } from "../../../apimachinery/quantity.ts";
import type { ObjectFieldSelector, ResourceFieldSelector } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS } from "./primitives.ts";

/** Fields of a Pod that a variable may show. */
export const envFields: ReadonlySet<string> = new Set([
	"metadata.name",
	"metadata.namespace",
	"metadata.uid",
	"spec.nodeName",
	"spec.serviceAccountName",
	"status.hostIP",
	"status.hostIPs",
	"status.podIP",
	"status.podIPs",
]);

/** Fields of a Pod that a file of a downwardAPI volume may show. */
export const downwardVolumeFields: ReadonlySet<string> = new Set([
	"metadata.name",
	"metadata.namespace",
	"metadata.labels",
	"metadata.annotations",
	"metadata.uid",
]);

/** Fields that v1 knows by these names; `spec.host` is an old name of `spec.nodeName`. */
const fieldLabels: ReadonlySet<string> = new Set([
	...envFields,
	...downwardVolumeFields,
	"spec.restartPolicy",
	"spec.schedulerName",
	"status.phase",
]);

/** A field of the Pod by path; labels and annotations by key. */
export function validateFieldRef(
	{ apiVersion = "", fieldPath = "" }: ObjectFieldSelector,
	fields: ReadonlySet<string>,
	path: string,
): FieldErrors {
	if (apiVersion === "") return [fieldRequired(`${path}.apiVersion`)];
	if (fieldPath === "") return [fieldRequired(`${path}.fieldPath`)];
	const unconvertible = (text: string) => [fieldInvalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${text}`)];
	if (apiVersion !== "v1") return unconvertible(`unsupported pod version: ${apiVersion}`);
	const subscripted = /^(.+?)\['(.*)'\]$/s.exec(fieldPath);
	if (subscripted !== null) {
		const [, field, key = ""] = subscripted;
		if (field === "metadata.annotations") return invalidFor(path, key.toLowerCase(), isQualifiedName(key.toLowerCase()));
		if (field === "metadata.labels") return invalidFor(path, key, isQualifiedName(key));
		return unconvertible(`field label does not support subscript: ${fieldPath}`);
	}
	const field = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
	if (!fieldLabels.has(field)) return unconvertible(`field label not supported: ${fieldPath}`);
	return fields.has(field) ? NO_ERRORS : [fieldNotSupported(`${path}.fieldPath`, field, [...fields])];
}

/** Resources of a container that the downward API can tell. */
const resourceFields = ["limits", "requests"].flatMap((side) => [`${side}.cpu`, `${side}.memory`, `${side}.ephemeral-storage`]);
const hugePages = /^(limits|requests)\.hugepages-/;

/** A request or limit of a container; a file has to say of which container. */
export function validateResourceFieldRef(
	{ containerName = "", resource = "", divisor }: ResourceFieldSelector,
	path: string,
	{ needsContainer = false } = {},
): FieldErrors {
	const divisorErrors = validateDivisor(resource, divisor, `${path}.divisor`);
	if (needsContainer && containerName === "") return [fieldRequired(`${path}.containerName`), ...divisorErrors];
	if (resource === "") return [fieldRequired(`${path}.resource`), ...divisorErrors];
	const isKnown = resourceFields.includes(resource) || hugePages.test(resource);
	return [...(isKnown ? [] : [fieldNotSupported(`${path}.resource`, resource, resourceFields)]), ...divisorErrors];
}

const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/** What an amount of each resource may be divided by; 0 stands for 1. */
function validateDivisor(resource: string, divisor: string | undefined, path: string): FieldErrors {
	const canonical = divisor === undefined ? undefined : tryCanonical(divisor);
	if (canonical === undefined || compareQuantities(canonical, "0") === 0) return NO_ERRORS;
	const bytes = (noun: string) =>
		byteDivisors.includes(canonical)
			? NO_ERRORS
			: [fieldInvalid(path, resource, `only divisor's values ${byteDivisors.join(", ")} are supported with the ${noun} resource`)];
	if (hugePages.test(resource)) return bytes("hugepages");
	if (!resourceFields.includes(resource)) return NO_ERRORS;
	switch (resource.slice(resource.indexOf(".") + 1)) {
		case "cpu":
			return canonical === "1" || canonical === "1m"
				? NO_ERRORS
				: [fieldInvalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")];
		case "memory":
			return bytes("memory");
		case "ephemeral-storage":
			return bytes("local ephemeral storage");
		default:
			return NO_ERRORS;
	}
}

/** Undefined for what is no quantity: decoding refuses it. */
function tryCanonical(text: string): string | undefined {
	try {
		return canonicalQuantity(text);
	} catch (error) {
		if (error instanceof QuantityError) return undefined;
		throw error;
	}
}
