/**
 * Objects as values, by their schema: fields have the names and types that rules see, lists compare and add up as their
 * list type says. Nothing is copied: a field becomes a value when a rule asks for it.
 * Source: k8s.io/apiserver/pkg/cel/common/values.go; https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules.
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../../json.ts";
import type { JSONSchemaProps } from "../../schema/generated/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { celToJson, jsonToCel } from "../values/json-values.ts";
import { parseDuration, parseTimestamp } from "../values/time-values.ts";
import { ArrayList, CelList, CelMap, type CelValue } from "../values/values.ts";
import { escapeProperty } from "./escaping.ts";
import { itemsOf, valuesOf, withResourceFields } from "./schema-type.ts";

/** Makes values of one schema. Throws EvaluationError for JSON that the schema would refuse. */
export type Adapter = (value: JsonValue) => CelValue;

export function adapterOf(schema: JSONSchemaProps, isResource: boolean): Adapter {
	if (schema["x-kubernetes-int-or-string"] === true) return jsonToCel;
	const adapt = typedAdapter(isResource ? withResourceFields(schema) : schema);
	return (value) => (value === null ? null : adapt(value));
}

const isEmbedded = (schema: JSONSchemaProps): boolean => schema["x-kubernetes-embedded-resource"] === true;
const mismatch = (expected: string): EvaluationError => new EvaluationError(`invalid data, expected a ${expected}`);

function typedAdapter(schema: JSONSchemaProps): Adapter {
	switch (schema.type) {
		case "object":
			return objectAdapter(schema);
		case "array":
			return arrayAdapter(schema);
		case "string":
			return textAdapter(schema.format);
		case "integer":
			return (value) => {
				if (typeof value !== "number" || !Number.isInteger(value)) throw mismatch("int");
				return BigInt(value);
			};
		case "number":
			return (value) => {
				if (typeof value !== "number") throw mismatch("double");
				return value;
			};
		default:
			return jsonToCel;
	}
}

function objectAdapter(schema: JSONSchemaProps): Adapter {
	const values = valuesOf(schema);
	if (values !== undefined) {
		const adapt = adapterOf(values, isEmbedded(values));
		return (value) => {
			if (!isJsonObject(value)) throw mismatch("map");
			return new SchemaMap(value, adapt);
		};
	}
	const fields = new Map<string, Field>();
	for (const [name, property] of Object.entries(schema.properties ?? {})) {
		const escaped = escapeProperty(name);
		if (escaped !== undefined) fields.set(escaped, { name, adapt: adapterOf(property, isEmbedded(property)) });
	}
	return (value) => {
		if (!isJsonObject(value)) throw mismatch("map");
		return new SchemaObject(value, fields);
	};
}

interface Field {
	/** As in the object. */
	readonly name: string;
	readonly adapt: Adapter;
}

/** An object of known fields, by the names that rules write. */
class SchemaObject extends CelMap {
	readonly #object: JsonObject;
	readonly #fields: ReadonlyMap<string, Field>;

	constructor(object: JsonObject, fields: ReadonlyMap<string, Field>) {
		super();
		this.#object = object;
		this.#fields = fields;
	}

	get size(): number {
		return this.keys().length;
	}

	get(key: CelValue): CelValue | undefined {
		const field = typeof key === "string" ? this.#fields.get(key) : undefined;
		const value = field === undefined ? undefined : ownValue(this.#object, field.name);
		return field === undefined || value === undefined ? undefined : field.adapt(value);
	}

	keys(): readonly CelValue[] {
		const keys: string[] = [];
		for (const [key, { name }] of this.#fields) if (ownValue(this.#object, name) !== undefined) keys.push(key);
		return keys;
	}
}

/** `additionalProperties`: keys are data, and as they are. */
class SchemaMap extends CelMap {
	readonly #object: JsonObject;
	readonly #adapt: Adapter;

	constructor(object: JsonObject, adapt: Adapter) {
		super();
		this.#object = object;
		this.#adapt = adapt;
	}

	get size(): number {
		return this.keys().length;
	}

	get(key: CelValue): CelValue | undefined {
		const value = typeof key === "string" ? ownValue(this.#object, key) : undefined;
		return value === undefined ? undefined : this.#adapt(value);
	}

	keys(): readonly CelValue[] {
		return Object.keys(this.#object).filter((key) => this.#object[key] !== undefined);
	}
}

class SchemaList extends CelList {
	readonly #items: readonly JsonValue[];
	readonly #adapt: Adapter;

	constructor(items: readonly JsonValue[], adapt: Adapter) {
		super();
		this.#items = items;
		this.#adapt = adapt;
	}

	get size(): number {
		return this.#items.length;
	}

	at(index: number): CelValue {
		return this.#adapt(this.#items[index] ?? null);
	}
}

function arrayAdapter(schema: JSONSchemaProps): Adapter {
	const items = itemsOf(schema);
	const adapt = items === undefined ? jsonToCel : adapterOf(items, isEmbedded(items));
	const keyOf = itemKey(schema);
	return (value) => {
		if (!Array.isArray(value)) throw mismatch("list");
		const list = new SchemaList(value, adapt);
		return keyOf === undefined ? list : new KeyedList(list, keyOf);
	};
}

type ItemKey = (item: CelValue) => string;

/** What tells items of a set or of a map list apart; undefined where their order does. */
function itemKey(schema: JSONSchemaProps): ItemKey | undefined {
	const listType = schema["x-kubernetes-list-type"];
	if (listType === "set") return (item) => canonicalText(celToJson(item));
	if (listType !== "map") return undefined;
	const keys = (schema["x-kubernetes-list-map-keys"] ?? []).map((key) => escapeProperty(key) ?? key);
	return (item) => JSON.stringify(keys.map((key) => (item instanceof CelMap ? celToJson(item.get(key) ?? null) : null)));
}

function canonicalText(value: JsonValue): string {
	return JSON.stringify(value, (_, part: JsonValue) =>
		isJsonObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
	);
}

/**
 * A set, or a list whose items have keys: order does not matter to equality, and a sum overwrites items of the same key in
 * place and appends the rest.
 */
class KeyedList extends CelList {
	readonly #list: CelList;
	readonly #keyOf: ItemKey;

	constructor(list: CelList, keyOf: ItemKey) {
		super();
		this.#list = list;
		this.#keyOf = keyOf;
	}

	get size(): number {
		return this.#list.size;
	}

	at(index: number): CelValue {
		return this.#list.at(index);
	}

	#byKey(list: CelList): Map<string, CelValue> {
		const items = new Map<string, CelValue>();
		for (let at = 0; at < list.size; at++) {
			const item = list.at(at);
			items.set(this.#keyOf(item), item);
		}
		return items;
	}

	override equals(other: CelList): boolean {
		if (this.size !== other.size) return false;
		const theirs = this.#byKey(other);
		for (const [key, item] of this.#byKey(this.#list)) {
			const their = theirs.get(key);
			if (their === undefined || canonicalText(celToJson(their)) !== canonicalText(celToJson(item))) return false;
		}
		return true;
	}

	override concat(other: CelList): CelList {
		const items = this.#byKey(this.#list);
		for (const [key, item] of this.#byKey(other)) items.set(key, item);
		return new KeyedList(new ArrayList([...items.values()]), this.#keyOf);
	}
}

function textAdapter(format: string | undefined): Adapter {
	const parse = (name: string, read: (text: string) => CelValue | undefined): Adapter => {
		return (value) => {
			if (typeof value !== "string") throw mismatch("string");
			const parsed = read(value);
			if (parsed === undefined) throw new EvaluationError(`Invalid ${name} ${value}`);
			return parsed;
		};
	};
	switch (format) {
		case "byte":
			return parse("byte formatted string", (text) => Buffer.from(text, "base64"));
		case "duration":
			return parse("duration", parseDuration);
		case "date":
			return parse("date formatted string", (text) => parseTimestamp(`${text}T00:00:00Z`));
		case "date-time":
			return parse("date-time formatted string", parseTimestamp);
		default:
			return parse("string", (text) => text);
	}
}
