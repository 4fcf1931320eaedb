/** What the images of tutorials and tests print and answer. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Container } from "../../apimachinery/schema/generated/types.ts";
import { Collector } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
	await harness.pod("client", { image: "curlimages/curl", command: ["sleep", "infinity"] });
	await harness.clock.advance(0);
});
afterEach(() => harness.stop());

const target = (pod: string) => ({ namespace: "default", pod, container: "c", node: "n1" });

/** Runs a container and gives its address. */
async function started(image: string, container: Partial<Container> = {}): Promise<string> {
	await harness.pod("a", { image, ...container }, { restartPolicy: "Never" });
	await harness.clock.advance(0);
	return (await harness.get("a")).status?.podIP ?? "";
}

async function run(script: string, pod = "client"): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const options = { command: ["sh", "-c", script], tty: false, stdin: false };
	await harness.fleet.connector.exec(target(pod), options, { stdout: write, stderr: write }, new AbortController().signal);
	return output.text();
}

async function log(): Promise<string> {
	const output = new Collector();
	const options = { follow: false, previous: false, timestamps: false };
	await harness.fleet.connector.logs(target("a"), options, async (chunk) => output.write(chunk), new AbortController().signal);
	return output.text();
}

async function exit(): Promise<number | undefined> {
	await harness.clock.advance(1_000);
	return (await harness.get("a")).status?.containerStatuses?.[0]?.state?.terminated?.exitCode;
}

const agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.53";

it.each([
	["nginx", "1.29.1"],
	["nginx:1.14.2", "1.14.2"],
	["nginx:1.27", "1.27.5"],
	["nginx:1.27-alpine", "1.27.5"],
	["nginx:stable", "1.28.0"],
	["nginx:mainline-alpine", "1.29.1"],
])("%s is nginx %s, wherever it tells", async (image, version) => {
	const address = await started(image);
	expect(await run(`curl -sI ${address}/`)).toContain(`\r\nServer: nginx/${version}\r\n`);
	expect(await run(`curl -s ${address}/nothing`)).toContain(`<center>nginx/${version}</center>`);
	expect(await run("nginx -v; echo $NGINX_VERSION", "a")).toBe(`nginx version: nginx/${version}\n${version}\n`);
	expect(await log()).toContain(`[notice] 1#1: nginx/${version}\n`);
});

describe("agnhost", () => {
	it.each([
		["/hostname", "a 200"],
		["/echo?msg=hello&code=201", "hello 201"],
		["/header?key=X-Test", "yes 200"],
		["/healthz", " 200"],
		["/serverport", "8080 200"],
		["/shell?cmd=echo%20hi", '{"output":"hi\\n"}\n 200'],
		["/shell?cmd=exit%203", '{"output":"","error":"exit status 3"}\n 417'],
		["/dial?host=127.0.0.1&port=8080&request=hostname&tries=2", '{"responses":["a","a"]}\n 200'],
		["/dial?host=127.0.0.1&port=81&request=hostname", '{"errors":["Connection refused"]}\n 417'],
		["/redirect?location=/x&code=307", " 307"],
	])("netexec answers %s", async (path, answer) => {
		const address = await started(agnhost, { args: ["netexec"] });
		expect(await run(`curl -s -H 'X-Test: yes' -w ' %{http_code}' '${address}:8080${path}'`)).toBe(answer);
	});

	it("netexec tells the time and the client's address, and ends when it is asked to", async () => {
		const address = await started(agnhost, { args: ["netexec", "--http-port=80"] });
		expect(await run(`curl -s ${address}/`)).toMatch(/^NOW: 2026-01-01T00:00:0/);
		const { podIP } = (await harness.get("client")).status ?? {};
		expect(await run(`curl -s ${address}/clientip`)).toMatch(new RegExp(`^${podIP}:\\d+$`));
		await run(`curl -s '${address}/exit?code=4'`);
		expect(await exit()).toBe(4);
		expect(await log()).toContain("log.go:245] Started HTTP server on port 80\n");
	});

	it.each([
		[["dns-suffix"], "default.svc.cluster.local,svc.cluster.local,cluster.local"],
		[["dns-server-list"], "10.96.0.10"],
		[["entrypoint-tester", "foo", "lish"], "[/agnhost entrypoint-tester foo lish]\n"],
	])("%j prints", async (args, output) => {
		await started(agnhost, { args });
		expect(await exit()).toBe(0);
		expect(await log()).toBe(output);
	});

	it("liveness is well for ten seconds", async () => {
		const address = await started(agnhost, { args: ["liveness"] });
		expect(await run(`curl -s -w ' %{http_code}' ${address}:8080/healthz`)).toBe("ok 200");
		await harness.clock.advance(12_000);
		expect(await run(`curl -s -w ' %{http_code}' ${address}:8080/healthz`)).toMatch(/^error: 12\.\d+ 500$/);
	});

	it("logs-generator prints so many lines in so much time", async () => {
		await started(agnhost, { args: ["logs-generator", "--log-lines-total", "10", "-d", "20s"] });
		await harness.clock.advance(9_000);
		expect((await log()).trim().split("\n")).toHaveLength(5);
		await harness.clock.advance(12_000);
		const lines = (await log()).trim().split("\n");
		expect(lines).toHaveLength(10);
		expect(lines[9]).toMatch(
			/^I0101 00:00:18\.\d{6} {7}1 logs_generator\.go:76\] 9 (GET|POST|PUT) \/api\/v1\/namespaces\/[a-z-]+\/pods\/\w+ \d{3}$/,
		);
	});

	it.each([
		["a port that is open", "127.0.0.1:9376", ""],
		["one that is not", "127.0.0.1:1", "REFUSED\n"],
		["no such name", "nowhere.default:80", "DNS\n"],
		["something else", "nonsense", "UNKNOWN\n"],
	])("connect tells %s", async (_, where, output) => {
		await started(agnhost, { args: ["serve-hostname"] });
		expect(await run(`/agnhost connect ${where}`, "a")).toBe(output);
	});

	it("refuses what it does not know", async () => {
		await started(agnhost, { args: ["porter"] });
		expect(await exit()).toBe(1);
		expect(await log()).toBe('Error: unknown command "porter" for "app"\nRun \'app --help\' for usage.\n');
	});
});

describe("a server of a tutorial", () => {
	it.each([
		["gcr.io/google-samples/hello-app:1.0", 8080, "Hello, world!\nVersion: 1.0.0\nHostname: a\n"],
		["gcr.io/google-samples/hello-app:2.0", 8080, "Hello, world!\nVersion: 2.0.0\nHostname: a\n"],
		["gcr.io/google-samples/node-hello:1.0", 8080, "Hello Kubernetes!"],
		["gcr.io/google-samples/kubernetes-bootcamp:v2", 8080, "Hello Kubernetes bootcamp! | Running on: a | v=2\n"],
	])("%s says who it is", async (image, port, answer) => {
		expect(await run(`curl -s ${await started(image)}:${port}/`)).toBe(answer);
	});

	it("http-echo says what it is told to", async () => {
		const address = await started("hashicorp/http-echo", { args: ["-text=hello there", "-listen=:80"] });
		expect(await run(`curl -s ${address}`)).toBe("hello there\n");
		expect(await log()).toContain("[INFO] server is listening on :80\n");
	});

	it("http-echo wants a text", async () => {
		await started("hashicorp/http-echo");
		expect([await exit(), await log()]).toEqual([127, "Missing -text option!\n"]);
	});

	it("echoserver and whoami show the request", async () => {
		const address = await started("registry.k8s.io/echoserver:1.10");
		const shown = await run(`curl -s -d body=1 '${address}:8080/path?x=y'`);
		expect(shown).toContain("Hostname: a\n");
		expect(shown).toContain("\tmethod=POST\n\treal path=/path\n\tquery=x=y\n");
		expect(shown).toContain("Request Body:\nbody=1\n");
	});

	it("tomcat finds nothing in an empty webapps, and writes its log to a file, too", async () => {
		const address = await started("tomcat:11");
		expect(await run(`curl -s -o /dev/null -w '%{http_code}' ${address}:8080/`)).toBe("404");
		await run("mkdir -p webapps/ROOT && echo hi > webapps/ROOT/index.html", "a");
		expect(await run(`curl -s ${address}:8080/`)).toBe("hi\n");
		expect(await run("tail -n 1 logs/catalina.*.log", "a")).toContain("Server startup in");
		expect(await log()).toContain("Server startup in");
	});

	it("mysql wants a password for root", async () => {
		await started("mysql:8.4");
		expect(await exit()).toBe(1);
		expect(await log()).toContain("Database is uninitialized and password option is not specified\n");
	});

	it("mysql answers a ping, and says that it has no SQL", async () => {
		const address = await started("mysql:8.4", { env: [{ name: "MYSQL_ROOT_PASSWORD", value: "x" }] });
		expect(await log()).toContain("ready for connections.");
		expect(await run("mysqladmin ping -h 127.0.0.1", "a")).toBe("mysqld is alive\n");
		expect(await run(`mysql -h ${address} -px -e 'select 1'`, "a")).toContain("ERROR 1235 (42000)");
		expect(await run("ls /var/lib/mysql", "a")).toContain("performance_schema");
	});
});
