import { beforeEach, describe, expect, it } from "vitest";
import type { DeleteOptions, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const held = "example.com/hold";

let fixture: ServerFixture;
let pods: ResourceDriver;
let configMaps: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	pods = fixture.resource("", "v1", "pods");
	configMaps = fixture.resource("", "v1", "configmaps");
});

/** A pod that was placed, with 30 seconds of grace unless it says otherwise. */
const makePod = (spec: object = {}, metadata: object = {}) =>
	pods.send("create", {
		body: { metadata: { name: "a", ...metadata }, spec: { nodeName: "n1", containers: [{ name: "c", image: "nginx" }], ...spec } },
	});

const remove = (deleteOptions: DeleteOptions = {}) => pods.send("delete", { name: "a", deleteOptions });

/** `second of the deletion / grace period / finalizers`; undefined: it is gone. */
async function stateOf(resource: ResourceDriver): Promise<string | undefined> {
	const [object] = (await resource.list()).items;
	if (object === undefined) return undefined;
	const { deletionTimestamp, deletionGracePeriodSeconds: grace, finalizers = [] } = object.metadata ?? {};
	const second = deletionTimestamp === undefined ? "" : (Date.parse(deletionTimestamp) - Date.UTC(2026, 0, 1)) / 1000;
	return `${second} ${grace} ${finalizers.join()}`.trim();
}

describe("grace periods of pods", () => {
	it.each<[string, object, object, DeleteOptions, string | undefined]>([
		["its own", {}, {}, {}, "30 30"],
		["its own of 0", { terminationGracePeriodSeconds: 0 }, {}, {}, undefined],
		["the caller's", {}, {}, { gracePeriodSeconds: 5 }, "5 5"],
		["the caller's, although its own is 0", { terminationGracePeriodSeconds: 0 }, {}, { gracePeriodSeconds: 5 }, "5 5"],
		["the caller's 0", {}, {}, { gracePeriodSeconds: 0 }, undefined],
		["one second for a negative one", {}, {}, { gracePeriodSeconds: -1 }, "1 1"],
		["none before it is placed", { nodeName: "" }, {}, { gracePeriodSeconds: 5 }, undefined],
		["the caller's 0, and finalizers hold it", {}, { finalizers: [held] }, { gracePeriodSeconds: 0 }, `0 0 ${held}`],
		["its own, beside finalizers", {}, { finalizers: [held] }, {}, `30 30 ${held}`],
	])("%s", async (_, spec, metadata, options, expected) => {
		await makePod(spec, metadata);
		await remove(options);
		expect(await stateOf(pods)).toBe(expected);
	});

	it("none once it has ended", async () => {
		await makePod();
		const body = { status: { phase: "Succeeded" } };
		await pods.send("patch", { name: "a", subresource: "status", patchType: "application/merge-patch+json", body });
		await remove({ gracePeriodSeconds: 5 });
		expect(await stateOf(pods)).toBeUndefined();
	});

	it.each<[string, DeleteOptions, string | undefined]>([
		["goes on when asked again", {}, "30 30"],
		["cannot be made longer", { gracePeriodSeconds: 60 }, "30 30"],
		["can be made shorter, from its beginning", { gracePeriodSeconds: 20 }, "20 20"],
		["can be cut off", { gracePeriodSeconds: 0 }, undefined],
		["takes no other policy any more", { propagationPolicy: "Foreground" }, "30 30"],
	])("a deletion under way %s", async (_, options, expected) => {
		await makePod();
		await remove();
		await fixture.clock.advance(10_000);
		await remove(options);
		expect(await stateOf(pods)).toBe(expected);
	});

	it("counts one generation for the deletion, however often it is asked for", async () => {
		await makePod();
		await remove();
		await remove({ gracePeriodSeconds: 10 });
		expect((await pods.send("get", { name: "a" })).metadata?.generation).toBe(2);
	});

	it("ends with the last finalizer only after the grace period is over", async () => {
		await makePod({}, { finalizers: [held] });
		await remove();
		const freed = { name: "a", patchType: "application/merge-patch+json" as const, body: { metadata: { finalizers: null } } };
		await pods.send("patch", freed);
		expect(await stateOf(pods)).toBe("30 30");
		await remove({ gracePeriodSeconds: 0 });
		expect(await stateOf(pods)).toBeUndefined();
	});
});

describe("propagation", () => {
	it.each<[string, readonly string[], DeleteOptions, string | undefined]>([
		["Background leaves no finalizer", [], { propagationPolicy: "Background" }, undefined],
		["Orphan holds the object for the collector", [], { propagationPolicy: "Orphan" }, "0 0 orphan"],
		["Foreground, too", [], { propagationPolicy: "Foreground" }, "0 0 foregroundDeletion"],
		["the old option for Orphan", [], { orphanDependents: true }, "0 0 orphan"],
		["the old option for Background", ["orphan"], { orphanDependents: false }, undefined],
		["a finalizer that is there decides if nobody says", ["orphan"], {}, "0 0 orphan"],
		[
			"a policy takes the place of the finalizer that is there",
			["foregroundDeletion", held],
			{ propagationPolicy: "Orphan" },
			`0 0 ${held},orphan`,
		],
	])("%s", async (_, finalizers, deleteOptions, expected) => {
		await configMaps.send("create", { body: { metadata: { name: "a", finalizers } } });
		await configMaps.send("delete", { name: "a", deleteOptions });
		expect(await stateOf(configMaps)).toBe(expected);
	});

	it("refuses what contradicts itself", async () => {
		await configMaps.send("create", { body: { metadata: { name: "a" } } });
		const deleteOptions: DeleteOptions = { orphanDependents: true, propagationPolicy: "Orphan" };
		expect(await configMaps.failure("delete", { name: "a", deleteOptions })).toMatch(/^4\d\d .*cannot be both set/);
	});

	it("takes new finalizers, and keeps the time, when a held object is deleted again", async () => {
		await configMaps.send("create", { body: { metadata: { name: "a", finalizers: [held] } } });
		await configMaps.send("delete", { name: "a" });
		await fixture.clock.advance(10_000);
		await configMaps.send("delete", { name: "a", deleteOptions: { propagationPolicy: "Foreground" } });
		expect(await stateOf(configMaps)).toBe(`0 0 ${held},foregroundDeletion`);
	});
});

describe("preconditions", () => {
	it.each<[DeleteOptions["preconditions"], RegExp | undefined]>([
		[{ uid: "other" }, /^409 Conflict: .*: Precondition failed: UID in precondition: other, UID in object meta: \S+$/],
		[
			{ resourceVersion: "1" },
			/^409 Conflict: .*: Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: \d+$/,
		],
	])("%o", async (preconditions, why) => {
		await configMaps.send("create", { body: { metadata: { name: "a" } } });
		const options = { name: "a", deleteOptions: preconditions === undefined ? {} : { preconditions } };
		expect(await configMaps.failure("delete", options)).toMatch(why ?? /never/);
		expect(await configMaps.failure("delete", { ...options, options: { dryRun: true } })).toMatch(why ?? /never/);
		expect((await configMaps.list()).items).toHaveLength(1);
	});
});

describe("dry run", () => {
	it("answers as the deletion would, and deletes nothing", async () => {
		await makePod();
		const going = await pods.send("delete", { name: "a", options: { dryRun: true } });
		expect(going.metadata?.deletionGracePeriodSeconds).toBe(30);
		expect(await pods.send("delete", { name: "a", deleteOptions: { dryRun: ["All"], gracePeriodSeconds: 0 } })).toMatchObject({
			kind: "Pod",
		});
		await pods.send("deletecollection", { options: { dryRun: true } });
		expect(await stateOf(pods)).toBe("undefined");
	});
});

describe("namespaces", () => {
	it("have no grace period, and stay as they are when they are deleted again", async () => {
		const namespaces = fixture.clusterResource("", "v1", "namespaces");
		await namespaces.send("create", { body: { metadata: { name: "team" } } });
		const first = await namespaces.send("delete", { name: "team" });
		expect(first.metadata).not.toHaveProperty("deletionGracePeriodSeconds");
		await fixture.clock.advance(10_000);
		expect(await namespaces.send("delete", { name: "team" })).toEqual(first);
	});
});

describe("claims and volumes", () => {
	it("are protected from the start, and wait for their controller", async () => {
		const claims = fixture.resource("", "v1", "persistentvolumeclaims");
		const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
		await claims.send("create", { body: { metadata: { name: "data", finalizers: [held] }, spec } });
		const claim = (await claims.send("get", { name: "data" })) as PersistentVolumeClaim;
		expect(claim.metadata?.finalizers).toEqual([held, "kubernetes.io/pvc-protection"]);
		await claims.send("delete", { name: "data" });
		expect(await stateOf(claims)).toBe(`0 0 ${held},kubernetes.io/pvc-protection`);
		const volumes = fixture.clusterResource("", "v1", "persistentvolumes");
		const volume = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } };
		const made = await volumes.send("create", { body: { metadata: { name: "disk" }, spec: volume } });
		expect(made.metadata?.finalizers).toEqual(["kubernetes.io/pv-protection"]);
	});
});

it("a deleted StorageClass is answered with itself", async () => {
	const classes = fixture.clusterResource("storage.k8s.io", "v1", "storageclasses");
	await classes.send("create", { body: { metadata: { name: "fast" }, provisioner: "example.com/disk" } });
	expect(await classes.send("delete", { name: "fast" })).toMatchObject({ kind: "StorageClass", provisioner: "example.com/disk" });
});
