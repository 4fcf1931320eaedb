import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { EventCorrelator, type EventInput } from "./event-correlator.ts";

const anyEvent = record({
	name: constantFrom("web", "db"),
	type: constantFrom("Normal", "Warning"),
	reason: constantFrom("Pulled", "Started", "BackOff"),
	message: constantFrom("a", "b", 'Created container "ü"'),
	part: constantFrom({}, { fieldPath: "spec.containers{web}" }),
	version: constantFrom({}, { resourceVersion: "7" }, { resourceVersion: "8" }),
	action: constantFrom(undefined, "Binding"),
	afterMs: integer({ min: 0, max: 400_000 }),
});

type AnyEvent = typeof anyEvent extends { generate(...args: never[]): { value: infer E } } ? E : never;

function inputOf({ name, type, reason, message, part, version, action }: AnyEvent): EventInput {
	const object = { kind: "Pod", namespace: "default", name, uid: `uid-of-${name}`, apiVersion: "v1", ...version, ...part };
	return { object, type: type as EventInput["type"], reason, message, action };
}

test("what is remembered of an object says the same after it was put away", async () => {
	const law = async (all: readonly AnyEvent[]) => {
		const clock = new VirtualClock();
		const [resting, other] = [new EventCorrelator<object>(clock), new EventCorrelator<object>(clock)];
		for (const [index, event] of all.entries()) {
			await clock.advance(event.afterMs);
			const [ours, theirs] = [resting.observe(inputOf(event)), other.observe(inputOf(event))];
			expect(ours).toEqual(theirs);
			if (ours === undefined || theirs === undefined) continue;
			ours.name ??= `${event.name}.${index}`;
			theirs.name ??= `${event.name}.${index}`;
			resting.rest(ours);
		}
	};
	await assert(asyncProperty(array(anyEvent, { maxLength: 60 }), law), { numRuns: 300 });
});

test("an object is not put away while an event of it is under way", () => {
	const correlator = new EventCorrelator<object>(new VirtualClock());
	const observe = (reason: string) => correlator.observe(inputOf({ name: "web", type: "Normal", reason, message: "a" } as AnyEvent));
	const [pulled, started] = [observe("Pulled"), observe("Started")];
	if (pulled === undefined || started === undefined) throw new Error("both are let through");
	started.note = {};
	correlator.rest(pulled);
	expect(observe("Started")).toBe(started);
	correlator.rest(started);
	expect(observe("Started")).not.toBe(started);
});
