/** What is asked of custom resources and cannot be had. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { newUnsupportedMediaType, StatusError } from "../../apimachinery/status-error.ts";
import type { KindDefinition } from "../registry/kind.ts";

/** A strategic merge needs to know what Go's types say, which a schema does not. */
const patchTypes = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/** Throws UnsupportedMediaType, or MethodNotAllowed for new objects of a kind that is going. */
export function checkCustom(definition: KindDefinition, { verb, patchType, subresource }: ApiRequest): void {
	if (definition.isCustom !== true) return;
	if (patchType === "application/strategic-merge-patch+json") {
		const text = `the body of the request was in an unknown format - accepted media types include: ${patchTypes.join(", ")}`;
		throw newUnsupportedMediaType(text);
	}
	if (verb !== "create" || subresource !== undefined || definition.isTerminating !== true) return;
	throw new StatusError({
		kind: "Status",
		apiVersion: "v1",
		metadata: {},
		status: "Failure",
		message: `${verb} not allowed while custom resource definition is terminating`,
		reason: "MethodNotAllowed",
		details: { group: definition.group, kind: definition.resource },
		code: 405,
	});
}
