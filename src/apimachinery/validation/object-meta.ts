/**
 * What is wrong with an object's metadata, for every kind alike.
 * Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go
 */
import { jsonEqual } from "../json.ts";
import { parseApiVersion } from "../meta.ts";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from "./field-error.ts";
import { validateLabels } from "./label-selector.ts";
import { isQualifiedName, type NameRule, nameIsDnsLabel, nameIsDnsSubdomain } from "./names.ts";

/** All keys and values of an object's annotations together. */
export const maxAnnotationsBytes = 256 * 1024;
const maxFieldManagerBytes = 128;
const maxSubresourceNameBytes = 256;

/** `field is immutable`: the text for every field that an update may not change. */
export const immutableText = "field is immutable";

export interface ObjectMetaRules {
	readonly namespaced: boolean;
	/** Default: DNS-1123 subdomain. */
	readonly nameRule?: NameRule;
	/** Where the metadata stand; default `metadata`. */
	readonly path?: string;
	/** Finalizers need no domain: those of custom resources and of their definitions. */
	readonly allowsBareFinalizers?: boolean;
}

/** Metadata of a new object, after its name was generated. */
export function validateObjectMeta(meta: ObjectMeta | undefined, rules: ObjectMetaRules): FieldError[] {
	const { namespaced, nameRule = nameIsDnsSubdomain, path = "metadata", allowsBareFinalizers = false } = rules;
	const { name = "", generateName = "", generation = 0 } = meta ?? {};
	const errors: FieldError[] = [];
	if (generateName !== "") {
		errors.push(...nameRule(generateName, true).map((text) => fieldInvalid(`${path}.generateName`, generateName, text)));
	}
	if (name === "") errors.push(fieldRequired(`${path}.name`, "name or generateName is required"));
	else errors.push(...nameRule(name, false).map((text) => fieldInvalid(`${path}.name`, name, text)));
	errors.push(...validateNamespace(meta?.namespace ?? "", namespaced, `${path}.namespace`));
	if (generation < 0) errors.push(fieldInvalid(`${path}.generation`, generation, "must be greater than or equal to 0"));
	errors.push(...validateParts(meta, path));
	errors.push(...validateFinalizers(meta?.finalizers ?? [], `${path}.finalizers`, allowsBareFinalizers));
	errors.push(...validateManagedFields(meta?.managedFields ?? [], `${path}.managedFields`));
	return errors;
}

/** What an update may change and must be right all the same. */
function validateParts(meta: ObjectMeta | undefined, path: string): FieldError[] {
	return [
		...sound.labels(meta?.labels, `${path}.labels`),
		...sound.annotations(meta?.annotations, `${path}.annotations`),
		...sound.ownerReferences(meta?.ownerReferences, `${path}.ownerReferences`),
	];
}

/** Metadata of an update against the stored ones: what may not change, and the parts that may. */
export function validateObjectMetaUpdate(meta: ObjectMeta | undefined, old: ObjectMeta | undefined, path = "metadata"): FieldError[] {
	const errors: FieldError[] = [];
	if (old?.deletionTimestamp !== undefined) {
		errors.push(...validateNoNewFinalizers(meta?.finalizers ?? [], old.finalizers ?? [], `${path}.finalizers`));
	}
	if ((meta?.resourceVersion ?? "") === "") {
		errors.push(fieldInvalid(`${path}.resourceVersion`, "", "must be specified for an update"));
	}
	if ((meta?.generation ?? 0) < (old?.generation ?? 0)) {
		errors.push(fieldInvalid(`${path}.generation`, meta?.generation ?? 0, "must not be decremented"));
	}
	for (const field of immutableFields) errors.push(...validateImmutable(meta?.[field], old?.[field], `${path}.${field}`));
	errors.push(...validateParts(meta, path));
	errors.push(...validateManagedFields(meta?.managedFields ?? [], `${path}.managedFields`));
	return errors;
}

const immutableFields = ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] as const;

/** `field is immutable` where the two values differ. */
export function validateImmutable(value: unknown, old: unknown, path: string): FieldError[] {
	return jsonEqual(value, old) ? [] : [fieldInvalid(path, value, immutableText)];
}

/** Annotation keys (any case) and the limit of their total size. */
export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
	const errors: FieldError[] = [];
	let sizeBytes = 0;
	for (const [key, value] of Object.entries(annotations ?? {})) {
		errors.push(...isQualifiedName(key.toLowerCase()).map((text) => fieldInvalid(path, key, text)));
		sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
	}
	if (sizeBytes > maxAnnotationsBytes) errors.push(fieldTooLong(path, maxAnnotationsBytes));
	return errors;
}

function validateNamespace(namespace: string, namespaced: boolean, path: string): FieldError[] {
	if (!namespaced) return namespace === "" ? [] : [fieldForbidden(path, "not allowed on this type")];
	if (namespace === "") return [fieldRequired(path)];
	return nameIsDnsLabel(namespace, false).map((text) => fieldInvalid(path, namespace, text));
}

function validateOwnerReferences(references: readonly OwnerReference[], path: string): FieldError[] {
	const errors = references.flatMap((reference) => validateOwnerReference(reference, path));
	const [first, ...others] = references.filter((reference) => reference.controller === true).map(({ kind, name }) => `${kind}/${name}`);
	for (const other of others) {
		const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${other}`;
		errors.push(fieldInvalid(path, references, detail));
	}
	return errors;
}

function validateOwnerReference(reference: OwnerReference, path: string): FieldError[] {
	const { apiVersion = "", kind = "", name = "", uid = "" } = reference;
	const errors: FieldError[] = [];
	if (parseApiVersion(apiVersion).version === "") errors.push(fieldInvalid(`${path}.apiVersion`, apiVersion, "version must not be empty"));
	for (const [field, value] of Object.entries({ kind, name, uid })) {
		if (value === "") errors.push(fieldInvalid(`${path}.${field}`, value, "must not be empty"));
	}
	// Events are garbage of their own: nothing may live and die with one.
	if (apiVersion === "v1" && kind === "Event") {
		errors.push(fieldInvalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
	}
	return errors;
}

/** Finalizers that need no domain. Source: pkg/apis/core/helper, for built-in kinds. */
const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

function validateFinalizers(finalizers: readonly string[], path: string, allowsBare: boolean): FieldError[] {
	const errors = finalizers.flatMap((finalizer) => isQualifiedName(finalizer).map((text) => fieldInvalid(path, finalizer, text)));
	finalizers.forEach((finalizer, index) => {
		if (allowsBare || finalizer.includes("/") || standardFinalizers.has(finalizer)) return;
		errors.push(fieldInvalid(`${path}[${index}]`, finalizer, "name is neither a standard finalizer name nor is it fully qualified"));
	});
	if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
		errors.push(fieldInvalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
	}
	return errors;
}

function validateNoNewFinalizers(finalizers: readonly string[], old: readonly string[], path: string): FieldError[] {
	const added = [...new Set(finalizers)].filter((finalizer) => !old.includes(finalizer)).sort();
	if (added.length === 0) return [];
	const list = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
	const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
	return [fieldForbidden(path, detail)];
}

/** Entries of owners, one by one. */
export function validateManagedFields(entries: readonly ManagedFieldsEntry[], path: string): FieldError[] {
	return entries.flatMap(({ operation = "", fieldsType = "", manager = "", subresource = "" }, index) => {
		const at = `${path}[${index}]`;
		const errors: FieldError[] = [];
		if (operation !== "Apply" && operation !== "Update") {
			errors.push(fieldInvalid(`${at}.operation`, operation, "must be `Apply` or `Update`"));
		}
		if (fieldsType !== "" && fieldsType !== "FieldsV1") errors.push(fieldInvalid(`${at}.fieldsType`, fieldsType, "must be `FieldsV1`"));
		errors.push(...validateFieldManager(manager, `${at}.manager`));
		if (Buffer.byteLength(subresource) > maxSubresourceNameBytes) {
			errors.push(fieldTooLong(`${at}.subresource`, maxSubresourceNameBytes));
		}
		return errors;
	});
}

/** A field manager's name: at most 128 bytes, printable. */
export function validateFieldManager(manager: string, path: string): FieldError[] {
	if (/^[ -~]{0,128}$/.test(manager)) return [];
	const errors = Buffer.byteLength(manager) > maxFieldManagerBytes ? [fieldTooLong(path, maxFieldManagerBytes)] : [];
	let position = 0;
	for (const character of manager) {
		if (!isPrintable(character)) {
			const codePoint = character.codePointAt(0) ?? 0;
			const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
			errors.push(fieldInvalid(path, manager, `invalid character ${name} (at position ${position})`));
		}
		position += Buffer.byteLength(character);
	}
	return errors;
}

/** Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space. */
function isPrintable(character: string): boolean {
	return character === " " || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character);
}

const noErrors: readonly FieldError[] = [];

/** Looks at a value once, if there is nothing wrong with it: the versions of an object share what does not change, and values never do. */
function once<T extends object>(validate: (value: T, path: string) => readonly FieldError[]) {
	const known = new WeakSet<T>();
	return (value: T | undefined, path: string): readonly FieldError[] => {
		if (value === undefined || known.has(value)) return noErrors;
		const errors = validate(value, path);
		if (errors.length === 0) known.add(value);
		return errors;
	};
}

/** Pure memos, of what outlives a write: each has a list of owners of its own. */
const sound = {
	labels: once<Readonly<Record<string, string>>>(validateLabels),
	annotations: once<Readonly<Record<string, string>>>(validateAnnotations),
	ownerReferences: once(validateOwnerReferences),
};
