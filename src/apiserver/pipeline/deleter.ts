/**
 * Deletion: preconditions, grace periods, finalizers and propagation.
 *
 *            DELETE, grace 0, no finalizers
 *   live ────────────────────────────────────────────────▶ gone
 *    │  DELETE with grace > 0 (pods)                        ▲
 *    ├──▶ terminating: deletionTimestamp = now + grace ─────┤ DELETE with grace 0 (the kubelet, when it is done)
 *    │  DELETE with finalizers                              │
 *    └──▶ terminating: deletionTimestamp = now ─────────────┘ the last finalizer is removed
 *
 * Source: k8s.io/apiserver/pkg/registry/rest/delete.go and registry/generic/registry/store.go;
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { DeleteOptions, ObjectMeta, Status } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict } from "../../apimachinery/status-error.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { type AdmissionChain, andThen } from "../admission/admission.ts";
import type { UpdateOutcome } from "../storage/object-storage.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";
import { withMetadata } from "./system-metadata.ts";
import type { Writer } from "./writer.ts";

const orphanFinalizer = "orphan";
const foregroundFinalizer = "foregroundDeletion";

export class Deleter {
	readonly #admission: AdmissionChain;
	readonly #writer: Writer;

	constructor(options: { readonly admission: AdmissionChain; readonly writer: Writer }) {
		this.#admission = options.admission;
		this.#writer = options.writer;
	}

	/** Answers with the object while it lives on, and with a Status (for some kinds the object) once it is gone. */
	async delete(
		context: RequestContext,
		{ isAdmitted = false }: { /** Admission has had its say: on an eviction. */ readonly isAdmitted?: boolean } = {},
	): Promise<{ object: KubeObject | Status; code: number }> {
		const options = context.request.deleteOptions ?? {};
		checkOptions(options);
		const isDryRun = context.options.dryRun === true || options.dryRun?.includes("All") === true;
		const compute = (current: KubeObject) => {
			const outcome = planDeletion(context, current, options);
			// A deletion that is under way already has been admitted.
			if (isAdmitted || outcome.action === "keep") return outcome;
			const attributes = this.#writer.attributes(context, "DELETE", context.name, current);
			return andThen(this.#admission.validate(undefined, attributes), () => outcome);
		};
		const result = isDryRun
			? dryRunResult(context, await compute(context.storage.get(context.namespace, context.name)))
			: await context.storage.update(context.namespace, context.name, compute);
		const object = toServedVersion(context, result.object);
		if (result.deleted && !isDryRun) await this.#writer.follow(context, result.object, undefined);
		if (!result.deleted) return { object, code: options.orphanDependents === false ? 202 : 200 };
		return { object: context.definition.returnDeletedObject === true ? object : deletedStatus(context, object), code: 200 };
	}
}

function dryRunResult(context: RequestContext, outcome: UpdateOutcome) {
	const current = context.storage.get(context.namespace, context.name);
	return { object: outcome.action === "put" ? outcome.object : current, deleted: outcome.action === "delete" };
}

function checkOptions(options: DeleteOptions): void {
	if (options.orphanDependents !== undefined && options.propagationPolicy !== undefined) {
		throw newBadRequest("orphanDependents and deletionPropagation cannot be both set");
	}
	const known = ["Orphan", "Background", "Foreground"];
	if (options.propagationPolicy !== undefined && !known.includes(options.propagationPolicy)) {
		throw newBadRequest(`DeletionPropagation need to be one of "Foreground", "Background", "Orphan" or nil`);
	}
}

/** What a DELETE makes of the current object. Pure. Throws Conflict if a precondition does not hold. */
function planDeletion(context: RequestContext, current: KubeObject, options: DeleteOptions): UpdateOutcome {
	const { definition, nowMs } = context;
	const metadata = current.metadata ?? {};
	checkPreconditions(context, metadata, options);
	const asked = options.gracePeriodSeconds === undefined || options.gracePeriodSeconds >= 0 ? options.gracePeriodSeconds : 1;
	const finalizers = plannedFinalizers(metadata, options, definition.defaultDeletion ?? "background");
	const { deletionTimestamp, deletionGracePeriodSeconds: running } = metadata;
	const end = (graceSeconds: number, deletedMs: number): UpdateOutcome =>
		graceSeconds > 0 || finalizers.length > 0
			? { action: "put", object: marked(context, current, finalizers, graceSeconds, deletedMs) }
			: { action: "delete" };
	if (definition.deletionGraceSeconds === undefined || (deletionTimestamp !== undefined && running === undefined)) {
		return planWithoutGrace(context, current, finalizers);
	}
	if (deletionTimestamp === undefined || running === undefined) {
		const graceSeconds = definition.deletionGraceSeconds(current, asked);
		return end(graceSeconds, nowMs + graceSeconds * 1000);
	}
	// A deletion that is under way can only be made shorter, counted from its beginning.
	if (asked === undefined || asked >= running) return { action: "keep" };
	return end(asked, parseTime(deletionTimestamp) - (running - asked) * 1000);
}

/** Kinds that go at once, unless something holds them. */
function planWithoutGrace(context: RequestContext, current: KubeObject, finalizers: readonly string[]): UpdateOutcome {
	const { definition, nowMs } = context;
	const { deletionTimestamp, deletionGracePeriodSeconds, finalizers: before = [] } = current.metadata ?? {};
	if (finalizers.length === 0 && definition.isDeletionBlocked?.(current) !== true) return { action: "delete" };
	// What its spec holds has no grace period at all: a namespace.
	const graceSeconds = definition.isDeletionBlocked === undefined ? 0 : undefined;
	const isMarked = deletionTimestamp !== undefined && deletionGracePeriodSeconds === graceSeconds;
	if (isMarked && sameStrings(finalizers, before)) return { action: "keep" };
	const deletedMs = deletionTimestamp === undefined ? nowMs : Math.min(parseTime(deletionTimestamp), nowMs);
	const object = marked(context, current, finalizers, graceSeconds, deletedMs);
	return { action: "put", object: definition.markDeleting?.(object, current) ?? object };
}

function checkPreconditions({ definition, name }: RequestContext, metadata: ObjectMeta, { preconditions }: DeleteOptions): void {
	const { uid, resourceVersion } = preconditions ?? {};
	if (uid !== undefined && uid !== metadata.uid) {
		throw newConflict(definition, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
	}
	if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
		const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`;
		throw newConflict(definition, name, why);
	}
}

function plannedFinalizers(metadata: ObjectMeta, options: DeleteOptions, fallback: "orphan" | "background"): readonly string[] {
	const current = metadata.finalizers ?? [];
	const policy = propagation(current, options, fallback);
	const others = current.filter((finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer);
	if (policy === "Orphan") return [...others, orphanFinalizer];
	return policy === "Foreground" ? [...others, foregroundFinalizer] : others;
}

function propagation(finalizers: readonly string[], options: DeleteOptions, fallback: "orphan" | "background"): string {
	if (options.propagationPolicy !== undefined) return options.propagationPolicy;
	if (options.orphanDependents !== undefined) return options.orphanDependents ? "Orphan" : "Background";
	if (finalizers.includes(orphanFinalizer)) return "Orphan";
	if (finalizers.includes(foregroundFinalizer)) return "Foreground";
	return fallback === "orphan" ? "Orphan" : "Background";
}

/** The object with its deletion under way. @param graceSeconds undefined: there is no such thing for its kind */
function marked(
	context: RequestContext,
	object: KubeObject,
	finalizers: readonly string[],
	graceSeconds: number | undefined,
	deletedMs: number,
): KubeObject {
	const { finalizers: _, deletionGracePeriodSeconds: __, ...metadata } = object.metadata ?? {};
	const isFirst = metadata.deletionTimestamp === undefined;
	return withMetadata(object, {
		...metadata,
		...(finalizers.length === 0 ? {} : { finalizers }),
		deletionTimestamp: formatTime(deletedMs),
		...(graceSeconds === undefined ? {} : { deletionGracePeriodSeconds: graceSeconds }),
		...(isFirst && context.definition.hasGeneration === true ? { generation: (metadata.generation ?? 0) + 1 } : {}),
	});
}

function deletedStatus({ definition, name }: RequestContext, object: KubeObject): Status {
	return {
		kind: "Status",
		apiVersion: "v1",
		metadata: {},
		status: "Success",
		details: {
			name,
			...(definition.group === "" ? {} : { group: definition.group }),
			kind: definition.resource,
			...(object.metadata?.uid === undefined ? {} : { uid: object.metadata.uid }),
		},
	};
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((text, index) => text === b[index]);
}
