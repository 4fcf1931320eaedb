/** An HTTP request's path, query and body as an `ApiRequest`: the same for a socket's and for one made in this process. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { escapeValue, parseFieldSelector } from "../../apimachinery/field-selector.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import { decodeDeleteBody, decodeObjectBody, decodePatchBody, patchTypeOf, type RawBody } from "./body.ts";
import { readDeleteOptions, readRequestOptions } from "./query-options.ts";
import type { RequestTarget } from "./request-target.ts";

/** What of a request is not in its URL. */
export interface SentRequest extends RawBody {
	readonly userAgent: string;
	readonly audit?: AuditTrail;
}

/** The parts of an ApiRequest that the URL's path decides. */
export function bareRequest(target: RequestTarget, audit?: AuditTrail): ApiRequest {
	const { group, version, resource, subresource } = target.resource;
	return {
		verb: target.verb,
		group,
		version,
		resource,
		...(subresource === "" ? {} : { subresource }),
		...(target.namespace === undefined ? {} : { namespace: target.namespace }),
		...(target.name === undefined ? {} : { name: target.name }),
		...(audit?.isRecorded === true ? { auditAnnotations: audit.annotations } : {}),
	};
}

/** Rejects with a `StatusError` for a query or a body that cannot be read. */
export async function readApiRequest(sent: SentRequest, target: RequestTarget, query: URLSearchParams): Promise<ApiRequest> {
	const bare = bareRequest(target, sent.audit);
	const { userAgent } = sent;
	switch (target.verb) {
		case "create":
		case "update": {
			const options = readRequestOptions(target.verb, query, userAgent);
			return { ...bare, options, ...(await decodeObjectBody(sent, target.resource)) };
		}
		case "patch": {
			const patchType = patchTypeOf(sent.contentType);
			const options = readRequestOptions("patch", query, userAgent, patchType);
			return { ...bare, options, patchType, ...(await decodePatchBody(patchType, sent.bytes)) };
		}
		case "delete":
		case "deletecollection": {
			const deleteOptions = readDeleteOptions(query, await decodeDeleteBody(sent));
			const options = readRequestOptions(target.verb, query, userAgent);
			return { ...bare, options: deleteOptions.dryRun?.length ? { ...options, dryRun: true } : options, deleteOptions };
		}
		case "get":
		case "list":
		case "watch":
			return { ...bare, options: readRequestOptions(target.verb, query, userAgent) };
		default:
			return target.verb satisfies never;
	}
}

/** A watch of one object (a deprecated path) is a watch of its collection with a field selector. Throws BadRequest. */
export function readWatchRequest({ userAgent, audit }: SentRequest, target: RequestTarget, query: URLSearchParams): ApiRequest {
	const { name, ...bare } = bareRequest(target, audit);
	const options = readRequestOptions("watch", query, userAgent);
	if (name === undefined) return { ...bare, options };
	if (options.fieldSelector !== undefined && selectedName(options.fieldSelector) !== name) {
		throw newBadRequest("fieldSelector metadata.name doesn't match requested name");
	}
	return { ...bare, options: { ...options, fieldSelector: options.fieldSelector ?? `metadata.name=${escapeValue(name)}` } };
}

/** The name that a field selector asks for; undefined for one that cannot be read: the pipeline says why. */
function selectedName(fieldSelector: string): string | undefined {
	try {
		return parseFieldSelector(fieldSelector).requiredValue("metadata.name");
	} catch {
		return undefined;
	}
}
