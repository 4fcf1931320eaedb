/** Node ports on the machine, with the real curl: a Service's pods answer, and nobody does without them. */
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Pod, ServiceSpec } from "../apimachinery/schema/generated/types.ts";
import { pods, services } from "../client/resources.ts";
import type { Cluster } from "./cluster.ts";
import type { NodePortListeners } from "./node-port-listeners.ts";
import { createCluster } from "./open-cluster.ts";

let cluster: Cluster;
let listeners: NodePortListeners;
beforeEach(async () => {
	cluster = await createCluster({ nodes: 2, latency: "none" });
	listeners = await cluster.listenNodePorts();
	await cluster.whenNodesReady();
});
afterEach(() => cluster.close());

const run = promisify(execFile);
const eventually = async <T>(test: () => Promise<T | undefined> | T | undefined): Promise<T> => {
	for (let turn = 0; turn < 500; turn++) {
		const found = await test();
		if (found !== undefined) return found;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	throw new Error("it did not come to that");
};
/** What curl prints, or its exit code. */
const ask = (port: number): Promise<string> =>
	run("curl", ["-s", "-m", "5", `http://localhost:${port}/`]).then(
		({ stdout }) => stdout,
		({ code }: { code: number }) => `exit ${code}`,
	);

async function serve(spec: Partial<ServiceSpec> = {}, node = "node-2"): Promise<number> {
	const metadata = { name: "web", namespace: "default", labels: { app: "web" } };
	await cluster.client.resource(pods).create({
		apiVersion: "v1",
		kind: "Pod",
		metadata,
		spec: { nodeName: node, containers: [{ name: "c", image: "nginx" }] },
	});
	const ports = [{ port: 80 }];
	const made = await cluster.client
		.resource(services)
		.create({ apiVersion: "v1", kind: "Service", metadata, spec: { type: "NodePort", selector: { app: "web" }, ports, ...spec } });
	const isReady = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
	await eventually(async () => isReady(await cluster.client.resource(pods).get(metadata)) || undefined);
	return made.spec?.ports?.[0]?.nodePort ?? 0;
}

test.each([["Cluster"], ["Local"]])("with the policy %s", async (externalTrafficPolicy) => {
	const port = await serve({ externalTrafficPolicy });
	expect(await eventually(async () => /<title>.*<\/title>/.exec(await ask(port))?.[0])).toBe("<title>Welcome to nginx!</title>");
	await cluster.client.resource(pods).delete({ name: "web", namespace: "default" });
	await eventually(async () => (/^exit (52|56)$/.test(await ask(port)) ? true : undefined));
	await cluster.client.resource(services).delete({ name: "web", namespace: "default" });
	expect(await eventually(async () => ((await ask(port)) === "exit 7" ? "closed" : undefined))).toBe("closed");
});

test("a port that another program has is its own; it is taken once it is free and Services change", async () => {
	const other = createServer((socket) => socket.resume().end("HTTP/1.0 200 OK\r\n\r\nother"));
	const port = await new Promise<number>((resolve) => {
		const tryNext = (next: number) => {
			other.once("error", () => tryNext(next + 1));
			other.listen(next, "127.0.0.1", () => resolve(next));
		};
		tryNext(31_500);
	});
	await serve({ ports: [{ port: 80, nodePort: port }] });
	expect(await ask(port)).toBe("other");
	expect(listeners.ports).toEqual([]);
	await new Promise((resolve) => other.close(resolve));
	await cluster.client
		.resource(services)
		.create({ apiVersion: "v1", kind: "Service", metadata: { name: "b", namespace: "default" }, spec: { ports: [{ port: 80 }] } });
	expect(await eventually(async () => /Welcome to nginx/.exec(await ask(port))?.[0])).toBe("Welcome to nginx");
	expect(listeners.ports).toEqual([port]);
});
