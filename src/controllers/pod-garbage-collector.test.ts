import { expect, test } from "vitest";
import { nodes, pods } from "../client/resources.ts";
import { podGarbageCollector } from "./pod-garbage-collector.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";

test("pods of a node that is gone for good are failed and deleted; others stay", async () => {
	const fixture = new ControllerFixture();
	await fixture.client.resource(nodes).create({ metadata: { name: "node-1" } });
	for (const [name, nodeName] of [
		["stays", "node-1"],
		["orphan", "node-2"],
	] as const) {
		await fixture.client
			.resource(pods)
			.create({ metadata: { namespace: "default", name, finalizers: ["test/look"] }, spec: { containers: [], nodeName } });
	}
	await fixture.start(podGarbageCollector);
	await fixture.clock.advance(55_000);
	expect((await fixture.list(pods)).filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)).toEqual([]);
	await fixture.clock.advance(10_000);
	expect(
		(await fixture.list(pods)).map(({ metadata, status }) => [metadata?.name, metadata?.deletionTimestamp !== undefined, status]),
	).toEqual([
		["stays", false, undefined],
		[
			"orphan",
			true,
			{
				phase: "Failed",
				conditions: [
					{
						type: "DisruptionTarget",
						status: "True",
						reason: "DeletionByPodGC",
						message: "PodGC: node no longer exists",
						lastTransitionTime: "2026-01-01T00:01:00Z",
					},
				],
			},
		],
	]);
	expect(fixture.complaints).toEqual([]);
});

test("a node that comes back within 40 s keeps its pods", async () => {
	const fixture = new ControllerFixture();
	await fixture.client
		.resource(pods)
		.create({ metadata: { namespace: "default", name: "p" }, spec: { containers: [], nodeName: "node-1" } });
	await fixture.start(podGarbageCollector);
	await fixture.clock.advance(50_000);
	await fixture.client.resource(nodes).create({ metadata: { name: "node-1" } });
	await fixture.clock.advance(200_000);
	expect((await fixture.list(pods)).length).toBe(1);
});
