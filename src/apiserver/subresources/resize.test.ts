import { beforeEach, expect, it } from "vitest";
import type { Container, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, startServer } from "../testing.ts";

const subresource = "resize";
const name = "web";
const patchType = "application/strategic-merge-patch+json" as const;
const main: Container = {
	name: "main",
	image: "nginx",
	resources: { requests: { cpu: "100m", memory: "64Mi", "ephemeral-storage": "1Gi" }, limits: { cpu: "200m" } },
};

let pods: ResourceDriver;

beforeEach(async () => {
	pods = (await startServer()).resource("", "v1", "pods");
	await pods.send("create", {
		body: {
			metadata: { name },
			spec: {
				nodeName: "n1",
				containers: [main, { name: "helper", image: "busybox" }],
				initContainers: [
					{ name: "once", image: "busybox", resources: { requests: { cpu: "10m" } } },
					{ name: "sidecar", image: "busybox", restartPolicy: "Always", resources: { requests: { cpu: "10m" } } },
				],
			},
		},
	});
});

const resize = (...containers: object[]) => ({ name, subresource, patchType, body: { spec: { containers } } });

const containerOf = (pod: unknown, index = 0) => (pod as Pod).spec?.containers[index];

it("changes cpu and memory, counts the generation, and keeps everything else", async () => {
	const before = (await pods.send("get", { name })) as Pod;
	const body = {
		metadata: { labels: { new: "label" } },
		spec: { activeDeadlineSeconds: 7, containers: [{ name: "main", image: "other", resources: { requests: { cpu: "150m" } } }] },
	};
	const after = (await pods.send("patch", { name, subresource, patchType, body })) as Pod;
	expect(containerOf(after)?.resources).toEqual({
		requests: { cpu: "150m", memory: "64Mi", "ephemeral-storage": "1Gi" },
		limits: { cpu: "200m" },
	});
	expect(containerOf(after)?.image).toBe("nginx");
	expect(after.spec).not.toHaveProperty("activeDeadlineSeconds");
	expect(after.metadata?.labels).toBeUndefined();
	expect(after.metadata?.generation).toBe(2);
	expect(after.status).toEqual(before.status);
	expect(await pods.send("get", { name, subresource })).toEqual(after);
});

it("adds a request to a container that had none, and resizes a sidecar", async () => {
	const after = (await pods.send("patch", {
		...resize({ name: "helper", resources: { requests: { memory: "32Mi" } } }),
		body: {
			spec: {
				containers: [{ name: "helper", resources: { requests: { memory: "32Mi" } } }],
				initContainers: [{ name: "sidecar", resources: { requests: { cpu: "20m" } } }],
			},
		},
	})) as Pod;
	expect(containerOf(after, 1)?.resources).toEqual({ requests: { memory: "32Mi" } });
	expect(after.spec?.initContainers?.[1]?.resources).toEqual({ requests: { cpu: "20m" } });
});

it("is the only way to change resources", async () => {
	const { subresource: _, ...plain } = resize({ name: "main", resources: { requests: { cpu: "150m" } } });
	expect(await pods.failure("patch", plain)).toMatch(/^422 Invalid: .*pod updates may not change fields other than/);
});

it("stores nothing on a dry run", async () => {
	await pods.send("patch", { ...resize({ name: "main", resources: { requests: { cpu: "150m" } } }), options: { dryRun: true } });
	expect(containerOf(await pods.send("get", { name }))?.resources?.requests?.cpu).toBe("100m");
});

it.each<[string, object, string]>([
	[
		"a request over its limit",
		{ containers: [{ name: "main", resources: { requests: { cpu: "1" } } }] },
		'spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 200m',
	],
	[
		"the end of a request",
		{ containers: [{ name: "main", resources: { requests: { memory: null } } }] },
		"spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
	],
	[
		"the end of a limit",
		{ containers: [{ name: "main", resources: { limits: null } }] },
		"spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
	],
	[
		"other resources",
		{ containers: [{ name: "main", resources: { requests: { "ephemeral-storage": "2Gi" } } }] },
		"spec: Forbidden: only cpu and memory resources are mutable",
	],
	[
		"another resize policy",
		{ containers: [{ name: "main", resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] }] },
		"spec: Forbidden: only cpu and memory resources are mutable",
	],
	[
		"an init container",
		{ initContainers: [{ name: "once", resources: { requests: { cpu: "20m" } } }] },
		"spec: Forbidden: resources for non-sidecar init containers are immutable",
	],
	[
		"a new container",
		{ containers: [{ name: "more", image: "busybox" }] },
		"spec.containers: Forbidden: containers may not be added or removed on resize",
	],
])("refuses %s", async (_, spec, why) => {
	expect(await pods.failure("patch", { name, subresource, patchType, body: { spec } })).toBe(`422 Invalid: Pod "web" is invalid: ${why}`);
});

it("refuses another order and another class", async () => {
	const pod = (await pods.send("get", { name })) as Pod;
	const body = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers.toReversed() } };
	expect(await pods.failure("update", { name, subresource, body })).toBe(
		'422 Invalid: Pod "web" is invalid: [spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize, spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize]',
	);
	await pods.send("create", {
		body: { metadata: { name: "plain" }, spec: { nodeName: "n1", containers: [{ name: "main", image: "nginx" }] } },
	});
	expect(await pods.failure("patch", { ...resize({ name: "main", resources: { requests: { cpu: "1" } } }), name: "plain" })).toBe(
		'422 Invalid: Pod "plain" is invalid: spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing',
	);
});

it.each<[string, object, object, string]>([
	["static pods", { annotations: { "kubernetes.io/config.mirror": "x" } }, {}, "static pods cannot be resized"],
	["pods with resources of their own", {}, { resources: { requests: { cpu: "1" } } }, "pods with pod-level resources cannot be resized"],
])("refuses %s", async (_, metadata, spec, why) => {
	await pods.send("create", {
		body: { metadata: { ...metadata, name: "odd" }, spec: { nodeName: "n1", containers: [{ name: "main", image: "nginx" }], ...spec } },
	});
	expect(await pods.failure("patch", { ...resize({ name: "main", resources: { requests: { cpu: "1" } } }), name: "odd" })).toBe(
		`422 Invalid: Pod "odd" is invalid: : Forbidden: ${why}`,
	);
});

it("refuses a pod on a node that cannot", async () => {
	const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
	const body = {
		metadata: { name },
		status: { containerStatuses: [{ name: "main", image: "nginx", imageID: "", ready: true, restartCount: 0, state }] },
	};
	await pods.send("patch", { name, subresource: "status", patchType, body });
	expect(await pods.failure("patch", resize({ name: "main", resources: { requests: { cpu: "150m" } } }))).toBe(
		'422 Invalid: Pod "web" is invalid: spec: Forbidden: Pod running on node without support for resize',
	);
});
