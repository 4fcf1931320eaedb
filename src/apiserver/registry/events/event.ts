/**
 * events.k8s.io/v1 Event: the newer face of the core group's events. Both are the same objects in the store, in the
 * core form, which hooks and columns see; this face asks for more and has no deprecated fields.
 * Source: pkg/apis/core/validation/events.go, pkg/apis/core/v1/conversion.go.
 */
import type { CoreEvent, EventsEvent } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { coreEventFromEventsEvent, eventFields, eventKind, eventsEventFromCoreEvent } from "../core/event.ts";
import type { KindDefinition } from "../kind.ts";
import { type FieldErrors, invalidFor } from "../validation/primitives.ts";

const maxTextLength = 128;
const maxNoteLength = 1024;

export const event: KindDefinition = {
	...eventKind,
	group: "events.k8s.io",
	fromStorage: (object) => eventsEventFromCoreEvent(object as CoreEvent),
	toStorage: (object) => coreEventFromEventsEvent(object as EventsEvent),
	validate: (object) => [...(eventKind.validate?.(object) ?? []), ...validateOfNewApi(object as CoreEvent)],
	selectableFields: (object) => selectableFields(object as CoreEvent),
};

/** Objects in the store that have no time of the new API were written through the old one: they may stay as they are. */
function validateOfNewApi(object: CoreEvent): FieldErrors {
	const stored = (object.metadata.resourceVersion ?? "") !== "";
	return stored && (object.eventTime ?? "") === "" ? [] : validateNew(object);
}

function validateNew(object: CoreEvent): FieldErrors {
	const { eventTime = "", reportingComponent: controller = "", type = "", message = "", source = {}, count = 0 } = object;
	const unset = (field: string, set: boolean) => (set ? [fieldInvalid(field, "", "needs to be unset")] : []);
	return [
		...(eventTime === "" ? [fieldRequired("eventTime")] : []),
		...(controller === "" ? [fieldRequired("reportingController")] : []),
		...invalidFor("reportingController", controller, isQualifiedName(controller)),
		...validateText("reportingInstance", object.reportingInstance),
		...validateText("action", object.action),
		...validateText("reason", object.reason),
		...(message.length > maxNoteLength ? [fieldInvalid("message", "", `can have at most ${maxNoteLength} characters`)] : []),
		...validateSeries(object),
		...(type === "Normal" || type === "Warning" ? [] : [fieldInvalid("type", "", `has invalid value: ${type}`)]),
		...unset("firstTimestamp", (object.firstTimestamp ?? "") !== ""),
		...unset("lastTimestamp", (object.lastTimestamp ?? "") !== ""),
		...unset("count", count !== 0),
		...unset("source", (source.component ?? "") !== "" || (source.host ?? "") !== ""),
	];
}

function validateText(field: string, value = ""): FieldErrors {
	if (value === "") return [fieldRequired(field)];
	return value.length > maxTextLength ? [fieldInvalid(field, "", `can have at most ${maxTextLength} characters`)] : [];
}

function validateSeries({ series }: CoreEvent): FieldErrors {
	if (series === undefined) return [];
	return [
		...((series.count ?? 0) < 2 ? [fieldInvalid("series.count", "", "should be at least 2")] : []),
		...((series.lastObservedTime ?? "") === "" ? [fieldRequired("series.lastObservedTime")] : []),
	];
}

/** What selectors of this API call the fields of the stored form. */
function selectableFields(object: CoreEvent): Readonly<Record<string, string>> {
	const { source: _source, reportingComponent: controller = "", ...fields } = eventFields(object);
	const renamed = Object.entries(fields).map(([field, value]) => [field.replace(/^involvedObject\./, "regarding."), value]);
	return { ...(Object.fromEntries(renamed) as Record<string, string>), reportingController: controller };
}
