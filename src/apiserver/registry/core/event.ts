/**
 * Event of the core group, which is also how events of events.k8s.io are stored: the two conversions are here.
 * Events go an hour after they were last written. Source: pkg/registry/core/event, pkg/apis/events/v1/conversion.go,
 * pkg/apis/core/validation/events.go of Kubernetes 1.36.
 */
import type { CoreEvent, EventsEvent } from "../../../apimachinery/schema/generated/types.ts";
import { formatAge } from "../../../apimachinery/time.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { integerColumn, nameColumn, stringColumn, wide } from "../printing/columns.ts";
import { withDefaults } from "./defaulting.ts";
import { validateEvent } from "./event-validation.ts";

/** kube-apiserver's --event-ttl. */
const ttlSeconds = 3600;

const firstSeen = (event: CoreEvent): string | undefined => event.firstTimestamp || event.eventTime;

const lastSeen = (event: CoreEvent): string | undefined => event.series?.lastObservedTime ?? (event.lastTimestamp || firstSeen(event));

/** The new API counts series only: an event alone has happened once. */
const countOf = (event: CoreEvent): number => event.series?.count ?? (event.count || 1);

/** `pod/web-0`. */
function formatObject({ involvedObject }: CoreEvent): string {
	const { kind = "", name = "" } = involvedObject ?? {};
	return name === "" ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

/** `kubelet, node-1`. */
function formatSource({ source, reportingComponent, reportingInstance }: CoreEvent): string {
	const component = source?.component || (reportingComponent ?? "");
	const host = source?.host || (reportingInstance ?? "");
	return host === "" ? component : `${component}, ${host}`;
}

type Writable<T> = { -readonly [K in keyof T]?: T[K] };

/** From events.k8s.io/v1 to what is stored. */
export function coreEventFromEventsEvent(event: EventsEvent): CoreEvent {
	const {
		regarding,
		note,
		reportingController,
		deprecatedSource,
		deprecatedFirstTimestamp,
		deprecatedLastTimestamp,
		deprecatedCount,
		...rest
	} = event;
	const { series, metadata, eventTime, kind: _, apiVersion: __, ...same } = rest;
	const result: Writable<CoreEvent> = { ...same };
	// Null for events of the old API, see below.
	if ((eventTime as string | null | undefined) != null) result.eventTime = eventTime;
	if (series !== undefined) result.series = series;
	if (note !== undefined) result.message = note;
	if (reportingController !== undefined) result.reportingComponent = reportingController;
	if (deprecatedSource !== undefined) result.source = deprecatedSource;
	if (deprecatedFirstTimestamp !== undefined) result.firstTimestamp = deprecatedFirstTimestamp;
	if (deprecatedLastTimestamp !== undefined) result.lastTimestamp = deprecatedLastTimestamp;
	if (deprecatedCount !== undefined) result.count = deprecatedCount;
	return { apiVersion: "v1", kind: "Event", ...result, metadata: metadata ?? {}, involvedObject: regarding ?? {} };
}

/** From what is stored to events.k8s.io/v1. */
export function eventsEventFromCoreEvent(event: CoreEvent): EventsEvent {
	const { involvedObject, message, reportingComponent, source, firstTimestamp, lastTimestamp, count, ...rest } = event;
	const { series, kind: _, apiVersion: __, eventTime, ...same } = rest;
	const result: Writable<EventsEvent> = { ...same, regarding: involvedObject ?? {} };
	if (series !== undefined) result.series = { count: series.count ?? 0, lastObservedTime: series.lastObservedTime ?? "" };
	if (message !== undefined) result.note = message;
	if (reportingComponent !== undefined) result.reportingController = reportingComponent;
	if (source !== undefined) result.deprecatedSource = source;
	if (firstTimestamp !== undefined) result.deprecatedFirstTimestamp = firstTimestamp;
	if (lastTimestamp !== undefined) result.deprecatedLastTimestamp = lastTimestamp;
	if (count !== undefined) result.deprecatedCount = count;
	// The wire type wants a time; Kubernetes writes null for events of the old API.
	const time = eventTime ?? null;
	return { apiVersion: "events.k8s.io/v1", kind: "Event", ...result, eventTime: time as string };
}

/** The fields that a selector may name, whichever API asks. */
export function eventFields(event: CoreEvent): Readonly<Record<string, string>> {
	const { source, reportingComponent = "" } = event;
	const about = event.involvedObject ?? {};
	return {
		"involvedObject.kind": about.kind ?? "",
		"involvedObject.namespace": about.namespace ?? "",
		"involvedObject.name": about.name ?? "",
		"involvedObject.uid": about.uid ?? "",
		"involvedObject.apiVersion": about.apiVersion ?? "",
		"involvedObject.resourceVersion": about.resourceVersion ?? "",
		"involvedObject.fieldPath": about.fieldPath ?? "",
		reason: event.reason ?? "",
		reportingComponent,
		source: source?.component || reportingComponent,
		type: event.type ?? "",
	};
}

export const eventKind = defineKind<CoreEvent>({
	group: "",
	kind: "Event",
	resource: "events",
	singular: "event",
	shortNames: ["ev"],
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	ttlSeconds,
	isReadRarely: true,
	// Kubernetes' encoder always writes these three.
	setDefaults: (event) => {
		const filled = withDefaults(event, { source: {} });
		const { reportingComponent, reportingInstance } = filled;
		if (reportingComponent !== undefined && reportingInstance !== undefined) return filled;
		return { ...filled, reportingComponent: reportingComponent ?? "", reportingInstance: reportingInstance ?? "" };
	},
	validate: validateEvent,
	// Old clients name events after whatever they are about.
	validateName: isPathSegmentName,
	columns: [
		stringColumn("Last Seen", "The time at which the most recent occurrence of this event was recorded.", (event, { nowMs }) =>
			formatAge(lastSeen(event), nowMs),
		),
		stringColumn("Type", "Type of this event (Normal, Warning), new types could be added in the future", ({ type }) => type ?? ""),
		stringColumn(
			"Reason",
			"This should be a short, machine understandable string that gives the reason for the transition into the object's current status.",
			({ reason }) => reason ?? "",
		),
		stringColumn("Object", "The object that this event is about.", formatObject),
		wide(
			stringColumn(
				"Subobject",
				"If referring to a piece of an object instead of an entire object, this string should contain a valid JSON/Go field access statement, such as desiredState.manifest.containers[2].",
				({ involvedObject }) => involvedObject?.fieldPath ?? "",
			),
		),
		wide(stringColumn("Source", "The component reporting this event. Should be a short machine understandable string.", formatSource)),
		stringColumn("Message", "A human-readable description of the status of this operation.", ({ message }) => (message ?? "").trim()),
		wide(
			stringColumn(
				"First Seen",
				"The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
				(event, { nowMs }) => formatAge(firstSeen(event), nowMs),
			),
		),
		wide({ ...integerColumn<CoreEvent>("Count", "The number of times this event has occurred.", countOf), type: "string" }),
		wide(nameColumn()),
	],
	selectableFields: eventFields,
});
