/** JSON values as Go prints them, for the texts of kube-apiserver's errors about patches. */
import { isJsonObject, type JsonValue } from "../json.ts";

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
export function goType(value: JsonValue): string {
	if (Array.isArray(value)) return "[]interface {}";
	if (isJsonObject(value)) return "map[string]interface {}";
	if (value === null) return "%!s(<nil>)";
	if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
	return typeof value === "boolean" ? "bool" : "string";
}
