/** What is checked of an object's metadata before it is stored. */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import type { FieldError } from "../../apimachinery/validation/field-error.ts";
import { validateManagedFields, validateObjectMeta, validateObjectMetaUpdate } from "../../apimachinery/validation/object-meta.ts";
import { isOwnWriting } from "../encoding.ts";
import type { RequestContext } from "./request-context.ts";

/** Of a new object. */
export function validateMetadata(context: RequestContext, object: KubeObject): readonly FieldError[] {
	const { definition } = context;
	const metadata = object.metadata ?? {};
	return validateObjectMeta(metadata, {
		namespaced: context.served.resource.namespaced,
		...(definition.validateName === undefined ? {} : { nameRule: definition.validateName }),
		...(definition.allowsBareFinalizers === true ? { allowsBareFinalizers: true } : {}),
	});
}

/** What is wrong with metadata after an update. Those that this server has stored were right, and are, except for what is new in them. */
export function validateNewMetadata(context: RequestContext, object: KubeObject, current: KubeObject): readonly FieldError[] {
	const { metadata = {} } = object;
	const { metadata: old = {} } = current;
	const isSound =
		context.definition.isCustom !== true &&
		isOwnWriting(current) &&
		hasSameParts(metadata, old) &&
		(metadata.generation ?? 0) >= (old.generation ?? 0) &&
		validateManagedFields(newItems(metadata.managedFields, old.managedFields), "").length === 0;
	return isSound ? [] : [...validateObjectMetaUpdate(metadata, old), ...validateMetadata(context, object)];
}

/** Whether two metadata are the very same in all but generation and owners of fields. */
function hasSameParts(metadata: ObjectMeta, old: ObjectMeta): boolean {
	if (metadata === old) return true;
	for (const key in metadata) if (!isCountedApart(key) && fieldOf(metadata, key) !== fieldOf(old, key)) return false;
	for (const key in old) if (!isCountedApart(key) && fieldOf(metadata, key) === undefined && fieldOf(old, key) !== undefined) return false;
	return true;
}

function isCountedApart(key: string): boolean {
	return key === "generation" || key === "managedFields";
}

function fieldOf(metadata: ObjectMeta, key: string): unknown {
	return metadata[key as keyof ObjectMeta];
}

function newItems<T>(list: readonly T[] = [], old: readonly T[] = []): readonly T[] {
	return list === old ? [] : list.filter((item) => !old.includes(item));
}
