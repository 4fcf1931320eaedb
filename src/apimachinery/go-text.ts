/** JSON values as Go prints and writes them, for texts of kube-apiserver that show one. */
import { isJsonObject, type JsonValue } from "./json.ts";

/** %v: `map[image:nginx name:web]`. */
export function goText(value: JsonValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
	if (!isJsonObject(value)) return value === null || value === undefined ? "<nil>" : String(value);
	const pairs = Object.keys(value)
		.sort()
		.map((key) => `${key}:${goText(value[key])}`);
	return `map[${pairs.join(" ")}]`;
}

/** %s of its reflect.Type: `map[string]interface {}`, `int64`. */
export function goType(value: unknown): string {
	if (Array.isArray(value)) return "[]interface {}";
	if (isJsonObject(value)) return "map[string]interface {}";
	if (value === null) return "%!s(<nil>)";
	if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
	return typeof value === "boolean" ? "bool" : "string";
}

/** What encoding/json writes of a map: keys in order, nothing that a browser might take for markup. */
export function goJson(value: JsonValue | undefined): string {
	return JSON.stringify(sortKeys(value)).replaceAll(
		/[<>&\u2028\u2029]/g,
		(text) => `\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

function sortKeys(value: JsonValue | undefined): JsonValue | undefined {
	if (Array.isArray(value)) return value.map((item) => sortKeys(item) ?? null);
	if (!isJsonObject(value)) return value;
	return Object.fromEntries(
		Object.keys(value)
			.sort()
			.map((key) => [key, sortKeys(value[key])]),
	);
}
