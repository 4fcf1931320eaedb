/**
 * ConfigMap. Source: pkg/registry/core/configmap of Kubernetes 1.36. https://kubernetes.io/docs/concepts/configuration/configmap/
 */
import type { ConfigMap } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn } from "../printing/columns.ts";
import { base64Bytes, textBytes, validateDataKeys, validateDataSize, validateDisjoint, validateFrozen } from "../validation/data-keys.ts";

export const configMapKind = defineKind<ConfigMap>({
	group: "",
	kind: "ConfigMap",
	resource: "configmaps",
	singular: "configmap",
	shortNames: ["cm"],
	versions: ["v1"],
	storageVersion: "v1",
	validate: ({ data, binaryData }) => [
		...validateDataKeys(data, "data"),
		...validateDisjoint(data, binaryData),
		...validateDataKeys(binaryData, "binaryData"),
		...validateDataSize(textBytes(data) + base64Bytes(binaryData), "[]"),
	],
	validateUpdate: validateFrozen,
	columns: [
		nameColumn(),
		integerColumn(
			"Data",
			"Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'.",
			({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
		),
		ageColumn(),
	],
});
