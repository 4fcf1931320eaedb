/** The kubelet's HTTP API, as the control plane reaches it over the simulated network. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
	await harness.pod("app", { image: "busybox", command: ["sh", "-c", "echo one; echo two; sleep 1000"] });
	await harness.clock.advance(0);
});

afterEach(() => harness.stop());

/** Status and body of one request to the node. */
async function get(path: string, port = 10250, method = "GET"): Promise<string> {
	const stream = await harness.fleet.connector.dial("172.18.0.2", port);
	await stream.write(Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n`));
	const chunks: Uint8Array[] = [];
	for await (const chunk of stream.output) chunks.push(chunk);
	const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
	return `${head.split(" ")[1]} ${body}`;
}

describe("port 10250", () => {
	it.each([
		["/healthz", "200 ok"],
		["/healthz/syncloop", "200 ok"],
		["/healthz/nosuch", "404 404 page not found\n"],
		["/containerLogs/default/app/c?tailLines=1", "200 two\n"],
		["/containerLogs/default/app/nosuch", "400 container nosuch is not valid for pod app\n"],
		["/metrics/nosuch", "404 404 page not found\n"],
		["/logs/nosuch", "404 404 page not found\n"],
		["/", "404 404 page not found\n"],
	])("answers %s", async (path, expected) => {
		expect(await get(path)).toBe(expected);
	});

	it("lists what runs, and what the machine's log says", async () => {
		const { items } = JSON.parse((await get("/runningpods/")).slice(4));
		const { metadata } = await harness.get("app");
		expect(items).toEqual([
			{
				metadata: { name: "app", namespace: "default", uid: metadata?.uid },
				spec: { containers: [{ name: "c", image: "docker.io/library/busybox:latest", resources: {} }] },
				status: {},
			},
		]);
		harness.fleet.filesOf("n1")?.writeFile("/var/log/my.log", "started\n");
		expect(await get("/logs/my.log")).toBe("200 started\n");
		const list = await get("/logs/");
		expect(list.startsWith('200 <!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n')).toBe(true);
		expect(list.split("\n")).toEqual(expect.arrayContaining(['<a href="my.log">my.log</a>', '<a href="pods/">pods/</a>']));
		expect((await get("/logs")).slice(0, 3)).toBe("301");
	});

	it("lists the node's pods, and tells its configuration", async () => {
		const { kind, items } = JSON.parse((await get("/pods")).slice(4));
		expect([kind, items.length, items[0].metadata.name, items[0].status.phase]).toEqual(["PodList", 1, "app", "Running"]);
		expect(JSON.parse((await get("/configz")).slice(4)).kubeletconfig).toMatchObject({ port: 10250, clusterDNS: ["10.96.0.10"] });
		expect(await get("/pods", 10250, "DELETE")).toBe("405 405: Method Not Allowed");
	});
});

it("nobody answers on other ports, at other addresses, or while the kubelet is stopped", async () => {
	const { connector } = harness.fleet;
	await expect(get("/", 80)).rejects.toThrow("dial tcp 172.18.0.2:80: connect: connection refused");
	await expect(connector.dial("10.0.0.1", 80)).rejects.toThrow("dial tcp 10.0.0.1:80: connect: no route to host");
	harness.fleet.stopNode("n1");
	await expect(get("/healthz")).rejects.toThrow("dial tcp 172.18.0.2:10250: connect: connection refused");
});
