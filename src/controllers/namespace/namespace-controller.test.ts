import { beforeEach, expect, test } from "vitest";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { configMaps, namespaces, pods, serviceAccounts } from "../../client/resources.ts";
import { builtInDeletableResources } from "../deletable-resources.ts";
import { rootCaPublisher } from "../root-ca-publisher.ts";
import { serviceAccountController } from "../service-account-controller.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { namespaceController } from "./namespace-controller.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

async function makeNamespace(name: string): Promise<void> {
	await fixture.client
		.resource(namespaces)
		.create({ metadata: { name }, spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } });
	await fixture.settle();
}

async function deleteNamespace(name: string): Promise<void> {
	await fixture.client.resource(namespaces).delete({ name });
	await fixture.settle();
}

async function conditions(name: string): Promise<readonly string[]> {
	const { status } = await fixture.client.resource(namespaces).get({ name });
	return (status?.conditions ?? []).map(({ type, status: value, reason, message }) => `${type}=${value} ${reason}: ${message}`);
}

const controller = namespaceController(builtInDeletableResources());

test("a deleted namespace goes with all that is in it, and nothing else does", async () => {
	await fixture.start(controller);
	for (const name of ["doomed", "other"]) {
		await makeNamespace(name);
		await fixture.client.resource(configMaps).create({ metadata: { namespace: name, name: "c" } });
	}
	await deleteNamespace("doomed");
	expect((await fixture.list(namespaces)).map(({ metadata }) => metadata?.name)).toEqual(["other"]);
	expect((await fixture.list(configMaps)).map(({ metadata }) => metadata?.namespace)).toEqual(["other"]);
	expect(fixture.complaints).toEqual([]);
});

test("pods go first; while one is left, nothing else is touched and the status says why", async () => {
	await fixture.start(controller);
	await makeNamespace("doomed");
	await fixture.client.resource(configMaps).create({ metadata: { namespace: "doomed", name: "c" } });
	await fixture.client.resource(pods).create({ metadata: { namespace: "doomed", name: "p", finalizers: ["example.com/hold"] } });
	await deleteNamespace("doomed");
	expect((await fixture.list(configMaps)).length).toBe(1);
	expect(await conditions("doomed")).toEqual([
		"NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered",
		"NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed",
		"NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization",
		"NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances",
		"NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
	]);
	await fixture.change(pods, "doomed/p", (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: [] } }));
	await fixture.settle();
	expect(await fixture.list(namespaces)).toEqual([]);
	expect(await fixture.list(configMaps)).toEqual([]);
});

test("what cannot be deleted shows in the status and is tried again", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "deletecollection" && resource === "configmaps") throw newInternalError("disk on fire");
	};
	await fixture.start(controller);
	await makeNamespace("doomed");
	await fixture.client.resource(configMaps).create({ metadata: { namespace: "doomed", name: "c" } });
	await deleteNamespace("doomed");
	expect((await conditions("doomed"))[2]).toBe(
		"NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: Internal error occurred: disk on fire",
	);
	fixture.api.intercept = undefined;
	await fixture.clock.advance(10_000);
	expect(await fixture.list(namespaces)).toEqual([]);
});

test("every active namespace has its default ServiceAccount and its root CA, also after somebody took them away", async () => {
	await makeNamespace("old");
	await fixture.start(
		serviceAccountController,
		rootCaPublisher(() => "PEM"),
	);
	await makeNamespace("new");
	const names = async () => [
		...(await fixture.list(serviceAccounts)).map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
		...(await fixture.list(configMaps)).map(({ metadata, data }) => `${metadata?.namespace}/${metadata?.name}=${data?.["ca.crt"]}`),
	];
	const complete = ["new/default", "new/kube-root-ca.crt=PEM", "old/default", "old/kube-root-ca.crt=PEM"];
	expect((await names()).sort()).toEqual(complete);
	await fixture.client.resource(serviceAccounts).delete({ namespace: "old", name: "default" });
	await fixture.client.resource(configMaps).delete({ namespace: "old", name: "kube-root-ca.crt" });
	await fixture.change(configMaps, "new/kube-root-ca.crt", (object) => ({ ...object, data: { "ca.crt": "forged" } }));
	await fixture.settle();
	expect((await names()).sort()).toEqual(complete);
	expect(fixture.complaints).toEqual([]);
});
