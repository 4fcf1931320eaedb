/**
 * Namespace: Active until it is deleted, then Terminating until its content is gone and `spec.finalizers` is empty.
 * Source: pkg/registry/core/namespace of Kubernetes 1.36.
 */
import type { Namespace } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName, nameIsDnsLabel } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach } from "../validation/primitives.ts";

/** Holds a deleted namespace until the namespace controller has emptied it. */
const KUBERNETES_FINALIZER = "kubernetes";

const standardFinalizers: ReadonlySet<string> = new Set([KUBERNETES_FINALIZER, "orphan", "foregroundDeletion"]);
const NAME_LABEL = "kubernetes.io/metadata.name";

/** Every namespace carries its name as a label, for selectors. */
function withNameLabel(namespace: Namespace): Namespace {
	const { name = "", labels } = namespace.metadata ?? {};
	if (name === "" || labels?.[NAME_LABEL] === name) return namespace;
	return { ...namespace, metadata: { ...namespace.metadata, labels: { ...labels, [NAME_LABEL]: name } } };
}

function withFinalizer(namespace: Namespace): Namespace {
	const finalizers = namespace.spec?.finalizers ?? [];
	const all = finalizers.includes(KUBERNETES_FINALIZER) ? finalizers : [...finalizers, KUBERNETES_FINALIZER];
	return { ...namespace, spec: { finalizers: all } };
}

function validateFinalizer(finalizer: string, path: string): FieldErrors {
	const errors = invalidFor(path, finalizer, isQualifiedName(finalizer));
	if (finalizer.includes("/") || standardFinalizers.has(finalizer)) return errors;
	return [...errors, fieldInvalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")];
}

/** Only new namespaces are looked at: later on only /finalize changes the list. */
function validateNewFinalizers({ spec }: Namespace): FieldErrors {
	return (spec?.finalizers ?? []).flatMap((finalizer) => validateFinalizer(finalizer, "spec.finalizers"));
}

/** What a PUT of /finalize may write. */
export function validateFinalize({ spec }: Namespace): FieldErrors {
	return validateEach(spec?.finalizers, "spec.finalizers", validateFinalizer);
}

/** The phase follows the deletion mark. */
function validatePhase({ metadata, status }: Namespace): FieldErrors {
	const phase = status?.phase ?? "";
	if (metadata?.deletionTimestamp === undefined) {
		return phase === "Active" ? NO_ERRORS : [fieldInvalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")];
	}
	return phase === "Terminating"
		? NO_ERRORS
		: [fieldInvalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
}

export const namespaceKind = defineKind<Namespace>({
	group: "",
	kind: "Namespace",
	resource: "namespaces",
	singular: "namespace",
	shortNames: ["ns"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults: withNameLabel,
	prepareForCreate: (namespace) => withNameLabel({ ...withFinalizer(namespace), status: { phase: "Active" } }),
	prepareForUpdate: (namespace, old) => ({ ...namespace, spec: old.spec ?? {}, status: old.status ?? {} }),
	validate: (namespace, old) => (old === undefined ? validateNewFinalizers(namespace) : NO_ERRORS),
	validateStatusUpdate: validatePhase,
	validateName: nameIsDnsLabel,
	isDeletionBlocked: ({ spec }) => (spec?.finalizers ?? []).length > 0,
	markDeleting: (namespace) => ({ ...namespace, status: { ...namespace.status, phase: "Terminating" } }),
	columns: [nameColumn(), stringColumn("Status", "The status of the namespace", ({ status }) => status?.phase ?? ""), ageColumn()],
	selectableFields: ({ status }) => ({ "status.phase": status?.phase ?? "" }),
});
