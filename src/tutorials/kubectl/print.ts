/**
 * What `-o` asks for.
 * Source: https://kubernetes.io/docs/reference/kubectl/#output-options, https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
import { stringify } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import { JsonPath } from "../../apimachinery/json-path.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { splitAt, valuesAt } from "./call.ts";
import { UnknownCallError } from "./words.ts";

/** @param output `yaml`, `jsonpath={.x}`. @throws UnknownCallError */
export function printed(output: string, value: JsonValue): string {
	const [form, argument] = splitAt(output, "=");
	switch (form) {
		case "json":
			return `${JSON.stringify(value, undefined, 4)}\n`;
		case "yaml":
			return stringify(value, { indentSeq: false, lineWidth: 0 });
		case "jsonpath":
			return jsonPathText(argument, value);
		case "go-template":
			return templateText(argument, value);
		default:
			throw new UnknownCallError(`-o ${output}`);
	}
}

/** Objects without what only machines read. */
export function forPeople(object: KubeObject): JsonValue {
	const { managedFields: _, ...metadata } = (object.metadata ?? {}) as JsonObject;
	return { ...(object as unknown as JsonObject), metadata };
}

/** `NAME:.metadata.name,IMAGE:.spec.containers[*].image` */
export function customColumns(text: string, objects: readonly KubeObject[]): string {
	const columns = text.split(",").map((column) => splitAt(column, ":"));
	const cell = (object: KubeObject, path: string) => valuesAt(object, path.startsWith(".") ? path : `.${path}`).map(goValue);
	const rows = objects.map((object) => columns.map(([, path]) => cell(object, path).join(",") || "<none>"));
	return aligned([columns.map(([name]) => name), ...rows]);
}

/** Three blanks between columns. */
export function aligned(rows: readonly (readonly string[])[]): string {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ");
	return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** Text with paths, texts in quotes, and `range` … `end` in braces. */
function jsonPathText(template: string, value: JsonValue): string {
	const parts = [...template.matchAll(/\{((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^{}"'])*)\}|[^{]+/g)];
	let index = 0;
	const text = (here: JsonValue): string => {
		let made = "";
		for (let part = parts[index]; part !== undefined; part = parts[index]) {
			const inside = part[1]?.trim();
			index++;
			if (inside === "end") break;
			if (inside === undefined) made += part[0];
			else if (inside.startsWith("range ")) {
				const start = index;
				const items = new JsonPath(inside.slice(6).trim()).find(here);
				// What is in it is passed over once even if there is nothing to go through.
				const texts = (items.length === 0 ? [null] : items).map((item) => {
					index = start;
					return text(item);
				});
				made += items.length === 0 ? "" : texts.join("");
			} else if (inside.startsWith('"')) made += JSON.parse(inside) as string;
			else made += new JsonPath(inside).find(here).map(goValue).join(" ");
		}
		return made;
	};
	return text(value);
}

/** One field at a time, through `base64decode` if wanted. */
function templateText(template: string, value: JsonValue): string {
	return template.replaceAll(/\{\{([^}]*)\}\}/g, (_, inside: string) => {
		const [, path, isDecoded] = /^\s*((?:\.\w+)+)\s*(\|\s*base64decode\s*)?$/.exec(inside) ?? [];
		if (path === undefined) throw new UnknownCallError(`the template {{${inside}}}`);
		const text = new JsonPath(path).find(value).map(goValue)[0] ?? "<no value>";
		return isDecoded === undefined ? text : Buffer.from(text, "base64").toString();
	});
}

function goValue(value: JsonValue): string {
	if (value === null) return "<nil>";
	return Array.isArray(value) || isJsonObject(value) ? JSON.stringify(value) : String(value);
}
