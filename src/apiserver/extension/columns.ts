/**
 * Printer columns of custom resources.
 * Source: k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor of Kubernetes 1.36.
 */
import { goText } from "../../apimachinery/go-text.ts";
import type { JsonValue } from "../../apimachinery/json.ts";
import { JsonPath, JsonPathError } from "../../apimachinery/json-path.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { CustomResourceColumnDefinition } from "../../apimachinery/schema/generated/types.ts";
import { formatAge, parseTime, TimeError } from "../../apimachinery/time.ts";
import type { Column } from "../registry/kind.ts";
import { nameColumn } from "../registry/printing/columns.ts";

/** What Kubernetes shows where a definition names no columns. */
const ageColumn: CustomResourceColumnDefinition = {
	name: "Age",
	type: "date",
	jsonPath: ".metadata.creationTimestamp",
	description:
		"CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
};

/** The name, and what the definition wants besides; the name alone if a path can't be read. */
export function columnsOf(definitions: readonly CustomResourceColumnDefinition[] | undefined): readonly Column<KubeObject>[] {
	const wanted = definitions === undefined || definitions.length === 0 ? [ageColumn] : definitions;
	const columns: Column<KubeObject>[] = [nameColumn()];
	for (const definition of wanted) {
		try {
			columns.push(columnOf(definition));
		} catch (error) {
			if (!(error instanceof JsonPathError)) throw error;
			return columns;
		}
	}
	return columns;
}

function columnOf({ name, type, format, priority = 0, jsonPath, description = "" }: CustomResourceColumnDefinition): Column<KubeObject> {
	const path = new JsonPath(jsonPath);
	return {
		name,
		type: type as Column<KubeObject>["type"],
		...(format === undefined ? {} : { format: format as NonNullable<Column<KubeObject>["format"]> }),
		priority: priority === 0 ? 0 : 1,
		description: description === "" ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : description,
		cell: (object, { nowMs }) => cellOf(type, path.find(object as JsonValue)[0], nowMs),
	};
}

/** Null where there is no value of the column's type. */
function cellOf(type: string, value: JsonValue | undefined, nowMs: number): string | number | boolean | null {
	if (value === undefined || value === null) return type === "string" && value === null ? "<nil>" : null;
	switch (type) {
		case "integer":
			return typeof value === "number" ? Math.trunc(value) : null;
		case "number":
			return typeof value === "number" ? value : null;
		case "boolean":
			return typeof value === "boolean" ? value : null;
		case "date":
			return typeof value === "string" ? ageOf(value, nowMs) : null;
		default:
			return typeof value === "object" ? JSON.stringify(value) : goText(value);
	}
}

function ageOf(time: string, nowMs: number): string {
	try {
		parseTime(time);
		return formatAge(time, nowMs);
	} catch (error) {
		if (error instanceof TimeError) return "<invalid>";
		throw error;
	}
}
