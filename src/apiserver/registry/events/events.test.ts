import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, defaulted, kindOf, printed, problems } from "../testing/kind-probe.ts";
import { eventsKinds } from "./index.ts";

const kind = kindOf(eventsKinds, "events");
const wire = {
	apiVersion: "events.k8s.io/v1",
	kind: "Event",
	metadata: { name: "web.1", namespace: "default" },
	eventTime: "2026-01-01T00:00:00.000000Z",
	regarding: { kind: "Pod", name: "web-0", namespace: "default" },
	reason: "Scheduled",
	action: "Binding",
	type: "Normal",
	note: "Successfully assigned",
	reportingController: "default-scheduler",
	reportingInstance: "scheduler-0",
};
const stored = (object: KubeObject) => kind.toStorage?.(object, "v1") ?? object;

describe("events.k8s.io Event", () => {
	it("is stored as an event of the core group, and comes back as it was", () => {
		expect(stored(wire)).toMatchObject({
			apiVersion: "v1",
			kind: "Event",
			involvedObject: wire.regarding,
			message: "Successfully assigned",
		});
		expect(kind.fromStorage?.(stored(wire), "v1")).toEqual(wire);
	});

	it("prints as the core group's does", () => {
		expect(printed(kind, stored(wire))).toBe(
			"LAST SEEN | TYPE | REASON | OBJECT | (SUBOBJECT) | (SOURCE) | MESSAGE | (FIRST SEEN) | (COUNT) | (NAME)\n5m | Normal | Scheduled | pod/web-0 |  | default-scheduler, scheduler-0 | Successfully assigned | 5m | 1 | web.1",
		);
	});

	it("asks for all that the new API does", () => {
		expect(problems(kind, stored(wire))).toEqual([]);
		const old = { metadata: wire.metadata, regarding: wire.regarding, type: "Info", deprecatedCount: 3, eventTime: "" };
		expect(problems(kind, stored(old as KubeObject))).toEqual([
			"eventTime: Required value",
			'type: Invalid value: "": has invalid value: Info',
			'count: Invalid value: "": needs to be unset',
		]);
		const bare = { metadata: wire.metadata, eventTime: wire.eventTime, type: "Normal", series: { count: 1 }, note: "x".repeat(1025) };
		expect(problems(kind, stored(bare as KubeObject))).toEqual([
			"reportingController: Required value",
			'reportingController: Invalid value: "": name part must be non-empty',
			"reportingController: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
			"reportingInstance: Required value",
			"action: Required value",
			"reason: Required value",
			'message: Invalid value: "": can have at most 1024 characters',
			'series.count: Invalid value: "": should be at least 2',
			"series.lastObservedTime: Required value",
		]);
	});

	it("lets nothing change but how often it happened", () => {
		const old = defaulted(kind, stored(wire));
		const series = { count: 2, lastObservedTime: wire.eventTime };
		expect(changeProblems(kind, stored({ ...wire, series } as KubeObject), old)).toEqual([]);
		expect(changeProblems(kind, stored({ ...wire, note: "b", reportingController: "c" } as KubeObject), old)).toEqual([
			'message: Invalid value: "b": field is immutable',
			'reportingController: Invalid value: "c": field is immutable',
		]);
	});

	it("is selected by the new names of the fields", () => {
		expect(kind.selectableFields?.(stored(wire))).toMatchObject({
			"regarding.name": "web-0",
			reason: "Scheduled",
			reportingController: "default-scheduler",
		});
	});
});
