/**
 * How a write to a resource, or to one of its subresources, turns what the client sent into what is stored: which part
 * of the object the endpoint may change, and what is checked.
 */

import { type FieldSet, setOf } from "../../apimachinery/apply/field-set.ts";
import { fieldElement } from "../../apimachinery/apply/path-element.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { FieldError } from "../../apimachinery/validation/field-error.ts";
import { validateFinalize } from "../registry/core/namespace.ts";
import type { HookContext, KindDefinition } from "../registry/kind.ts";
import type { ServedResource } from "../registry/resource-table.ts";

type WithStatus = KubeObject & { readonly status?: unknown };

export interface UpdateStrategy {
	/** From the client's object (defaulted, system metadata in place) and the old one to the new one. */
	prepare(object: KubeObject, old: KubeObject, context: HookContext): KubeObject;
	validate(object: KubeObject, old: KubeObject): readonly FieldError[];
	/** What is wrong with expressions in the object; undefined where it has none. */
	validateExpressions?(object: KubeObject, old: KubeObject, errors: readonly FieldError[]): Promise<readonly FieldError[]> | undefined;
	/** Fields that the endpoint sets back to the old ones, with all below them: a writer does not come to own them. */
	readonly reset?: FieldSet | undefined;
	/** Nobody comes to own what is written. */
	readonly isUntracked?: true;
	/** What is written is no change of what somebody wants: metadata.generation stays. */
	readonly keepsGeneration?: true;
	/** Admission has had its say on what the subresource took (a Binding, a Scale), and has none on what becomes of it. */
	readonly isAdmitted?: true;
}

const statusField = setOf([fieldElement("status")]);
const specField = setOf([fieldElement("spec")]);
/** What a write to a part of the status may not change. */
export const allButStatus = setOf([fieldElement("spec")], [fieldElement("metadata"), fieldElement("labels")]);

function hasStatusSubresource(served: ServedResource): boolean {
	return served.subresources.has("status");
}

/** What a write to the object itself may not change. */
export function mainReset(served: ServedResource): FieldSet | undefined {
	return hasStatusSubresource(served) ? statusField : undefined;
}

/** A new object: the status is the server's to write. */
export function prepareForCreate(served: ServedResource, object: KubeObject, context: HookContext): KubeObject {
	const { status: _, ...withoutStatus } = object as WithStatus;
	const isCleared = hasStatusSubresource(served) && served.definition.acceptsStatusOnCreate !== true;
	const cleared = isCleared ? withoutStatus : object;
	return served.definition.prepareForCreate?.(cleared, context) ?? cleared;
}

function withStatusOf(object: WithStatus, old: WithStatus): KubeObject {
	const { status: _, ...rest } = object;
	const kept: WithStatus = old.status === undefined ? rest : { ...rest, status: old.status };
	return kept;
}

/** PUT and PATCH of the object itself: everything but the status. */
export function mainStrategy(served: ServedResource): UpdateStrategy {
	const { definition } = served;
	return {
		prepare(object, old, context) {
			const kept = hasStatusSubresource(served) ? withStatusOf(object, old) : object;
			return definition.prepareForUpdate?.(kept, old, context) ?? kept;
		},
		validate: (object, old) => [...(definition.validate?.(object, old) ?? []), ...(definition.validateUpdate?.(object, old) ?? [])],
		validateExpressions: (object, old, errors) => definition.validateExpressions?.(object, old, errors),
		reset: mainReset(served),
	};
}

/** PUT and PATCH of /status: only the status, annotations and finalizers. */
export function statusStrategy(definition: KindDefinition): UpdateStrategy {
	return {
		prepare(object, old, context) {
			const merged = withLabelsOf(withStatusOf(old, object), object, old);
			return definition.prepareForStatusUpdate?.(merged, old, context) ?? merged;
		},
		validate: (object, old) => definition.validateStatusUpdate?.(object, old) ?? [],
		// The rules of a custom resource speak of the whole object, whichever part of it is written.
		validateExpressions: (object, old, errors) =>
			definition.isCustom === true ? definition.validateExpressions?.(object, old, errors) : undefined,
		reset: definition.isCustom === true ? specField : allButStatus,
		keepsGeneration: true,
	};
}

/** PUT and PATCH of a CertificateSigningRequest's /approval: the status, where the status endpoint may not decide. */
export function approvalStrategy({ approval }: KindDefinition): UpdateStrategy {
	return {
		prepare(object, old, context) {
			const merged = withLabelsOf(withStatusOf(old, object), object, old);
			return approval?.prepare(merged, old, context) ?? merged;
		},
		validate: (object, old) => approval?.validate(object, old) ?? [],
		reset: allButStatus,
		keepsGeneration: true,
	};
}

function withLabelsOf(object: KubeObject, metadataOf: KubeObject, labelsOf: KubeObject): KubeObject {
	const { labels: _, ...metadata } = metadataOf.metadata ?? {};
	const labels = labelsOf.metadata?.labels;
	return { ...object, metadata: labels === undefined ? metadata : { ...metadata, labels } };
}

/** PUT of /finalize on a namespace: only spec.finalizers. */
export const finalizeStrategy: UpdateStrategy = {
	prepare(object, old) {
		const { finalizers } = (object as { readonly spec?: { readonly finalizers?: readonly string[] } }).spec ?? {};
		const spec = (old as { readonly spec?: object }).spec;
		return { ...old, spec: { ...spec, finalizers: finalizers ?? [] } } as KubeObject;
	},
	validate: validateFinalize,
	reset: statusField,
};
