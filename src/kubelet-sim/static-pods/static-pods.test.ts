import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Logger } from "../../apimachinery/log.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { nodes, pods } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
let warnings: string[];

beforeEach(async () => {
	warnings = [];
	const keep = () => undefined;
	const warn = (message: string, fields?: Readonly<Record<string, unknown>>) => warnings.push(`${message}: ${String(fields?.err)}`);
	const log: Logger = { info: keep, warn, error: warn, debug: keep };
	harness = new FleetHarness({ log });
	await harness.start();
});

afterEach(() => harness.stop());

const seconds = (count: number) => harness.clock.advance(count * 1_000);
const directory = "/etc/kubernetes/manifests";

function files() {
	const found = harness.fleet.filesOf("n1");
	if (found === undefined) throw new Error("there is no node n1");
	return found;
}

const manifest = (image: string, more = "") => `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { role: static } }
spec:
  ${more}
  containers: [{ name: c, image: ${image} }]
`;

async function list(): Promise<readonly Pod[]> {
	return (await harness.client.resource(pods).list("default")).items;
}

describe("a file in the directory of manifests", () => {
	it("is a pod of its node, and the API has a mirror of it", async () => {
		files().writeFile(`${directory}/web.yaml`, manifest("nginx"));
		await seconds(2);
		const [mirror, ...others] = await list();
		expect(others).toEqual([]);
		const hash = mirror?.metadata?.annotations?.["kubernetes.io/config.hash"] ?? "";
		expect(hash).toMatch(/^[0-9a-f]{32}$/);
		expect(mirror?.metadata).toMatchObject({
			name: "web-n1",
			labels: { role: "static" },
			annotations: { "kubernetes.io/config.mirror": hash, "kubernetes.io/config.source": "file" },
			ownerReferences: [
				{
					apiVersion: "v1",
					kind: "Node",
					name: "n1",
					uid: (await harness.client.resource(nodes).get({ name: "n1" })).metadata?.uid,
					controller: true,
				},
			],
		});
		expect(mirror?.metadata?.uid).not.toBe(hash);
		expect(mirror?.spec?.tolerations).toEqual([{ operator: "Exists", effect: "NoExecute" }]);
		expect(harness.story.at(-1)).toBe("web-n1 1/1 Running 0");
		expect(await harness.events("web-n1")).toContain("Normal Started Container started");
	});

	it("outlives the deletion of the mirror, container and all", async () => {
		files().writeFile(`${directory}/web.yaml`, manifest("nginx"));
		await seconds(2);
		const before = await harness.get("web-n1");
		await harness.delete("web-n1");
		await seconds(1);
		const after = await harness.get("web-n1");
		expect(after.metadata?.uid).not.toBe(before.metadata?.uid);
		expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
		expect(after.status?.phase).toBe("Running");
	});

	it("that is removed ends the pod", async () => {
		files().writeFile(`${directory}/web.yaml`, manifest("busybox").replace("image: busybox", "image: busybox, command: [sleep, '1000']"));
		await seconds(2);
		files().remove(`${directory}/web.yaml`);
		await seconds(20);
		// `sleep` sits out its grace period.
		expect(await list()).toHaveLength(1);
		await seconds(15);
		expect(await list()).toEqual([]);
		expect(harness.story.at(-1)).toBe("web-n1 gone");
	});

	it("that says something else makes another pod, when the first has ended", async () => {
		files().writeFile(`${directory}/web.yaml`, manifest("nginx:1.27"));
		await seconds(2);
		const before = await harness.get("web-n1");
		files().writeFile(`${directory}/web.yaml`, manifest("nginx:1.28"));
		await seconds(5);
		const after = await harness.get("web-n1");
		expect(after.spec?.containers[0]?.image).toBe("nginx:1.28");
		expect(after.status?.containerStatuses?.[0]?.containerID).not.toBe(before.status?.containerStatuses?.[0]?.containerID);
		expect(after.status?.phase).toBe("Running");
		// A file that is written again as it was changes nothing.
		files().writeFile(`${directory}/web.yaml`, manifest("nginx:1.28"));
		await seconds(5);
		expect((await harness.get("web-n1")).metadata?.uid).toBe(after.metadata?.uid);
	});

	it.each([
		["apiVersion: v1\nkind: Pod\nmetadata: [", "couldn't parse as pod("],
		["apiVersion: v1\nkind: Service\nmetadata: { name: web }", "Object 'Kind' is missing or not Pod of v1"],
		["apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: {}", "invalid pod: spec.containers: Required value"],
		[manifest("nginx", "serviceAccountName: robot"), "static pods may not reference serviceaccounts"],
		[manifest("nginx", "volumes: [{ name: v, configMap: { name: m } }]"), "static pods may not reference configmaps"],
	])("that is none is complained of, and no harm to others: %s", async (text, complaint) => {
		files().writeFile(`${directory}/bad.yaml`, text);
		files().writeFile(`${directory}/.hidden.yaml`, manifest("nginx").replace("web", "hidden"));
		files().writeFile(`${directory}/good.yaml`, manifest("nginx").replace("web", "good"));
		await seconds(2);
		expect((await list()).map(({ metadata }) => metadata?.name)).toEqual(["good-n1"]);
		expect(warnings).toEqual([expect.stringContaining("Could not process manifest file: ")]);
		expect(warnings[0]).toContain(complaint);
	});

	it("is taken even where nothing fits any more: others make room", async () => {
		await harness.pod("large", { image: "nginx", resources: { requests: { cpu: "4" } } });
		await seconds(1);
		const asking = manifest("nginx").replace("image: nginx", "image: nginx, resources: { requests: { cpu: 500m } }");
		files().writeFile(`${directory}/web.yaml`, asking);
		await seconds(40);
		expect((await harness.get("large")).status?.reason).toBe("Preempting");
		expect((await harness.get("web-n1")).status?.phase).toBe("Running");
	});
});

it("a mirror that no file stands behind goes when its node begins", async () => {
	files().writeFile(`${directory}/web.yaml`, manifest("nginx"));
	await seconds(2);
	harness.stop();
	// The files of a machine are gone with its process.
	harness = new FleetHarness({}, harness);
	await harness.start();
	await seconds(1);
	expect(await list()).toEqual([]);
});

it("an annotation makes no static pod of one that comes from the API", async () => {
	await harness.client.resource(pods).create({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name: "pretender", namespace: "default", annotations: { "kubernetes.io/config.source": "file" } },
		spec: { nodeName: "n1", containers: [{ name: "c", image: "nginx" }] },
		status: { phase: "Pending" },
	});
	await seconds(1);
	expect((await harness.get("pretender")).status?.phase).toBe("Running");
});
