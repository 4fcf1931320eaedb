/** With the server around it: what a user may do is what roles say, and no switch of admission turns it off. */
import { beforeEach, expect, it, test } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { ResourceClaimStatus, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { admin, type ServerFixture, startServer } from "../testing.ts";

const claims = { group: "resource.k8s.io", version: "v1", resource: "resourceclaims" } as const;
const driverUser = (node?: string, name = "system:serviceaccount:default:driver"): UserInfo => ({
	name,
	groups: [],
	...(node === undefined ? {} : { extra: { "authentication.kubernetes.io/node-name": [node] } }),
});

let fixture: ServerFixture;
beforeEach(async () => {
	fixture = await startServer();
});

/** Lets everybody who is named write claims' status, and do this: `update resourceclaims/driver gpu.example.com`. */
async function allow(...rules: readonly string[]): Promise<void> {
	const also = rules.map((rule) => {
		const [verb = "", resource = "", ...resourceNames] = rule.split(" ");
		return { apiGroups: [claims.group], resources: [resource], verbs: [verb], ...(resourceNames.length === 0 ? {} : { resourceNames }) };
	});
	const status = { apiGroups: [claims.group], resources: ["resourceclaims/status"], verbs: ["update", "patch"] };
	const metadata = { name: "devices" };
	const rbac = (resource: string) => fixture.clusterResource("rbac.authorization.k8s.io", "v1", resource);
	await rbac("clusterroles").send("create", { body: { metadata, rules: [status, ...also] } });
	const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "devices" };
	const subjects = ["system:serviceaccount:default:driver", "alice"].map((name) => ({
		apiGroup: "rbac.authorization.k8s.io",
		kind: "User",
		name,
	}));
	await rbac("clusterrolebindings").send("create", { body: { metadata, roleRef, subjects } });
}

const drivers = ["a.example.com", "b.example.com"];
const allocation: NonNullable<ResourceClaimStatus["allocation"]> = {
	devices: { results: drivers.map((driver) => ({ request: "r", driver, pool: "p", device: "d" })) },
	nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }] },
};
const reservedFor = [{ resource: "pods", name: "p", uid: "1" }];
const entry = (driver: string | undefined, status: "True" | "False" = "True") => ({
	driver: driver ?? "",
	pool: "p",
	device: "d",
	conditions: [{ type: "Ready", status, reason: "Tested", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" }],
});

async function newClaim(status: ResourceClaimStatus): Promise<ResourceResourceClaim> {
	const spec = { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } };
	const driver = fixture.resource(claims.group, claims.version, claims.resource);
	const made = await driver.send("create", { body: { metadata: { name: "c" }, spec } });
	return (await driver.send("update", { name: "c", subresource: "status", body: { ...made, status } })) as ResourceResourceClaim;
}

/** What the server answers; "" if it does as it is told. */
async function answer(
	user: UserInfo,
	request: Omit<ApiRequest, "group" | "version" | "resource"> & { readonly resource?: string },
): Promise<string> {
	try {
		await fixture.server.handle(user, { ...claims, namespace: "default", ...request });
		return "";
	} catch (error) {
		if (error instanceof StatusError) return `${String(error.code)} ${error.message}`;
		throw error;
	}
}

async function written(user: UserInfo, old: ResourceClaimStatus, status: ResourceClaimStatus): Promise<string> {
	const claim = await newClaim(old);
	return answer(user, { verb: "update", name: "c", subresource: "status", body: { ...claim, status } });
}

const cannot = (who: string, verb: string, what: string, name: string, scope: string) =>
	`resourceclaims.resource.k8s.io ${name}is forbidden: User "${who}" cannot ${verb} resource "resourceclaims/${what}" in API group "resource.k8s.io" ${scope}`;
const invalid = '422 ResourceClaim.resource.k8s.io "c" is invalid: ';
const cannotBind = (verb: string) =>
	`${invalid}status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${cannot("alice", verb, "binding", "", "at the cluster scope")}`;

test.each<[string, readonly string[], ResourceClaimStatus, ResourceClaimStatus, string]>([
	["an allocation", [], {}, { allocation }, cannotBind("update")],
	["a user of it", [], { allocation }, { allocation, reservedFor }, cannotBind("update")],
	["no user of it", [], { allocation, reservedFor }, { allocation }, cannotBind("update")],
	["an allocation", ["patch resourceclaims/binding"], {}, { allocation }, cannotBind("update")],
	["an allocation", ["update resourceclaims/binding"], {}, { allocation, reservedFor }, ""],
	["nothing new", [], { allocation, reservedFor }, { allocation, reservedFor }, ""],
])("a claim is given %s by who may also %j", async (_what, rules, old, status, expected) => {
	await allow(...rules);
	expect(await written({ name: "alice", groups: [] }, old, status)).toBe(expected);
});

it("asks for the verb of the request", async () => {
	await allow();
	await newClaim({ allocation });
	const patchType = "application/merge-patch+json";
	const patch = { verb: "patch", name: "c", subresource: "status", patchType, body: { status: { reservedFor } } } as const;
	expect(await answer({ name: "alice", groups: [] }, patch)).toBe(cannotBind("patch"));
	expect(await answer(admin, patch)).toBe("");
});

const [a, b] = drivers;
const cannotReport = (verbs: string, verb: string, driver: string | undefined, who = "system:serviceaccount:default:driver") =>
	`status: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[${verbs}]" permission: ${cannot(who, verb, "driver", `"${driver ?? ""}" `, 'in the namespace "default"')}`;
const far = "arbitrary-node:update";
const near = "associated-node:update";

test.each<[string, readonly string[], UserInfo, ResourceClaimStatus["devices"], ResourceClaimStatus["devices"], string]>([
	["adds an entry", [], driverUser(), [], [entry(a)], invalid + cannotReport(far, far, a)],
	["changes an entry", [], driverUser(), [entry(a)], [entry(a, "False")], invalid + cannotReport(far, far, a)],
	["removes an entry", [], driverUser(), [entry(a)], [], invalid + cannotReport(far, far, a)],
	["leaves it", [], driverUser(), [entry(a)], [entry(a)], ""],
	["adds its own", [`${far} resourceclaims/driver a.example.com`], driverUser(), [], [entry(a)], ""],
	[
		"adds another's",
		[`${far} resourceclaims/driver a.example.com`],
		driverUser(),
		[entry(a)],
		[entry(a, "False"), entry(b)],
		invalid + cannotReport(far, far, b),
	],
	["adds those of all", [`${far} resourceclaims/driver`], driverUser(), [], [entry(a), entry(b)], ""],
	[
		"adds two of others",
		[],
		driverUser(),
		[],
		[entry(b), entry(a)],
		`${invalid}[${cannotReport(far, far, a)}, ${cannotReport(far, far, b)}]`,
	],
	["adds one from its node", [`${near} resourceclaims/driver`], driverUser("n1"), [], [entry(a)], ""],
	["adds one from its node by the wider verb", [`${far} resourceclaims/driver`], driverUser("n1"), [], [entry(a)], ""],
	["adds one from its node without either", [], driverUser("n1"), [], [entry(a)], invalid + cannotReport(`${near} ${far}`, near, a)],
	["adds one from another node", [`${near} resourceclaims/driver`], driverUser("n2"), [], [entry(a)], invalid + cannotReport(far, far, a)],
	[
		"adds one and is no service account",
		[`${near} resourceclaims/driver`],
		driverUser("n1", "alice"),
		[],
		[entry(a)],
		invalid + cannotReport(far, far, a, "alice"),
	],
])("a driver %s who may also %j", async (_what, rules, user, old, devices, expected) => {
	await allow(...rules);
	expect(await written(user, { allocation, devices: old ?? [] }, { allocation, devices: devices ?? [] })).toBe(expected);
});

const label = "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace";
const asAdmin = {
	devices: {
		requests: [
			{ name: "r", exactly: { deviceClassName: "gpu" } },
			{ name: "s", exactly: { deviceClassName: "gpu", adminAccess: true } },
		],
	},
};

it("shows devices in use only to namespaces of administrators, whoever asks", async () => {
	const claim = { verb: "create", body: { metadata: { name: "c" }, spec: asAdmin } } as const;
	const template = { ...claim, resource: "resourceclaimtemplates", body: { metadata: { name: "c" }, spec: { spec: asAdmin } } };
	const path = "spec.devices.requests[1].adminAccess";
	expect(await answer(admin, claim)).toBe(`${invalid}${path}: Forbidden: ${label}`);
	expect(await answer(admin, template)).toBe(`422 ResourceClaimTemplate.resource.k8s.io "c" is invalid: ${path}: Forbidden: ${label}`);
	const metadata = { labels: { "resource.kubernetes.io/admin-access": "true" } };
	const patchType = "application/merge-patch+json";
	await fixture.clusterResource("", "v1", "namespaces").send("patch", { name: "default", patchType, body: { metadata } });
	expect(await answer(admin, claim)).toBe("");
	expect(await answer(admin, template)).toBe("");
});

it("gives no administrator's access elsewhere either", async () => {
	const results = [{ request: "r", driver: "a.example.com", pool: "p", device: "d", adminAccess: true }];
	expect(await written(admin, {}, { allocation: { devices: { results } } })).toBe(
		`${invalid}status.allocation.devices.results[0].adminAccess: Forbidden: ${label}`,
	);
});
