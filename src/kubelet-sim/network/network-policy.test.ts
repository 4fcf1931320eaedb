/** Who reaches whom under which policies: connections in a network, one table for each question. */
import { beforeEach, describe, expect, it, test } from "vitest";
import type { NetworkPolicySpec } from "../../apimachinery/schema/generated/types.ts";
import type { PodNetwork } from "./pod-network.ts";
import { endpoint, NetworkFixture } from "./testing/network-fixture.ts";

let fixture: NetworkFixture;
let client: PodNetwork;
let other: PodNetwork;
let stranger: PodNetwork;
beforeEach(() => {
	fixture = new NetworkFixture(2);
	client = fixture.pod("client", "10.244.0.9", {}, { labels: { app: "client" } });
	other = fixture.pod("other", "10.244.0.10", {}, { labels: { app: "other" } });
	stranger = fixture.pod("stranger", "10.244.1.9", {}, { namespace: "shop", labels: { app: "client" } });
	const containers = [{ name: "c", image: "web", ports: [{ name: "http", containerPort: 80 }] }];
	const web = fixture.pod("web", "10.244.1.2", { containers }, { labels: { app: "web" } });
	fixture.serve(web, "web", 81);
	fixture.service("web", { clusterIP: "10.96.0.20", type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] }, [
		endpoint("10.244.1.2", 2),
	]);
});

const policy = (spec: NetworkPolicySpec, namespace = "default") => fixture.policies.push({ metadata: { name: "p", namespace }, spec });
const web = { matchLabels: { app: "web" } };
const clients = { matchLabels: { app: "client" } };

/** Which of client, other and stranger get through, at port 80 and 81. */
async function who(): Promise<string> {
	const got = await Promise.all(
		Object.entries({ client, other, stranger }).flatMap(([name, from]) =>
			[80, 81].map(async (port) => ((await fixture.hear(from, "10.244.1.2", port)).startsWith("web") ? `${name}:${port}` : "")),
		),
	);
	return got.filter((text) => text !== "").join(" ");
}

const everyone = "client:80 client:81 other:80 other:81 stranger:80 stranger:81";

describe("ingress", () => {
	it.each<readonly [what: string, spec: NetworkPolicySpec, reached: string]>([
		["of other pods says nothing of this one", { podSelector: { matchLabels: { app: "db" } } }, everyone],
		["denied by default", { podSelector: {} }, ""],
		["denied by type", { podSelector: web, policyTypes: ["Ingress"] }, ""],
		["of type Egress alone says nothing", { podSelector: web, policyTypes: ["Egress"] }, everyone],
		["from anybody", { podSelector: web, ingress: [{}] }, everyone],
		[
			"from pods of the namespace",
			{ podSelector: web, ingress: [{ from: [{ podSelector: {} }] }] },
			"client:80 client:81 other:80 other:81",
		],
		["from some of them", { podSelector: web, ingress: [{ from: [{ podSelector: clients }] }] }, "client:80 client:81"],
		[
			"from another namespace",
			{ podSelector: web, ingress: [{ from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } }] }] },
			"stranger:80 stranger:81",
		],
		[
			"from some pods of all namespaces",
			{ podSelector: web, ingress: [{ from: [{ namespaceSelector: {}, podSelector: clients }] }] },
			"client:80 client:81 stranger:80 stranger:81",
		],
		[
			"from either",
			{
				podSelector: web,
				ingress: [
					{
						from: [
							{ podSelector: { matchLabels: { app: "other" } } },
							{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } },
						],
					},
				],
			},
			"other:80 other:81 stranger:80 stranger:81",
		],
		[
			"from addresses",
			{ podSelector: web, ingress: [{ from: [{ ipBlock: { cidr: "10.244.0.0/24", except: ["10.244.0.10/32"] } }] }] },
			"client:80 client:81",
		],
		["to a port", { podSelector: web, ingress: [{ ports: [{ port: 80 }] }] }, "client:80 other:80 stranger:80"],
		["to a port by name", { podSelector: web, ingress: [{ ports: [{ port: "http" }] }] }, "client:80 other:80 stranger:80"],
		["to a name that is none", { podSelector: web, ingress: [{ ports: [{ port: "https" }] }] }, ""],
		["to a range of ports", { podSelector: web, ingress: [{ ports: [{ port: 81, endPort: 90 }] }] }, "client:81 other:81 stranger:81"],
		["to a port of another protocol", { podSelector: web, ingress: [{ ports: [{ port: 80, protocol: "UDP" }] }] }, ""],
		["to a port from some", { podSelector: web, ingress: [{ from: [{ podSelector: clients }], ports: [{ port: 80 }] }] }, "client:80"],
	])("%s", async (_, spec, reached) => {
		policy(spec);
		expect(await who()).toBe(reached);
	});

	it("adds up over policies", async () => {
		policy({ podSelector: {} });
		policy({ podSelector: web, ingress: [{ from: [{ podSelector: clients }] }] });
		expect(await who()).toBe("client:80 client:81");
	});

	it("holds through a Service, and not for the pod's own node", async () => {
		policy({ podSelector: web, ingress: [{ from: [{ podSelector: clients }] }] });
		expect(await fixture.hear(client, "10.96.0.20")).toBe("web sees 10.244.0.9");
		expect(await fixture.hear(other, "10.96.0.20")).toBe("ETIMEDOUT");
		expect(await fixture.hear(fixture.node(2).network, "10.244.1.2")).toBe("web sees 10.244.1.1");
		expect(await fixture.hear(fixture.node(1).network, "10.244.1.2")).toBe("ETIMEDOUT");
		// By way of a node's address it is a node that comes.
		expect(await fixture.hear(client, "172.18.0.2", 30080)).toBe("ETIMEDOUT");
		expect(await other.ping("10.244.1.2")).toEqual({ type: "silence" });
		expect(await client.ping("10.244.1.2")).toEqual({ type: "reply", ttl: 62 });
	});
});

describe("egress", () => {
	const dns = {
		to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
		ports: [{ port: 53, protocol: "UDP" }],
	};
	it.each<readonly [what: string, spec: NetworkPolicySpec, reached: string]>([
		["denied by default", { podSelector: {}, policyTypes: ["Egress"] }, "stranger:80 stranger:81"],
		["of one pod", { podSelector: clients, policyTypes: ["Egress"] }, "other:80 other:81 stranger:80 stranger:81"],
		[
			"to some pods",
			{ podSelector: clients, policyTypes: ["Egress"], egress: [{ to: [{ podSelector: web }], ports: [{ port: 80 }] }] },
			"client:80 other:80 other:81 stranger:80 stranger:81",
		],
		[
			"to addresses",
			{ podSelector: clients, egress: [{ to: [{ ipBlock: { cidr: "203.0.113.0/24" } }] }], policyTypes: ["Egress"] },
			"other:80 other:81 stranger:80 stranger:81",
		],
		["to anybody", { podSelector: {}, policyTypes: ["Egress"], egress: [{}] }, everyone],
	])("%s", async (_, spec, reached) => {
		policy(spec);
		expect(await who()).toBe(reached);
	});

	it("takes names along, unless they are allowed", async () => {
		const question = { name: "web.default.svc.cluster.local", type: "A" } as const;
		policy({ podSelector: clients, policyTypes: ["Egress"] });
		expect(await fixture.network.query(client, "10.96.0.10", question)).toBeUndefined();
		expect((await fixture.network.query(other, "10.96.0.10", question))?.code).toBe("NOERROR");
		policy({ podSelector: clients, policyTypes: ["Egress"], egress: [dns] });
		expect((await fixture.network.query(client, "10.96.0.10", question))?.code).toBe("NOERROR");
	});
});

test("both ends have a say", async () => {
	policy({ podSelector: web, ingress: [{}] });
	policy({ podSelector: clients, policyTypes: ["Egress"], egress: [{ to: [{ podSelector: web }] }] });
	expect(await fixture.hear(client, "10.244.1.2")).toBe("web sees 10.244.0.9");
	fixture.policies.shift();
	policy({ podSelector: web });
	expect(await fixture.hear(client, "10.244.1.2")).toBe("ETIMEDOUT");
});
