/** What a node's kubelet decides by itself, eight times as fast as real time, with the real kubectl: which pods it takes, which it ends, and which it brings. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2, clock: fastClock(8) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

test("a pod that is bound past the scheduler to a node without room for it fails there", async () => {
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: large }, spec: { nodeName: node-1, containers: [{ name: main, image: nginx, resources: { requests: { cpu: 5 } } }] } }",
	);
	await run("wait --for=jsonpath={.status.phase}=Failed pod/large --timeout=20s");
	expect(maskedLines(await run("get pod large"))[1]).toMatch(/^large 0\/1 OutOfcpu 0 AGE$/);
	const described = maskedText(await run("describe pod large"));
	const why = "Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000";
	expect(described).toContain(`Status: Failed\nReason: OutOfcpu\nMessage: Pod was rejected: ${why}\n`);
	expect(described).toMatch(new RegExp(`^ Warning OutOfcpu AGE kubelet ${why}$`, "m"));
	expect(await run("get pod large -o jsonpath={.status.conditions}")).toBe("");
	expect(await run("delete pod large")).toContain("deleted");
});

test("a node that runs out of memory says so, evicts, and is kept clear of pods that promise nothing", async () => {
	const pod = (name: string, memory: string) =>
		`{ apiVersion: v1, kind: Pod, metadata: { name: ${name}, annotations: { kubesim.dev/memory-usage: ${memory} } }, spec: { nodeName: node-2, containers: [{ name: main, image: nginx }] } }`;
	await run("apply -f -", pod("modest", "1Gi"));
	await run("apply -f -", pod("greedy", "7Gi"));
	await run("wait --for=jsonpath={.status.reason}=Evicted pod/greedy --timeout=40s");
	// The column shows how its container ended: nginx does so in good order.
	expect(maskedLines(await run("get pod greedy"))[1]).toMatch(/^greedy 0\/1 Completed 0 AGE$/);
	expect(maskedLines(await run("get pod modest"))[1]).toMatch(/^modest 1\/1 Running 0 AGE$/);
	expect(await run("get pod greedy -o jsonpath={.status.message}")).toBe(
		"The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. Container main was using 7Gi, request is 0, has larger consumption of memory. ",
	);
	await run("wait --for=condition=MemoryPressure node/node-2 --timeout=20s");
	await run("wait --for=jsonpath={.spec.taints[0].key}=node.kubernetes.io/memory-pressure node/node-2 --timeout=20s");
	const described = maskedText(await run("describe node node-2"));
	expect(described).toMatch(/^ MemoryPressure True .* KubeletHasInsufficientMemory kubelet has insufficient memory available$/m);
	expect(described).toMatch(/^ Warning EvictionThresholdMet AGE kubelet Attempting to reclaim memory$/m);
	await run("apply -f -", pod("late", "1Mi"));
	await run("wait --for=jsonpath={.status.phase}=Failed pod/late --timeout=20s");
	expect(await run("get pod late -o jsonpath={.status.message}")).toBe("Pod was rejected: The node had condition: [MemoryPressure]. ");
});

test("a file on the node is a pod: it outlives its mirror, follows the file, and ends with it", async () => {
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: shell }, spec: { nodeName: node-1, containers: [{ name: main, image: busybox, command: [sleep, infinity], volumeMounts: [{ name: m, mountPath: /m }] }], volumes: [{ name: m, hostPath: { path: /etc/kubernetes/manifests } }] } }",
	);
	await run("wait --for=condition=Ready pod/shell --timeout=20s");
	const onNode = (script: string, input?: string) => cluster.kubectl.run(["exec", "-i", "shell", "--", "sh", "-c", script], input);
	const manifest = (image: string) =>
		`apiVersion: v1\nkind: Pod\nmetadata:\n  name: static-web\n  labels: {role: myrole}\nspec:\n  containers:\n  - name: web\n    image: ${image}\n    ports: [{name: web, containerPort: 80}]\n`;
	const field = (path: string) => run(`get pod static-web-node-1 -o jsonpath={${path}}`);

	await onNode("cat > /m/static-web.yaml", manifest("nginx:1.27"));
	await run("wait --for=create pod/static-web-node-1 --timeout=20s");
	await run("wait --for=condition=Ready pod/static-web-node-1 --timeout=20s");
	const [uid, container] = [await field(".metadata.uid"), await field(".status.containerStatuses[0].containerID")];
	expect(await field(".metadata.ownerReferences[0].kind")).toBe("Node");
	const described = maskedText(await run("describe pod static-web-node-1"));
	expect(described).toMatch(/^Annotations: kubernetes\.io\/config\.hash: ([0-9a-f]{32})\n kubernetes\.io\/config\.mirror: \1\n/m);
	expect(described).toMatch(/^ Normal Started AGE kubelet spec\.containers\{web\}: Container started$/m);
	expect(await run("logs static-web-node-1")).toContain("nginx");

	expect(await run("delete pod static-web-node-1 --wait=false")).toContain('pod "static-web-node-1" deleted');
	const isAnother = async () =>
		((await run("get pod static-web-node-1 --ignore-not-found -o jsonpath={.metadata.uid}")) || uid) !== uid || undefined;
	await eventually(isAnother);
	await run("wait --for=condition=Ready pod/static-web-node-1 --timeout=20s");
	expect(await field(".status.containerStatuses[0].containerID")).toBe(container);

	await onNode("cat > /m/static-web.yaml", manifest("nginx:1.28"));
	const isNew = async () =>
		(await run("get pod static-web-node-1 --ignore-not-found -o jsonpath={.spec.containers[0].image}")) === "nginx:1.28" || undefined;
	await eventually(isNew, { limitMs: 30_000 });
	await onNode("rm /m/static-web.yaml");
	await run("wait --for=delete pod/static-web-node-1 --timeout=40s");
});
