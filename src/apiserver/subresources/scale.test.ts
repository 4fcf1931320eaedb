import { beforeEach, describe, expect, it } from "vitest";
import type { Scale } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
const selector = { matchLabels: labels };
const kinds: readonly [group: string, resource: string, spec: object][] = [
	["apps", "deployments", { selector, template }],
	["apps", "replicasets", { selector, template }],
	["apps", "statefulsets", { selector, template, serviceName: "web" }],
	["", "replicationcontrollers", { selector: labels, template }],
];
const name = "web";
const subresource = "scale";

let fixture: ServerFixture;

beforeEach(async () => {
	fixture = await startServer();
});

async function make(group: string, resource: string, spec: object): Promise<ResourceDriver> {
	const driver = fixture.resource(group, "v1", resource);
	await driver.send("create", { body: { metadata: { name }, spec: { replicas: 2, ...spec } } });
	return driver;
}

const scaleNow = async (driver: ResourceDriver) => (await driver.send("get", { name, subresource })) as Scale;

describe.each(kinds)("%s %s", (group, resource, spec) => {
	it("are scaled by PUT and PATCH, and by none on a dry run", async () => {
		const driver = await make(group, resource, spec);
		const before = await scaleNow(driver);
		expect(before).toMatchObject({ kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 2 }, status: { selector: "app=web" } });
		await driver.send("update", { name, subresource, body: { ...before, spec: { replicas: 3 } }, options: { dryRun: true } });
		expect(await scaleNow(driver)).toEqual(before);
		const after = (await driver.send("update", { name, subresource, body: { ...before, spec: { replicas: 3 } } })) as Scale;
		expect(after.spec).toEqual({ replicas: 3 });
		const patchType = "application/merge-patch+json";
		expect(await driver.send("patch", { name, subresource, patchType, body: { spec: { replicas: 0 } } })).toMatchObject({
			spec: { replicas: 0 },
		});
		expect((await driver.send("get", { name })).metadata?.generation).toBe(3);
	});

	it("hold preconditions, and refuse what is no count", async () => {
		const driver = await make(group, resource, spec);
		const put = (metadata: object, replicas = 1) =>
			driver.failure("update", { name, subresource, body: { metadata: { name, ...metadata }, spec: { replicas } } });
		const qualified = group === "" ? resource : `${resource}.${group}`;
		expect(await put({ resourceVersion: "1" })).toBe(
			`409 Conflict: Operation cannot be fulfilled on ${qualified} "web": the object has been modified; please apply your changes to the latest version and try again`,
		);
		const scales = group === "" ? `${resource}/scale` : `${resource}/scale.${group}`;
		expect(await put({ uid: "old" })).toMatch(
			new RegExp(
				`^409 Conflict: Operation cannot be fulfilled on ${scales} "web": Precondition failed: UID in precondition: old, UID in object meta: \\S+$`,
			),
		);
		expect(await put({}, -1)).toBe(
			'422 Invalid: Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
		);
		expect((await scaleNow(driver)).spec).toEqual({ replicas: 2 });
	});
});
