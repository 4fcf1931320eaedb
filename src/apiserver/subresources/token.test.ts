import { beforeEach, describe, expect, it } from "vitest";
import type { AuthenticationTokenRequest } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

let fixture: ServerFixture;
let accounts: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	accounts = fixture.resource("", "v1", "serviceaccounts");
	const pods = fixture.resource("", "v1", "pods");
	const spec = { nodeName: "n1", containers: [{ name: "main", image: "nginx" }] };
	await pods.send("create", { body: { metadata: { name: "web" }, spec } });
	await accounts.send("create", { body: { metadata: { name: "other" } } });
	await pods.send("create", { body: { metadata: { name: "theirs" }, spec: { ...spec, serviceAccountName: "other" } } });
	await fixture.resource("", "v1", "secrets").send("create", { body: { metadata: { name: "key" } } });
	await fixture.clusterResource("", "v1", "nodes").send("create", { body: { metadata: { name: "n1" } } });
});

const request = (spec: object = {}, metadata: object = {}) => ({ name: "default", subresource: "token", body: { metadata, spec } });
const bound = (kind: string, name: string, more: object = {}) => ({ boundObjectRef: { apiVersion: "v1", kind, name, ...more } });

async function issue(spec: object = {}): Promise<AuthenticationTokenRequest> {
	return (await accounts.send("create", request(spec))) as AuthenticationTokenRequest;
}

function claimsOf({ status }: AuthenticationTokenRequest) {
	return JSON.parse(Buffer.from(status?.token?.split(".")[1] ?? "", "base64url").toString());
}

const second = Date.UTC(2026, 0, 1) / 1000;

it("is for the API server and an hour, unless somebody asks for more", async () => {
	const plain = await issue();
	expect(plain.spec).toEqual({ audiences: ["https://kubernetes.default.svc.cluster.local"], expirationSeconds: 3600 });
	expect(plain.status?.expirationTimestamp).toBe("2026-01-01T01:00:00Z");
	const asked = await issue({ audiences: ["vault"], expirationSeconds: 2 ** 32 });
	expect(claimsOf(asked)).toMatchObject({ aud: ["vault"], exp: second + 2 ** 32, iat: second });
	expect(await fixture.server.authenticateToken(asked.status?.token ?? "")).toBeUndefined();
});

describe("what it is bound to", () => {
	const named = (name: string) => ({ name, uid: expect.stringMatching(/./) });

	it.each([
		[bound("Pod", "web"), { pod: named("web"), node: named("n1") }],
		[bound("Secret", "key"), { secret: named("key") }],
		[bound("Node", "n1"), { node: named("n1") }],
	])("%o stands in it", async (spec, claims) => {
		const { serviceaccount, namespace, ...rest } = claimsOf(await issue(spec))["kubernetes.io"];
		expect([namespace, serviceaccount, rest]).toEqual(["default", named("default"), claims]);
	});

	it.each(["pods/web", "secrets/key", "nodes/n1", "serviceaccounts/default"])("ends it: %s", async (path) => {
		const [resource = "", name = ""] = path.split("/");
		const kinds: Readonly<Record<string, string>> = { pods: "Pod", secrets: "Secret", nodes: "Node" };
		const kind = kinds[resource];
		const token = (await issue(kind === undefined ? {} : bound(kind, name))).status?.token ?? "";
		expect(await fixture.server.authenticateToken(token)).toBeDefined();
		const driver = resource === "nodes" ? fixture.clusterResource("", "v1", resource) : fixture.resource("", "v1", resource);
		await driver.send("delete", { name, deleteOptions: { gracePeriodSeconds: 0 } });
		expect(await fixture.server.authenticateToken(token)).toBeUndefined();
	});

	it("ends it a minute after its own end has begun, though it is still there", async () => {
		const metadata = { finalizers: ["example.com/hold"] };
		const secrets = fixture.resource("", "v1", "secrets");
		await secrets.send("patch", { name: "key", patchType: "application/merge-patch+json", body: { metadata } });
		const token = (await issue(bound("Secret", "key"))).status?.token ?? "";
		await secrets.send("delete", { name: "key" });
		await fixture.clock.advance(59_000);
		expect(await fixture.server.authenticateToken(token)).toBeDefined();
		await fixture.clock.advance(2000);
		expect(await fixture.server.authenticateToken(token)).toBeUndefined();
	});
});

it("goes on for a year where the kubelet asks for a pod, with the time from which it should have been renewed", async () => {
	const asked = await issue({ ...bound("Pod", "web"), expirationSeconds: 3607 });
	expect(claimsOf(asked)).toMatchObject({ exp: second + 365 * 24 * 3600, "kubernetes.io": { warnafter: second + 3607 } });
	expect(asked.status?.expirationTimestamp).toBe("2026-01-01T01:00:07Z");
	expect(claimsOf(await issue({ ...bound("Pod", "web"), expirationSeconds: 3607, audiences: ["vault"] })).exp).toBe(second + 3607);
	expect(claimsOf(await issue({ expirationSeconds: 3607 })).exp).toBe(second + 3607);
});

const invalid = (name: string, why: string) => `422 Invalid: TokenRequest.authentication.k8s.io "${name}" is invalid: ${why}`;

describe("refuses", () => {
	it.each<[string, object, object, string]>([
		[
			"less than ten minutes",
			{ expirationSeconds: 599 },
			{},
			invalid("", "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"),
		],
		[
			"more than 2^32 seconds",
			{ expirationSeconds: 2 ** 32 + 1 },
			{},
			invalid("", "spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"),
		],
		[
			"another name than the account's",
			{},
			{ name: "other" },
			invalid("default", 'metadata.name: Invalid value: "other": must match the service account name if specified'),
		],
		[
			"another namespace",
			{},
			{ namespace: "kube-system" },
			invalid("default", 'metadata.namespace: Invalid value: "kube-system": must match the service account namespace if specified'),
		],
		["a pod that is not there", bound("Pod", "nobody"), {}, '404 NotFound: pods "nobody" not found'],
		[
			"a pod that runs as somebody else",
			bound("Pod", "theirs"),
			{},
			'400 BadRequest: cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.',
		],
		[
			"a pod of before",
			bound("Pod", "web", { uid: "old" }),
			{},
			'409 Conflict: Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
		],
		["other kinds", bound("ConfigMap", "a"), {}, "400 BadRequest: cannot bind token to object of type /v1, Kind=ConfigMap"],
	])("%s", async (_, spec, metadata, why) => {
		expect(await accounts.failure("create", request(spec, metadata))).toBe(why);
	});
});
