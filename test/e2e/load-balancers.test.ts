/** Load balancers as kubectl shows them, and as pods of the cluster reach them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";

let cluster: TestCluster;
beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1, loadBalancerPool: "172.18.255.200-172.18.255.201" });
	await cluster.run("create deployment web --image=nginx");
	await cluster.run("create deployment client --image=nginx");
	await cluster.run("rollout status deployment web --timeout=30s");
	await cluster.run("rollout status deployment client --timeout=30s");
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

const run = (args: string) => cluster.run(args);
const externalIp = async (name: string) => (await run(`get service ${name} --no-headers`)).split(/\s+/)[3];
const hasAddress = (name: string) =>
	eventually(async () => ((await externalIp(name)) === "<pending>" ? undefined : await externalIp(name)), { limitMs: 30_000 });

test("a Service is exposed, reached at its address, and gone without a trace", async () => {
	await run("expose deployment web --port=80 --type=LoadBalancer");
	expect(await hasAddress("web")).toBe("172.18.255.200");
	expect(await run("exec deployment/client -- curl -s http://172.18.255.200")).toContain("Welcome to nginx!");
	const described = await run("describe service web");
	expect(described).toMatch(/^LoadBalancer Ingress: +172\.18\.255\.200 \(VIP\)$/m);
	expect(described).toMatch(/Normal +EnsuringLoadBalancer +\S+ +service-controller +Ensuring load balancer/);
	expect(described).toMatch(/Normal +EnsuredLoadBalancer +\S+ +service-controller +Ensured load balancer/);

	await cluster.kubectl.run(["patch", "service", "web", "-p", '{"spec":{"loadBalancerSourceRanges":["203.0.113.0/24"]}}']);
	const refused = await eventually(async () => {
		const { stderr, exitCode } = await cluster.kubectl.try("exec deployment/client -- curl -sS -m 1 http://172.18.255.200".split(" "));
		return exitCode === 0 ? undefined : stderr;
	});
	expect(refused).toContain("command terminated with exit code 28");
	expect(await run("exec deployment/client -- curl -s http://web")).toContain("Welcome to nginx!");

	await run("delete service web --timeout=30s");
	await run("expose deployment web --port=80 --type=LoadBalancer --name=next");
	expect(await hasAddress("next")).toBe("172.18.255.200");
	await run("delete service next");
}, 60_000);

test("a pool that is used up, and a class that is somebody else's", async () => {
	for (const name of ["a", "b", "c"]) await run(`expose deployment web --port=80 --type=LoadBalancer --name=${name}`);
	await hasAddress("b");
	await eventually(async () =>
		(await run("describe service c")).includes("no address is free in the pool 172.18.255.200-172.18.255.201") ? true : undefined,
	);
	expect(await externalIp("c")).toBe("<pending>");
	await run("delete service a");
	expect(await hasAddress("c")).toBe("172.18.255.200");
	const spec = { type: "LoadBalancer", loadBalancerClass: "example.com/lb", ports: [{ port: 80 }] };
	await cluster.run("apply -f -", JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "other" }, spec }));
	expect(await externalIp("other")).toBe("<pending>");
}, 60_000);

test("a Service without a selector leads where its Endpoints say, which are mirrored", async () => {
	const [ip = ""] = (await run("get pods -l app=web -o jsonpath={.items[*].status.podIP}")).split(" ");
	const ports = [{ port: 80 }];
	const service = { apiVersion: "v1", kind: "Service", metadata: { name: "by-hand" }, spec: { ports } };
	const endpoints = { apiVersion: "v1", kind: "Endpoints", metadata: { name: "by-hand" }, subsets: [{ addresses: [{ ip }], ports }] };
	await cluster.run("apply -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: [service, endpoints] }));
	const slice = await eventually(async () => {
		const table = await run("get endpointslices -l kubernetes.io/service-name=by-hand --no-headers");
		return table === "" ? undefined : table;
	});
	expect(slice).toMatch(new RegExp(`^by-hand-\\w{5} +IPv4 +80 +${ip.replaceAll(".", "\\.")} `));
	expect(await run("exec deployment/client -- curl -s http://by-hand")).toContain("Welcome to nginx!");
	await run("delete endpoints by-hand");
	await eventually(async () => ((await run("get endpointslices -l kubernetes.io/service-name=by-hand -o name")) === "" ? true : undefined));
}, 60_000);
