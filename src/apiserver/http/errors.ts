/** Failures of the HTTP front door itself, and how any error becomes a Status. */
import {
	newBadRequest,
	newInternalError,
	newRequestEntityTooLarge,
	newUnknownError,
	StatusError,
} from "../../apimachinery/status-error.ts";
import { StoreUnavailableError } from "../../store/errors.ts";
import { GroupError } from "../../store/group.ts";
import { jsonType, newUnsupportedType, protobufType, yamlType } from "./media-types.ts";

/** Somebody else listens on the port. */
export class PortInUseError extends Error {
	override readonly name = "PortInUseError";
	readonly host: string;
	readonly port: number;

	constructor(host: string, port: number) {
		super(`port ${port} on ${host} is in use`);
		this.host = host;
		this.port = port;
	}
}

/** Size of request bodies, as kube-apiserver limits it. */
export const bodyLimitBytes = 3 * 1024 * 1024;

/** Whatever was thrown, as an API error; undefined causes are the server's own fault and worth a log line. */
export function toStatusError(error: unknown): { readonly failure: StatusError; readonly isUnexpected: boolean } {
	if (error instanceof StatusError) return { failure: error, isUnexpected: false };
	// The store's own words, as kube-apiserver passes on etcd's: `Error from server: etcdserver: request timed out`.
	if (error instanceof GroupError || error instanceof StoreUnavailableError)
		return { failure: newUnknownError(error.message), isUnexpected: false };
	const { code, statusCode } = frameworkFields(error);
	if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
		return { failure: newRequestEntityTooLarge(`limit is ${bodyLimitBytes}`), isUnexpected: false };
	if (statusCode === 415) return { failure: newUnsupportedType([jsonType, yamlType, protobufType]), isUnexpected: false };
	if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
		return { failure: newBadRequest(error instanceof Error ? error.message : String(error)), isUnexpected: false };
	}
	return { failure: newInternalError(error), isUnexpected: true };
}

/** What fastify's own errors carry. */
function frameworkFields(error: unknown): { readonly code?: string; readonly statusCode?: number } {
	if (typeof error !== "object" || error === null) return {};
	const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
	return {
		...(typeof code === "string" ? { code } : {}),
		...(typeof statusCode === "number" ? { statusCode } : {}),
	};
}
