/** Quotas, limits and Pod security as an administrator meets them: with the real kubectl, in Kubernetes' own words. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedText } from "../tools/masked-text.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);

beforeAll(async () => {
	test = await startTestCluster({ nodes: 1 });
});
afterAll(() => test[Symbol.asyncDispose]());

/** What kubectl says on stderr, whether it fails or not. */
async function words(args: string, input?: string): Promise<string> {
	return (await test.kubectl.try(args.split(" "), input)).stderr;
}

/** Resolves when what is read contains what is expected. */
async function becomes(read: () => Promise<string>, expected: string): Promise<void> {
	let last = "";
	const isThere = async () => {
		last = await read();
		return last.includes(expected) ? true : undefined;
	};
	await eventually(isThere, { what: () => `${expected}\nis not in\n${last}` });
}

/** A part of an object. */
const field = (what: string, namespace: string, path: string) =>
	run(["get", ...what.split(" "), `--namespace=${namespace}`, "-o", `jsonpath={${path}}`]);
/** What controllers say about what they could not make. */
const failedCreates = async (namespace: string) =>
	maskedText(await run(`get events --namespace=${namespace} --field-selector=reason=FailedCreate`));

/** A pod of one container, as YAML. */
function pod(name: string, image: string, resources: string, container = "nginx"): string {
	return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: ${container}, image: ${image}, resources: ${resources}}]}\n`;
}

describe("ResourceQuota", () => {
	const quota = `
apiVersion: v1
kind: ResourceQuota
metadata: {name: compute-resources}
spec: {hard: {pods: "4", requests.cpu: "1", requests.memory: 1Gi, limits.cpu: "2", limits.memory: 2Gi}}
`;
	const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: nginx, resources: {requests: {cpu: 200m, memory: 200Mi}, limits: {cpu: 400m, memory: 400Mi}}}
`;

	it("is counted as soon as it is there, and shown with what is used", async () => {
		await run("create namespace myspace");
		await run("create -f - --namespace=myspace", quota);
		await becomes(
			async () => maskedText(await run("describe quota compute-resources --namespace=myspace")),
			`Name: compute-resources
Namespace: myspace
Resource Used Hard
-------- ---- ----
limits.cpu 0 2
limits.memory 0 2Gi
pods 0 4
requests.cpu 0 1
requests.memory 0 1Gi
`,
		);
		expect(maskedText(await run("get quota --namespace=myspace"))).toBe(`NAME REQUEST LIMIT AGE
compute-resources pods: 0/4, requests.cpu: 0/1, requests.memory: 0/1Gi limits.cpu: 0/2, limits.memory: 0/2Gi AGE
`);
	});

	it("asks every container for what it counts", async () => {
		expect(await words("run plain --image=nginx --namespace=myspace")).toBe(
			'Error from server (Forbidden): pods "plain" is forbidden: failed quota: compute-resources: must specify limits.cpu for: plain; limits.memory for: plain; requests.cpu for: plain; requests.memory for: plain\n',
		);
	});

	it("lets a deployment have as many pods as there is room for, and says why there are no more", async () => {
		await run("create -f - --namespace=myspace", deployment);
		await becomes(
			() => field("quota compute-resources", "myspace", ".status.used"),
			'{"limits.cpu":"1600m","limits.memory":"1600Mi","pods":"4","requests.cpu":"800m","requests.memory":"800Mi"}',
		);
		await becomes(
			() => failedCreates("myspace"),
			'Error creating: pods "web-HASH-RANDOM" is forbidden: exceeded quota: compute-resources, requested: pods=1, used: pods=4, limited: pods=4',
		);
		const reason = '.status.conditions[?(@.type=="ReplicaFailure")].reason';
		await becomes(() => field("deployment web", "myspace", reason), "FailedCreate");
	});

	it("that is lowered leaves what is there, and takes nothing new", async () => {
		await run(["patch", "quota", "compute-resources", "--namespace=myspace", "-p", '{"spec":{"hard":{"pods":"2"}}}']);
		await becomes(() => field("quota compute-resources", "myspace", ".status['used','hard'].pods"), "4 2");
		expect(await run(["get", "pods", "--namespace=myspace", "-o", "name"])).toMatch(/^(pod\/web-.*\n){4}$/);
	});

	it("has room again when pods go", async () => {
		await run("scale deployment/web --replicas=1 --namespace=myspace");
		await becomes(() => field("quota compute-resources", "myspace", ".status.used"), '"pods":"1","requests.cpu":"200m"');
	});

	it("counts objects of any kind, and storage by its class", async () => {
		await run("create namespace counted");
		const hard = "services=1,count/deployments.apps=1,fast.storageclass.storage.k8s.io/requests.storage=5Gi";
		await run(`create quota objects --hard=${hard} --namespace=counted`);
		await becomes(() => field("quota objects", "counted", ".status.used.services"), "0");
		await run("create service clusterip one --tcp=80 --namespace=counted");
		expect(await words("create service clusterip two --tcp=80 --namespace=counted")).toBe(
			'error: failed to create ClusterIP service: services "two" is forbidden: exceeded quota: objects, requested: services=1, used: services=1, limited: services=1\n',
		);
		await run("create deployment one --image=nginx --namespace=counted");
		expect(await words("create deployment two --image=nginx --namespace=counted")).toContain(
			'deployments.apps "two" is forbidden: exceeded quota: objects, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1',
		);
		const claim =
			"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: big}\nspec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 6Gi}}}\n";
		expect(await words("create -f - --namespace=counted", claim)).toContain(
			"exceeded quota: objects, requested: fast.storageclass.storage.k8s.io/requests.storage=6Gi, used: fast.storageclass.storage.k8s.io/requests.storage=0, limited: fast.storageclass.storage.k8s.io/requests.storage=5Gi",
		);
	});
});

describe("LimitRange", () => {
	const resourcesOf = async (name: string, namespace: string) =>
		JSON.parse(await run(["get", "pod", name, `--namespace=${namespace}`, "-o", "jsonpath={.spec.containers[0].resources}"])) as unknown;
	const limitRange = (name: string, item: string) =>
		`apiVersion: v1\nkind: LimitRange\nmetadata: {name: ${name}}\nspec: {limits: [{type: Container, ${item}}]}\n`;

	it("gives containers what they do not say", async () => {
		const namespace = "default-mem-example";
		await run(`create namespace ${namespace}`);
		await run(
			`create -f - --namespace=${namespace}`,
			limitRange("mem-limit-range", "default: {memory: 512Mi}, defaultRequest: {memory: 256Mi}"),
		);
		for (const [name, resources, result] of [
			["default-mem-demo", "{}", { limits: { memory: "512Mi" }, requests: { memory: "256Mi" } }],
			["default-mem-demo-2", "{limits: {memory: 1Gi}}", { limits: { memory: "1Gi" }, requests: { memory: "1Gi" } }],
			["default-mem-demo-3", "{requests: {memory: 128Mi}}", { limits: { memory: "512Mi" }, requests: { memory: "128Mi" } }],
		] as const) {
			await run(`create -f - --namespace=${namespace}`, pod(name, "nginx", resources, `${name}-ctr`));
			expect(await resourcesOf(name, namespace)).toEqual(result);
		}
		expect(
			await run([
				"get",
				"pod",
				"default-mem-demo",
				`--namespace=${namespace}`,
				"-o",
				"jsonpath={.metadata.annotations.kubernetes\\.io/limit-ranger}",
			]),
		).toBe("LimitRanger plugin set: memory request for container default-mem-demo-ctr; memory limit for container default-mem-demo-ctr");
		expect(await words(`create -f - --namespace=${namespace}`, pod("x", "nginx", "{requests: {memory: 700Mi}}"))).toContain(
			'Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "700Mi": must be less than or equal to memory limit of 512Mi',
		);
	});

	it("keeps containers within bounds", async () => {
		const namespace = "constraints-mem-example";
		await run(`create namespace ${namespace}`);
		await run(`create -f - --namespace=${namespace}`, limitRange("mem-min-max-demo-lr", "max: {memory: 1Gi}, min: {memory: 500Mi}"));
		expect(await run(["get", "limitrange", "mem-min-max-demo-lr", `--namespace=${namespace}`, "-o", "jsonpath={.spec.limits[0]}"])).toBe(
			'{"default":{"memory":"1Gi"},"defaultRequest":{"memory":"1Gi"},"max":{"memory":"1Gi"},"min":{"memory":"500Mi"},"type":"Container"}',
		);
		const create = (name: string, resources: string) => words(`create -f - --namespace=${namespace}`, pod(name, "nginx", resources));
		expect(await create("constraints-mem-demo", "{limits: {memory: 800Mi}, requests: {memory: 600Mi}}")).toBe("");
		expect(await create("constraints-mem-demo-2", "{limits: {memory: 1.5Gi}, requests: {memory: 800Mi}}")).toBe(
			'Error from server (Forbidden): error when creating "STDIN": pods "constraints-mem-demo-2" is forbidden: maximum memory usage per Container is 1Gi, but limit is 1536Mi\n',
		);
		expect(await create("constraints-mem-demo-3", "{limits: {memory: 800Mi}, requests: {memory: 100Mi}}")).toBe(
			'Error from server (Forbidden): error when creating "STDIN": pods "constraints-mem-demo-3" is forbidden: minimum memory usage per Container is 500Mi, but request is 100Mi\n',
		);
		expect(await create("constraints-mem-demo-4", "{}")).toBe("");
		expect(await resourcesOf("constraints-mem-demo-4", namespace)).toEqual({ limits: { memory: "1Gi" }, requests: { memory: "1Gi" } });
	});

	it("makes room for plain pods under a quota that asks for requests", async () => {
		await run("create namespace both");
		await run("create quota memory --hard=requests.memory=1Gi --namespace=both");
		await becomes(() => field("quota memory", "both", ".status.used"), '{"requests.memory":"0"}');
		expect(await words("run plain --image=nginx --namespace=both")).toContain("must specify requests.memory for: plain");
		await run("create -f - --namespace=both", limitRange("defaults", "defaultRequest: {memory: 256Mi}"));
		await run("run plain --image=nginx --namespace=both");
		expect(await run(["get", "quota", "memory", "--namespace=both", "-o", "jsonpath={.status.used}"])).toBe('{"requests.memory":"256Mi"}');
	});
});

describe("PodSecurity", () => {
	const nodeShell = `
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec: {hostPID: true, hostNetwork: true, containers: [{name: shell, image: alpine, securityContext: {privileged: true}}]}
`;

	it("warns of what is there when a namespace's level rises, and refuses what comes", async () => {
		await run("create namespace guarded");
		await run("create -f - --namespace=guarded", nodeShell);
		expect(await words("label namespace guarded pod-security.kubernetes.io/enforce=baseline")).toBe(
			'Warning: existing pods in namespace "guarded" violate the new PodSecurity enforce level "baseline:latest"\nWarning: shell: host namespaces, privileged\n',
		);
		await run("delete pod shell --namespace=guarded --now");
		expect(await words("create -f - --namespace=guarded", nodeShell)).toBe(
			'Error from server (Forbidden): error when creating "STDIN": pods "shell" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true, hostPID=true), privileged (container "shell" must not set securityContext.privileged=true)\n',
		);
	});

	it("warns a deployment of the pods that will be refused, and its replica set tells of it", async () => {
		await run("create namespace strict");
		await run("label namespace strict pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted");
		const violation =
			'PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "nginx" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "nginx" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "nginx" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "nginx" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';
		expect(await words("create deployment web --image=nginx --namespace=strict")).toBe(`Warning: would violate ${violation}\n`);
		await becomes(() => failedCreates("strict"), `Error creating: pods "web-HASH-RANDOM" is forbidden: violates ${violation}`);
	});

	it("refuses labels that mean nothing", async () => {
		expect(await words("label namespace default pod-security.kubernetes.io/enforce=high")).toContain(
			'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "high": must be one of privileged, baseline, restricted',
		);
	});
});
