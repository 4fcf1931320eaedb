import { beforeEach, expect, test } from "vitest";
import { ipAddresses, serviceCidrs } from "../client/resources.ts";
import { serviceCidrController } from "./service-cidr-controller.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(serviceCidrController);
});

async function make(name: string, ...cidrs: readonly string[]): Promise<void> {
	await fixture.client.resource(serviceCidrs).create({ metadata: { name }, spec: { cidrs } });
	await fixture.settle();
}

async function allocate(address: string, manager = "ipallocator.k8s.io"): Promise<void> {
	const labels = { "ipaddress.kubernetes.io/managed-by": manager };
	await fixture.client
		.resource(ipAddresses)
		.create({ metadata: { name: address, labels }, spec: { parentRef: { name: "s", resource: "services" } } });
	await fixture.settle();
}

async function remove(name: string): Promise<void> {
	await fixture.client.resource(serviceCidrs).delete({ name });
	await fixture.clock.advance(11_000);
}

/** The condition Ready as `status reason: message`; undefined if it is gone. */
async function ready(name: string): Promise<string | undefined> {
	const range = (await fixture.list(serviceCidrs)).find(({ metadata }) => metadata?.name === name);
	const condition = range?.status?.conditions?.find(({ type }) => type === "Ready");
	return condition && `${condition.status} ${condition.reason}: ${condition.message}`;
}

const terminating =
	"False Terminating: There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";

test("a new one gets a finalizer and is ready, with two writes", async () => {
	await make("a", "10.0.0.0/24");
	expect((await fixture.list(serviceCidrs))[0]?.metadata?.finalizers).toEqual([finalizer]);
	expect(await ready("a")).toBe("True : Kubernetes Service CIDR is ready");
	expect(fixture.takeWrites()).toEqual(["create servicecidrs", "patch servicecidrs a", "patch servicecidrs/status a"]);
	expect(fixture.complaints).toEqual([]);
});

test("one that nobody needs goes ten seconds after it was deleted, not before", async () => {
	await make("a", "10.0.0.0/24");
	await fixture.client.resource(serviceCidrs).delete({ name: "a" });
	await fixture.clock.advance(8_000);
	expect(await ready("a")).toBe("True : Kubernetes Service CIDR is ready");
	await fixture.clock.advance(3_000);
	expect(await ready("a")).toBe(undefined);
});

test("one with addresses stays until they are gone", async () => {
	await make("a", "10.0.0.0/24");
	await allocate("10.0.0.7");
	await allocate("10.0.0.8", "somebody");
	await remove("a");
	expect(await ready("a")).toBe(terminating);
	await fixture.client.resource(ipAddresses).delete({ name: "10.0.0.7" });
	await fixture.settle();
	expect(await ready("a")).toBe(undefined);
});

test.each([
	["contains it", "10.0.0.0/16", undefined],
	["is the same", "10.0.0.0/24", undefined],
	["has its addresses", "10.0.0.0/28", undefined],
	["is beside them", "10.0.0.128/25", terminating],
])("its addresses may be kept by another that %s", async (_, cidr, expected) => {
	await make("a", "10.0.0.0/24");
	await make("b", cidr);
	await allocate("10.0.0.7");
	await remove("a");
	expect(await ready("a")).toBe(expected);
});

test("a parent that comes later lets it go", async () => {
	await make("a", "10.0.0.0/24");
	await allocate("10.0.0.7");
	await remove("a");
	await make("b", "10.0.0.0/8");
	expect(await ready("a")).toBe(undefined);
});

test("of two that have an address, and are deleted in one instant, only one goes", async () => {
	await make("a", "10.0.0.0/24");
	await make("b", "10.0.0.0/24");
	await allocate("10.0.0.7");
	for (const name of ["a", "b"]) await fixture.client.resource(serviceCidrs).delete({ name });
	await fixture.clock.advance(60_000);
	expect((await fixture.list(serviceCidrs)).map(({ metadata }) => metadata?.name)).toHaveLength(1);
});
