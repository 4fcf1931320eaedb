/** Pods and nodes ask the API server over the simulated network, as they do in life. In virtual time. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { ClusterRoleBinding, Pod } from "../apimachinery/schema/generated/types.ts";
import { configMaps, networkPolicies, pods, type ResourceRef } from "../client/resources.ts";
import { Collector } from "../host/index.ts";
import type { Cluster } from "./cluster.ts";
import { createCluster } from "./open-cluster.ts";

const bindings: ResourceRef<ClusterRoleBinding> = {
	group: "rbac.authorization.k8s.io",
	version: "v1",
	resource: "clusterrolebindings",
	kind: "ClusterRoleBinding",
};

let cluster: Cluster;
let clock: VirtualClock;
beforeAll(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 1, nodes: 2 });
	for (const [name, image] of [
		["client", "nicolaka/netshoot"],
		["debian", "something/unknown"],
		["box", "busybox:1.36"],
	] as const) {
		await cluster.client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name, namespace: "default" },
			spec: { nodeName: "node-1", containers: [{ name: "c", image, command: ["sleep", "infinity"] }] },
		});
	}
	const isReady = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
	const all = async () => (await cluster.client.resource(pods).list("default")).items.every(isReady);
	if (!(await clock.advanceUntil(all, 120_000))) throw new Error("pods do not come up");
});
afterAll(async () => {
	await cluster.close();
});

const here = 'S=/var/run/secrets/kubernetes.io/serviceaccount; T="Authorization: Bearer $(cat $S/token)"; C="--cacert $S/ca.crt";';
const api = "https://kubernetes.default.svc";

/** What a script in a pod prints, on both streams, and its exit code if that is not 0. */
async function run(script: string, pod = "client"): Promise<string> {
	return (await start(script, pod).ended()).trimEnd();
}

function start(script: string, pod = "client") {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const target = { node: "node-1", namespace: "default", pod, container: "c" };
	let exitCode: number | undefined;
	const options = { command: ["sh", "-c", `${here} ${script}`], stdin: false, tty: false };
	const abort = new AbortController();
	void cluster.fleet.connector.exec(target, options, { stdout: write, stderr: write }, abort.signal).then((ended) => {
		exitCode = ended.exitCode;
	});
	return {
		output,
		ended: async () => {
			for (let turn = 0; exitCode === undefined && turn < 1000; turn++) await clock.advanceUntil(() => exitCode !== undefined, 400_000);
			return `${output.text()}${exitCode === 0 ? "" : `exit ${exitCode}`}`;
		},
	};
}

/** Lets the account of the pods do what a role allows, until the returned function is called. */
async function allow(role: string): Promise<() => Promise<void>> {
	const metadata = { name: `pods-${role}` };
	const roleRef = { apiGroup: bindings.group, kind: "ClusterRole", name: role };
	const subjects = [{ kind: "ServiceAccount", name: "default", namespace: "default" }];
	const binding = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata, roleRef, subjects };
	await cluster.client.resource(bindings).create(binding);
	return () => cluster.client.resource(bindings).delete(metadata);
}

const untrusted = (why: string) =>
	`curl: (60) ${why}\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the webpage mentioned above.\nexit 60`;

test("a pod's account is who it says, and may do what it may", async () => {
	const refused = JSON.parse(await run(`curl -s $C -H "$T" ${api}/api/v1/namespaces/default/pods`)) as Record<string, unknown>;
	expect(refused).toMatchObject({
		kind: "Status",
		code: 403,
		message:
			'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"',
	});
	const taken = await allow("view");
	const list = JSON.parse(await run(`curl -s $C -H "$T" ${api}/api/v1/namespaces/default/pods`)) as { items: Pod[] };
	expect(list.items.map((pod) => pod.metadata?.name)).toEqual(["box", "client", "debian"]);
	await taken();
});

test.each([
	["nobody", "", 403, 'forbidden: User \\"system:anonymous\\" cannot get path'],
	["a wrong token", '-H "Authorization: Bearer nonsense"', 401, '"message":"Unauthorized"'],
])("who is %s is told so", async (_who, option, code, text) => {
	const answer = await run(`curl -s $C ${option} -w '%{http_code}' ${api}/api`);
	expect(answer).toMatch(new RegExp(`${code}$`));
	expect(answer.replaceAll(/": "/g, '":"')).toContain(text);
});

test.each([
	["by the variables' address", "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version"],
	["by a short name", "https://kubernetes.default/version"],
	["by the whole name", "https://kubernetes.default.svc.cluster.local/version"],
	["at the control plane's own address", "https://172.19.0.2:6443/version"],
])("%s", async (_how, url) => {
	expect(await run(`curl -sS $C -o /dev/null -w '%{http_code}' ${url}`)).toBe("200");
});

test.each([
	["nobody is trusted", `curl -sS ${api}/version`, untrusted("SSL certificate problem: unable to get local issuer certificate")],
	[
		"another name",
		"curl -sS $C --resolve other:443:10.96.0.1 https://other/",
		untrusted("SSL: no alternative certificate subject name matches target hostname 'other'"),
	],
	["no file", `curl -sS --cacert /nope ${api}/version`, "curl: (77) error adding trust anchors from file: /nope\nexit 77"],
	["a variable names the file", `SSL_CERT_FILE=$S/ca.crt curl -s -o /dev/null -w '%{http_code}' ${api}/version`, "200"],
	["nobody looks", `curl -sk -o /dev/null -w '%{http_code}' ${api}/version`, "200"],
	["plain text", "curl -s http://10.96.0.1:443/", "Client sent an HTTP request to an HTTPS server."],
	[
		"no certificate in the file",
		`curl -sS $C --cert /etc/passwd ${api}/`,
		"curl: (58) could not load PEM client certificate from /etc/passwd, OpenSSL error error:0480006C:PEM routines::no start line, (no key found, wrong passphrase, or wrong file format?)\nexit 58",
	],
])("curl: %s", async (_what, script, printed) => {
	expect(await run(script)).toBe(printed);
});

test.each([
	["debian", `wget -q -O - ${api}/version`, "exit 5"],
	[
		"debian",
		`wget -O - ${api}/version 2>&1 | grep ERROR`,
		"ERROR: The certificate of 'kubernetes.default.svc' is not trusted.\nERROR: The certificate of 'kubernetes.default.svc' doesn't have a known issuer.",
	],
	["debian", `wget -q -O - --ca-certificate=$S/ca.crt ${api}/version | grep -c major`, "1"],
	["debian", `wget -q -O - --no-check-certificate ${api}/version | grep -c major`, "1"],
	["box", `wget -q -O - --no-check-certificate ${api}/version | grep -c major`, "1"],
	["box", `wget -q -O - ${api}/version 2>&1 | head -n 1`, "wget: note: TLS certificate validation not implemented"],
	[
		"box",
		`wget -O - --no-check-certificate --header "$T" ${api}/api/v1/pods 2>&1 | tail -n 1`,
		"wget: server returned error: HTTP/1.1 403 Forbidden",
	],
])("wget of %s: %s", async (pod, script, printed) => {
	expect(await run(script, pod)).toBe(printed);
});

test("objects are made and patched from a pod", async () => {
	const taken = await allow("edit");
	const maps = `${api}/api/v1/namespaces/default/configmaps`;
	const ask = `curl -s $C -H "$T" -o /dev/null -w '%{http_code} ' -H 'Content-Type:`;
	const body = `'{"metadata":{"name":"made"},"data":{"a":"1"}}'`;
	const merge = `-X PATCH -d '{"data":{"a":"2"}}'`;
	expect(
		await run(
			`${ask} application/json' -d ${body} ${maps}; ${ask} application/merge-patch+json' ${merge} ${maps}/made; ${ask} text/plain' -d x ${maps}`,
		),
	).toBe("201 200 415");
	expect((await cluster.client.resource(configMaps).get({ namespace: "default", name: "made" })).data).toEqual({ a: "2" });
	await taken();
});

test("a watch streams, and ends with its client", async () => {
	const taken = await allow("view");
	const { output, ended } = start(
		`timeout 30 curl -sN $C -H "$T" '${api}/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name=seen'`,
	);
	await clock.advance(1_000);
	expect(output.text()).toBe("");
	const metadata = { name: "seen", namespace: "default" };
	await cluster.client.resource(configMaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } });
	await clock.advance(100);
	await cluster.client.resource(configMaps).delete(metadata);
	await clock.advance(100);
	const types = () =>
		output
			.text()
			.trim()
			.split("\n")
			.map((line) => (JSON.parse(line) as { type: string }).type);
	expect(types()).toEqual(["ADDED", "DELETED"]);
	expect(await ended()).toMatch(/exit (124|143)$/);
	await taken();
});

test("who does not read holds the server up, and loses nothing", async () => {
	const taken = await allow("view");
	const data = { text: "x".repeat(900_000) };
	for (let index = 0; index < 12; index++) {
		const metadata = { name: `large-${index}`, namespace: "default" };
		await cluster.client.resource(configMaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
	}
	// Each is more than a client may hold at once.
	const watched = `curl -sN $C -H "$T" '${api}/api/v1/namespaces/default/configmaps?watch=1' | (sleep 2; head -c 10800000 | wc -c)`;
	expect(await run(watched)).toBe("10800000");
	expect(await run(`curl -sS -m 60 $C -H "$T" ${api}/api/v1/namespaces/default/configmaps | (sleep 2; wc -c)`)).toMatch(
		/^10\d{6}|^11\d{6}/,
	);
	for (let index = 0; index < 12; index++)
		await cluster.client.resource(configMaps).delete({ name: `large-${index}`, namespace: "default" });
	await taken();
});

test("policies hold for the way to the API as for any other", async () => {
	const metadata = { name: "inside", namespace: "default" };
	const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata };
	const client = cluster.client.resource(networkPolicies);
	await client.create({ ...policy, spec: { podSelector: {}, policyTypes: ["Egress"] } });
	await clock.advance(100);
	const ask = "curl -sS -m 3 $C -o /dev/null -w '%{http_code}' https://10.96.0.1/version";
	expect(await run(ask)).toBe("000curl: (28) Connection timed out after 3000 milliseconds\nexit 28");
	const egress = [{ to: [{ ipBlock: { cidr: "172.19.0.2/32" } }], ports: [{ port: 6443 }] }];
	await client.delete(metadata);
	await client.create({ ...policy, spec: { podSelector: {}, policyTypes: ["Egress"], egress } });
	await clock.advance(100);
	expect(await run(ask)).toBe("200");
	await client.delete(metadata);
	await clock.advance(100);
});

test("a node asks, too, as long as the API is not out of reach for it", async () => {
	const ask = "curl -sS -m 3 --cacert /etc/kubernetes/pki/ca.crt -o /dev/null -w '%{http_code}' https://172.19.0.2:6443/version";
	const onNode = async (script: string) => {
		let done: { readonly stdout: string; readonly stderr: string } | undefined;
		void cluster.nodes.run("node-2", script).then((ended) => {
			done = ended;
		});
		for (let turn = 0; done === undefined && turn < 1000; turn++) await clock.advanceUntil(() => done !== undefined, 60_000);
		return `${done?.stdout}${done?.stderr}`;
	};
	expect(await onNode(ask)).toBe("200");
	expect(await onNode("curl -sS https://127.0.0.1:6443")).toBe(
		"curl: (7) Failed to connect to 127.0.0.1 port 6443 after 0 ms: Could not connect to server\n",
	);
	cluster.fleet.failNetwork("node-2", "api");
	expect(await onNode(ask)).toBe("000curl: (28) Connection timed out after 3000 milliseconds\n");
	cluster.fleet.relieveNode("node-2");
	cluster.fleet.startNode("node-2");
	expect(await onNode(ask)).toBe("200");
});

test("who has a certificate of the cluster's is its subject; another's key is none", async () => {
	const { clientCertificate, clientKey } = cluster.adminCredentials();
	const files = `cat > /tmp/a.crt <<'E'\n${clientCertificate}E\ncat > /tmp/a.key <<'E'\n${clientKey}E\n`;
	const who = await run(
		`${files}curl -s $C --cert /tmp/a.crt --key /tmp/a.key -H 'Content-Type: application/json' -d '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}' ${api}/apis/authentication.k8s.io/v1/selfsubjectreviews`,
	);
	expect(JSON.parse(who)).toMatchObject({ status: { userInfo: { username: "kubernetes-admin" } } });
	expect(await run(`curl -sS $C --cert /tmp/a.crt --key $S/ca.crt ${api}/`)).toMatch(
		/^curl: \(58\) unable to set private key file: '.*ca.crt' type PEM\nexit 58$/,
	);
});

test("TLS to who speaks none", async () => {
	expect(await run("(echo HTTP/1.1 400 | nc -l -p 8443 > /dev/null) & sleep 1; curl -sS -m 10 https://localhost:8443/")).toMatch(
		/^curl: \(35\) TLS connect error: error:0A0000C6:SSL routines::packet length too long/,
	);
});

test("an image of kubectl says what it lacks", async () => {
	const metadata = { name: "kubectl", namespace: "default" };
	const spec = { restartPolicy: "Never", containers: [{ name: "c", image: "bitnami/kubectl:latest", args: ["get", "pods"] }] };
	await cluster.client.resource(pods).create({ apiVersion: "v1", kind: "Pod", metadata, spec });
	const phase = async () => (await cluster.client.resource(pods).get(metadata)).status?.phase;
	expect(await clock.advanceUntil(async () => (await phase()) === "Failed", 120_000)).toBe(true);
	await cluster.client.resource(pods).delete(metadata);
});

test("a certificate counts for as long as it does by the cluster's clock", async () => {
	clock.jump(Date.UTC(2027, 1, 1) - clock.now());
	expect(await run(`curl -sS $C ${api}/version`)).toBe(untrusted("SSL certificate problem: certificate has expired"));
});
