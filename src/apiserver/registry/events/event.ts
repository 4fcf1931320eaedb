/**
 * events.k8s.io/v1 Event: the newer face of the core group's events. Both are the same objects in the store, in the
 * core form, which hooks and columns see; this face asks for more, has no deprecated fields, and lets nothing change
 * but how often the event happened.
 * Source: pkg/apis/core/validation/events.go, pkg/apis/core/v1/conversion.go.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { CoreEvent, EventsEvent } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { nameIsDnsSubdomain } from "../../../apimachinery/validation/names.ts";
import { coreEventFromEventsEvent, eventFields, eventKind, eventsEventFromCoreEvent } from "../core/event.ts";
import { validateEvent } from "../core/event-validation.ts";
import type { KindDefinition } from "../kind.ts";
import { type FieldErrors, validateImmutable } from "../validation/primitives.ts";

export const event: KindDefinition = {
	...eventKind,
	group: "events.k8s.io",
	fromStorage: (object) => eventsEventFromCoreEvent(object as CoreEvent),
	toStorage: (object) => coreEventFromEventsEvent(object as EventsEvent),
	validate: (object, old) => [
		...validateEvent(object as CoreEvent),
		...(old === undefined ? validateNew(object as CoreEvent) : validateChange(object as CoreEvent, old as CoreEvent)),
	],
	validateName: nameIsDnsSubdomain,
	selectableFields: (object) => selectableFields(object as CoreEvent),
};

function validateNew(object: CoreEvent): FieldErrors {
	const { eventTime = "", type = "", source = {}, count = 0 } = object;
	const unset = (field: string, set: boolean) => (set ? [fieldInvalid(field, "", "needs to be unset")] : []);
	return [
		...validateSeries(object),
		...(eventTime === "" ? [fieldRequired("eventTime")] : []),
		...(type === "Normal" || type === "Warning" ? [] : [fieldInvalid("type", "", `has invalid value: ${type}`)]),
		...unset("firstTimestamp", (object.firstTimestamp ?? "") !== ""),
		...unset("lastTimestamp", (object.lastTimestamp ?? "") !== ""),
		...unset("count", count !== 0),
		...unset("source", (source.component ?? "") !== "" || (source.host ?? "") !== ""),
	];
}

/** What an event says stays; the names are those of the stored form but for the controller's. */
const settled = [
	"involvedObject",
	"reason",
	"message",
	"source",
	"firstTimestamp",
	"lastTimestamp",
	"count",
	"type",
	"eventTime",
	"action",
	"related",
	"reportingComponent",
	"reportingInstance",
] as const;

function validateChange(object: CoreEvent, old: CoreEvent): FieldErrors {
	const path = (field: string) => (field === "reportingComponent" ? "reportingController" : field);
	return [
		...(jsonEqual(object.series, old.series) ? [] : validateSeries(object)),
		...settled.flatMap((field) => validateImmutable(object[field], old[field], path(field))),
	];
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
