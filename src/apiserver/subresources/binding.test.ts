import { beforeEach, describe, expect, it } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

let fixture: ServerFixture;
let pods: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	pods = fixture.resource("", "v1", "pods");
	await pods.send("create", { body: { metadata: { name: "web" }, spec: { containers: [{ name: "main", image: "nginx" }] } } });
});

const binding = (body: object = {}) => ({
	name: "web",
	subresource: "binding",
	body: { metadata: { name: "web" }, target: { kind: "Node", name: "n1" }, ...body },
});

const podNow = async () => (await pods.send("get", { name: "web" })) as Pod;

it("places the pod, and takes over annotations and labels", async () => {
	const metadata = { name: "web", annotations: { from: "scheduler" }, labels: { also: "this" } };
	expect(await pods.send("create", binding({ metadata }))).toMatchObject({ kind: "Status", status: "Success", code: 201 });
	const { spec, status, metadata: after } = await podNow();
	expect(spec?.nodeName).toBe("n1");
	expect(after).toMatchObject({ annotations: { from: "scheduler" }, labels: { also: "this" }, generation: 1 });
	expect(status?.conditions).toEqual([
		{ type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 1 },
	]);
});

it("tells the pod the zone and region of its node", async () => {
	const labels = { "topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1", other: "x" };
	await fixture.clusterResource("", "v1", "nodes").send("create", { body: { metadata: { name: "n1", labels } } });
	await pods.send("create", binding());
	expect((await podNow()).metadata?.labels).toEqual({ "topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1" });
});

it("can be posted to the collection of bindings, where nothing is kept", async () => {
	const bindings = fixture.resource("", "v1", "bindings");
	expect(await bindings.send("create", { body: binding().body })).toMatchObject({ kind: "Status", code: 201 });
	expect((await podNow()).spec?.nodeName).toBe("n1");
	expect(await bindings.failure("create", { body: binding({ metadata: { name: "nobody" } }).body })).toBe(
		'404 NotFound: pods "nobody" not found',
	);
});

it("stores nothing on a dry run", async () => {
	await pods.send("create", { ...binding(), options: { dryRun: true } });
	expect((await podNow()).spec?.nodeName).toBeUndefined();
});

describe("refuses", () => {
	it.each<[string, object, RegExp]>([
		["another name than the URL's", { metadata: { name: "other" } }, /^400 BadRequest: name in URL does not match name in Binding object$/],
		["no target", { target: { name: "" } }, /^422 Invalid: Binding "web" is invalid: target\.name: Required value$/],
		[
			"a target that is no node",
			{ target: { kind: "Pod", name: "n1" } },
			/^422 Invalid: Binding "web" is invalid: target\.kind: Unsupported value: "Pod": supported values: "<empty>", "Node"$/,
		],
		[
			"another pod of the name",
			{ metadata: { name: "web", uid: "old" } },
			/^409 Conflict: Operation cannot be fulfilled on pods "web": StorageError: invalid object, Code: 4, Key: \/registry\/pods\/default\/web, ResourceVersion: 0, AdditionalErrorMessage: Precondition failed: UID in precondition: old, UID in object meta: \S+$/,
		],
		[
			"another state of the pod",
			{ metadata: { name: "web", resourceVersion: "1" } },
			/AdditionalErrorMessage: Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: \d+$/,
		],
	])("%s", async (_, body, why) => {
		expect(await pods.failure("create", binding(body))).toMatch(why);
		expect((await podNow()).spec?.nodeName).toBeUndefined();
	});

	it.each<[string, object, string]>([
		["that has gates", { schedulingGates: [{ name: "example.com/wait" }] }, "pod gated has non-empty .spec.schedulingGates"],
		["that has a node", { nodeName: "n0" }, 'pod gated is already assigned to node "n0"'],
	])("a pod %s", async (_, spec, why) => {
		await pods.send("create", { body: { metadata: { name: "gated" }, spec: { containers: [{ name: "main", image: "nginx" }], ...spec } } });
		const request = { ...binding({ metadata: { name: "gated" } }), name: "gated" };
		expect(await pods.failure("create", request)).toBe(`409 Conflict: Operation cannot be fulfilled on pods/binding "gated": ${why}`);
	});

	it("a pod that is being deleted", async () => {
		const metadata = { finalizers: ["example.com/hold"] };
		await pods.send("patch", { name: "web", patchType: "application/merge-patch+json", body: { metadata } });
		await pods.send("delete", { name: "web" });
		expect(await pods.failure("create", binding())).toBe(
			'409 Conflict: Operation cannot be fulfilled on pods/binding "web": pod web is being deleted, cannot be assigned to a host',
		);
	});
});
