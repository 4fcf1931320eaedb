/** Dynamic resource allocation with the real kubectl, as the documentation's tutorial goes: slices, a class, a template, pods. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2 });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const apply = (manifest: string) => run("apply -f -", manifest);

const gpus = (node: string) => `
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: { name: ${node}-gpu.example.com }
spec:
  driver: gpu.example.com
  nodeName: ${node}
  pool: { name: ${node}, generation: 1, resourceSliceCount: 1 }
  devices:
  - name: gpu-0
    attributes: { model: { string: LATEST-GPU-MODEL }, driverVersion: { version: 1.0.0 } }
    capacity: { memory: { value: 80Gi } }
  - name: gpu-1
    attributes: { model: { string: LATEST-GPU-MODEL }, driverVersion: { version: 1.0.0 } }
    capacity: { memory: { value: 40Gi } }
---
`;

const deployment = `
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: { name: gpu.example.com }
spec:
  selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }]
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: { name: some-gpu }
spec:
  spec:
    devices:
      requests:
      - name: some-gpu
        exactly:
          deviceClassName: gpu.example.com
          selectors:
          - cel: { expression: 'device.capacity["gpu.example.com"].memory.compareTo(quantity("10Gi")) >= 0' }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: train }
spec:
  replicas: 5
  selector: { matchLabels: { app: train } }
  template:
    metadata: { labels: { app: train } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: ctr
        image: busybox
        command: [sh, -c, 'env | grep GPU_DEVICE; sleep 9999']
        resources: { claims: [{ name: gpu }] }
      resourceClaims: [{ name: gpu, resourceClaimTemplateName: some-gpu }]
`;

const allocated = "allocated,reserved";

/** Resolves when the claims are in these states. */
async function untilStates(...expected: readonly string[]): Promise<void> {
	let seen: readonly string[] = [];
	await eventually(
		async () => {
			const lines = maskedLines(await run("get resourceclaims --no-headers"));
			seen = lines.map((line) => line.split(" ")[1] ?? "").sort();
			return seen.join(" ") === expected.join(" ") ? seen : undefined;
		},
		{ limitMs: 60_000, what: () => seen.join(" ") },
	);
}

const podsIn = async (phase: string) =>
	(await run(`get pods -l app=train --field-selector=status.phase=${phase} -o name`)).trim().split("\n");

test("a Deployment gets as many pods as there are devices, and the next one when a device is free", async () => {
	await apply(gpus("node-1") + gpus("node-2"));
	expect(maskedLines(await run("get resourceslices"))).toEqual([
		"NAME NODE DRIVER POOL AGE",
		"node-1-gpu.example.com node-1 gpu.example.com node-1 AGE",
		"node-2-gpu.example.com node-2 gpu.example.com node-2 AGE",
	]);
	await apply(deployment);
	await run("wait deployment/train --for=jsonpath={.status.readyReplicas}=4 --timeout=60s");
	await untilStates(allocated, allocated, allocated, allocated, "pending");
	expect(maskedLines(await run("get resourceclaims"))[0]).toBe("NAME STATE AGE");

	const path = "{range .items[*].status.allocation.devices.results[*]}{.pool}/{.device}{'\\n'}{end}";
	const devices = (await cluster.kubectl.run(["get", "resourceclaims", `-o=jsonpath=${path}`])).trim().split("\n");
	expect(devices.sort()).toEqual(["node-1/gpu-0", "node-1/gpu-1", "node-2/gpu-0", "node-2/gpu-1"]);
	expect(await run("logs deployment/train")).toMatch(/^GPU_DEVICE_[01]=gpu-[01]\n$/);

	const [pending, ...others] = await podsIn("Pending");
	expect(others).toEqual([]);
	const why =
		"0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
	await eventually(async () => ((await run(`describe ${pending}`)).includes(why) ? true : undefined), { limitMs: 60_000 });

	const [first] = await podsIn("Running");
	await run(`delete ${first} --wait=false`);
	// The pod that waited has the device, and the one in the deleted one's place waits.
	await run(`wait ${pending} --for=jsonpath={.status.phase}=Running --timeout=60s`);
	await run("scale deployment/train --replicas=4");
	await untilStates(allocated, allocated, allocated, allocated);
	await run("delete deployment train");
	await untilStates();
});

test("a container that requests a resource which a class stands for gets a device", async () => {
	await apply(`
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: { name: backing }
spec: { extendedResourceName: example.com/gpu, selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] }
---
apiVersion: v1
kind: Pod
metadata: { name: plain }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: ctr
    image: busybox
    command: [sh, -c, 'env | grep GPU_DEVICE; sleep 9999']
    resources: { limits: { example.com/gpu: 1 } }
`);
	await run("wait pod/plain --for=jsonpath={.status.phase}=Running --timeout=60s");
	expect(await run("logs plain")).toMatch(/^GPU_DEVICE_[01]=gpu-[01]\n$/);
	const claim = await run("get pod plain -o=jsonpath={.status.extendedResourceClaimStatus.resourceClaimName}");
	expect(claim).toMatch(/^plain-extended-resources-/);
	await untilStates(allocated);
	await run("delete pod plain");
	await untilStates();
});
