/** `kubesim start --audit-policy-file` and `kubesim audit`, with the documentation's policy and the real kubectl. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AuditEvent } from "../../src/apiserver/audit/audit-event.ts";
import { WebhookServer } from "../../src/apiserver/webhooks/webhook-server.test-kit.ts";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome } from "../tools/kubesim.ts";

/** Of https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/, shortened to what this test looks at. */
const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: ["RequestReceived"]
rules:
- level: RequestResponse
  resources: [{ group: "", resources: ["pods"] }]
- level: Metadata
  resources: [{ group: "", resources: ["pods/log", "pods/status", "pods/binding"] }]
- level: None
  users: ["system:kube-proxy"]
- level: None
  userGroups: ["system:authenticated"]
  nonResourceURLs: ["/api*", "/version"]
- level: Metadata
  resources: [{ group: "", resources: ["secrets", "configmaps"] }]
`;

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
	writeFileSync(join(home.directory, "policy.yaml"), policy);
});
afterEach(() => home[Symbol.asyncDispose]());

const eventsOf = (text: string) =>
	text
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as AuditEvent);

test("events of kubectl and of components are in the log, and kubesim audit follows it", async () => {
	const log = join(home.directory, "logs/audit.log");
	await home.run(
		`start --nodes 1 --port 0 --etcd-port 0 --audit-policy-file ${join(home.directory, "policy.yaml")} --audit-log-path ${log}`,
	);
	await using following = home.spawn("audit --follow");
	await home.kubectl("create secret generic hidden --from-literal=password=swordfish");
	const [secret] = await eventually(() => {
		const found = eventsOf(following.stdout.slice(0, following.stdout.lastIndexOf("\n") + 1)).filter(
			({ objectRef }) => objectRef?.name === "hidden",
		);
		return found.length === 0 ? undefined : found;
	});
	expect(secret).toMatchObject({
		level: "Metadata",
		stage: "ResponseComplete",
		verb: "create",
		user: { username: "kubernetes-admin" },
		userAgent: expect.stringMatching(/^kubectl\//),
		objectRef: { resource: "secrets", namespace: "default", name: "hidden", apiVersion: "v1" },
		responseStatus: { code: 201 },
		annotations: { "authorization.k8s.io/decision": "allow" },
	});
	await home.kubectl("run p --image=nginx");
	await home.kubectl("wait pod p --for=condition=Ready --timeout=30s");
	// An event is written when its request is answered, which may be a moment after others have seen what it did.
	const everybody = ["kubernetes-admin", "system:kube-scheduler", "system:node:node-1"];
	const events = await eventually(async () => {
		const found = eventsOf(await home.run("audit"));
		const users = found.filter(({ objectRef }) => objectRef?.name === "p").map(({ user }) => user.username);
		return everybody.every((name) => users.includes(name)) ? found : undefined;
	});
	const creation = events.find(
		({ verb, objectRef }) => verb === "create" && objectRef?.name === "p" && objectRef.subresource === undefined,
	);
	expect(creation).toMatchObject({ requestObject: { kind: "Pod" }, responseObject: { kind: "Pod" } });
	expect(JSON.stringify(events)).not.toContain("swordfish");
	expect(eventsOf(await home.run("audit --tail 2"))).toHaveLength(2);
});

test("events go to a webhook in batches", async () => {
	await using server = await WebhookServer.start((_, response) => void response.end());
	const config = {
		"current-context": "c",
		contexts: [{ name: "c", context: { cluster: "k" } }],
		clusters: [{ name: "k", cluster: { server: server.url, "certificate-authority-data": server.caBundle } }],
	};
	writeFileSync(join(home.directory, "webhook.kubeconfig"), JSON.stringify(config));
	const flags = `--audit-policy-file ${join(home.directory, "policy.yaml")} --audit-webhook-config-file ${join(home.directory, "webhook.kubeconfig")}`;
	await home.run(`start --nodes 1 --port 0 --etcd-port 0 ${flags} --audit-webhook-batch-max-wait 100ms`);
	await home.kubectl("create configmap shown --from-literal=a=b");
	await eventually(() => (server.seen.some(({ body }) => body.includes('"name":"shown"')) ? true : undefined));
	expect(JSON.parse(server.seen[0]?.body ?? "")).toMatchObject({ kind: "EventList", apiVersion: "audit.k8s.io/v1" });
});

test("what is wrong with flags and policies is said", async () => {
	const file = join(home.directory, "policy.yaml");
	expect(await home.try(`start --audit-policy-file ${file}`)).toMatchObject({
		exitCode: 2,
		stderr: "error: --audit-policy-file needs --audit-log-path or --audit-webhook-config-file\nThey say where audit events go.\n",
	});
	expect((await home.try("start --audit-log-path x")).stderr).toContain("there is no audit without --audit-policy-file");
	writeFileSync(file, policy.replace("level: Metadata", "level: Everything"));
	const wrong = await home.try(`start --audit-policy-file ${file} --audit-log-path ${join(home.directory, "audit.log")}`);
	expect(wrong.stderr).toContain(
		'loading audit policy file: rules[1].level: Unsupported value: "Everything": supported values: "Metadata", "None", "Request", "RequestResponse"',
	);
	await home.run("start --nodes 1 --port 0 --etcd-port 0");
	expect((await home.try("audit")).stderr).toContain("cluster kubesim writes no audit log");
});
