import { beforeEach, expect, test } from "vitest";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import { configMaps, secrets } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { bootstrapSigner, detachedSignature } from "./bootstrap-signer.ts";
import { tokenCleaner } from "./token-cleaner.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(tokenCleaner, bootstrapSigner);
});

function token(id: string, more: Readonly<Record<string, string>> = {}): Secret {
	const data = { "token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true", ...more };
	return {
		apiVersion: "v1",
		kind: "Secret",
		metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
		type: "bootstrap.kubernetes.io/token",
		data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
	};
}

const make = (...tokens: readonly Secret[]) => Promise.all(tokens.map((secret) => fixture.client.resource(secrets).create(secret)));
const names = async () => (await fixture.list(secrets, "kube-system")).map(({ metadata }) => metadata?.name).sort();

test("a token goes when its time is over, and no other one", async () => {
	const inAMinute = new Date(fixture.clock.now() + 60_000).toISOString();
	await make(token("aaaaaa", { expiration: inAMinute }), token("bbbbbb"), token("cccccc", { expiration: "soon" }));
	await fixture.settle();
	expect(await names()).toEqual(["bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb"]);
	await fixture.clock.advance(59_000);
	expect(await names()).toEqual(["bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb"]);
	await fixture.clock.advance(2000);
	expect(await names()).toEqual(["bootstrap-token-bbbbbb"]);
	await fixture.stop();
});

test("cluster-info is signed with the tokens that are for it, and with no others", async () => {
	const data = async () => (await fixture.client.resource(configMaps).get({ namespace: "kube-public", name: "cluster-info" })).data;
	await make(token("aaaaaa"), token("bbbbbb", { "usage-bootstrap-signing": "false" }), token("cccccc", { "token-id": "dddddd" }));
	await fixture.client.resource(configMaps).create({
		apiVersion: "v1",
		kind: "ConfigMap",
		metadata: { namespace: "kube-public", name: "cluster-info" },
		data: { kubeconfig: "clusters: []\n", "jws-kubeconfig-zzzzzz": "old" },
	});
	await fixture.settle();
	const signature = detachedSignature("clusters: []\n", "aaaaaa", "0123456789abcdef");
	expect(await data()).toEqual({ kubeconfig: "clusters: []\n", "jws-kubeconfig-aaaaaa": signature });
	await fixture.client.resource(secrets).delete({ namespace: "kube-system", name: "bootstrap-token-aaaaaa" });
	await fixture.settle();
	expect(await data()).toEqual({ kubeconfig: "clusters: []\n" });
	await fixture.stop();
});

test("a signature is that of cluster-bootstrap's own test", () => {
	// Source: staging/src/k8s.io/cluster-bootstrap/token/jws/jws_test.go.
	expect(detachedSignature("Hello from the other side. I must have called a thousand times.", "joshua", "my voice is my passcode")).toBe(
		"eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8",
	);
});
