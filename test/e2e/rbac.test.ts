/** Roles, bindings and questions about access with the real kubectl, as people and as service accounts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { Tool } from "../tools/kubectl.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await run("create namespace dev");
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const attempt = (args: string, input?: string) => cluster.kubectl.try(args.split(" "), input);
const answer = async (args: string) => (await attempt(args)).stdout;

describe("a person without rights", () => {
	test("is told what they cannot do", async () => {
		expect((await attempt("get pods --as jane")).stderr).toBe(
			'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"\n',
		);
		expect((await attempt("get nodes node-1 --as jane")).stderr).toBe(
			'Error from server (Forbidden): nodes "node-1" is forbidden: User "jane" cannot get resource "nodes" in API group "" at the cluster scope\n',
		);
		expect((await attempt("get pods -A --as jane")).stderr).toBe(
			'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope\n',
		);
		expect((await attempt("create deployment web --image=nginx --as jane")).stderr).toBe(
			'error: failed to create deployment: deployments.apps is forbidden: User "jane" cannot create resource "deployments" in API group "apps" in the namespace "default"\n',
		);
		expect((await attempt("get --raw /metrics --as jane")).stderr).toBe(
			'Error from server (Forbidden): forbidden: User "jane" cannot get path "/metrics"\n',
		);
		expect((await attempt("get pods --as jane --as-group system:masters")).exitCode).toBe(0);
	});

	test("may ask what they may do, and see which API there is", async () => {
		expect(await answer("auth can-i list pods --as jane")).toBe("no\n");
		expect(await run("auth whoami --as jane -o jsonpath={.status.userInfo.username}")).toBe("jane");
		expect(await run("api-versions --as jane")).toContain("apps/v1");
		expect((await run("auth can-i --list --as jane")).replace(/ {2,}/g, "  ").trimEnd().split("\n")).toEqual([
			"Resources  Non-Resource URLs  Resource Names  Verbs",
			"selfsubjectreviews.authentication.k8s.io  []  []  [create]",
			"selfsubjectaccessreviews.authorization.k8s.io  []  []  [create]",
			"selfsubjectrulesreviews.authorization.k8s.io  []  []  [create]",
			...["/api/*", "/api", "/apis/*", "/apis", "/healthz", "/healthz", "/livez", "/livez", "/openapi/*", "/openapi"].map(urlLine),
			...["/readyz", "/readyz", "/version/", "/version/", "/version", "/version"].map(urlLine),
		]);
	});
});

const urlLine = (path: string) => `  [${path}]  []  [get]`;

describe("roles that people make", () => {
	test("let in who is bound to them, and only there", async () => {
		expect(await run("create role reader --verb=get,list,watch --resource=pods,pods/log -n dev")).toBe(
			"role.rbac.authorization.k8s.io/reader created\n",
		);
		expect(await run("create rolebinding readers --role=reader --user=jane --serviceaccount=dev:ci -n dev")).toBe(
			"rolebinding.rbac.authorization.k8s.io/readers created\n",
		);
		expect((await attempt("get pods -n dev --as jane")).stderr).toBe("No resources found in dev namespace.\n");
		expect((await attempt("get pods --as jane")).exitCode).toBe(1);
		expect((await attempt("get secrets -n dev --as jane")).exitCode).toBe(1);
		expect(await answer("auth can-i get pods --subresource=log -n dev --as jane")).toBe("yes\n");
		expect(await answer("auth can-i get pods/any --subresource=exec -n dev --as jane")).toBe("no\n");
		expect(await answer("auth can-i list pods -n dev --as system:serviceaccount:dev:ci")).toBe("yes\n");
		expect(await answer("auth can-i list pods -n dev --as system:serviceaccount:default:ci")).toBe("no\n");
		await run("delete rolebinding readers -n dev");
		expect((await attempt("get pods -n dev --as jane")).exitCode).toBe(1);
	});

	test("for one name, for a subresource, for everything in the cluster, and for paths", async () => {
		await run("create role one --verb=get,update --resource=configmaps --resource-name=app -n dev");
		await run("create rolebinding one --role=one --user=nina -n dev");
		await run("create configmap app -n dev");
		await run("create configmap other -n dev");
		expect(await run("get configmap app -n dev --as nina -o name")).toBe("configmap/app\n");
		expect((await attempt("get configmap other -n dev --as nina")).stderr).toBe(
			'Error from server (Forbidden): configmaps "other" is forbidden: User "nina" cannot get resource "configmaps" in API group "" in the namespace "dev"\n',
		);
		await run("create clusterrole node-viewer --verb=get,list --resource=nodes");
		await run("create clusterrolebinding node-viewers --clusterrole=node-viewer --group=infra");
		expect(await run("get nodes -o name --as bob --as-group infra")).toBe("node/node-1\n");
		await run("create clusterrole metrics --verb=get --non-resource-url=/metrics");
		await run("create clusterrolebinding metrics --clusterrole=metrics --user=mona");
		expect(await run("get --raw /metrics --as mona")).toContain("apiserver_request_total");
		expect(await answer("auth can-i get /metrics --as mona")).toBe("yes\n");
		expect(await answer("auth can-i get /logs --as mona")).toBe("no\n");
	});

	test("that every cluster has: view, edit, admin", async () => {
		for (const role of ["view", "edit", "admin"]) await run(`create rolebinding ${role} --clusterrole=${role} --user=${role}er -n dev`);
		const may = (user: string) => async (what: string) => (await answer(`auth can-i ${what} -n dev --as ${user}`)).trim();
		const table = async (what: string) => Promise.all(["viewer", "editer", "adminer"].map((user) => may(user)(what)));
		expect(await table("list pods")).toEqual(["yes", "yes", "yes"]);
		expect(await table("get secrets")).toEqual(["no", "yes", "yes"]);
		expect(await table("create deployments.apps")).toEqual(["no", "yes", "yes"]);
		expect(await table("create rolebindings.rbac.authorization.k8s.io")).toEqual(["no", "no", "yes"]);
		expect(await table("delete namespaces")).toEqual(["no", "no", "no"]);
	});

	test("gather others as soon as these are there", async () => {
		await run(
			"apply -f -",
			`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: templates, labels: { rbac.authorization.k8s.io/aggregate-to-view: "true" } }
rules: [{ apiGroups: [""], resources: [podtemplates], verbs: [get] }]
`,
		);
		await expect.poll(() => answer("auth can-i get podtemplates -n dev --as viewer"), { timeout: 20_000 }).toBe("yes\n");
	});
});

describe("handing out", () => {
	test("no more than one has", async () => {
		const refused = await attempt("create rolebinding root --clusterrole=cluster-admin --user=adminer -n dev --as adminer");
		expect(refused.stderr).toBe(
			`error: failed to create rolebinding: rolebindings.rbac.authorization.k8s.io "root" is forbidden: user "adminer" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:["*"], Resources:["*"], Verbs:["*"]}
{NonResourceURLs:["*"], Verbs:["*"]}
`,
		);
		expect((await attempt("create role nodes --verb=get --resource=nodes -n dev --as adminer")).stderr).toContain(
			'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}\n',
		);
		expect(await run("create rolebinding more --clusterrole=edit --user=bob -n dev --as adminer")).toContain("created");
		expect(await answer("auth can-i delete pods -n dev --as bob")).toBe("yes\n");
	});

	test("reconcile adds what is missing, and makes a binding to another role anew", async () => {
		const manifest = (verbs: string, role: string) => `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: team, namespace: dev }
rules: [{ apiGroups: [""], resources: [pods], verbs: [${verbs}] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: team, namespace: dev }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${role} }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: tom }]
`;
		expect(await run("auth reconcile -f -", manifest("get", "team"))).toContain("role.rbac.authorization.k8s.io/team reconciled");
		await run("auth reconcile -f -", manifest("list", "team"));
		expect(await answer("auth can-i get pods -n dev --as tom")).toBe("yes\n");
		expect(await answer("auth can-i list pods -n dev --as tom")).toBe("yes\n");
		expect((await attempt("apply -f -", manifest("get", "reader"))).stderr).toContain("cannot change roleRef");
		expect(await run("auth reconcile -f -", manifest("get", "reader"))).toContain("rolebinding.rbac.authorization.k8s.io/team reconciled");
		expect(await run("get rolebinding team -n dev -o jsonpath={.roleRef.name}")).toBe("reader");
	});
});

test("a service account's token is worth what its bindings say", async () => {
	await run("create serviceaccount robot -n dev");
	const token = (await run("create token robot -n dev")).trim();
	const kubeconfig = join(cluster.directory, "robot");
	writeFileSync(kubeconfig, `apiVersion: v1\nkind: Config\n`);
	const robot = new Tool(cluster.kubectl.path, { ...cluster.env, KUBECONFIG: kubeconfig });
	const flags = ["--server", cluster.url, "--insecure-skip-tls-verify", "--token", token];
	const refused = await robot.try([...flags, "get", "pods", "-n", "dev"]);
	expect(refused.stderr).toContain(
		'pods is forbidden: User "system:serviceaccount:dev:robot" cannot list resource "pods" in API group "" in the namespace "dev"',
	);
	await run("create rolebinding robots --role=reader --group=system:serviceaccounts:dev -n dev");
	expect((await robot.try([...flags, "get", "pods", "-n", "dev"])).exitCode).toBe(0);
});

test("acting as others has to be allowed", async () => {
	await run("create clusterrole act --verb=impersonate --resource=users --resource-name=viewer");
	await run("create clusterrolebinding act --clusterrole=act --user=ian");
	const ian = await attempt("auth can-i impersonate users/viewer --as ian");
	expect(ian.stdout).toBe("yes\n");
	expect(await answer("auth can-i impersonate users/root --as ian")).toBe("no\n");
});
