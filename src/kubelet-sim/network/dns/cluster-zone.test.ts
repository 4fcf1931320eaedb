/** What the cluster's names are, question by question. */
import { beforeEach, describe, expect, it, test } from "vitest";
import type { RecordType } from "../../../host/index.ts";
import { endpoint, NetworkFixture, notReady } from "../testing/network-fixture.ts";

const dns = "10.96.0.10";
let fixture: NetworkFixture;
beforeEach(() => {
	fixture = new NetworkFixture();
	fixture.pod("client", "10.244.0.9");
	const named = { hostname: "db-0" };
	fixture.service(
		"web",
		{
			clusterIP: "10.96.0.20",
			ports: [
				{ name: "http", port: 80 },
				{ name: "dns", port: 53, protocol: "UDP" },
			],
		},
		[endpoint("10.244.0.2", 1)],
	);
	fixture.service("db", { clusterIP: "None", ports: [{ name: "sql", port: 3306 }] }, [
		endpoint("10.244.0.3", 1, named),
		endpoint("10.244.1.3", 2),
		endpoint("10.244.1.4", 2, notReady),
	]);
	fixture.service("early", { clusterIP: "None", publishNotReadyAddresses: true }, [endpoint("10.244.1.4", 2)]);
	fixture.service("empty", { clusterIP: "None" });
	fixture.service("inside", { type: "ExternalName", externalName: "web.default.svc.cluster.local" });
	fixture.service("outside", { type: "ExternalName", externalName: "node-2" });
	fixture.service("nowhere", { type: "ExternalName", externalName: "example.com" });
	fixture.service("loop", { type: "ExternalName", externalName: "pool.default.svc.cluster.local" });
	fixture.service("pool", { type: "ExternalName", externalName: "loop.default.svc.cluster.local" });
});

/** `CODE answer; answer`. */
async function ask(name: string, type: RecordType = "A"): Promise<string> {
	const response = await fixture.network.query(fixture.node(1).network, dns, { name, type });
	if (response === undefined) return "silence";
	const answers = response.answers.map((record) => (record.type === type ? record.data : `${record.type} ${record.data}`));
	return [response.code === "NOERROR" ? "" : response.code, answers.join("; ")].join("").trim();
}

const svc = "default.svc.cluster.local";

describe("a cluster's names", () => {
	it.each<readonly [string, RecordType, string]>([
		[`web.${svc}`, "A", "10.96.0.20"],
		[`WEB.Default.svc.Cluster.local`, "A", "10.96.0.20"],
		[`web.${svc}`, "AAAA", ""],
		[`web.${svc}`, "SRV", `0 50 80 web.${svc}; 0 50 53 web.${svc}`],
		[`_http._tcp.web.${svc}`, "SRV", `0 100 80 web.${svc}`],
		[`_dns._udp.web.${svc}`, "SRV", `0 100 53 web.${svc}`],
		[`_http._udp.web.${svc}`, "SRV", "NXDOMAIN"],
		[`_http._tcp.web.${svc}`, "A", "10.96.0.20"],
		[`10-244-0-2.web.${svc}`, "A", "10.244.0.2"],
		[`db.${svc}`, "A", "10.244.0.3; 10.244.1.3"],
		[`db-0.db.${svc}`, "A", "10.244.0.3"],
		[`10-244-1-3.db.${svc}`, "A", "10.244.1.3"],
		[`10-244-1-4.db.${svc}`, "A", "NXDOMAIN"],
		[`db-1.db.${svc}`, "A", "NXDOMAIN"],
		[`_sql._tcp.db.${svc}`, "SRV", `0 50 3306 db-0.db.${svc}; 0 50 3306 10-244-1-3.db.${svc}`],
		[`early.${svc}`, "A", "10.244.1.4"],
		[`empty.${svc}`, "A", "NXDOMAIN"],
		[`inside.${svc}`, "A", `CNAME web.${svc}; 10.96.0.20`],
		[`inside.${svc}`, "CNAME", `web.${svc}`],
		[`outside.${svc}`, "A", "CNAME node-2; 172.18.0.3"],
		[`nowhere.${svc}`, "A", "CNAME example.com"],
		[`web.shop.svc.cluster.local`, "A", "NXDOMAIN"],
		[`web.nobody.svc.cluster.local`, "A", "NXDOMAIN"],
		[svc, "A", ""],
		["svc.cluster.local", "A", "NXDOMAIN"],
		["cluster.local", "A", ""],
		["cluster.local", "NS", "ns.dns.cluster.local"],
		["dns-version.cluster.local", "TXT", '"1.1.0"'],
		["10-244-0-3.default.pod.cluster.local", "A", "10.244.0.3"],
		["1-2-3-4.shop.pod.cluster.local", "A", "1.2.3.4"],
		["1-2-3-4.nobody.pod.cluster.local", "A", "NXDOMAIN"],
		["web.default.pod.cluster.local", "A", "NXDOMAIN"],
		["20.0.96.10.in-addr.arpa", "PTR", `web.${svc}`],
		["3.0.244.10.in-addr.arpa", "PTR", `db-0.db.${svc}`],
		["2.0.244.10.in-addr.arpa", "PTR", `10-244-0-2.web.${svc}`],
		["77.0.244.10.in-addr.arpa", "PTR", "NXDOMAIN"],
		["node-1", "A", "172.18.0.2"],
		["example.com", "A", "NXDOMAIN"],
		[`a.b.c.web.${svc}`, "A", "NXDOMAIN"],
	])("%s %s", async (name, type, answer) => {
		expect(await ask(name, type)).toBe(answer);
	});

	it("that go round in a circle end", async () => {
		const response = await fixture.network.query(fixture.node(1).network, dns, { name: `loop.${svc}`, type: "A" });
		expect(response?.answers.every(({ type }) => type === "CNAME")).toBe(true);
		expect(response?.answers.length).toBeLessThan(12);
	});

	it("are denied with the zone's SOA", async () => {
		const response = await fixture.network.query(fixture.node(1).network, dns, { name: `none.${svc}`, type: "A" });
		expect(response?.authority.map(({ name, type, data }) => [name, type, data])).toEqual([
			["cluster.local", "SOA", "ns.dns.cluster.local hostmaster.cluster.local 1767225600 7200 1800 86400 30"],
		]);
	});
});

test("a name server behind a Service answers in place of the built-in one, as long as it is ready", async () => {
	const server = fixture.pod("coredns", "10.244.1.5");
	server.serveNames(() => ({ code: "REFUSED", authoritative: false, answers: [], authority: [], additional: [] }));
	const ports = [{ name: "dns", port: 53, protocol: "UDP" }] as const;
	fixture.service("kube-dns", { clusterIP: dns, ports }, [endpoint("10.244.1.5", 2)]);
	expect(await ask(`web.${svc}`)).toBe("REFUSED");
	fixture.slices.pop();
	await expect(ask(`web.${svc}`)).rejects.toThrow("Connection refused");
	fixture.services.pop();
	expect(await ask(`web.${svc}`)).toBe("10.96.0.20");
});

test("without a built-in one nobody answers", async () => {
	fixture = new NetworkFixture(1, { ownDns: false });
	expect(await ask(`web.${svc}`)).toBe("silence");
});

test("a name server that is not there is silent, one that does not listen refuses", async () => {
	const from = fixture.node(1).network;
	expect(await fixture.network.query(from, "203.0.113.5", { name: "web", type: "A" })).toBeUndefined();
	await expect(fixture.network.query(from, "10.244.0.9", { name: "web", type: "A" })).rejects.toThrow("Connection refused");
});
