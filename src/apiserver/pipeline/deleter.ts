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
import { formatTime } from "../../apimachinery/time.ts";
import type { AdmissionChain } from "../admission/admission.ts";
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
	async delete(context: RequestContext): Promise<{ object: KubeObject | Status; code: number }> {
		const options = context.request.deleteOptions ?? {};
		checkOptions(options);
		this.#admission.validate(undefined, this.#writer.attributes(context, "delete", context.name));
		const isDryRun = context.options.dryRun === true || options.dryRun?.includes("All") === true;
		const compute = (current: KubeObject) => planDeletion(context, current, options);
		const result = isDryRun
			? dryRunResult(context, compute(context.storage.get(context.namespace, context.name)))
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
	if ((options.gracePeriodSeconds ?? 0) < 0) throw newBadRequest("gracePeriodSeconds must not be negative");
}

/** What a DELETE makes of the current object. Pure. Throws Conflict if a precondition does not hold. */
function planDeletion(context: RequestContext, current: KubeObject, options: DeleteOptions): UpdateOutcome {
	const { definition, nowMs } = context;
	const metadata = current.metadata ?? {};
	checkPreconditions(context, metadata, options);
	const graceSeconds = gracePeriod(context, current, options);
	const finalizers = plannedFinalizers(metadata, options, definition.defaultDeletion ?? "background");
	if (graceSeconds > 0) {
		const runningSeconds = metadata.deletionGracePeriodSeconds ?? 0;
		if (metadata.deletionTimestamp !== undefined && runningSeconds <= graceSeconds) return { action: "keep" };
		return { action: "put", object: marked(context, current, finalizers, graceSeconds, nowMs + graceSeconds * 1000) };
	}
	const isBlocked = finalizers.length > 0 || definition.isDeletionBlocked?.(current) === true;
	if (!isBlocked) return { action: "delete" };
	const unchanged = metadata.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) === 0;
	if (unchanged && sameStrings(finalizers, metadata.finalizers ?? [])) return { action: "keep" };
	const deletedMs = metadata.deletionTimestamp !== undefined && unchanged ? undefined : nowMs;
	const object = marked(context, current, finalizers, 0, deletedMs);
	return { action: "put", object: definition.markDeleting?.(object) ?? object };
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

/** Seconds that the object lives on after the DELETE; 0 for kinds without graceful deletion. */
function gracePeriod({ definition }: RequestContext, current: KubeObject, options: DeleteOptions): number {
	const own = definition.defaultGracePeriodSeconds?.(current);
	if (own === undefined || own === 0) return 0;
	return options.gracePeriodSeconds ?? own;
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

/** The object with its deletion under way. @param deletedMs undefined keeps the time that is there. */
function marked(
	context: RequestContext,
	object: KubeObject,
	finalizers: readonly string[],
	graceSeconds: number,
	deletedMs: number | undefined,
): KubeObject {
	const { finalizers: _, ...metadata } = object.metadata ?? {};
	const isFirst = metadata.deletionTimestamp === undefined;
	return withMetadata(object, {
		...metadata,
		...(finalizers.length === 0 ? {} : { finalizers }),
		...(deletedMs === undefined ? {} : { deletionTimestamp: formatTime(deletedMs) }),
		deletionGracePeriodSeconds: graceSeconds,
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
