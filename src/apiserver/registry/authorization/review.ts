/**
 * What the reviews of access share: their kind's frame, and that they ask about exactly one thing.
 * Source: pkg/apis/authorization/validation/validation.go of Kubernetes 1.36.
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type {
	FieldSelectorAttributes,
	LabelSelectorAttributes,
	NonResourceAttributes,
	ObjectMeta,
	ResourceAttributes,
} from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelName } from "../../../apimachinery/validation/label-selector.ts";
import { defineKind, type KindDefinition } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";

export interface AccessQuestion {
	readonly resourceAttributes?: ResourceAttributes;
	readonly nonResourceAttributes?: NonResourceAttributes;
	readonly user?: string;
	readonly groups?: readonly string[];
}

const urlShape: InternalShape = [
	["Path", "path", ""],
	["Verb", "verb", ""],
];

/** A question about a URL, as error texts show it. */
export const urlValue = (attributes: NonResourceAttributes | undefined): unknown => internalValue(attributes, urlShape);

/** A create-only kind of authorization.k8s.io; the plural is the kind in lower case with an s. */
export function defineReview<T extends KubeObject>(kind: string, validate?: (review: T) => readonly FieldError[]): KindDefinition {
	return defineKind<T>({
		group: "authorization.k8s.io",
		kind,
		resource: `${kind.toLowerCase()}s`,
		singular: kind.toLowerCase(),
		versions: ["v1"],
		storageVersion: "v1",
		ephemeral: true,
		...(validate === undefined ? {} : { validate }),
		columns: [nameColumn(), createdAtColumn()],
	});
}

/** Exactly one of a resource and a URL. */
export function validateQuestion({ resourceAttributes, nonResourceAttributes }: AccessQuestion): FieldErrors {
	const errors: FieldError[] = [];
	if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
		const text = "cannot be specified in combination with resourceAttributes";
		errors.push(fieldInvalid("spec.nonResourceAttributes", urlValue(nonResourceAttributes), text));
	}
	if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
		const text = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
		errors.push(fieldInvalid("spec.resourceAttributes", null, text));
	}
	return errors;
}

/** Somebody to ask about. */
export function validateSubject({ user = "", groups = [] }: AccessQuestion): FieldErrors {
	if (user !== "" || groups.length > 0) return NO_ERRORS;
	return [fieldInvalid("spec.user", "", "at least one of user or group must be specified")];
}

/** A question has no name and no labels; `detail` says what it may have. */
export function validateMetadata(metadata: ObjectMeta | undefined, allowed: readonly (keyof ObjectMeta)[], detail: string): FieldErrors {
	const rest: Partial<Record<string, unknown>> = { ...metadata };
	delete rest.managedFields;
	for (const field of allowed) delete rest[field];
	return Object.values(rest).some((value) => value !== undefined) ? [fieldInvalid("metadata", metadata, detail)] : NO_ERRORS;
}

/** Selectors narrow a question about a list (KEP-4601): as text or as requirements, not both. */
export function validateSelectors(attributes: ResourceAttributes | undefined): FieldErrors {
	const path = "spec.resourceAttributes";
	return [
		...validateSelector(attributes?.fieldSelector, `${path}.fieldSelector`, (key, at) =>
			key === "" ? [fieldRequired(at, "must be specified")] : NO_ERRORS,
		),
		...validateSelector(attributes?.labelSelector, `${path}.labelSelector`, validateLabelName),
	];
}

function validateSelector(
	selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
	path: string,
	validateKey: (key: string, path: string) => FieldErrors,
): FieldErrors {
	if (selector === undefined) return NO_ERRORS;
	const { rawSelector = "", requirements = [] } = selector;
	const errors: FieldError[] = [];
	if (rawSelector !== "" && requirements.length > 0) {
		errors.push(fieldInvalid(`${path}.rawSelector`, rawSelector, "may not specified at the same time as requirements"));
	}
	if (rawSelector === "" && requirements.length === 0) {
		errors.push(fieldRequired(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`));
	}
	return [
		...errors,
		...validateEach(requirements, `${path}.requirements`, ({ key, operator, values = [] }, at) => {
			const found: FieldError[] = [...validateKey(key ?? "", `${at}.key`)];
			if ((operator === "In" || operator === "NotIn") && values.length === 0) {
				found.push(fieldRequired(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
			}
			// A newer client may know more operators: those pass.
			if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0) {
				found.push(fieldForbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
			}
			return found;
		}),
	];
}
