/** The API from inside a pod, with the real kubectl: `kubectl exec … curl`, as the documentation has it; and what the audit says of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditEvent } from "../../src/apiserver/audit/audit-event.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { RunningTool } from "../tools/running-tool.ts";

let cluster: TestCluster;
const audited: AuditEvent[] = [];

beforeAll(async () => {
	cluster = await startTestCluster({
		nodes: 1,
		audit: {
			policy: { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] },
			onEvent: (event) => audited.push(event),
		},
	});
	await cluster.run("run client --image=curlimages/curl --command -- sleep infinity");
	await cluster.run("wait --for=condition=Ready pod/client");
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

const account = "/var/run/secrets/kubernetes.io/serviceaccount";
/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#without-using-a-proxy */
const ask = `curl -s --cacert ${account}/ca.crt --header "Authorization: Bearer $(cat ${account}/token)"`;
const inPod = (script: string) => cluster.kubectl.run(["exec", "client", "--", "sh", "-c", script]);

test("the documentation's way to the API", async () => {
	expect(JSON.parse(await inPod(`${ask} -X GET https://kubernetes.default.svc/api`))).toMatchObject({ kind: "APIVersions" });
});

test("roles decide what a pod may", async () => {
	const list = `${ask} https://kubernetes.default.svc/api/v1/namespaces/default/pods`;
	expect(JSON.parse(await inPod(list))).toMatchObject({ kind: "Status", code: 403, reason: "Forbidden" });
	await cluster.run("create rolebinding view --clusterrole=view --serviceaccount=default:default");
	expect(JSON.parse(await inPod(list))).toMatchObject({ kind: "PodList", items: [{ metadata: { name: "client" } }] });
});

test("the audit has the account, the agent, and the node that it came from", async () => {
	await inPod(`${ask} https://kubernetes.default.svc/api/v1/namespaces/default/services`);
	const found = await eventually(() => audited.find(({ requestURI }) => requestURI === "/api/v1/namespaces/default/services"));
	expect(found).toMatchObject({
		user: { username: "system:serviceaccount:default:default" },
		userAgent: "curl/8.14.1",
		sourceIPs: [(await cluster.run("get node node-1 -o jsonpath={.status.addresses[0].address}")).trim()],
	});
});

test("a watch prints as things happen, until it is interrupted", async () => {
	const maps = "https://kubernetes.default.svc/api/v1/namespaces/default/configmaps?watch=1";
	await using watching = new RunningTool(cluster.kubectl, [
		"exec",
		"client",
		"--",
		"sh",
		"-c",
		`${ask} -N '${maps}' & sleep 600 & echo begun; wait %1; echo "curl: $?"`,
	]);
	await watching.sees(/kube-root-ca.crt/);
	await cluster.run("create configmap seen --from-literal=a=1");
	await watching.sees(/"type":"ADDED".*"name":"seen"/);
	await cluster.run("delete configmap seen");
	await watching.sees(/"type":"DELETED".*"name":"seen"/);
	await inPod("pkill -INT curl");
	await eventually(async () => ((await inPod("ps | grep -c 'curl -s' || true")).trim() === "1" ? true : undefined));
});

test("who trusts nobody is told why, with curl's exit code", async () => {
	const asked = await cluster.kubectl.try(["exec", "client", "--", "curl", "-sS", "https://kubernetes.default.svc/api"]);
	expect(asked.stderr).toContain("curl: (60) SSL certificate problem: unable to get local issuer certificate\n");
	expect(asked.stderr).toContain("command terminated with exit code 60");
});
