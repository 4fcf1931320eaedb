/**
 * Resources within custom resources (`x-kubernetes-embedded-resource`): their metadata is decoded and checked as every
 * object's.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta.
 */
import { isJsonObject, type JsonObject, type JsonValue, setKey } from "../../../apimachinery/json.ts";
import { DecodeError, type DecodeState } from "../../../apimachinery/schema/decode-errors.ts";
import { decoderOf } from "../../../apimachinery/schema/decoders.ts";
import type { ObjectMeta } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1035Label, isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { validateObjectMeta } from "../../../apimachinery/validation/object-meta.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** A group version has a slash at most. */
const groupVersionParts = 2;

/** Decodes the metadata of the resources within a value. Throws DecodeError. */
export function decodeEmbedded(value: JsonValue, tree: SchemaTree | undefined, state: DecodeState, isRoot = false): JsonValue {
	if (tree === undefined || !(tree.hasEmbedded || (tree.isResource && !isRoot))) return value;
	if (Array.isArray(value)) {
		const list = value as readonly JsonValue[];
		const decoded = list.map((item, index) => within(state, index, () => decodeEmbedded(item, tree.items, state)));
		return decoded.some((item, index) => item !== list[index]) ? decoded : value;
	}
	if (!isJsonObject(value)) return value;
	let copy: Record<string, unknown> | undefined;
	for (const key in value) {
		const item = value[key];
		if (item === undefined) continue;
		const isMetadata = !isRoot && tree.isResource && key === "metadata";
		const decoded = within(state, key, () => (isMetadata ? decodeMetadata(item, state) : decodeEmbedded(item, tree.field(key), state)));
		if (decoded === item) continue;
		copy ??= { ...value };
		setKey(copy, key, decoded);
	}
	return (copy as JsonObject | undefined) ?? value;
}

function decodeMetadata(value: JsonValue, state: DecodeState): JsonValue {
	return decoderOf("ObjectMeta")(value ?? {}, state) as JsonValue;
}

function within<T>({ path }: DecodeState, step: string | number, run: () => T): T {
	path.push(step);
	try {
		return run();
	} finally {
		path.pop();
	}
}

/** What is wrong with the resources within a value. @param path "" for the object itself, which is not checked here */
export function validateEmbedded(
	value: JsonValue | undefined,
	tree: SchemaTree | undefined,
	path: string,
	isRoot: boolean,
): readonly FieldError[] {
	if (tree === undefined || !(tree.hasEmbedded || (tree.isResource && !isRoot))) return [];
	if (Array.isArray(value)) {
		return (value as readonly JsonValue[]).flatMap((item, index) => validateEmbedded(item, tree.items, `${path}[${index}]`, false));
	}
	if (!isJsonObject(value)) return [];
	return [
		...(tree.isResource && !isRoot ? validateResource(value, path) : []),
		...Object.entries(value).flatMap(([key, item]) => {
			const known = tree.properties.get(key);
			const at = known === undefined ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
			return validateEmbedded(item, known ?? tree.values, at, false);
		}),
	];
}

/** What is wrong with apiVersion, kind and metadata of a resource. */
export function validateResource(resource: JsonObject, path: string): readonly FieldError[] {
	const { apiVersion, kind, metadata } = resource;
	const at = (field: string) => (path === "" ? field : `${path}.${field}`);
	return [
		...validateText(apiVersion, at("apiVersion"), (text) => {
			const parts = text.split("/");
			return parts.length > groupVersionParts ? `unexpected GroupVersion string: ${text}` : undefined;
		}),
		...validateText(kind, at("kind"), (text) => {
			const texts = isDns1035Label(text.toLowerCase());
			return texts.length === 0 ? undefined : `may have mixed case, but should otherwise match: ${texts.join(",")}`;
		}),
		...(metadata === undefined ? [] : validateMetadata(metadata, at("metadata"))),
	];
}

function validateText(value: JsonValue | undefined, path: string, problem: (text: string) => string | undefined): readonly FieldError[] {
	if (value === undefined || value === "") return [fieldRequired(path)];
	if (typeof value !== "string") return [fieldInvalid(path, value, "must be a string")];
	const text = problem(value);
	return text === undefined ? [] : [fieldInvalid(path, value, text)];
}

function validateMetadata(value: JsonValue, path: string): readonly FieldError[] {
	try {
		const state: DecodeState = { root: "ObjectMeta", path: [], unknownFields: [] };
		const metadata = decoderOf("ObjectMeta")(value, state) as ObjectMeta;
		// A name is not required here.
		const named = { ...metadata, name: metadata.name || "fakename" };
		const namespaced = (metadata.namespace ?? "") !== "";
		return validateObjectMeta(named, { namespaced, nameRule: isPathSegmentName, path, allowsBareFinalizers: true });
	} catch (error) {
		if (error instanceof DecodeError) return [fieldInvalid(path, value, error.message)];
		throw error;
	}
}
