/** Services against a whole API server: what they are given, what they may have, what they give back. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Service, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { admin, type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";
import { repairAddresses } from "./ip-addresses.ts";

let fixture: ServerFixture;
let services: ResourceDriver;
let addresses: ResourceDriver;
beforeEach(async () => {
	fixture = await startServer();
	services = fixture.resource("", "v1", "services");
	addresses = fixture.clusterResource("networking.k8s.io", "v1", "ipaddresses");
});

const recorded = async () => (await addresses.list()).items.map(({ metadata }) => metadata?.name);

const web = [{ port: 80 }];
const sent = (name: string, spec: object) => ({ body: { metadata: { name }, spec: { ports: web, ...spec } } });
const create = async (name: string, spec: object = {}) => specOf((await services.send("create", sent(name, spec))) as Service);
const update = async (name: string, spec: object = {}) => specOf((await services.send("update", { name, ...sent(name, spec) })) as Service);
const specOf = ({ spec = {} }: Service): ServiceSpec => spec;
const failure = (name: string, spec: object) => services.failure("create", sent(name, spec));
const nodePorts = ({ ports = [] }: ServiceSpec) => ports.map(({ nodePort }) => nodePort);

describe("a new Service", () => {
	it("gets an address above the band that is kept for users' choices", async () => {
		const specs = await Promise.all(["a", "b", "c"].map((name) => create(name)));
		for (const { clusterIP = "", clusterIPs, ipFamilies, ipFamilyPolicy } of specs) {
			expect(clusterIP).toMatch(/^10\.(9[6-9]|10\d|11[01])\./);
			expect(clusterIP).not.toMatch(/^10\.96\.0\./);
			expect({ clusterIPs, ipFamilies, ipFamilyPolicy }).toEqual({
				clusterIPs: [clusterIP],
				ipFamilies: ["IPv4"],
				ipFamilyPolicy: "SingleStack",
			});
		}
		expect(new Set(specs.map(({ clusterIP }) => clusterIP)).size).toBe(3);
	});

	it("gets node ports above their band, and one for all protocols of a port", async () => {
		const dns = [
			{ name: "tcp", port: 53 },
			{ name: "udp", port: 53, protocol: "UDP" },
			{ name: "web", port: 80 },
		];
		const [tcp = 0, udp, http] = nodePorts(await create("a", { type: "NodePort", ports: dns }));
		expect(tcp).toBeGreaterThanOrEqual(30_086);
		expect(udp).toBe(tcp);
		expect(http).not.toBe(tcp);
	});

	it("gets no node ports where the author wants none, but those that he names", async () => {
		const spec = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false };
		expect(nodePorts(await create("a", spec))).toEqual([undefined]);
		expect(nodePorts(await create("b", { ...spec, ports: [{ port: 80, nodePort: 30_001 }] }))).toEqual([30_001]);
	});

	it("gets a port for health checks where only nodes with endpoints take its traffic", async () => {
		const { healthCheckNodePort = 0, ports } = await create("a", { type: "LoadBalancer", externalTrafficPolicy: "Local" });
		expect(healthCheckNodePort).toBeGreaterThan(30_000);
		expect(ports?.[0]?.nodePort).not.toBe(healthCheckNodePort);
		expect(await failure("b", { type: "NodePort", ports: [{ port: 80, nodePort: healthCheckNodePort }] })).toBe(
			`422 Invalid: Service "b" is invalid: spec.ports[0].nodePort: Invalid value: ${healthCheckNodePort}: provided port is already allocated`,
		);
		expect(await failure("b", { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 80 })).toBe(
			"500 InternalError: Internal error occurred: failed to allocate requested HealthCheck NodePort 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
		);
	});

	it.each<[object, object]>([
		[
			{ clusterIP: "None", selector: { app: "web" } },
			{ clusterIPs: ["None"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
		],
		[{ clusterIP: "None" }, { clusterIPs: ["None"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" }],
		[{ ipFamilyPolicy: "PreferDualStack" }, { ipFamilies: ["IPv4"], ipFamilyPolicy: "PreferDualStack" }],
		[{ clusterIP: "10.96.0.9" }, { clusterIP: "10.96.0.9", clusterIPs: ["10.96.0.9"] }],
	])("of %j is %j", async (spec, expected) => {
		expect(await create("a", spec)).toMatchObject(expected);
	});

	it.each<[object, string]>([
		[
			{ clusterIP: "10.96.0.9" },
			'spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated',
		],
		[
			{ clusterIP: "10.0.0.1" },
			'spec.clusterIPs: Invalid value: ["10.0.0.1"]: failed to allocate IP 10.0.0.1: the provided network does not match the current range',
		],
		[
			{ clusterIP: "10.96.0.0" },
			'spec.clusterIPs: Invalid value: ["10.96.0.0"]: failed to allocate IP 10.96.0.0: the provided network does not match the current range',
		],
		[
			// The first thing that stands in the way: ports are looked at when there is an address.
			{ clusterIP: "10.96", ports: [] },
			'spec.clusterIPs[0]: Invalid value: "10.96": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
		],
		[
			{ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] },
			"spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
		],
		[
			{ type: "NodePort", ports: [{ port: 80, nodePort: 30_080, protocol: "UDP" }] },
			"spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
		],
		[
			{
				type: "NodePort",
				ports: [
					{ name: "a", port: 80, nodePort: 30_081 },
					{ name: "b", port: 81, nodePort: 30_081, protocol: "UDP" },
				],
			},
			"spec.ports[1].nodePort: Invalid value: 30081: provided port is already allocated",
		],
		[
			{ ipFamilyPolicy: "RequireDualStack" },
			'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
		],
		[{ ipFamilies: ["IPv6"] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
		[
			{ ipFamilies: ["IPv4", "IPv6"] },
			"spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
		],
		[{ clusterIP: "fd00::1" }, 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
	])("cannot have %j", async (spec, expected) => {
		await create("taken", { type: "NodePort", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30_080 }] });
		expect(await failure("a", spec)).toBe(`422 Invalid: Service "a" is invalid: ${expected}`);
	});

	it("holds nothing when it is refused, and nothing in a dry run", async () => {
		const spec = { type: "NodePort", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30_080 }] };
		expect(await failure("a", { ...spec, sessionAffinity: "Cookie" })).toContain("spec.sessionAffinity");
		await services.send("create", { ...sent("a", spec), options: { dryRun: true } });
		expect(await create("a", spec)).toMatchObject(spec);
	});
});

describe("a Service that changes", () => {
	it("takes and gives back as its type says", async () => {
		const { clusterIP } = await create("a");
		const [port] = nodePorts(await update("a", { type: "NodePort" }));
		expect(port).toBeGreaterThan(30_000);
		const balancer = await update("a", { type: "LoadBalancer", externalTrafficPolicy: "Local" });
		expect(nodePorts(balancer)).toEqual([port]);
		expect(balancer.clusterIP).toBe(clusterIP);
		const checked = balancer.healthCheckNodePort;
		expect(checked).toBeGreaterThan(30_000);

		const plain = await update("a", { ...balancer, type: "ClusterIP" });
		expect([plain.clusterIP, nodePorts(plain), plain.healthCheckNodePort]).toEqual([clusterIP, [undefined], undefined]);
		expect(nodePorts(await create("b", { type: "NodePort", ports: [{ port: 80, nodePort: port }] }))).toEqual([port]);

		const named = await update("a", { type: "ExternalName", externalName: "a.io" });
		expect(named).not.toHaveProperty("clusterIP");
		expect((await create("c", { clusterIP })).clusterIP).toBe(clusterIP);
		const again = await update("a");
		expect(again.clusterIP).toMatch(/^10\./);
		expect(again.clusterIP).not.toBe(clusterIP);
	});

	it("may not take what others have", async () => {
		await create("a", { type: "NodePort", ports: [{ port: 80, nodePort: 30_080 }] });
		await create("b", { type: "NodePort" });
		const taking = (nodePort: number) =>
			services.failure("update", { name: "b", ...sent("b", { type: "NodePort", ports: [{ port: 80, nodePort }] }) });
		expect(await taking(30_080)).toBe(
			'422 Invalid: Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
		);
		expect(await taking(80)).toBe(
			'422 Invalid: Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
		);
	});

	it("gives all back when it goes", async () => {
		const spec = { type: "NodePort", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30_080 }] };
		await create("a", spec);
		await services.send("delete", { name: "a" });
		expect(await create("b", spec)).toMatchObject(spec);
	});
});

describe("the objects of cluster IPs", () => {
	it("say whose an address is, and go with it", async () => {
		await create("a", { clusterIP: "10.96.0.9" });
		await create("b", { clusterIP: "None" });
		const [object] = (await addresses.list()).items;
		expect(object).toMatchObject({
			metadata: {
				name: "10.96.0.9",
				labels: { "ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" },
				managedFields: [{ manager: "kube-apiserver" }],
			},
			spec: { parentRef: { group: "", resource: "services", namespace: "default", name: "a" } },
		});
		await update("a", { type: "ExternalName", externalName: "a.io" });
		expect(await recorded()).toEqual([]);
		const { clusterIP } = await update("a");
		expect(await recorded()).toEqual([clusterIP]);
		await services.send("delete", { name: "a", options: { dryRun: true } });
		expect(await recorded()).toEqual([clusterIP]);
		await services.send("delete", { name: "a" });
		expect(await recorded()).toEqual([]);
	});

	it("stay until the last finalizer of their Service goes", async () => {
		const metadata = { name: "a", finalizers: ["example.com/hold"] };
		const spec = { ports: web, clusterIP: "10.96.0.9" };
		await services.send("create", { body: { metadata, spec } });
		await services.send("delete", { name: "a" });
		expect(await recorded()).toEqual(["10.96.0.9"]);
		await services.send("patch", { name: "a", patchType: "application/merge-patch+json", body: { metadata: { finalizers: null } } });
		expect(await recorded()).toEqual([]);
	});

	it("that somebody else made take addresses, too", async () => {
		const parentRef = { group: "example.com", resource: "gateways", name: "g" };
		await addresses.send("create", { body: { metadata: { name: "10.96.0.9" }, spec: { parentRef } } });
		expect(await failure("a", { clusterIP: "10.96.0.9" })).toContain("provided IP is already allocated");
	});

	it("are repaired at the next start", async () => {
		await create("a", { clusterIP: "10.96.0.9" });
		await addresses.send("delete", { name: "10.96.0.9" });
		const labels = { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" };
		const parentRef = { group: "", resource: "services", namespace: "default", name: "gone" };
		await addresses.send("create", { body: { metadata: { name: "10.96.0.10", labels }, spec: { parentRef } } });
		await addresses.send("create", { body: { metadata: { name: "10.96.0.11" }, spec: { parentRef } } });
		await fixture.server.repair();
		expect(await recorded()).toEqual(["10.96.0.11", "10.96.0.9"]);
	});

	it("are left alone by a repair that is too late: another server has given the address away", async () => {
		const labels = { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" };
		const parentRef = { resource: "services", namespace: "default", name: "gone" };
		const stale = { metadata: { name: "10.96.0.9", uid: "old", labels }, spec: { parentRef } };
		await create("a", { clusterIP: "10.96.0.9" });
		await repairAddresses([], [stale], (request) => fixture.server.handle(admin, request));
		expect(await recorded()).toEqual(["10.96.0.9"]);
	});
});
