/** In-place resize with the real kubectl. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

const pod = (name: string, cpu: string) =>
	`{ apiVersion: v1, kind: Pod, metadata: { name: ${name} }, spec: { containers: [{ name: main, image: nginx, resources: { requests: { cpu: "${cpu}", memory: 64Mi } }, resizePolicy: [{ resourceName: memory, restartPolicy: RestartContainer }] }] } }`;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await cluster.run("apply -f -", pod("app", "500m"));
	await cluster.run("wait --for=condition=Ready pod/app --timeout=20s");
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

const patchOf = (requests: object) => JSON.stringify({ spec: { containers: [{ name: "main", resources: { requests } }] } });
const resize = (requests: object) => cluster.kubectl.run(["patch", "pod", "app", "--subresource", "resize", "--patch", patchOf(requests)]);

const field = (path: string) => run(`get pod app -o jsonpath={${path}}`);

test("cpu changes while the container runs, memory by a restart, as the policy says", async () => {
	expect(await resize({ cpu: "700m" })).toBe("pod/app patched\n");
	await run("wait --for=jsonpath={.status.containerStatuses[0].resources.requests.cpu}=700m pod/app --timeout=20s");
	expect(await field(".status.containerStatuses[0].restartCount")).toBe("0");
	await resize({ memory: "128Mi" });
	await run("wait --for=jsonpath={.status.containerStatuses[0].resources.requests.memory}=128Mi pod/app --timeout=20s");
	expect(await field(".status.containerStatuses[0].restartCount")).toBe("1");
	expect(await field(".metadata.generation},{.status.observedGeneration")).toBe("3,3");
	const described = maskedText(await run("describe pod app"));
	expect(described).toMatch(/^ Normal Killing AGE kubelet spec.containers{main}: Container main resize requires restart$/m);
	expect(described).toMatch(/^ Normal ResizeCompleted AGE .*kubelet Pod resize completed: {"containers":\[{"name":"main"/m);
});

test("what the node cannot give is pending, and the scheduler counts what was given", async () => {
	await resize({ cpu: "64" });
	await run("wait --for=condition=PodResizePending pod/app --timeout=20s");
	expect(await field('.status.conditions[?(@.type=="PodResizePending")].reason')).toBe("Infeasible");
	await resize({ cpu: "3" });
	await run("wait --for=jsonpath={.status.containerStatuses[0].resources.requests.cpu}=3 pod/app --timeout=20s");
	expect(await field('.status.conditions[?(@.type=="PodResizePending")].reason')).toBe("");
	await run("apply -f -", pod("second", "2"));
	await run("wait --for=jsonpath={.status.conditions[0].reason}=Unschedulable pod/second --timeout=20s");
	await resize({ cpu: "1" });
	await run("wait --for=condition=Ready pod/second --timeout=20s");
});

test("resources change nowhere else", async () => {
	const { stderr } = await cluster.kubectl.try(["patch", "pod", "app", "--patch", patchOf({ cpu: "2" })]);
	expect(stderr).toContain("pod updates may not change fields other than");
	const { stderr: removed } = await cluster.kubectl.try([
		"patch",
		"pod",
		"app",
		"--subresource",
		"resize",
		"--patch",
		patchOf({ cpu: null }),
	]);
	expect(removed).toBe('The Pod "app" is invalid: spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed\n');
});
