/**
 * Kubernetes' API errors. A `StatusError` carries the `Status` object that a client gets, told apart by its reason,
 * never by its text. One factory a reason, with kube-apiserver's words.
 * Source: k8s.io/apimachinery/pkg/api/errors and https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */

import { formatGroupResource, type GroupVersionKind, type GroupVersionResource } from "./meta.ts";
import type { Status, StatusCause, StatusDetails } from "./schema/generated/types.ts";
import type { FieldError } from "./validation/field-error.ts";

export type StatusReason =
	| "Unknown"
	| "Unauthorized"
	| "Forbidden"
	| "NotFound"
	| "AlreadyExists"
	| "Conflict"
	| "Gone"
	| "Invalid"
	| "ServerTimeout"
	| "StoreReadError"
	| "Timeout"
	| "TooManyRequests"
	| "BadRequest"
	| "MethodNotAllowed"
	| "NotAcceptable"
	| "RequestEntityTooLarge"
	| "UnsupportedMediaType"
	| "InternalError"
	| "Expired"
	| "ServiceUnavailable";

type GroupResource = Pick<GroupVersionResource, "group" | "resource">;
type GroupKind = Pick<GroupVersionKind, "group" | "kind">;

export class StatusError extends Error {
	readonly status: Status;

	constructor(status: Status) {
		super(status.message ?? "");
		this.name = "StatusError";
		this.status = status;
	}

	get reason(): StatusReason {
		return (this.status.reason ?? "Unknown") as StatusReason;
	}

	/** HTTP status code. */
	get code(): number {
		return this.status.code ?? 500;
	}
}

/** Whether `error` is an API error of one of these reasons. */
export function isStatusError(error: unknown, ...reasons: readonly StatusReason[]): error is StatusError {
	return error instanceof StatusError && (reasons.length === 0 || reasons.includes(error.reason));
}

function failure(code: number, reason: StatusReason, message: string, details?: StatusDetails): StatusError {
	return new StatusError({
		kind: "Status",
		apiVersion: "v1",
		metadata: {},
		status: "Failure",
		message,
		...(reason === "Unknown" ? {} : { reason }),
		...(details === undefined ? {} : { details }),
		code,
	});
}

function detailsOf(resource: GroupResource, name: string): StatusDetails {
	return {
		...(name === "" ? {} : { name }),
		...(resource.group === "" ? {} : { group: resource.group }),
		...(resource.resource === "" ? {} : { kind: resource.resource }),
	};
}

export function newNotFound(resource: GroupResource, name: string): StatusError {
	return failure(404, "NotFound", `${formatGroupResource(resource)} "${name}" not found`, detailsOf(resource, name));
}

/** No such path, group, version or resource. */
export function newPathNotFound(): StatusError {
	return failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function newAlreadyExists(resource: GroupResource, name: string): StatusError {
	return failure(409, "AlreadyExists", `${formatGroupResource(resource)} "${name}" already exists`, detailsOf(resource, name));
}

export function newConflict(resource: GroupResource, name: string, why: string): StatusError {
	const message = `Operation cannot be fulfilled on ${formatGroupResource(resource)} "${name}": ${why}`;
	return failure(409, "Conflict", message, detailsOf(resource, name));
}

/** The conflict of optimistic concurrency: somebody wrote the object since the caller read it. */
export function newStaleConflict(resource: GroupResource, name: string): StatusError {
	return newConflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");
}

/** All that is wrong with an object, with field paths. */
export function newInvalid(kind: GroupKind, name: string, errors: readonly FieldError[]): StatusError {
	const causes = errors.map((error): StatusCause => ({ reason: error.type, message: error.detailText(), field: error.field }));
	const subject = `${kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`} "${name}" is invalid`;
	const texts = [...new Set(errors.map((error) => error.toString()))];
	const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
	return failure(422, "Invalid", texts.length === 0 ? subject : `${subject}: ${list}`, {
		...(name === "" ? {} : { name }),
		...(kind.group === "" ? {} : { group: kind.group }),
		...(kind.kind === "" ? {} : { kind: kind.kind }),
		causes,
	});
}

export function newForbidden(resource: GroupResource, name: string, why: string): StatusError {
	const subject = formatGroupResource(resource);
	const message =
		subject === "" ? `forbidden: ${why}` : name === "" ? `${subject} is forbidden: ${why}` : `${subject} "${name}" is forbidden: ${why}`;
	return failure(403, "Forbidden", message, detailsOf(resource, name));
}

export function newUnauthorized(why = "Unauthorized"): StatusError {
	return failure(401, "Unauthorized", why);
}

export function newBadRequest(why: string): StatusError {
	return failure(400, "BadRequest", why);
}

export function newMethodNotSupported(resource: GroupResource, verb: string): StatusError {
	const message = `${verb} is not supported on resources of kind "${formatGroupResource(resource)}"`;
	return failure(405, "MethodNotAllowed", message, detailsOf(resource, ""));
}

/** A method that an endpoint does not have. */
export function newMethodNotAllowed(): StatusError {
	return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function newUnsupportedMediaType(why: string): StatusError {
	return failure(415, "UnsupportedMediaType", why);
}

export function newNotAcceptable(why: string): StatusError {
	return failure(406, "NotAcceptable", why);
}

export function newRequestEntityTooLarge(why: string): StatusError {
	return failure(413, "RequestEntityTooLarge", `Request entity too large: ${why}`);
}

/**
 * The wanted revision was compacted: list again. Sent as 410 on lists and as an ERROR event on watches.
 * @param nextPage a continue token that goes on from the newest state, for lists that were under way
 */
export function newExpired(why: string, nextPage?: string): StatusError {
	const { status } = failure(410, "Expired", why);
	return new StatusError(nextPage === undefined ? status : { ...status, metadata: { continue: nextPage } });
}

export function newTooManyRequests(why: string, retryAfterSeconds: number): StatusError {
	return failure(429, "TooManyRequests", why, retryAfterSeconds > 0 ? { retryAfterSeconds } : {});
}

/** The request's time was up. */
export function newTimeout(why: string): StatusError {
	return failure(504, "Timeout", `Timeout: ${why}`, {});
}

/** A resourceVersion that is not there yet; clients know it by its cause, and ask again. */
export function newTooLargeResourceVersion(wanted: number, current: number): StatusError {
	return failure(504, "Timeout", `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
		causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
		retryAfterSeconds: 1,
	});
}

export function newServiceUnavailable(why: string): StatusError {
	return failure(503, "ServiceUnavailable", why);
}

export function newInternalError(cause: unknown): StatusError {
	const text = cause instanceof Error ? cause.message : String(cause);
	return failure(500, "InternalError", `Internal error occurred: ${text}`, { causes: [{ message: text }] });
}

/** A patch that does not apply: Kubernetes' words for it say no more. */
export function newUnprocessable(): StatusError {
	return failure(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

/** An error without a reason of its own, which kube-apiserver passes on as it is. */
export function newUnknownError(why: string): StatusError {
	return failure(500, "Unknown", why);
}

/** The one way to tell a user that kubesim does not have a part of Kubernetes yet; docs/status.md lists them. */
export function newNotImplemented(what: string, wayOut?: string): StatusError {
	const text = `${what} is not implemented in this version of kubesim (see docs/status.md)`;
	return failure(501, "Unknown", wayOut === undefined ? text : `${text}: ${wayOut}`);
}
