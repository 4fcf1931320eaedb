/** Where the control plane's connections to Services go. */
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { ServiceNetwork } from "./service-network.ts";

type Objects = Readonly<Record<string, readonly object[]>>;

function networkOf(objects: Objects, dial?: ConstructorParameters<typeof ServiceNetwork>[0]["dial"]): ServiceNetwork {
	const list = (_group: string, resource: string, namespace?: string) =>
		((objects[resource] ?? []) as readonly KubeObject[]).filter(
			({ metadata }) => namespace === undefined || metadata?.namespace === namespace,
		);
	return new ServiceNetwork({
		find: (group, resource, namespace, name) => list(group, resource, namespace).find(({ metadata }) => metadata?.name === name),
		list,
		dial,
		random: new SeededRandom(1),
	});
}

const metadata = { namespace: "ns", name: "hook" };
const service = (spec: object) => ({ metadata, spec: { clusterIP: "10.96.0.7", ports: [{ port: 443, name: "https" }], ...spec } });
const slice = (endpoints: readonly object[], ports: readonly object[] = [{ name: "https", port: 8443 }]) => ({
	metadata: { namespace: "ns", name: "hook-1", labels: { "kubernetes.io/service-name": "hook" } },
	endpoints,
	ports,
});

describe("a service", () => {
	it.each<readonly [what: string, objects: Objects, answer: string]>([
		["that is not there", {}, 'service "hook" not found'],
		["without a cluster IP", { services: [service({ clusterIP: "None" })] }, 'no cluster IP for service "hook"'],
		["without the port", { services: [service({ ports: [{ port: 80 }] })] }, 'no service port 443 found for service "hook"'],
		["without endpoints", { services: [service({})] }, "dial tcp 10.96.0.7:443: connect: connection refused"],
		[
			"with none ready",
			{ services: [service({})], endpointslices: [slice([{ addresses: ["10.0.0.9"], conditions: { ready: false } }])] },
			"dial tcp 10.96.0.7:443: connect: connection refused",
		],
		["with an endpoint", { services: [service({})], endpointslices: [slice([{ addresses: ["10.0.0.9"] }])] }, "10.0.0.9:8443"],
		[
			"with an endpoint of another port",
			{ services: [service({})], endpointslices: [slice([{ addresses: ["10.0.0.9"] }], [{ name: "other", port: 1 }])] },
			"dial tcp 10.96.0.7:443: connect: connection refused",
		],
		[
			"with Endpoints written by hand",
			{
				services: [service({})],
				endpoints: [{ metadata, subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ name: "https", port: 9443 }] }] }],
			},
			"192.0.2.1:9443",
		],
		["elsewhere", { services: [service({ type: "ExternalName", externalName: "hooks.example.com" })] }, "hooks.example.com:443"],
	])("%s", (_, objects, answer) => {
		const network = networkOf(objects);
		const outcome = () => {
			const { host, port } = network.resolve("ns", "hook", 443);
			return `${host}:${port}`;
		};
		if (/^[\w.]+:\d+$/.test(answer)) expect(outcome()).toBe(answer);
		else expect(outcome).toThrow(answer);
	});
});

describe("a connection", () => {
	it("goes into the simulated network for the address of a Pod or a Node, and out of it for others", async () => {
		const dialed: string[] = [];
		const objects = {
			pods: [{ metadata, status: { podIPs: [{ ip: "10.244.0.2" }] } }],
			nodes: [{ metadata, status: { addresses: [{ type: "InternalIP", address: "172.18.0.2" }] } }],
		};
		const network = networkOf(objects, async (address, port) => {
			dialed.push(`${address}:${port}`);
			throw new Error("dial tcp: connect: connection refused");
		});
		for (const host of ["10.244.0.2", "172.18.0.2"]) {
			await expect(network.dial({ host, port: 8443 })).rejects.toThrow("connection refused");
		}
		expect(dialed).toEqual(["10.244.0.2:8443", "172.18.0.2:8443"]);

		const server = createServer((socket) => void socket.end("hello")).listen(0, "127.0.0.1");
		await once(server, "listening");
		const address = server.address();
		const stream = await network.dial({ host: "127.0.0.1", port: typeof address === "object" && address !== null ? address.port : 0 });
		const [bytes] = await once(stream, "data");
		expect(String(bytes)).toBe("hello");
		stream.destroy();
		server.close();
		expect(dialed).toHaveLength(2);
	});
});
