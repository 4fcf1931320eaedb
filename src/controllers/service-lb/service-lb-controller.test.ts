import { beforeEach, describe, expect, test } from "vitest";
import type { ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { nodes, services } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { AddressPool } from "./address-pool.ts";
import { serviceLoadBalancerController } from "./service-lb-controller.ts";

const finalizer = "service.kubernetes.io/load-balancer-cleanup";
const pool = "192.0.2.1-192.0.2.2";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.client.resource(nodes).create({ metadata: { name: "node-1" } });
	await fixture.start(serviceLoadBalancerController(new AddressPool(pool)));
});

async function make(name: string, spec: Partial<ServiceSpec> = {}): Promise<void> {
	await fixture.client.resource(services).create({
		metadata: { namespace: "default", name },
		spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }], ...spec },
		status: { loadBalancer: {} },
	});
	await fixture.settle();
}

const get = (name: string) => fixture.client.resource(services).get({ namespace: "default", name });
const ingress = async (name: string) => (await get(name)).status?.loadBalancer?.ingress ?? [];
const change = async (name: string, spec: Partial<ServiceSpec>) => {
	await fixture.change(services, `default/${name}`, (service) => ({ ...service, spec: { ...service.spec, ...spec } }));
	await fixture.settle();
};
const eventsOf = async (name: string) => (await fixture.events()).filter((text) => text.includes(`Service/${name}:`));
const remove = async (name: string) => {
	await fixture.client.resource(services).delete({ namespace: "default", name });
	await fixture.settle();
};

test("a Service gets a finalizer, an address of the pool, and two events", async () => {
	await make("web");
	expect(await ingress("web")).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
	expect((await get("web")).metadata?.finalizers).toEqual([finalizer]);
	expect(await eventsOf("web")).toEqual([
		"Normal EnsuringLoadBalancer Service/web: Ensuring load balancer",
		"Normal EnsuredLoadBalancer Service/web: Ensured load balancer",
	]);
	expect(fixture.takeWrites().filter((write) => write.includes("services"))).toEqual([
		"create services default",
		"patch services/status default/web",
		"patch services/status default/web",
	]);
});

test("when it is deleted its address is free again, and another that waits has it", async () => {
	await make("web");
	await make("second");
	await make("third");
	expect(await ingress("third")).toEqual([]);
	expect(await eventsOf("third")).toContain(
		`Warning SyncLoadBalancerFailed Service/third: Error syncing load balancer: failed to ensure load balancer: no address is free in the pool ${pool}`,
	);
	await remove("web");
	await expect(get("web")).rejects.toThrow("not found");
	expect(await ingress("third")).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
	expect((await eventsOf("web")).slice(2)).toEqual([
		"Normal DeletingLoadBalancer Service/web: Deleting load balancer",
		"Normal DeletedLoadBalancer Service/web: Deleted load balancer",
	]);
});

test("of many that come at once no two have one address", async () => {
	await Promise.all(["a", "b"].map((name) => make(name)));
	expect([await ingress("a"), await ingress("b")].flat().map(({ ip }) => ip)).toEqual(["192.0.2.1", "192.0.2.2"]);
	expect(fixture.complaints).toEqual([]);
});

test("a Service of another type has none, and one that becomes one loses it", async () => {
	await make("web", { type: "NodePort" });
	expect(await eventsOf("web")).toEqual([]);
	await change("web", { type: "LoadBalancer" });
	expect(await ingress("web")).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
	await change("web", { type: "ClusterIP" });
	expect([(await get("web")).metadata?.finalizers, await ingress("web")]).toEqual([[], []]);
	expect(await eventsOf("web")).toEqual([
		"Normal Type Service/web: NodePort -> LoadBalancer",
		"Normal EnsuringLoadBalancer Service/web: Ensuring load balancer",
		"Normal EnsuredLoadBalancer Service/web: Ensured load balancer",
		"Normal Type Service/web: LoadBalancer -> ClusterIP",
		"Normal DeletingLoadBalancer Service/web: Deleting load balancer",
		"Normal DeletedLoadBalancer Service/web: Deleted load balancer",
	]);
});

describe("an address that is asked for", () => {
	test.each([
		["is given", "192.0.2.2", "192.0.2.2", undefined],
		["must be of the pool", "192.0.2.9", undefined, `192.0.2.9 is not in the pool ${pool}`],
		["must be free", "192.0.2.1", undefined, "192.0.2.1 is in use by service default/first"],
	])("%s", async (_, loadBalancerIP, given, problem) => {
		await make("first");
		await make("web", { loadBalancerIP });
		expect((await ingress("web"))[0]?.ip).toBe(given);
		const failure = (await eventsOf("web")).find((text) => text.includes("SyncLoadBalancerFailed"));
		expect(failure?.split("failed to ensure load balancer: ")[1]).toBe(problem);
	});

	test("may change", async () => {
		await make("web");
		await change("web", { loadBalancerIP: "192.0.2.2" });
		expect((await ingress("web"))[0]?.ip).toBe("192.0.2.2");
		expect(await eventsOf("web")).toContain("Normal LoadbalancerIP Service/web:  -> 192.0.2.2");
	});
});

test("whose class names somebody else's load balancer is left alone, also when it goes", async () => {
	await make("web", { loadBalancerClass: "example.com/lb" });
	await fixture.change(services, "default/web", (service) => ({ ...service, metadata: { ...service.metadata, finalizers: [finalizer] } }));
	await remove("web");
	expect([await ingress("web"), await eventsOf("web")]).toEqual([[], []]);
	expect((await get("web")).metadata?.finalizers).toEqual([finalizer]);
});

test("started again it keeps the addresses that there are, and fills a status that was emptied", async () => {
	await make("web");
	await make("second");
	await remove("web");
	await fixture.restart(serviceLoadBalancerController(new AddressPool(pool)));
	expect((await ingress("second"))[0]?.ip).toBe("192.0.2.2");
	await fixture.client.resource(services).updateStatus({ ...(await get("second")), status: { loadBalancer: {} } });
	await fixture.settle();
	expect(await ingress("second")).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
});

test("nodes that come and go are told of; without any there is a warning", async () => {
	await make("web");
	await fixture.client.resource(nodes).create({ metadata: { name: "node-2" } });
	await fixture.settle();
	await fixture.change(nodes, "node-2", (node) => ({
		...node,
		metadata: { ...node.metadata, labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } },
	}));
	await fixture.settle();
	await fixture.client.resource(nodes).delete({ name: "node-1" });
	await fixture.settle();
	expect((await eventsOf("web")).slice(2)).toEqual([
		"Normal UpdatedLoadBalancer Service/web: Updated load balancer with new hosts (x2)",
		"Warning UnAvailableLoadBalancer Service/web: There are no available nodes for LoadBalancer",
	]);
});

test("what is refused is tried again after 5 s, then 10 s", async () => {
	await make("web", { loadBalancerIP: "192.0.2.9" });
	const tries = () => fixture.complaints.length;
	expect(tries()).toBe(1);
	await fixture.clock.advance(5_000);
	expect(tries()).toBe(2);
	await fixture.clock.advance(9_000);
	expect(tries()).toBe(2);
	await fixture.clock.advance(1_500);
	expect(tries()).toBe(3);
});
