import { beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import type { CoreEvent } from "../apimachinery/schema/generated/types.ts";
import { Client } from "./client.ts";
import { EventRecorder } from "./event-recorder.ts";
import { events } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";

let clock: VirtualClock;
let api: FakeApi;
let client: Client;
let recorder: EventRecorder;

beforeEach(() => {
	clock = new VirtualClock();
	api = new FakeApi({ clock, random: new SeededRandom("api") });
	client = new Client(api);
	recorder = new EventRecorder({ client, clock, random: new SeededRandom("events"), component: "kubelet", host: "node-1" });
});

const pod = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name: "web", uid: "u1", resourceVersion: "7" } };

async function stored(): Promise<readonly CoreEvent[]> {
	await clock.advance(0);
	return (await client.resource(events).list()).items;
}

test("writes an event as Kubernetes does", async () => {
	recorder.event(pod, "Normal", "Pulled", "Successfully pulled image", { fieldPath: "spec.containers{web}" });
	const [event] = await stored();
	const { metadata, ...rest } = event ?? { metadata: {} };
	expect(metadata?.name).toMatch(/^web\.[0-9a-f]{16}$/);
	expect(metadata?.namespace).toBe("default");
	expect(rest).toEqual({
		apiVersion: "v1",
		kind: "Event",
		involvedObject: {
			kind: "Pod",
			namespace: "default",
			name: "web",
			uid: "u1",
			apiVersion: "v1",
			resourceVersion: "7",
			fieldPath: "spec.containers{web}",
		},
		reason: "Pulled",
		message: "Successfully pulled image",
		source: { component: "kubelet", host: "node-1" },
		firstTimestamp: "2026-01-01T00:00:00Z",
		lastTimestamp: "2026-01-01T00:00:00Z",
		count: 1,
		type: "Normal",
		reportingComponent: "kubelet",
		reportingInstance: "node-1",
	});
});

test("the scheduler's events are of the events.k8s.io style: an exact time, an action, repeats as a series", async () => {
	const scheduler = new EventRecorder({
		client,
		clock,
		random: new SeededRandom("events"),
		component: "default-scheduler",
		style: "events",
	});
	const fail = () => scheduler.event(pod, "Warning", "FailedScheduling", "0/1 nodes are available", { action: "Scheduling" });
	fail();
	await stored();
	await clock.advance(1500);
	fail();
	const [event] = await stored();
	expect(event).toMatchObject({
		action: "Scheduling",
		eventTime: "2026-01-01T00:00:00.000000Z",
		reportingComponent: "default-scheduler",
		reportingInstance: "default-scheduler",
		series: { count: 2, lastObservedTime: "2026-01-01T00:00:01.500000Z" },
	});
	expect(event).not.toHaveProperty("firstTimestamp");
	expect(event).not.toHaveProperty("count");
});

test("a repeated event is the same object with a higher count; repeats in a burst cost one write", async () => {
	const backOff = () => recorder.event(pod, "Warning", "BackOff", "Back-off restarting failed container");
	backOff();
	await stored();
	await clock.advance(60_000);
	for (let times = 0; times < 5; times++) backOff();
	expect((await stored()).map(({ count, firstTimestamp, lastTimestamp }) => [count, firstTimestamp, lastTimestamp])).toEqual([
		[6, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"],
	]);
	expect(api.requests.filter(({ verb }) => verb === "patch").length).toBeLessThanOrEqual(2);
});

test("an event that expired meanwhile is made anew", async () => {
	recorder.event(pod, "Normal", "Started", "Started container");
	const [first] = await stored();
	await client.resource(events).delete({ namespace: "default", name: first?.metadata.name ?? "" });
	recorder.event(pod, "Normal", "Started", "Started container");
	expect((await stored()).map(({ count }) => count)).toEqual([2]);
});

test("many alike are combined, and an object that causes too many is cut off", async () => {
	for (let index = 0; index < 100; index++) recorder.event(pod, "Normal", "SuccessfulCreate", `Created pod: web-${index}`);
	const all = await stored();
	expect(all.length).toBe(10);
	expect(all.at(-1)?.message).toBe("(combined from similar events): Created pod: web-24");
	expect(all.at(-1)?.count).toBe(16);
});

test("what lies more than ten minutes back is not combined with, whether it was one message or several", async () => {
	const create = (index: number) => recorder.event(pod, "Normal", "SuccessfulCreate", `Created pod: web-${index}`);
	const isCombined = async () => (await stored()).some(({ message }) => message?.startsWith("(combined") === true);
	create(0);
	await clock.advance(600_001);
	for (let index = 1; index <= 9; index++) create(index);
	expect(await isCombined()).toBe(false);
	await clock.advance(600_001);
	create(10);
	expect(await isCombined()).toBe(false);
	for (let index = 11; index <= 18; index++) create(index);
	expect(await isCombined()).toBe(false);
	create(19);
	expect(await isCombined()).toBe(true);
});

test("events about cluster-scoped objects go to default", async () => {
	recorder.event({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1", uid: "n" } }, "Normal", "Starting", "Starting kubelet.");
	expect((await stored()).map(({ metadata, involvedObject }) => [metadata.namespace, involvedObject.namespace])).toEqual([
		["default", undefined],
	]);
});

test("a server that cannot be reached is tried again; one that refuses is not", async () => {
	let down = true;
	api.intercept = ({ verb }) => {
		if (verb === "create" && down) throw new Error("ECONNREFUSED");
	};
	recorder.event(pod, "Normal", "Pulled", "image");
	await clock.advance(25_000);
	down = false;
	await clock.advance(10_000);
	expect((await stored()).length).toBe(1);
});
