import { beforeEach, expect, test } from "vitest";
import { persistentVolumeClaims, pods } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { ephemeralVolumeController } from "./ephemeral-volume-controller.ts";

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(ephemeralVolumeController);
});

const spec = { accessModes: ["ReadWriteOnce"], storageClassName: "fast", resources: { requests: { storage: "1Gi" } } };

async function pod(): Promise<string> {
	const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate: { metadata: { labels: { type: "scratch" } }, spec } } }];
	const made = await fixture.client
		.resource(pods)
		.create({ apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name: "job" }, spec: { containers: [], volumes } });
	await fixture.settle();
	return made.metadata?.uid ?? "";
}

const claims = () => fixture.list(persistentVolumeClaims);

test("a pod gets a claim of its own, named after both, and again if somebody deletes it", async () => {
	const uid = await pod();
	expect(await claims()).toMatchObject([
		{
			metadata: {
				name: "job-scratch",
				labels: { type: "scratch" },
				ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "job", uid, controller: true, blockOwnerDeletion: true }],
			},
			spec,
		},
	]);
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "job-scratch" });
	await fixture.settle();
	expect(await claims()).toHaveLength(1);
	expect(fixture.complaints).toEqual([]);
});

test("somebody else's claim of that name is not taken, and the pod says so", async () => {
	await fixture.client.resource(persistentVolumeClaims).create({ metadata: { namespace: "default", name: "job-scratch" }, spec });
	await fixture.settle();
	await pod();
	expect((await fixture.events())[0]).toMatch(
		/^Warning FailedBinding Pod\/job: ephemeral volume scratch: PVC default\/job-scratch was not created for pod default\/job \(pod is not owner\)/,
	);
	expect((await claims())[0]?.metadata?.ownerReferences).toBeUndefined();
});
