import { beforeEach, expect, it } from "vitest";
import type { EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, startServer } from "../testing.ts";

const subresource = "ephemeralcontainers";
const name = "web";
const debug: EphemeralContainer = { name: "debug", image: "busybox:1.36", stdin: true, tty: true, targetContainerName: "main" };

let pods: ResourceDriver;

beforeEach(async () => {
	const server = await startServer();
	pods = server.resource("", "v1", "pods");
	await pods.send("create", {
		body: { metadata: { name, labels: { app: "web" } }, spec: { nodeName: "n1", containers: [{ name: "main", image: "nginx" }] } },
	});
});

const add = (...ephemeralContainers: object[]) => ({
	name,
	subresource,
	patchType: "application/strategic-merge-patch+json" as const,
	body: { spec: { ephemeralContainers } },
});

it("adds a container with defaults, counts the generation, and keeps everything else", async () => {
	const before = (await pods.send("get", { name })) as Pod;
	const body = {
		...before,
		metadata: { ...before.metadata, labels: { app: "other" } },
		spec: { ...before.spec, ephemeralContainers: [debug] },
	};
	const after = (await pods.send("update", { name, subresource, body })) as Pod;
	expect(after.spec?.ephemeralContainers).toEqual([
		{
			...debug,
			imagePullPolicy: "IfNotPresent",
			resources: {},
			terminationMessagePath: "/dev/termination-log",
			terminationMessagePolicy: "File",
		},
	]);
	expect(after.metadata?.labels).toEqual({ app: "web" });
	expect(after.metadata?.generation).toBe(2);
	expect({ ...after.spec, ephemeralContainers: undefined }).toEqual(before.spec);
	expect(await pods.send("get", { name, subresource })).toEqual(after);
});

it("takes another one beside the first, in a patch", async () => {
	await pods.send("patch", add(debug));
	const after = (await pods.send("patch", add({ name: "second", image: "busybox" }))) as Pod;
	expect(after.spec?.ephemeralContainers?.map((container) => container.name).toSorted()).toEqual(["debug", "second"]);
});

it("stores nothing on a dry run", async () => {
	await pods.send("patch", { ...add(debug), options: { dryRun: true } });
	expect(((await pods.send("get", { name })) as Pod).spec).not.toHaveProperty("ephemeralContainers");
});

const invalid = (why: string) => `422 Invalid: Pod "web" is invalid: ${why}`;

it("changes and removes none", async () => {
	await pods.send("patch", add(debug));
	expect(await pods.failure("patch", add({ name: "debug", image: "alpine" }))).toBe(
		invalid(
			'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\n- image: "busybox:1.36"\n+ image: "alpine"',
		),
	);
	const pod = (await pods.send("get", { name })) as Pod;
	const body = { ...pod, spec: { ...pod.spec, ephemeralContainers: [] } };
	expect(await pods.failure("update", { name, subresource, body })).toBe(
		invalid('spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n'),
	);
});

it.each([
	["a name that a container has", { name: "main", image: "busybox" }, 'spec.ephemeralContainers[0].name: Duplicate value: "main"'],
	[
		"a probe",
		{ name: "debug", image: "busybox", livenessProbe: { exec: { command: ["true"] } } },
		"spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
	],
	[
		"ports",
		{ name: "debug", image: "busybox", ports: [{ containerPort: 80 }] },
		"spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
	],
])("refuses %s", async (_, container, why) => {
	expect(await pods.failure("patch", add(container))).toBe(invalid(why));
});

it("refuses static pods", async () => {
	await pods.send("create", {
		body: {
			metadata: { name: "static", annotations: { "kubernetes.io/config.mirror": "x" } },
			spec: { nodeName: "n1", containers: [{ name: "main", image: "nginx" }] },
		},
	});
	expect(await pods.failure("patch", { ...add(debug), name: "static" })).toBe(
		'422 Invalid: Pod "static" is invalid: : Forbidden: static pods do not support ephemeral containers',
	);
});
