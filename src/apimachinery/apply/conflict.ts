/**
 * The error of an apply that would change what others own.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
 */
import type { StatusCause } from "../schema/generated/types.ts";
import { StatusError } from "../status-error.ts";
import { displayPath, type FieldPath, type FieldSet, hasPath } from "./field-set.ts";
import type { OwnedFields } from "./managers.ts";

export interface Conflict {
	readonly owner: OwnedFields;
	readonly path: FieldPath;
}

/** A conflict of an apply; knows which fields it is about. */
export class ApplyConflictError extends StatusError {
	readonly conflicts: readonly Conflict[];

	constructor(conflicts: readonly Conflict[]) {
		super({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: messageOf(conflicts),
			reason: "Conflict",
			details: { causes: conflicts.map(causeOf) },
			code: 409,
		});
		this.conflicts = conflicts;
	}
}

/** `Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas` */
export function newApplyConflict(conflicts: readonly Conflict[]): ApplyConflictError {
	return new ApplyConflictError(conflicts);
}

/** The conflicts about fields that are not in a set. */
export function conflictsOutside(conflicts: readonly Conflict[], allowed: FieldSet): readonly Conflict[] {
	return conflicts.filter(({ path }) => !hasPath(allowed, path));
}

function causeOf({ owner, path }: Conflict): StatusCause {
	return { reason: "FieldManagerConflict", message: `conflict with ${ownerText(owner)}`, field: displayPath(path) };
}

/** @param conflicts those of one owner stand together, owners in order */
function messageOf(conflicts: readonly Conflict[]): string {
	const [first, ...more] = conflicts;
	if (first !== undefined && more.length === 0) {
		return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${displayPath(first.path)}`;
	}
	const byOwner = Map.groupBy(conflicts, ({ owner }) => owner);
	const texts = [...byOwner].map(([owner, own]) =>
		[`conflicts with ${ownerText(owner)}:`, ...own.map(({ path }) => `- ${displayPath(path)}`)].join("\n"),
	);
	return `Apply failed with ${conflicts.length} conflicts: ${texts.join("\n")}`;
}

/** An updater is named with its version, since it may have an entry for each. */
function ownerText({ manager, operation, apiVersion, subresource = "" }: OwnedFields): string {
	const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
	return operation === "Update" ? `${name} using ${apiVersion}` : name;
}
