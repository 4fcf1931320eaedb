import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { AuthenticationTokenRequest, Deployment, ObjectMeta, Pod, Scale } from "../apimachinery/schema/generated/types.ts";
import { newExpired } from "../apimachinery/status-error.ts";
import { admin, type ResourceDriver, type ServerFixture, startServer } from "./testing.ts";

const labels = { app: "web" };
const podSpec = { containers: [{ name: "nginx", image: "nginx" }] };
const deployment = (name: string, replicas = 1): Deployment => ({
	apiVersion: "apps/v1",
	kind: "Deployment",
	metadata: { name },
	spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
});
const configMap = (name: string, data: Record<string, string> = {}) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });

let fixture: ServerFixture;
let configMaps: ResourceDriver;
let pods: ResourceDriver;
let deployments: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	configMaps = fixture.resource("", "v1", "configmaps");
	pods = fixture.resource("", "v1", "pods");
	deployments = fixture.resource("apps", "v1", "deployments");
});

describe("create", () => {
	it("fills in what only the server knows", async () => {
		const created = await configMaps.send("create", { body: configMap("a", { k: "v" }) });
		expect(created).toEqual({
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: {
				name: "a",
				namespace: "default",
				uid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
				creationTimestamp: "2026-01-01T00:00:00Z",
				resourceVersion: "4",
				managedFields: [
					{
						manager: "kubesim",
						operation: "Update",
						apiVersion: "v1",
						time: "2026-01-01T00:00:00Z",
						fieldsType: "FieldsV1",
						fieldsV1: { "f:data": { ".": {}, "f:k": {} } },
					},
				],
			},
			data: { k: "v" },
		});
		expect(await configMaps.send("get", { name: "a" })).toEqual(created);
	});

	it("names an object from generateName", async () => {
		const created = await configMaps.send("create", { body: { metadata: { generateName: "web-" } } });
		expect(created.metadata?.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
	});

	it("refuses what is there already, what has no namespace, and what is invalid", async () => {
		await configMaps.send("create", { body: configMap("a") });
		expect(await configMaps.failure("create", { body: configMap("a") })).toBe('409 AlreadyExists: configmaps "a" already exists');
		expect(await configMaps.failure("create", { namespace: "nowhere", body: configMap("a") })).toBe(
			'404 NotFound: namespaces "nowhere" not found',
		);
		expect(await configMaps.failure("create", { body: configMap("A_b") })).toBe(
			"422 Invalid: ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
		);
	});

	it("refuses unknown fields under strict validation and drops them otherwise", async () => {
		const body = { ...deployment("web"), spec: { ...deployment("web").spec, replica: 3 } };
		expect(await deployments.failure("create", { body, options: { fieldValidation: "Strict" } })).toBe(
			'400 BadRequest: Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica"',
		);
		const created = (await deployments.send("create", { body })) as Deployment;
		expect(created.spec).not.toHaveProperty("replica");
	});

	it("stores nothing on a dry run", async () => {
		const created = await configMaps.send("create", { body: configMap("a"), options: { dryRun: true } });
		expect(created.metadata?.uid).toBeDefined();
		expect(await configMaps.failure("get", { name: "a" })).toBe('404 NotFound: configmaps "a" not found');
	});
});

describe("update", () => {
	it("needs the newest resourceVersion, or none", async () => {
		const first = await configMaps.send("create", { body: configMap("a", { k: "1" }) });
		const second = await configMaps.send("update", { name: "a", body: { ...first, data: { k: "2" } } });
		expect(Number(second.metadata?.resourceVersion)).toBeGreaterThan(Number(first.metadata?.resourceVersion));
		expect(await configMaps.failure("update", { name: "a", body: { ...first, data: { k: "3" } } })).toBe(
			'409 Conflict: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
		);
		expect(await configMaps.send("update", { name: "a", body: configMap("a", { k: "4" }) })).toMatchObject({ data: { k: "4" } });
	});

	it("writes nothing when nothing changes", async () => {
		const created = await configMaps.send("create", { body: configMap("a", { k: "1" }) });
		const updated = await configMaps.send("update", { name: "a", body: created });
		expect(updated.metadata?.resourceVersion).toBe(created.metadata?.resourceVersion);
	});

	it("keeps spec and status apart, and counts generations of the spec alone", async () => {
		const created = (await deployments.send("create", { body: { ...deployment("web"), status: { replicas: 9 } } })) as Deployment;
		expect(created.status?.replicas).toBeUndefined();
		expect(created.metadata?.generation).toBe(1);
		const status = { ...created, spec: { ...created.spec, replicas: 7 }, status: { replicas: 1, observedGeneration: 1 } };
		const reported = (await deployments.send("update", { name: "web", subresource: "status", body: status })) as Deployment;
		expect([reported.spec?.replicas, reported.status?.replicas, reported.metadata?.generation]).toEqual([1, 1, 1]);
		const scaled = { ...reported, spec: { ...reported.spec, replicas: 2 }, status: {} };
		const changed = (await deployments.send("update", { name: "web", body: scaled })) as Deployment;
		expect([changed.spec?.replicas, changed.status?.replicas, changed.metadata?.generation]).toEqual([2, 1, 2]);
	});

	it("counts the annotations of a Deployment as well, unless they come with its status; labels it does not count", async () => {
		const created = (await deployments.send("create", { body: deployment("web") })) as Deployment;
		const written = async (more: ObjectMeta, subresource?: string) => {
			const now = await deployments.send("get", { name: "web" });
			const body = { ...now, metadata: { ...now.metadata, ...more } };
			return (await deployments.send("update", { name: "web", body, ...(subresource === undefined ? {} : { subresource }) })).metadata;
		};
		const revision = { "deployment.kubernetes.io/revision": "1" };
		expect(await written({ annotations: revision }, "status")).toMatchObject({ annotations: revision, generation: 1 });
		expect(await written({ labels: { ...created.metadata?.labels, team: "shop" } })).toMatchObject({ generation: 1 });
		expect(await written({ annotations: { ...revision, note: "x" } })).toMatchObject({ generation: 2 });
	});

	it("scales through /scale", async () => {
		await deployments.send("create", { body: deployment("web") });
		const scale = (await deployments.send("get", { name: "web", subresource: "scale" })) as Scale;
		expect(scale).toMatchObject({ kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 1 }, status: { selector: "app=web" } });
		await deployments.send("update", { name: "web", subresource: "scale", body: { ...scale, spec: { replicas: 5 } } });
		expect(((await deployments.send("get", { name: "web" })) as Deployment).spec?.replicas).toBe(5);
	});
});

describe("patch", () => {
	it("applies all three kinds of patch", async () => {
		await deployments.send("create", { body: deployment("web") });
		const patch = (
			patchType: "application/json-patch+json" | "application/merge-patch+json" | "application/strategic-merge-patch+json",
			body: unknown,
		) => deployments.send("patch", { name: "web", patchType, body }) as Promise<Deployment>;
		const json = await patch("application/json-patch+json", [{ op: "replace", path: "/spec/replicas", value: 2 }]);
		expect(json.spec?.replicas).toBe(2);
		const merge = await patch("application/merge-patch+json", { spec: { replicas: 3 }, metadata: { labels: { a: "b" } } });
		expect([merge.spec?.replicas, merge.metadata?.labels]).toEqual([3, { a: "b" }]);
		const container = { name: "sidecar", image: "busybox" };
		const strategic = await patch("application/strategic-merge-patch+json", { spec: { template: { spec: { containers: [container] } } } });
		expect(strategic.spec?.template.spec?.containers.map(({ name }) => name).sort()).toEqual(["nginx", "sidecar"]);
	});

	it("loses no increment when many patch at once", async () => {
		await configMaps.send("create", { body: configMap("a") });
		const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
		await Promise.all(
			keys.map((key) => configMaps.send("patch", { name: "a", patchType: "application/merge-patch+json", body: { data: { [key]: "v" } } })),
		);
		const { data } = (await configMaps.send("get", { name: "a" })) as KubeObject & { data: Record<string, string> };
		expect(Object.keys(data).sort()).toEqual(keys.sort());
	});
});

describe("delete", () => {
	it("removes at once what nothing holds back", async () => {
		const { metadata } = await configMaps.send("create", { body: configMap("a") });
		expect(await configMaps.send("delete", { name: "a" })).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Success",
			details: { name: "a", kind: "configmaps", uid: metadata?.uid },
		});
		expect(await configMaps.failure("delete", { name: "a" })).toBe('404 NotFound: configmaps "a" not found');
	});

	it("waits for finalizers", async () => {
		await configMaps.send("create", { body: { metadata: { name: "a", finalizers: ["example.com/hold"] } } });
		const going = await configMaps.send("delete", { name: "a" });
		expect(going.metadata).toMatchObject({ deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 0 });
		await configMaps.send("patch", { name: "a", patchType: "application/merge-patch+json", body: { metadata: { finalizers: null } } });
		expect((await configMaps.list()).items).toEqual([]);
	});

	it("gives a running pod its grace period, and an unscheduled one none", async () => {
		await pods.send("create", { body: { metadata: { name: "a" }, spec: podSpec } });
		await pods.send("delete", { name: "a" });
		expect((await pods.list()).items).toEqual([]);
		await pods.send("create", { body: { metadata: { name: "b" }, spec: podSpec } });
		await pods.send("create", { name: "b", subresource: "binding", body: { metadata: { name: "b" }, target: { name: "node-1" } } });
		const going = await pods.send("delete", { name: "b" });
		expect(going.metadata).toMatchObject({ deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 });
		await pods.send("delete", { name: "b", deleteOptions: { gracePeriodSeconds: 0 } });
		expect((await pods.list()).items).toEqual([]);
	});

	it("holds preconditions", async () => {
		await configMaps.send("create", { body: configMap("a") });
		const deleteOptions = { preconditions: { uid: "other" } };
		expect(await configMaps.failure("delete", { name: "a", deleteOptions })).toMatch(
			/^409 Conflict: Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: other, UID in object meta: /,
		);
	});

	it("deletes what a selector picks", async () => {
		for (const [name, app] of [
			["a", "x"],
			["b", "y"],
		] as const)
			await configMaps.send("create", { body: { metadata: { name, labels: { app } } } });
		await configMaps.send("deletecollection", { options: { labelSelector: "app=x" } });
		expect((await configMaps.list()).items.map((item) => item.metadata?.name)).toEqual(["b"]);
	});

	it("keeps the system's namespaces and empties others first", async () => {
		const namespaces = fixture.clusterResource("", "v1", "namespaces");
		expect(await namespaces.failure("delete", { name: "default" })).toBe(
			'403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted',
		);
		await namespaces.send("create", { body: { metadata: { name: "team" } } });
		expect(await namespaces.send("delete", { name: "team" })).toMatchObject({ status: { phase: "Terminating" } });
		expect(await configMaps.failure("create", { namespace: "team", body: configMap("a") })).toBe(
			'403 Forbidden: configmaps "a" is forbidden: unable to create new content in namespace team because it is being terminated',
		);
		const finalize = (finalizers: readonly string[]) => ({
			name: "team",
			subresource: "finalize",
			body: { metadata: { name: "team" }, spec: { finalizers } },
		});
		expect(await namespaces.failure("update", finalize(["kubernetes", "mine"]))).toBe(
			'422 Invalid: Namespace "team" is invalid: spec.finalizers[1]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
		);
		await namespaces.send("update", finalize([]));
		expect(await namespaces.failure("get", { name: "team" })).toBe('404 NotFound: namespaces "team" not found');
	});
});

it("warns of deprecated kinds in every answer, reads included", async () => {
	const text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
	const endpoints = { group: "", version: "v1", resource: "endpoints", namespace: "default" };
	const body = { metadata: { name: "web" }, subsets: [{ addresses: [{ ip: "FD00::1" }] }] } as KubeObject;
	const { warnings } = await fixture.server.handle(admin, { ...endpoints, verb: "create", body });
	expect(warnings).toEqual([text, expect.stringContaining("RFC 5952")]);
	for (const request of [{ verb: "list" }, { verb: "get", name: "web" }, { verb: "delete", name: "web" }] as const) {
		expect((await fixture.server.handle(admin, { ...endpoints, ...request })).warnings).toEqual([text]);
	}
});

it("lets core events bear any name, and those of events.k8s.io a DNS subdomain", async () => {
	const body = { metadata: { name: "Web_0" }, involvedObject: { kind: "Pod", name: "web-0", namespace: "default" } } as KubeObject;
	const core = fixture.resource("", "v1", "events");
	expect((await core.send("create", { body })).metadata?.name).toBe("Web_0");
	expect(await core.failure("create", { body: { ...body, metadata: { name: "a%" } } })).toContain("may not contain '%'");
	expect(await fixture.resource("events.k8s.io", "v1", "events").failure("create", { body: { metadata: { name: "Web_0" } } })).toContain(
		'metadata.name: Invalid value: "Web_0": a lowercase RFC 1123 subdomain',
	);
});

describe("list", () => {
	it("selects by label and field, in key order", async () => {
		for (const [name, app] of [
			["b", "x"],
			["a", "x"],
			["c", "y"],
		] as const)
			await configMaps.send("create", { body: { metadata: { name, labels: { app } } } });
		const names = async (options: object) => (await configMaps.list({ options })).items.map((item) => item.metadata?.name);
		expect(await names({ labelSelector: "app in (x)" })).toEqual(["a", "b"]);
		expect(await names({ fieldSelector: "metadata.name!=a" })).toEqual(["b", "c"]);
		expect(await configMaps.failure("list", { options: { fieldSelector: "spec.foo=1" } })).toBe(
			'400 BadRequest: "spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
		);
	});

	it("shows one moment on all pages", async () => {
		for (const name of ["a", "b", "c", "d", "e"]) await configMaps.send("create", { body: configMap(name) });
		const first = await configMaps.list({ options: { limit: 2 } });
		expect(first.metadata).toMatchObject({ remainingItemCount: 3 });
		await configMaps.send("delete", { name: "d" });
		await configMaps.send("create", { body: configMap("cc") });
		const second = await configMaps.list({ options: { limit: 2, continue: first.metadata?.continue ?? "" } });
		const third = await configMaps.list({ options: { limit: 2, continue: second.metadata?.continue ?? "" } });
		expect([...first.items, ...second.items, ...third.items].map((item) => item.metadata?.name)).toEqual(["a", "b", "c", "d", "e"]);
		expect(third.metadata?.continue).toBeUndefined();
	});
});

describe("watch", () => {
	it("starts with what there is, then tells every change", async () => {
		await configMaps.send("create", { body: configMap("a") });
		const events = await configMaps.watch();
		await configMaps.send("update", { name: "a", body: configMap("a", { k: "v" }) });
		await configMaps.send("delete", { name: "a" });
		expect(events.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
	});

	it("tells an object that leaves the selection as deleted, and one that enters it as added", async () => {
		const events = await configMaps.watch({ options: { labelSelector: "app=x" } });
		const label = (app: string) => configMaps.send("update", { name: "a", body: { metadata: { name: "a", labels: { app } } } });
		await configMaps.send("create", { body: configMap("a") });
		await label("x");
		await label("y");
		expect(events.map(({ type, object }) => [type, object.metadata?.labels?.app])).toEqual([
			["ADDED", "x"],
			["DELETED", "x"],
		]);
	});

	it("has neither gap nor duplicate, from memory or from the store's history", async () => {
		const resourceVersion = (await configMaps.list()).metadata?.resourceVersion ?? "";
		for (let index = 0; index < 5000; index++)
			await configMaps
				.send("update", { name: "a", body: configMap("a", { k: String(index) }) })
				.catch(() => configMaps.send("create", { body: configMap("a") }));
		const old = await configMaps.watch({ options: { resourceVersion } });
		await fixture.clock.advance(0);
		await configMaps.send("update", { name: "a", body: configMap("a", { k: "last" }) });
		await fixture.clock.advance(0);
		const versions = old.map(({ object }) => Number(object.metadata?.resourceVersion));
		const start = Number(resourceVersion);
		expect(versions).toEqual(Array.from({ length: 5001 }, (_, index) => start + 1 + index));
	});

	it("says that a revision is too old once it is compacted", async () => {
		await configMaps.send("create", { body: configMap("a") });
		for (let index = 0; index < 5000; index++) await configMaps.send("update", { name: "a", body: configMap("a", { k: String(index) }) });
		await fixture.store.compact(fixture.server.revision);
		const events = await configMaps.watch({ options: { resourceVersion: "3" } });
		await fixture.clock.advance(0);
		const { status } = newExpired(`too old resource version: 3 (${fixture.server.revision})`);
		expect(events).toEqual([{ type: "ERROR", object: status }]);
	});

	it("forgets history after five to ten minutes", async () => {
		await configMaps.send("create", { body: configMap("a") });
		const { revision } = fixture.server;
		await fixture.clock.advance(299_000);
		expect(fixture.store.status().compactRevision).toBeLessThan(revision);
		await configMaps.send("create", { body: configMap("b") });
		await fixture.clock.advance(302_000);
		expect(fixture.store.status().compactRevision).toBeGreaterThanOrEqual(revision);
	});

	it("streams a list with an initial-events-end bookmark", async () => {
		await configMaps.send("create", { body: configMap("a") });
		const events = await configMaps.watch({
			options: { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true },
		});
		expect(events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
		expect(events[1]?.object.metadata?.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
	});
});

describe("admission and allocation", () => {
	it("makes a pod what kube-apiserver makes of it", async () => {
		const pod = (await pods.send("create", { body: { metadata: { name: "a" }, spec: podSpec } })) as Pod;
		expect(pod.spec?.serviceAccountName).toBe("default");
		expect(pod.spec?.volumes?.[0]?.name).toMatch(/^kube-api-access-/);
		expect(pod.spec?.tolerations?.map(({ key }) => key)).toEqual(["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]);
		expect([pod.spec?.priority, pod.spec?.preemptionPolicy, pod.status?.phase, pod.status?.qosClass]).toEqual([
			0,
			"PreemptLowerPriority",
			"Pending",
			"BestEffort",
		]);
	});

	it("binds a pod once", async () => {
		await pods.send("create", { body: { metadata: { name: "a" }, spec: podSpec } });
		const bind = (node: string) => ({
			name: "a",
			subresource: "binding",
			body: { metadata: { name: "a" }, target: { kind: "Node", name: node } },
		});
		await pods.send("create", bind("node-1"));
		expect(await pods.failure("create", bind("node-2"))).toBe(
			'409 Conflict: Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "node-1"',
		);
	});

	it("forbids what a user without rights asks, in RBAC's words", async () => {
		const jane = { name: "jane", groups: ["system:authenticated"] };
		const request = { verb: "list", group: "", version: "v1", resource: "pods", namespace: "default" } as const;
		await expect(fixture.server.handle(jane, request)).rejects.toThrow(
			'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
		);
	});
});

describe("service account tokens", () => {
	const request = (spec: object = {}) => ({ name: "default", subresource: "token", body: { spec } });

	it("name their bearer until they end", async () => {
		const accounts = fixture.resource("", "v1", "serviceaccounts");
		const { status } = (await accounts.send("create", request({ expirationSeconds: 600 }))) as AuthenticationTokenRequest;
		expect(status?.expirationTimestamp).toBe("2026-01-01T00:10:00Z");
		const token = status?.token ?? "";
		expect(await fixture.server.authenticateToken(token)).toMatchObject({
			name: "system:serviceaccount:default:default",
			groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
		});
		expect(await fixture.server.authenticateToken(`${token.slice(0, -4)}AAAA`)).toBeUndefined();
		expect(await fixture.server.authenticateToken("not.a.token")).toBeUndefined();
		// Clocks may be a minute apart.
		await fixture.clock.advance(659_000);
		expect(await fixture.server.authenticateToken(token)).toBeDefined();
		await fixture.clock.advance(2000);
		expect(await fixture.server.authenticateToken(token)).toBeUndefined();
	});

	it("end with the pod that they are bound to", async () => {
		await pods.send("create", { body: { metadata: { name: "a" }, spec: podSpec } });
		const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "a" };
		const accounts = fixture.resource("", "v1", "serviceaccounts");
		const { status } = (await accounts.send("create", request({ boundObjectRef }))) as AuthenticationTokenRequest;
		const bearer = await fixture.server.authenticateToken(status?.token ?? "");
		expect(bearer?.extra?.["authentication.kubernetes.io/pod-name"]).toEqual(["a"]);
		await pods.send("delete", { name: "a" });
		expect(await fixture.server.authenticateToken(status?.token ?? "")).toBeUndefined();
	});

	it("are not made for less than ten minutes", async () => {
		expect(await fixture.resource("", "v1", "serviceaccounts").failure("create", request({ expirationSeconds: 60 }))).toBe(
			'422 Invalid: TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
		);
	});
});
