/**
 * What a decoder says of a value that does not fit, in the words of Go's JSON decoder, and where the value stands.
 */
import { goType } from "../go-text.ts";
import type { JsonObject } from "../json.ts";
import { goStructName, goTypeName } from "./go-types.ts";
import { type FieldType, typeSchema } from "./schema.ts";

/** A value that the type does not take; the message is Go's. */
export class DecodeError extends Error {
	override readonly name = "DecodeError";
	/** What is said of the same value where it was no text before: after a strategic merge patch. */
	readonly conversion: string;

	constructor(message: string, conversion = message) {
		super(message);
		this.conversion = conversion;
	}
}

/** Where a run of decoders is, and what it found. */
export interface DecodeState {
	/** Name of the type that the run began with. */
	readonly root: string;
	/** Keys and indices from the root to the value at hand. */
	readonly path: (string | number)[];
	/** Paths of what was dropped. */
	readonly unknownFields: string[];
	/** The owners of the object's fields, if they are known to be well formed: they are taken as they are. */
	readonly trusted?: unknown;
	/** The same object, or the same part of it, as it was decoded before: what is the very same in it is taken as it is. */
	known?: JsonObject | undefined;
}

/** An error that names the field. */
export function refuse(value: unknown, type: FieldType, field: string, state: DecodeState): never {
	const [struct = ""] = field.split(".");
	const where = `${goStructName(struct)}.${goFieldPath(state)}`;
	throw new DecodeError(
		`json: cannot unmarshal ${jsonKind(value, type)} into Go struct field ${where} of type ${goTypeName(type, field)}`,
		conversionText(value, type, field),
	);
}

/** Source: the converter from unstructured values in k8s.io/apimachinery/pkg/runtime */
function conversionText(value: unknown, type: FieldType, field: string): string {
	if (type.form === "map") return `cannot restore map from ${goKind(value)}`;
	if (type.form === "object") return `cannot restore struct from: ${goKind(value)}`;
	if (type.form === "list" || type.scalar === "bytes") return `cannot restore slice from ${goKind(value)}`;
	const kind = type.scalar === "string" ? "string" : goTypeName(type);
	const isInteger = Number.isInteger(value);
	// Go converts integers to text (of one character) and numbers to numbers; this converter forbids it, and says so.
	const isConvertible = kind === "string" ? isInteger : kind !== "bool" && typeof value === "number";
	return isConvertible ? `cannot convert ${goType(value)} to ${goTypeName(type, field)}` : `unrecognized type: ${kind}`;
}

function goKind(value: unknown): string {
	if (Array.isArray(value)) return "slice";
	return typeof value === "object" ? "map" : goType(value);
}

/** An error of a type that reads itself, and so knows of no field. */
export function refuseBare(value: unknown, goType: string): never {
	const kind = typeof value === "number" && goType === "int32" ? `number ${value}` : jsonKind(value);
	throw new DecodeError(`json: cannot unmarshal ${kind} into Go value of type ${goType}`);
}

/** Go's name for a kind of JSON value; of a number that an integer can't hold, the number too. */
export function jsonKind(value: unknown, type?: FieldType): string {
	if (Array.isArray(value)) return "array";
	if (typeof value === "boolean") return "bool";
	const wantsInteger = type?.form === "scalar" && (type.scalar === "int32" || type.scalar === "int64");
	return typeof value === "number" && wantsInteger ? `number ${value}` : typeof value;
}

/** Names of struct fields from the root, without indices and keys of maps. */
function goFieldPath({ root, path }: DecodeState): string {
	const names: string[] = [];
	let type: FieldType | undefined = { form: "object", type: root };
	for (const step of path) {
		if (type?.form === "object") {
			names.push(String(step));
			type = typeSchema(type.type)?.fields.get(String(step))?.type;
		} else if (type?.form === "list") type = type.items;
		else if (type?.form === "map") type = type.values;
	}
	return names.join(".");
}

/** `spec.containers[0].image`. */
export function formatPath(path: readonly (string | number)[]): string {
	let text = "";
	for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
	return text;
}
