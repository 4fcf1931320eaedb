/** Names of CSI drivers, and parameters that go to a driver. Source: pkg/apis/{core,storage}/validation/validation.go. */
import { fieldInvalid, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor } from "./primitives.ts";

const maxDriverNameBytes = 63;
const maxParameters = 512;
const maxParametersBytes = 256 * 1024;

/** `ebs.csi.aws.com`: a DNS subdomain in any case, at most 63 characters. */
export function validateDriverName(name: string | undefined, path: string): FieldErrors {
	const text = name ?? "";
	return [
		...(text === "" ? [fieldRequired(path)] : []),
		...(Buffer.byteLength(text) > maxDriverNameBytes ? [fieldTooLong(path, maxDriverNameBytes)] : []),
		...invalidFor(path, text, isDns1123Subdomain(text.toLowerCase())),
	];
}

/** Parameters of a StorageClass or VolumeAttributesClass. */
export function validateParameters(parameters: Readonly<Record<string, string>> | undefined, path: string): FieldErrors {
	const entries = Object.entries(parameters ?? {});
	if (entries.length > maxParameters) return [fieldTooLong(path, maxParameters)];
	const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
	return [
		...(entries.some(([key]) => key === "") ? [fieldInvalid(path, "", "field can not be empty.")] : []),
		...(sizeBytes > maxParametersBytes ? [fieldTooLong(path, maxParametersBytes)] : []),
	];
}

/** Who makes volumes of a class: a qualified name, in any case. */
export function validateProvisioner(provisioner: string, path: string): FieldErrors {
	if (provisioner === "") return [fieldRequired(path)];
	const name = provisioner.toLowerCase();
	return invalidFor(path, name, isQualifiedName(name));
}
