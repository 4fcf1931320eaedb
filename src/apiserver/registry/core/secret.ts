/**
 * Secret. What a client writes as text in `stringData` is stored in `data`. Source: pkg/apis/core/v1/conversion.go,
 * pkg/registry/core/secret of Kubernetes 1.36. https://kubernetes.io/docs/concepts/configuration/secret/
 */

import { isJsonObject } from "../../../apimachinery/json.ts";
import { describeJsonError } from "../../../apimachinery/json-syntax.ts";
import type { Secret } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { base64Bytes, validateDataKeys, validateDataSize, validateFrozen } from "../validation/data-keys.ts";
import { type FieldErrors, NO_ERRORS, validateImmutable } from "../validation/primitives.ts";
import { withDefaults } from "./defaulting.ts";

const encode = (text: string): string => Buffer.from(text, "utf8").toString("base64");

const decode = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");

function setDefaults(secret: Secret): Secret {
	const typed = withDefaults(secret, { type: "Opaque" });
	const { stringData, ...rest } = typed;
	if (stringData === undefined) return typed;
	const entries = Object.entries(stringData).map(([key, text]) => [key, encode(text)]);
	return entries.length === 0 ? rest : { ...rest, data: { ...rest.data, ...Object.fromEntries(entries) } };
}

/** What each type of secret must hold. */
function validateType({ type, data, metadata }: Secret): FieldErrors {
	const required = (...keys: string[]): FieldErrors =>
		keys.filter((key) => data?.[key] === undefined).map((key) => fieldRequired(`data[${key}]`));
	switch (type) {
		case "kubernetes.io/service-account-token":
			return (metadata?.annotations?.["kubernetes.io/service-account.name"] ?? "") === ""
				? [fieldRequired("metadata.annotations[kubernetes.io/service-account.name]")]
				: NO_ERRORS;
		case "kubernetes.io/dockerconfigjson":
			return validateJson(data, ".dockerconfigjson");
		case "kubernetes.io/dockercfg":
			return validateJson(data, ".dockercfg");
		case "kubernetes.io/basic-auth":
			return data?.username === undefined && data?.password === undefined
				? [fieldRequired("data[username]"), fieldRequired("data[password]")]
				: NO_ERRORS;
		case "kubernetes.io/ssh-auth":
			return (data?.["ssh-privatekey"] ?? "") === "" ? [fieldRequired("data[ssh-privatekey]")] : NO_ERRORS;
		case "kubernetes.io/tls":
			return required("tls.crt", "tls.key");
		default:
			return NO_ERRORS;
	}
}

function validateJson(data: Secret["data"], key: string): FieldErrors {
	const value = data?.[key];
	if (value === undefined) return [fieldRequired(`data[${key}]`)];
	const error = describeNoObject(decode(value));
	return error === undefined ? NO_ERRORS : [fieldInvalid(`data[${key}]`, "<secret contents redacted>", error)];
}

/** Why Go cannot read a text as a JSON object; undefined if it can. `null` is an empty one. */
function describeNoObject(text: string): string | undefined {
	const broken = describeJsonError(text);
	if (broken !== undefined) return broken;
	const value: unknown = JSON.parse(text);
	if (value === null || isJsonObject(value)) return undefined;
	const found = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
	return `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`;
}

export const secretKind = defineKind<Secret>({
	group: "",
	kind: "Secret",
	resource: "secrets",
	singular: "secret",
	versions: ["v1"],
	storageVersion: "v1",
	setDefaults,
	validate: (secret) => {
		const errors: FieldError[] = [...validateDataKeys(secret.data, "data"), ...validateDataSize(base64Bytes(secret.data), "data")];
		return [...errors, ...validateType(secret)];
	},
	validateUpdate: (secret, old) => [...validateImmutable(secret.type, old.type, "type"), ...validateFrozen(secret, old)],
	columns: [
		nameColumn(),
		stringColumn("Type", "Used to facilitate programmatic handling of secret data.", ({ type }) => type ?? ""),
		integerColumn("Data", "Data contains the secret data.", ({ data }) => Object.keys(data ?? {}).length),
		ageColumn(),
	],
	selectableFields: ({ type }) => ({ type: type ?? "" }),
});
