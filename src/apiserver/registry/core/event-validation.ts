/**
 * What can be wrong with an Event of the core group. One with an `eventTime` is of the new sort, and has to say more.
 * Source: legacyValidateEvent in pkg/apis/core/validation/events.go of Kubernetes 1.36.
 */
import type { CoreEvent } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS } from "../validation/primitives.ts";

const maxTextBytes = 128;
const maxNoteBytes = 1024;

export function validateEvent(event: CoreEvent): FieldErrors {
	const namespace = event.metadata?.namespace ?? "";
	const about = event.involvedObject?.namespace ?? "";
	const mismatch = [fieldInvalid("involvedObject.namespace", about, "does not match event.namespace")];
	if ((event.eventTime ?? "") === "") {
		// Events of cluster-scoped objects stand in `default`.
		const matches = about === "" ? namespace === "default" : about === namespace;
		return matches ? NO_ERRORS : mismatch;
	}
	const isPlaced = about !== "" || namespace === "default" || namespace === "kube-system";
	return [...(isPlaced ? [] : mismatch), ...validateOfNewSort(event)];
}

function validateOfNewSort(event: CoreEvent): FieldErrors {
	const { reportingComponent: controller = "", message = "" } = event;
	return [
		...(controller === "" ? [fieldRequired("reportingController")] : []),
		...invalidFor("reportingController", controller, isQualifiedName(controller)),
		...validateText("reportingInstance", event.reportingInstance),
		...validateText("action", event.action),
		...validateText("reason", event.reason),
		...(Buffer.byteLength(message) > maxNoteBytes ? [fieldInvalid("message", "", `can have at most ${maxNoteBytes} characters`)] : []),
	];
}

function validateText(field: string, value = ""): FieldErrors {
	if (value === "") return [fieldRequired(field)];
	return Buffer.byteLength(value) > maxTextBytes ? [fieldInvalid(field, "", `can have at most ${maxTextBytes} characters`)] : NO_ERRORS;
}
