/** The network of a fleet: what the kubelets' caches make of it, with pods that come, go and are not ready. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { EndpointSlice, Service } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, networkPolicies, services } from "../../client/resources.ts";
import { Collector } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.fleet.addNode({ name: "n2" });
	await harness.pod("client", { image: "nicolaka/netshoot", command: ["sleep", "infinity"] });
	await harness.clock.advance(1_000);
});
afterEach(() => harness.stop());

/** What a script in the client's pod prints, and its exit code if that is not 0. */
async function run(script: string): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const target = { namespace: "default", pod: "client", container: "c", node: "n1" };
	const options = { command: ["sh", "-c", `${script} || echo "exit $?"`], tty: false, stdin: false };
	let isDone = false;
	void harness.fleet.connector.exec(target, options, { stdout: write, stderr: write }, new AbortController().signal).finally(() => {
		isDone = true;
	});
	for (let turn = 0; !isDone && turn < 400; turn++) await harness.clock.advance(500);
	return output.text();
}

async function makeService(spec: Service["spec"], endpoints: EndpointSlice["endpoints"] = []): Promise<void> {
	const metadata = { name: "web", namespace: "default" };
	await harness.client.resource(services).create({ apiVersion: "v1", kind: "Service", metadata, spec: { ...spec } });
	await harness.client.resource(endpointSlices).create({
		apiVersion: "discovery.k8s.io/v1",
		kind: "EndpointSlice",
		metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
		addressType: "IPv4",
		endpoints,
		ports: [{ name: "", port: 80, protocol: "TCP" }],
	});
	await harness.clock.advance(0);
}

const code = "curl -s -m 2 -o /dev/null -w '%{http_code}'";

it("has node ports on every node, and knows the nodes by name", async () => {
	await harness.pod("web", { image: "nginx" }, { nodeName: "n2" });
	await harness.clock.advance(1_000);
	const address = (await harness.get("web")).status?.podIP ?? "";
	await makeService({ clusterIP: "10.96.0.20", type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] }, [
		{ addresses: [address], nodeName: "n2" },
	]);
	expect(await run(`${code} n1:30080; ${code} n2:30080; ${code} web; ${code} 172.18.0.9:30080`)).toBe("200200200000exit 7\n");
});

it("has host ports of pods", async () => {
	await harness.pod("web", { image: "nginx", ports: [{ containerPort: 80, hostPort: 8080 }] }, { nodeName: "n2" });
	await harness.clock.advance(1_000);
	expect(await run(`${code} n2:8080; ${code} n1:8080`)).toBe("200000exit 7\n");
});

it("heeds policies of the API", async () => {
	await harness.pod("web", { image: "nginx" }, { nodeName: "n2" });
	await harness.clock.advance(1_000);
	const address = (await harness.get("web")).status?.podIP ?? "";
	expect(await run(`${code} ${address}`)).toBe("200");
	const metadata = { name: "closed", namespace: "default" };
	await harness.client
		.resource(networkPolicies)
		.create({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec: { podSelector: {}, policyTypes: ["Ingress"] } });
	await harness.clock.advance(0);
	expect(await run(`${code} ${address}`)).toBe("000exit 28\n");
	await harness.client.resource(networkPolicies).delete(metadata);
	await harness.clock.advance(0);
	expect(await run(`${code} ${address}`)).toBe("200");
});

it("loses what was on a node that is taken away, and a pod that is gone", async () => {
	await harness.pod("far", { image: "nginx" }, { nodeName: "n2" });
	await harness.pod("host", { image: "nginx" }, { nodeName: "n2", hostNetwork: true });
	await harness.pod("near", { image: "nginx" });
	await harness.clock.advance(1_000);
	const [far, near] = [(await harness.get("far")).status?.podIP, (await harness.get("near")).status?.podIP];
	expect(await run(`${code} ${far}; ${code} ${near}; ${code} 172.18.0.3`)).toBe("200200200");
	await harness.delete("near");
	await harness.clock.advance(60_000);
	await harness.fleet.removeNode("n2");
	await harness.clock.advance(1_000);
	expect(await run(`${code} ${far}; ${code} ${near}; ${code} 172.18.0.3; ping -c 1 -W 1 n2`)).toMatch(
		/^000000000ping: n2: Name or service not known\nexit 2\n$/,
	);
});

it("goes on after a restart with the addresses that pods had", async () => {
	await harness.pod("web", { image: "nginx" });
	await harness.clock.advance(1_000);
	const address = (await harness.get("web")).status?.podIP ?? "";
	harness.stop();
	harness = new FleetHarness({}, harness);
	await harness.start("n1");
	await harness.clock.advance(1_000);
	expect(await run(`${code} ${address}; ip -br addr show eth0`)).toMatch(/^200eth0@if5 +UP +10\.244\.0\.2\/24 \n$/);
});
