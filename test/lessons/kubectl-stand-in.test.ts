/** What stands in for kubectl prints, makes and does what the real one does, as far as it goes. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { longName, verbsWithFlags, whoKnows } from "../../src/tutorials/kubectl/flags.ts";
import { standIn } from "../../src/tutorials/kubectl/stand-in.ts";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2, clock: fastClock(20) });
	await cluster.run("create deployment web --image=nginx:1.27 --replicas=2");
	await cluster.run("rollout status deployment/web --timeout=60s");
	await cluster.run("run shell --image=busybox:1.36 --labels=app=shell -- sleep 1000");
	await cluster.run("wait --for=condition=Ready pod/shell --timeout=60s");
});
afterAll(() => cluster[Symbol.asyncDispose]());

interface Said {
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
}

async function say(args: readonly string[], input = ""): Promise<Said> {
	const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
	stdin.end(input);
	const texts = Promise.all([stdout, stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString()));
	const exitCode = await standIn(args, { ...process.env, ...cluster.env }, { stdin, stdout, stderr });
	stdout.end();
	stderr.end();
	const [out = "", errors = ""] = await texts;
	return { exitCode, stdout: out, stderr: errors };
}

test.each<readonly string[]>([
	["get", "nodes"],
	["get", "nodes", "node-1", "node-2", "-o", "wide"],
	["get", "deployments,replicasets", "--show-labels"],
	["get", "pods", "-A", "-L", "app"],
	["get", "po", "shell", "-o", "name"],
	["get", "deploy", "-o", "name"],
	["get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"],
	["get", "nodes", "-o", 'jsonpath={range .items[*]}{.metadata.name}: {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'],
	["get", "pods", "-l", "app=none", "-o", "jsonpath={range .items[*]}{.metadata.name}{end}!"],
	["get", "deploy", "web", "-o", "jsonpath={.spec.selector}"],
	["get", "deploy", "-o", "custom-columns=NAME:.metadata.name,IMAGES:.spec.template.spec.containers[*].image,NONE:.spec.paused"],
	["get", "service", "kubernetes", "-o", "go-template={{.spec.type}}"],
	["get", "--raw", "/api/v1/namespaces/default/pods/shell?pretty=false"],
	["rollout", "history", "deployment/web"],
	["config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server} {.users[0].user.client-key-data}"],
	["exec", "shell", "--", "sh", "-c", "echo out; echo err >&2; exit 3"],
	["exec", "deploy/web", "--", "cat", "/etc/hostname"],
	["get", "pods", "nobody"],
	["get", "nonsense"],
	["get", "nodes", "--as=alice"],
])("says what kubectl says: %s %s %s %s %s", async (...args) => {
	const real = await cluster.kubectl.try(args);
	const said = await say(args);
	expect(maskedText(said.stdout).trim()).toBe(maskedText(real.stdout).trim());
	expect(said.exitCode).toBe(real.exitCode);
	expect(said.stderr.includes(real.stderr.split("\n")[0] ?? "")).toBe(true);
});

test.each<readonly string[]>([
	["namespace", "shop"],
	["serviceaccount", "bot"],
	["configmap", "map", "--from-literal=a=b=c", "--from-literal", "d=", "--from-file=FILE", "--from-file=key=FILE"],
	["secret", "generic", "app", "--from-literal=PASSWORD=a b"],
	["job", "once", "--image=busybox:1.36", "--", "sh", "-c", "exit 1"],
	["deployment", "api", "--image=registry.example.com/team/api:1.0", "--replicas=3"],
	["role", "reader", "--verb=get,list", "--verb=watch", "--resource=pods,pods/log,deployments"],
	["clusterrole", "reader", "--verb=get", "--resource=nodes"],
	["rolebinding", "reader", "--role=reader", "--serviceaccount=team:alice"],
	["rolebinding", "reader", "--clusterrole=view", "--user=alice", "--group=team"],
	["clusterrolebinding", "admin", "--clusterrole=cluster-admin", "--serviceaccount=team:alice"],
])("makes what kubectl makes: create %s %s %s", async (...words) => {
	const file = join(cluster.directory, "menu.txt");
	writeFileSync(file, "tea\n");
	const end = words.indexOf("--");
	const flags = ["--dry-run=client", "-o", "yaml"];
	const args = ["create", ...words.slice(0, end < 0 ? undefined : end), ...flags, ...(end < 0 ? [] : words.slice(end))];
	const given = args.map((word) => word.replace("FILE", file));
	expect(parse((await say(given)).stdout)).toEqual(withoutEmpty(parse(await cluster.kubectl.run(given))));
	rmSync(file);
});

test("a pod is run and exposed as kubectl does it", async () => {
	const args = ["run", "front", "--image=nginx:1.27", "--port=80", "--expose", "--restart=Never", "--dry-run=client", "-o", "yaml"];
	// kubectl draws one line too many between the two.
	const objects = (text: string) => parseAllDocuments(text).flatMap((document) => withoutEmpty(document.toJS()) ?? []);
	expect(objects((await say(args)).stdout)).toEqual(objects(await cluster.kubectl.run(args)));
});

test.each([
	[["autoscale", "deployment", "web"], "autoscale deployment"],
	[["get", "pods", "-o", "nonsense"], "-o nonsense"],
	[["create", "quota", "q"], "create quota"],
	[["wait", "--for=nonsense", "pod/shell"], "--for=nonsense"],
	[["get", "pods", "-o", "go-template={{range .items}}{{end}}"], "the template {{range .items}}"],
])("says of what it does not know that it does not: %s", async (args, what) => {
	const { exitCode, stderr } = await say(args);
	expect(exitCode).toBe(1);
	expect(stderr).toBe(`error: ${what}: kubesim's stand-in for kubectl knows only what lessons' solutions need; install kubectl for more\n`);
});

test.each<readonly string[]>([
	["get", "pods", "--nonsense"],
	["get", "pods", "--nonsense=a"],
	["get", "pods", "-q"],
	["get", "pods", "-o"],
	["get", "pods", "--output"],
	["create", "configmap", "x", "--hard=a"],
	["create", "secret", "generic", "x", "--image=a"],
	["rollout", "status", "deployment/web", "--to-revision=1"],
	["config", "view", "--follow"],
])("refuses a flag that there is not as kubectl does: %s %s %s %s", async (...args) => {
	const real = await cluster.kubectl.try(args);
	expect(real.stderr).toMatch(/^error: (unknown|flag needs)/);
	expect(await say(args)).toEqual(real);
});

test("of each of its verbs it knows every flag that kubectl has", async () => {
	for (const verb of verbsWithFlags) {
		const { stdout } = await cluster.kubectl.try([...verb.split(" "), "--help"]);
		const options = stdout.slice(stdout.indexOf("\nOptions:\n"), stdout.lastIndexOf("\nUsage:\n"));
		const flags = [...options.matchAll(/^ +(?:-(.), )?--([a-z-]+)=/gm)];
		for (const [, letter, flag = ""] of flags) {
			expect(whoKnows(flag, verb), `${verb} --${flag}`).not.toBe("nobody");
			if (letter !== undefined) expect(longName(letter, verb), `${verb} -${letter}`).toBe(flag);
		}
	}
});

test("it changes what it is told to change, and nothing else", async () => {
	const get = async (path: string) => await cluster.run(`get deployment web -o jsonpath={${path}}`);
	for (const args of [
		["set", "env", "deployment/web", "A=1", "B=2"],
		["set", "env", "deployment/web", "A-"],
		["set", "image", "deployment/web", "nginx=nginx:1.28"],
		["set", "resources", "deployment/web", "--requests=cpu=10m,memory=16Mi"],
		["label", "deployment", "web", "team=shop", "tier=front"],
		["label", "deployment/web", "tier-"],
		["scale", "deployment", "web", "--replicas=3"],
		["rollout", "restart", "deployment/web"],
		["rollout", "status", "deployment/web", "--timeout=60s"],
	])
		expect(await say(args)).toMatchObject({ exitCode: 0, stderr: "" });
	expect(JSON.parse(await get(".spec.template.spec.containers[0].env"))).toEqual([{ name: "B", value: "2" }]);
	expect(await get(".spec.template.spec.containers[0].image")).toBe("nginx:1.28");
	expect(JSON.parse(await get(".spec.template.spec.containers[0].resources"))).toEqual({ requests: { cpu: "10m", memory: "16Mi" } });
	expect(JSON.parse(await get(".metadata.labels"))).toEqual({ app: "web", team: "shop" });
	expect(await get(".spec.replicas")).toBe("3");
	expect((await say(["rollout", "undo", "deployment/web", "--to-revision=1"])).exitCode).toBe(0);
	expect(await get(".spec.template.spec.containers[0].image")).toBe("nginx:1.27");
	expect(await get(".spec.template.spec.containers[0].env")).toBe("");
});

test("nodes are tainted, drained and opened again", async () => {
	const taints = async () => await cluster.run("get node node-2 -o jsonpath={.spec.taints[*].key}");
	await say(["taint", "nodes", "node-2", "a=b:NoSchedule", "c:PreferNoSchedule"]);
	expect(await taints()).toBe("a c");
	await say(["taint", "nodes", "node-2", "a-", "c:PreferNoSchedule-"]);
	expect(await taints()).toBe("");
	const node = await cluster.run("get pod shell -o jsonpath={.spec.nodeName}");
	expect((await say(["drain", node, "--timeout=30s"])).stderr).toContain("use --force");
	expect(await say(["drain", node, "--force", "--ignore-daemonsets", "--timeout=60s"])).toMatchObject({ exitCode: 0 });
	expect(await cluster.run(`get pods --field-selector=spec.nodeName=${node} -o name`)).toBe("");
	await say(["uncordon", node]);
	expect(await cluster.run(`get node ${node} -o jsonpath={.spec.unschedulable}`)).toBe("");
});

/** kubectl prints fields that are not set, of types that have no zero. */
function withoutEmpty(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutEmpty);
	if (typeof value !== "object" || value === null) return value;
	const kept = Object.entries(value)
		.map(([key, each]) => [key, withoutEmpty(each)] as const)
		.filter(([, each]) => each !== null && !(typeof each === "object" && Object.keys(each ?? {}).length === 0));
	return Object.fromEntries(kept);
}
