import { beforeEach, expect, test } from "vitest";
import type { Secret } from "../apimachinery/schema/generated/types.ts";
import { secrets, serviceAccounts } from "../client/resources.ts";
import { serviceAccountTokenController } from "./service-account-token-controller.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";

let fixture: ControllerFixture;
let uid: string;

beforeEach(async () => {
	fixture = new ControllerFixture();
	const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "ns", name: "robot" } };
	uid = (await fixture.client.resource(serviceAccounts).create(account)).metadata?.uid ?? "";
	const sign = (owner: { metadata?: { name?: string } }, secretName: string) => `token of ${owner.metadata?.name} in ${secretName}`;
	await fixture.start(serviceAccountTokenController({ rootCa: () => "PEM", sign }));
});

async function create(annotations: Readonly<Record<string, string>>, data: Readonly<Record<string, string>> = {}): Promise<void> {
	const metadata = { namespace: "ns", name: "s", annotations };
	const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/service-account-token", data };
	await fixture.client.resource(secrets).create(secret);
	await fixture.settle();
}

/** The Secret's data as text; undefined if it is gone. */
async function found(): Promise<Readonly<Record<string, string>> | undefined> {
	const [secret] = await fixture.list(secrets, "ns");
	if (secret === undefined) return undefined;
	const data = Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]);
	return { ...Object.fromEntries(data), ...secret.metadata?.annotations };
}

const ofRobot = { "kubernetes.io/service-account.name": "robot" };

test("a Secret of a service account gets its token, the authority and the namespace, and is left alone then", async () => {
	await create(ofRobot);
	const filled = { ...ofRobot, "kubernetes.io/service-account.uid": uid, "ca.crt": "PEM", namespace: "ns", token: "token of robot in s" };
	expect(await found()).toEqual(filled);
	fixture.takeWrites();
	await fixture.change(secrets, "ns/s", (secret) => ({ ...secret, metadata: { ...secret.metadata, labels: { a: "b" } } }));
	await fixture.settle();
	expect(fixture.takeWrites()).toEqual(["update secrets ns/s"]);
	await fixture.stop();
});

test("what somebody spoilt is put right; a token of their own stays", async () => {
	await create(ofRobot, { "ca.crt": "b2xk", token: "bWluZQ==" });
	expect(await found()).toMatchObject({ "ca.crt": "PEM", namespace: "ns", token: "mine" });
	await fixture.stop();
});

test.each([
	["nobody", { "kubernetes.io/service-account.name": "ghost" }],
	["one that is gone, of the same name", { ...ofRobot, "kubernetes.io/service-account.uid": "another" }],
])("a Secret of %s goes", async (_whom, annotations) => {
	await create(annotations);
	expect(await found()).toBeUndefined();
	await fixture.stop();
});

test("with its service account the Secret goes, and with the Secret the account's reference", async () => {
	await create(ofRobot);
	await fixture.change(serviceAccounts, "ns/robot", (account) => ({ ...account, secrets: [{ name: "s" }, { name: "other" }] }));
	await fixture.client.resource(secrets).delete({ namespace: "ns", name: "s" });
	await fixture.settle();
	expect((await fixture.client.resource(serviceAccounts).get({ namespace: "ns", name: "robot" })).secrets).toEqual([{ name: "other" }]);
	await create(ofRobot);
	await fixture.client.resource(serviceAccounts).delete({ namespace: "ns", name: "robot" });
	await fixture.settle();
	expect(await found()).toBeUndefined();
	await fixture.stop();
});
