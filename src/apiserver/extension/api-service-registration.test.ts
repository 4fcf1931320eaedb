import { beforeEach, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { APIService, CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";
import { definitionOf, definitionsOf, install, version, waitUntil } from "./testing.ts";

const any = { type: "object", "x-kubernetes-preserve-unknown-fields": true } as const;
const beta = version("v1beta1", any, { storage: false });

let fixture: ServerFixture;
let services: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	services = fixture.clusterResource("apiregistration.k8s.io", "v1", "apiservices");
});

const until = (name: string, test: (service: KubeObject | undefined) => boolean) =>
	waitUntil<APIService>(fixture, { group: "apiregistration.k8s.io", version: "v1", resource: "apiservices", name }, test);
const untilThere = (name: string) => until(name, (service) => service !== undefined);
const untilGone = (name: string) => until(name, (service) => service === undefined);

it("a definition brings an APIService for each of its versions", async () => {
	await install(fixture, definitionOf("CronTab", [version("v1", any), beta]));
	await untilThere("v1beta1.stable.example.com");
	expect(await untilThere("v1.stable.example.com")).toMatchObject({
		metadata: { labels: { "kube-aggregator.kubernetes.io/automanaged": "true" } },
		spec: { group: "stable.example.com", version: "v1", groupPriorityMinimum: 1000, versionPriority: 100 },
		status: {
			conditions: [{ type: "Available", status: "True", reason: "Local", message: "Local APIServices are always available" }],
		},
	});
});

it("a version that is no longer served takes its APIService with it, unless another definition serves it", async () => {
	const tabs = definitionOf("CronTab", [version("v1", any), beta]);
	await install(fixture, tabs);
	await install(fixture, definitionOf("Other", [version("v1", any)]));
	await untilThere("v1beta1.stable.example.com");
	const change = async (change: Partial<CustomResourceDefinition["spec"]>) => {
		const current = (await definitionsOf(fixture).send("get", { name: "crontabs.stable.example.com" })) as CustomResourceDefinition;
		const body = { ...current, spec: { ...current.spec, ...change } };
		await definitionsOf(fixture).send("update", { name: "crontabs.stable.example.com", body });
	};
	await change({ versions: [version("v1", any), { ...beta, served: false }] });
	await untilGone("v1beta1.stable.example.com");
	await definitionsOf(fixture).send("delete", { name: "crontabs.stable.example.com" });
	await definitionsOf(fixture).send("create", { body: definitionOf("Third", [version("v2", any)]) });
	await untilThere("v2.stable.example.com");
	expect(fixture.server.find("apiregistration.k8s.io", "apiservices", "", "v1.stable.example.com")).toBeDefined();
	await definitionsOf(fixture).send("delete", { name: "others.stable.example.com" });
	await untilGone("v1.stable.example.com");
});

it("what somebody does to it is put right, unless he takes the label away", async () => {
	await install(fixture, definitionOf("CronTab", [version("v1", any)]));
	const name = "v1.stable.example.com";
	const first = await untilThere(name);
	await services.send("delete", { name });
	await until(name, (service) => service !== undefined && service.metadata?.uid !== first?.metadata?.uid);
	const priority = (versionPriority: number) =>
		({ name, patchType: "application/merge-patch+json", body: { spec: { versionPriority } } }) as const;
	await services.send("patch", priority(7));
	await until(name, (service) => (service as APIService).spec?.versionPriority === 100);
	const body = { metadata: { labels: null } };
	await services.send("patch", { name, patchType: "application/merge-patch+json", body });
	await services.send("patch", priority(7));
	await definitionsOf(fixture).send("delete", { name: "crontabs.stable.example.com" });
	await definitionsOf(fixture).send("create", { body: definitionOf("Other", [version("v2", any)]) });
	await untilThere("v2.stable.example.com");
	expect(await services.send("get", { name })).toMatchObject({ spec: { versionPriority: 7 } });
});

it("another server's APIService of that name stays as it is", async () => {
	const name = "v1.stable.example.com";
	const spec = { group: "stable.example.com", version: "v1", groupPriorityMinimum: 2000, versionPriority: 15 };
	const service = { namespace: "default", name: "far", port: 443 };
	await services.send("create", {
		body: { apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name }, spec: { ...spec, service } },
	});
	await install(fixture, definitionOf("CronTab", [version("v1", any), beta]));
	await untilThere("v1beta1.stable.example.com");
	expect(await services.send("get", { name })).toMatchObject({ spec: { groupPriorityMinimum: 2000, service } });
});
