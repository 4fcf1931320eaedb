import { beforeEach, expect, test } from "vitest";
import { nodes } from "../client/resources.ts";
import { nodeIpamController } from "./node-ipam-controller.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

async function add(name: string, podCIDR?: string): Promise<void> {
	await fixture.client.resource(nodes).create({ metadata: { name }, spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] } });
}
const ranges = async () =>
	Object.fromEntries((await fixture.list(nodes)).map(({ metadata, spec }) => [metadata?.name, spec?.podCIDRs?.join() ?? "none"]));

test("nodes get ranges that nobody has, also when they come at once; those that have one keep it", async () => {
	await add("old", "10.128.1.0/24");
	await fixture.start(nodeIpamController());
	await Promise.all(["a", "b", "c"].map((name) => add(name)));
	await fixture.settle();
	expect(await ranges()).toEqual({ old: "10.128.1.0/24", a: "10.128.0.0/24", b: "10.128.2.0/24", c: "10.128.3.0/24" });
	expect((await fixture.list(nodes)).find(({ metadata }) => metadata?.name === "a")?.spec?.podCIDR).toBe("10.128.0.0/24");
	expect(fixture.takeWrites().filter((write) => write.startsWith("patch"))).toHaveLength(3);
	expect(fixture.complaints).toEqual([]);
});

test("where none is left an event says so, and the node gets one when another goes", async () => {
	await fixture.start(nodeIpamController("10.0.0.0/23"));
	for (const name of ["a", "b", "c"]) {
		await add(name);
		await fixture.settle();
	}
	expect(await ranges()).toEqual({ a: "10.0.0.0/24", b: "10.0.1.0/24", c: "none" });
	expect((await fixture.events())[0]).toMatch(/^Normal CIDRNotAvailable Node\/c: Node c status is now: CIDRNotAvailable/);
	// By now it would wait for a minute.
	await fixture.clock.advance(80_000);
	await fixture.client.resource(nodes).delete({ name: "a" });
	await fixture.settle();
	expect(await ranges()).toEqual({ b: "10.0.1.0/24", c: "10.0.0.0/24" });
});

test("a range that was given back is not the next one to be given out", async () => {
	await fixture.start(nodeIpamController("10.0.0.0/22"));
	await add("a");
	await fixture.settle();
	await fixture.client.resource(nodes).delete({ name: "a" });
	await add("b");
	await fixture.settle();
	expect(await ranges()).toEqual({ b: "10.0.1.0/24" });
});
