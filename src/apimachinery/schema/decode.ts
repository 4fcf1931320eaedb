/**
 * The structural check of every object that comes in: JSON types field by field, unknown fields out, times and
 * quantities in canonical form. It knows what Go's decoder knows and nothing more: null is absent, no zero value is
 * filled in, whether a required field is there is for the kind's validation to say.
 *
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation; messages of
 * k8s.io/apiserver/pkg/endpoints/handlers and sigs.k8s.io/json
 */
import { isJsonObject, type JsonObject } from "../json.ts";
import { type KubeObject, parseApiVersion } from "../meta.ts";
import { newBadRequest, type StatusError } from "../status-error.ts";
import { DecodeError, type DecodeState } from "./decode-errors.ts";
import { decoderOf } from "./decoders.ts";
import type { Decoder } from "./scalar-decoders.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface DecodeOptions {
	/** What to do about unknown and duplicate fields: drop them, drop them and warn, refuse the object. */
	readonly fieldValidation: FieldValidation;
	/** The endpoint's kind and version, for messages; default: what the object says. */
	readonly kind?: string;
	readonly apiVersion?: string;
	/** `spec.x` of each key that stands twice in the raw text; see json-parse.ts. */
	readonly duplicateFields?: readonly string[];
	/** What strict decoding has found in the patch that the value was made with. */
	readonly patchFindings?: readonly string[];
	/** The error for a value that does not fit; default: BadRequest that names kind and version. */
	readonly refuse?: (error: DecodeError) => StatusError;
	/** The value's metadata.managedFields, the very same list, if it was decoded before. */
	readonly trusted?: object | undefined;
	/** What was decoded before as the same type, and may share parts with the value: those are not looked at again. */
	readonly known?: object | undefined;
	/** Decodes a type that the schema table does not have: a custom resource's. */
	readonly decoder?: Decoder | undefined;
}

export interface Decoded<T extends KubeObject = KubeObject> {
	/** The same object if nothing had to be changed. */
	readonly object: T;
	/** Paths of what was dropped: `spec.containers[0].imagePullpolicy`. Empty under Ignore. */
	readonly unknownFields: readonly string[];
	/** Texts for `Warning` headers; empty unless fieldValidation is Warn. */
	readonly warnings: readonly string[];
}

/**
 * Decodes a request body, parsed from JSON, as a type of the schema table. Throws a StatusError (400):
 * `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"`.
 */
export function decodeObject<T extends KubeObject = KubeObject>(value: unknown, typeName: string, options: DecodeOptions): Decoded<T> {
	try {
		const { value: object, unknownFields } = decodeValue(value, typeName, options);
		if (options.fieldValidation === "Ignore") return { object: object as T, unknownFields: [], warnings: [] };
		const texts = [
			...(options.patchFindings ?? []),
			...unknownFields.map((field) => `unknown field "${field}"`),
			...(options.duplicateFields ?? []).map((field) => `duplicate field "${field}"`),
		];
		if (options.fieldValidation === "Strict" && texts.length > 0) {
			throw new DecodeError(`strict decoding error: ${texts.join(", ")}`);
		}
		return { object: object as T, unknownFields, warnings: texts };
	} catch (error) {
		if (error instanceof DecodeError) throw options.refuse?.(error) ?? newDecodeFailure(value, typeName, options, error);
		throw error;
	}
}

/**
 * Decodes any value of a type of the schema table; a type that the table does not have (a custom resource's) is
 * taken as it is. Throws DecodeError with the decoder's bare text.
 */
export function decodeValue(
	value: unknown,
	typeName: string,
	{ trusted, known, decoder = decoderOf(typeName) }: Pick<DecodeOptions, "trusted" | "known" | "decoder"> = {},
): { readonly value: unknown; readonly unknownFields: readonly string[] } {
	const state: DecodeState = { root: typeName, path: [], unknownFields: [], trusted, known: known as JsonObject | undefined };
	return { value: decoder(value, state), unknownFields: state.unknownFields };
}

function newDecodeFailure(value: unknown, typeName: string, options: DecodeOptions, error: DecodeError) {
	const said: { readonly kind?: unknown; readonly apiVersion?: unknown } = isJsonObject(value) ? value : {};
	const kind = typeof said.kind === "string" && said.kind !== "" ? said.kind : (options.kind ?? typeName);
	const apiVersion = typeof said.apiVersion === "string" && said.apiVersion !== "" ? said.apiVersion : (options.apiVersion ?? "v1");
	const { version } = parseApiVersion(apiVersion);
	return newBadRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${options.kind ?? kind}: ${error.message}`);
}
