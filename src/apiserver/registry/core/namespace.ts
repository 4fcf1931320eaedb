/**
 * Namespace: Active until it is deleted, then Terminating until its content is gone and `spec.finalizers` is empty.
 * Source: pkg/registry/core/namespace of Kubernetes 1.36.
 */
import type { Namespace } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { nameIsDnsLabel } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";
import { validateQualified } from "../validation/qualified.ts";

/** Holds a deleted namespace until the namespace controller has emptied it. */
const KUBERNETES_FINALIZER = "kubernetes";

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

function validateFinalizers({ spec }: Namespace): FieldErrors {
	return validateEach(spec?.finalizers, "spec.finalizers", (finalizer, at) => {
		const errors = validateQualified(finalizer, at);
		if (errors.length > 0 || finalizer.includes("/") || finalizer === KUBERNETES_FINALIZER || finalizer === "orphan") return errors;
		return [fieldInvalid(at, finalizer, "name is neither a standard finalizer name nor is it fully qualified")];
	});
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
	validate: validateFinalizers,
	validateStatusUpdate: validatePhase,
	validateName: nameIsDnsLabel,
	isDeletionBlocked: ({ spec }) => (spec?.finalizers ?? []).length > 0,
	markDeleting: (namespace) => ({ ...namespace, status: { ...namespace.status, phase: "Terminating" } }),
	columns: [nameColumn(), stringColumn("Status", "The status of the namespace", ({ status }) => status?.phase ?? ""), ageColumn()],
	selectableFields: ({ status }) => ({ "status.phase": status?.phase ?? "" }),
});
