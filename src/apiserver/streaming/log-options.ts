/** Query parameters of pods/log. Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod */
import type { LogOptions } from "../../apimachinery/node-connector.ts";
import { newBadRequest, newInvalid } from "../../apimachinery/status-error.ts";
import { parseTime, TimeError } from "../../apimachinery/time.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { readBoolean, readInteger } from "../http/query-options.ts";

/**
 * Reads and checks the options.
 * @param nowMs cluster time, which sinceSeconds counts back from
 * @throws StatusError BadRequest, or Invalid with every field that is wrong
 */
export function readLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
	const tailLines = readInteger(query, "tailLines");
	const limitBytes = readInteger(query, "limitBytes");
	const sinceSeconds = readInteger(query, "sinceSeconds");
	const sinceTime = readTime(query, "sinceTime");
	const errors: FieldError[] = [];
	if (tailLines !== undefined && tailLines < 0) errors.push(fieldInvalid("tailLines", tailLines, "must be greater than or equal to 0"));
	if (limitBytes !== undefined && limitBytes < 1) errors.push(fieldInvalid("limitBytes", limitBytes, "must be greater than 0"));
	if (sinceSeconds !== undefined && sinceTime !== undefined) {
		errors.push(fieldForbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
	} else if (sinceSeconds !== undefined && sinceSeconds < 1) {
		errors.push(fieldInvalid("sinceSeconds", sinceSeconds, "must be greater than 0"));
	}
	// Of the feature gate PodLogsQuerySplitStreams, which is off in 1.36.
	if (query.has("stream")) errors.push(fieldForbidden("stream", "may not be specified"));
	if (errors.length > 0) throw newInvalid({ group: "", kind: "PodLogOptions" }, "", errors);
	const sinceMs = sinceSeconds === undefined ? sinceTime : nowMs - sinceSeconds * 1000;
	return {
		follow: readBoolean(query, "follow") ?? false,
		previous: readBoolean(query, "previous") ?? false,
		timestamps: readBoolean(query, "timestamps") ?? false,
		...(tailLines === undefined ? {} : { tailLines }),
		...(limitBytes === undefined ? {} : { limitBytes }),
		...(sinceMs === undefined ? {} : { sinceMs }),
	};
}

function readTime(query: URLSearchParams, name: string): number | undefined {
	const text = query.get(name);
	if (text === null || text === "") return undefined;
	try {
		return parseTime(text);
	} catch (error) {
		if (error instanceof TimeError) throw newBadRequest(error.message);
		throw error;
	}
}
