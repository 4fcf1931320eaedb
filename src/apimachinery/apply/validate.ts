/**
 * Whether what somebody applies is of its type: fields that the type has, values of the right sort, no item of a list
 * twice. Stricter than the decoder of other writes, and with texts of its own.
 * Source of the texts: sigs.k8s.io/structured-merge-diff/typed.
 */
import { isJsonObject } from "../json.ts";
import { ItemError, itemElement } from "./list-item.ts";
import type { ListNode, MergeNode, ScalarClass } from "./merge-node.ts";
import { displayElement, fieldElement, indexElement } from "./path-element.ts";

/** Where a value stands: written out only for what is wrong there. */
interface Place {
	readonly above: Place | undefined;
	readonly element: string;
}

/** All that is wrong, each with its path: `.spec.replicaz: field not declared in schema`. Empty if nothing is. */
export function typeErrorsOf(node: MergeNode, value: unknown): readonly string[] {
	const errors: string[] = [];
	visit(node, value, undefined, errors);
	return errors;
}

/** One error as it is; several one below the other. */
export function formatTypeErrors(errors: readonly string[]): string {
	return errors.length === 1 ? (errors[0] ?? "") : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
}

function report(place: Place | undefined, text: string, errors: string[]): void {
	const elements: string[] = [];
	for (let step = place; step !== undefined; step = step.above) elements.push(displayElement(step.element));
	errors.push(elements.length === 0 ? text : `${elements.reverse().join("")}: ${text}`);
}

function visit(node: MergeNode, value: unknown, place: Place | undefined, errors: string[]): void {
	if (value === null || value === undefined) return;
	switch (node.form) {
		case "any":
		case "deduced":
			return;
		case "scalar": {
			const text = scalarError(node.scalar, value);
			if (text !== undefined) report(place, text, errors);
			return;
		}
		case "list":
			if (Array.isArray(value)) visitItems(node, value, place, errors);
			else report(place, `expected list, got &{${formatGo(value)}}`, errors);
			return;
		default:
			if (!isJsonObject(value)) report(place, `expected map, got &{${formatGo(value)}}`, errors);
			else for (const key in value) visitField(node, key, value[key], place, errors);
	}
}

function visitField(
	node: MergeNode & { form: "struct" | "map" },
	key: string,
	value: unknown,
	above: Place | undefined,
	errors: string[],
): void {
	const field = node.form === "map" ? undefined : node.field(key);
	const part = node.form === "map" ? node.values : field?.node;
	const place = { above, element: field?.element ?? fieldElement(key) };
	if (part === undefined) report(place, "field not declared in schema", errors);
	else visit(part, value, place, errors);
}

function visitItems(list: ListNode, items: readonly unknown[], place: Place | undefined, errors: string[]): void {
	const seen = new Set<string>();
	for (const [index, item] of items.entries()) {
		const element = list.relation === "atomic" ? indexElement(index) : elementOrError(list, item);
		if (element instanceof ItemError) {
			report(place, `element ${index}: ${element.message}`, errors);
			return;
		}
		if (seen.has(element)) report(place, `duplicate entries for key ${displayElement(element)}`, errors);
		seen.add(element);
		visit(list.items, item, { above: place, element }, errors);
	}
}

function elementOrError(list: ListNode, item: unknown): string | ItemError {
	try {
		return itemElement(list, item);
	} catch (error) {
		if (error instanceof ItemError) return error;
		throw error;
	}
}

function scalarError(scalar: ScalarClass, value: unknown): string | undefined {
	switch (scalar) {
		case "numeric":
			return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goTypeOf(value)}`;
		case "string":
			return typeof value === "string" ? undefined : `expected string, got &value.valueUnstructured{Value:${formatGoSyntax(value)}}`;
		case "boolean":
			return typeof value === "boolean" ? undefined : `expected boolean, got &{${formatGo(value)}}`;
		case "untyped":
			return typeof value === "object" ? `expected any scalar, got &{${formatGo(value)}}` : undefined;
		default:
			return scalar satisfies never;
	}
}

/** Go's %T of a JSON value. */
function goTypeOf(value: unknown): string {
	if (Array.isArray(value)) return "[]interface {}";
	if (typeof value === "object") return "map[string]interface {}";
	return typeof value === "boolean" ? "bool" : "string";
}

/** Go's %v of a JSON value. */
function formatGo(value: unknown): string {
	if (value === null || value === undefined) return "<nil>";
	if (Array.isArray(value)) return `[${value.map(formatGo).join(" ")}]`;
	if (!isJsonObject(value)) return String(value);
	const entries = Object.keys(value).sort();
	return `map[${entries.map((key) => `${key}:${formatGo(value[key])}`).join(" ")}]`;
}

/** Go's %#v of a JSON value. */
function formatGoSyntax(value: unknown): string {
	if (value === null || value === undefined) return "interface {}(nil)";
	if (Array.isArray(value)) return `[]interface {}{${value.map(formatGoSyntax).join(", ")}}`;
	if (!isJsonObject(value)) return typeof value === "string" ? JSON.stringify(value) : String(value);
	const entries = Object.keys(value).sort();
	return `map[string]interface {}{${entries.map((key) => `${JSON.stringify(key)}:${formatGoSyntax(value[key])}`).join(", ")}}`;
}
