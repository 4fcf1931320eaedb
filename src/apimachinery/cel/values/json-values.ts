/** JSON as values, where no schema says more: what variables of type dyn hold, and what expressions give back. */
import { isJsonObject, type JsonObject, type JsonValue, ownValue, setKey } from "../../json.ts";
import { EvaluationError } from "./errors.ts";
import { durationText, timestampText } from "./time-values.ts";
import { CelDuration, CelList, CelMap, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue } from "./values.ts";

/** Whole numbers are ints, others doubles, as Kubernetes reads JSON. */
export function jsonToCel(value: JsonValue | undefined): CelValue {
	if (value === undefined || value === null) return null;
	if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
	if (Array.isArray(value)) return new JsonList(value);
	return isJsonObject(value) ? new JsonMap(value) : (value as string | boolean);
}

export class JsonList extends CelList {
	readonly #items: readonly JsonValue[];

	constructor(items: readonly JsonValue[]) {
		super();
		this.#items = items;
	}

	get size(): number {
		return this.#items.length;
	}

	at(index: number): CelValue {
		return jsonToCel(this.#items[index]);
	}
}

export class JsonMap extends CelMap {
	readonly #object: JsonObject;

	constructor(object: JsonObject) {
		super();
		this.#object = object;
	}

	get size(): number {
		let size = 0;
		for (const key in this.#object) if (this.#object[key] !== undefined) size++;
		return size;
	}

	get(key: CelValue): CelValue | undefined {
		const value = typeof key === "string" ? ownValue(this.#object, key) : undefined;
		return value === undefined ? undefined : jsonToCel(value);
	}

	keys(): readonly CelValue[] {
		return Object.keys(this.#object).filter((key) => this.#object[key] !== undefined);
	}
}

/** A value as JSON: what a mutation writes into an object. Throws EvaluationError for what JSON cannot say. */
export function celToJson(value: CelValue): JsonValue {
	if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") return value;
	if (typeof value === "bigint") return Number(value);
	if (value instanceof CelUint) return Number(value.value);
	if (value instanceof CelList) return Array.from({ length: value.size }, (_, index) => celToJson(value.at(index)));
	if (value instanceof CelMap) {
		const object: Record<string, JsonValue> = {};
		for (const key of value.keys()) {
			if (typeof key !== "string") throw new EvaluationError("JSON object keys must be strings");
			setKey(object, key, celToJson(value.get(key) ?? null));
		}
		return object;
	}
	if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
	if (value instanceof CelTimestamp) return timestampText(value);
	if (value instanceof CelDuration) return durationText(value);
	if (value instanceof CelOptional) return value.value === undefined ? null : celToJson(value.value);
	if (value instanceof CelTypeValue) return value.name;
	throw new EvaluationError(`unsupported conversion from ${value.typeName} to JSON`);
}
