import { describe, expect, it } from "vitest";
import { claimFinalizer } from "../../apimachinery/devices/resource-claims.ts";
import type {
	Pod,
	PodResourceClaim,
	PodSpec,
	PodStatus,
	ResourceClaimStatus,
	ResourceClaimTemplate,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { pods, resourceClaims, resourceClaimTemplates } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { generateNameOf } from "./claim-from-template.ts";
import { resourceClaimController } from "./resource-claim-controller.ts";

const template: ResourceClaimTemplate = {
	apiVersion: "resource.k8s.io/v1",
	kind: "ResourceClaimTemplate",
	metadata: { namespace: "default", name: "gpu" },
	spec: {
		metadata: { labels: { team: "red" }, annotations: { note: "x" } },
		spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.example.com" } }] } },
	},
};
const fromTemplate: PodResourceClaim = { name: "device", resourceClaimTemplateName: "gpu" };

const pod = (claims: readonly PodResourceClaim[], spec: Partial<PodSpec> = {}, status: PodStatus = {}, name = "web"): Pod => ({
	apiVersion: "v1",
	kind: "Pod",
	metadata: { namespace: "default", name },
	spec: { containers: [{ name: "web", image: "web" }], resourceClaims: claims, ...spec },
	status,
});

const allocation = { devices: { results: [{ request: "gpu", driver: "gpu.example.com", pool: "node-1", device: "gpu-0" }] } };

const claim = (name: string, status: ResourceClaimStatus = {}, finalizers: readonly string[] = []): ResourceResourceClaim => ({
	apiVersion: "resource.k8s.io/v1",
	kind: "ResourceClaim",
	metadata: { namespace: "default", name, ...(finalizers.length === 0 ? {} : { finalizers }) },
	spec: template.spec.spec,
	status,
});

const consumer = ({ metadata }: Pod) => ({ resource: "pods", name: metadata?.name ?? "", uid: metadata?.uid ?? "" });

async function create(fixture: ControllerFixture, object: Pod | ResourceResourceClaim): Promise<Pod & ResourceResourceClaim> {
	const ref = object.kind === "Pod" ? pods : resourceClaims;
	const client = fixture.client.resource<Pod | ResourceResourceClaim>(ref);
	const made = await client.create(object);
	return (await client.updateStatus({ ...made, status: object.status ?? {} } as Pod)) as Pod & ResourceResourceClaim;
}

const claimsOf = (fixture: ControllerFixture) => fixture.list(resourceClaims, "default");
const podOf = (fixture: ControllerFixture, name = "web") => fixture.client.resource(pods).get({ namespace: "default", name });

describe("claims from templates", () => {
	it("makes a claim that the pod owns, and tells the pod its name", async () => {
		const fixture = new ControllerFixture();
		await fixture.client.resource(resourceClaimTemplates).create(template);
		const owner = await create(fixture, pod([fromTemplate, { name: "shared", resourceClaimName: "shared" }]));
		await fixture.start(resourceClaimController);
		const [made, ...others] = await claimsOf(fixture);
		expect(others).toEqual([]);
		expect(made?.metadata?.name).toMatch(/^web-device-[a-z0-9]{5}$/);
		expect(made?.metadata?.labels).toEqual({ team: "red" });
		expect(made?.metadata?.annotations).toEqual({ note: "x", "resource.kubernetes.io/pod-claim-name": "device" });
		expect(made?.metadata?.ownerReferences).toEqual([
			{ apiVersion: "v1", kind: "Pod", name: "web", uid: owner.metadata?.uid, controller: true, blockOwnerDeletion: true },
		]);
		expect(made?.spec).toEqual(template.spec.spec);
		const claimName = made?.metadata?.name;
		expect((await podOf(fixture)).status?.resourceClaimStatuses).toEqual([{ name: "device", resourceClaimName: claimName }]);
		const applied = fixture.api.requests.find(({ verb, resource }) => verb === "patch" && resource === "pods");
		expect(applied).toMatchObject({
			subresource: "status",
			patchType: "application/apply-patch+yaml",
			options: { fieldManager: "ResourceClaimController", force: true },
		});
	});

	it("says that the template is missing, and goes on when it comes", async () => {
		const fixture = new ControllerFixture();
		await create(fixture, pod([fromTemplate]));
		await fixture.start(resourceClaimController);
		expect((await fixture.events())[0]).toMatch(
			/^Warning FailedResourceClaimCreation Pod\/web: PodResourceClaim device: resource claim template "gpu": resourceclaimtemplate\.resource\.k8s\.io "gpu" not found/,
		);
		await fixture.client.resource(resourceClaimTemplates).create(template);
		await fixture.clock.advance(60_000);
		expect(await claimsOf(fixture)).toHaveLength(1);
	});

	it("does not make a second claim because the pod's status could not be written", async () => {
		const fixture = new ControllerFixture();
		await fixture.client.resource(resourceClaimTemplates).create(template);
		// The claim shows late, so only what the controller remembers keeps it from making another one.
		fixture.api.watchDelayMs.set("resourceclaims", 10_000);
		let refusals = 3;
		fixture.api.intercept = ({ verb, resource }) => {
			if (verb === "patch" && resource === "pods" && refusals-- > 0) throw newInternalError("no");
		};
		await create(fixture, pod([fromTemplate]));
		await fixture.start(resourceClaimController);
		await fixture.clock.advance(60_000);
		const [made, ...others] = await claimsOf(fixture);
		expect(others).toEqual([]);
		expect((await podOf(fixture)).status?.resourceClaimStatuses?.[0]?.resourceClaimName).toBe(made?.metadata?.name);
	});

	it("makes a claim again that somebody deleted, and keeps what the status says of the others", async () => {
		const fixture = new ControllerFixture();
		await fixture.client.resource(resourceClaimTemplates).create(template);
		await create(fixture, pod([fromTemplate, { ...fromTemplate, name: "second" }]));
		await fixture.start(resourceClaimController);
		const before = (await podOf(fixture)).status?.resourceClaimStatuses ?? [];
		expect(before.map(({ name }) => name)).toEqual(["device", "second"]);
		await fixture.client.resource(resourceClaims).delete({ namespace: "default", name: before[0]?.resourceClaimName ?? "" });
		await fixture.settle();
		const after = new Map((await podOf(fixture)).status?.resourceClaimStatuses?.map((each) => [each.name, each.resourceClaimName]));
		expect(after.get("second")).toBe(before[1]?.resourceClaimName);
		expect(after.get("device")).not.toBe(before[0]?.resourceClaimName);
		expect(new Set((await claimsOf(fixture)).map(({ metadata }) => metadata?.name))).toEqual(new Set(after.values()));
	});

	it.each([
		["web", "gpu", "web-gpu-"],
		["p".repeat(60), "c".repeat(20), `${"p".repeat(41)}-${"c".repeat(13)}`],
	])("shortens %s and %s", (podName, podClaim, expected) => {
		expect(generateNameOf(podName, podClaim)).toBe(expected);
	});
});

describe("claims in use", () => {
	it("reserves an allocated claim for a pod that was placed without the scheduler", async () => {
		const fixture = new ControllerFixture();
		await create(fixture, claim("shared", { allocation }));
		const placed = await create(fixture, pod([{ name: "device", resourceClaimName: "shared" }], { nodeName: "node-1" }));
		await fixture.start(resourceClaimController);
		expect((await claimsOf(fixture))[0]?.status?.reservedFor).toEqual([consumer(placed)]);
	});

	it("does not reserve a claim for a pod that waits for its node", async () => {
		const fixture = new ControllerFixture();
		await create(fixture, claim("shared", { allocation }));
		await create(fixture, pod([{ name: "device", resourceClaimName: "shared" }]));
		await fixture.start(resourceClaimController);
		expect((await claimsOf(fixture))[0]?.status?.reservedFor).toBeUndefined();
	});

	it.each(["Succeeded", "Failed"])("gives the devices back when the last pod has %s", async (phase) => {
		const fixture = new ControllerFixture();
		const uses = { name: "device", resourceClaimName: "shared" };
		const first = await create(fixture, pod([uses], { nodeName: "node-1" }, { phase: "Running" }, "first"));
		const second = await create(fixture, pod([uses], { nodeName: "node-1" }, { phase: "Running" }, "second"));
		await create(fixture, claim("shared", { allocation, reservedFor: [consumer(first), consumer(second)] }, [claimFinalizer]));
		await fixture.start(resourceClaimController);
		const finish = async (name: string) => {
			await fixture.client.resource(pods).updateStatus({ ...(await podOf(fixture, name)), status: { phase } });
			await fixture.settle();
		};
		await finish("first");
		expect((await claimsOf(fixture))[0]?.status).toEqual({ allocation, reservedFor: [consumer(second)] });
		await finish("second");
		const [freed] = await claimsOf(fixture);
		expect(freed?.status).toEqual({});
		expect(freed?.metadata?.finalizers ?? []).toEqual([]);
	});

	it("gives the devices back when the pod is deleted", async () => {
		const fixture = new ControllerFixture();
		const user = await create(fixture, pod([{ name: "device", resourceClaimName: "shared" }], { nodeName: "node-1" }));
		await create(fixture, claim("shared", { allocation, reservedFor: [consumer(user)] }, [claimFinalizer]));
		await fixture.start(resourceClaimController);
		await fixture.client.resource(pods).delete({ namespace: "default", name: "web" });
		await fixture.settle();
		expect((await claimsOf(fixture))[0]?.status).toEqual({});
		// The pod was seen to go: nobody had to be asked.
		expect(fixture.api.requests.filter(({ verb, resource, name }) => verb === "get" && resource === "pods" && name === "web")).toEqual([]);
	});

	it("asks the server about a pod that it has never seen, before it takes a claim away from it", async () => {
		const fixture = new ControllerFixture();
		fixture.api.watchDelayMs.set("pods", 5_000);
		await fixture.start(resourceClaimController);
		const late = await create(fixture, pod([{ name: "device", resourceClaimName: "shared" }], { nodeName: "node-1" }));
		const gone = { resource: "pods", name: "gone", uid: "gone" };
		await create(fixture, claim("shared", { allocation, reservedFor: [consumer(late), gone] }, [claimFinalizer]));
		await fixture.settle();
		expect((await claimsOf(fixture))[0]?.status).toEqual({ allocation, reservedFor: [consumer(late)] });
	});

	it("lets an allocated claim go that is deleted and that nobody uses", async () => {
		const fixture = new ControllerFixture();
		await create(fixture, claim("unused", { allocation }, [claimFinalizer]));
		await fixture.start(resourceClaimController);
		await fixture.settle();
		// Nobody has used it, so it stays allocated while it is there.
		expect((await claimsOf(fixture))[0]?.status).toEqual({ allocation });
		await fixture.client.resource(resourceClaims).delete({ namespace: "default", name: "unused" });
		await fixture.settle();
		expect(await claimsOf(fixture)).toEqual([]);
	});

	it("deletes the claim of a pod that is over though it is still there", async () => {
		const fixture = new ControllerFixture();
		await fixture.client.resource(resourceClaimTemplates).create(template);
		await create(fixture, pod([fromTemplate], { nodeName: "node-1" }, { phase: "Running" }));
		await fixture.start(resourceClaimController);
		expect(await claimsOf(fixture)).toHaveLength(1);
		const running = await podOf(fixture);
		await fixture.client.resource(pods).updateStatus({ ...running, status: { ...running.status, phase: "Succeeded" } });
		await fixture.settle();
		expect(await claimsOf(fixture)).toEqual([]);
		await fixture.clock.advance(60_000);
		expect(await claimsOf(fixture)).toEqual([]);
	});

	it("leaves claims alone that it does not understand", async () => {
		const fixture = new ControllerFixture();
		const reservedFor = [{ apiGroup: "example.com", resource: "things", name: "x", uid: "x" }];
		await create(fixture, claim("odd", { allocation, reservedFor }));
		await fixture.start(resourceClaimController);
		expect((await claimsOf(fixture))[0]?.status?.reservedFor).toEqual(reservedFor);
		expect(fixture.complaints.some((complaint) => complaint.includes("unsupported ReservedFor entry"))).toBe(true);
	});
});
