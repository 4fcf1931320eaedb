/** Who one is, by every way to say so that kubectl knows. */
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, issueCertificate } from "../../src/apiserver/pki/certificate.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { send } from "../tools/https.ts";
import type { Tool } from "../tools/kubectl.ts";

const day = new Date().toISOString().slice(0, 10);
const validity = { notBeforeMs: Date.UTC(2020), notAfterMs: Date.UTC(2100) };
const providerCa = createAuthority({ commonName: "provider-ca" }, validity);
const providerKey = generateKeyPairSync("rsa", { modulusLength: 2048 });

let provider: Server;
let issuer: string;
let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);

beforeAll(async () => {
	const { cert, key } = issueCertificate(providerCa, {
		subject: { commonName: "provider" },
		validity,
		usages: ["serverAuth"],
		ipAddresses: ["127.0.0.1"],
	});
	const jwk = { ...providerKey.publicKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "RS256" };
	provider = createServer({ cert, key }, (request, response) => {
		const isKeys = request.url === "/keys";
		response.end(JSON.stringify(isKeys ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
	});
	await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
	issuer = `https://127.0.0.1:${(provider.address() as AddressInfo).port}`;
	test = await startTestCluster({
		authentication: {
			tokenFile: { text: 'sesame,alice,42,"dev,ops"\n', path: "tokens.csv" },
			oidc: { issuerUrl: issuer, clientId: "kubernetes", ca: providerCa.cert, usernamePrefix: "oidc:", groupsClaim: "groups" },
		},
	});
});
afterAll(async () => {
	await test[Symbol.asyncDispose]();
	await new Promise((resolve) => provider.close(resolve));
});

/** kubectl without the administrator's certificate: a token would not count beside it. */
async function withToken(token: string): Promise<Tool> {
	await run(["config", "set-credentials", "bearer", `--token=${token}`]);
	await run("config set-context bearer --cluster=kubesim --user=bearer");
	return test.kubectl;
}

async function whoIs(token: string): Promise<Record<string, unknown>> {
	const kubectl = await withToken(token);
	return JSON.parse(await kubectl.run("auth whoami --context=bearer -o json")).status.userInfo;
}

async function review(spec: object): Promise<Record<string, unknown>> {
	const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec };
	return JSON.parse(await run("create -o json -f -", JSON.stringify(body))).status;
}

describe("whoami", () => {
	it("tells the administrator as a table", async () => {
		expect(await run("auth whoami")).toMatch(
			/^ATTRIBUTE +VALUE\nUsername +kubernetes-admin\nGroups +\[system:masters system:authenticated\]\nExtra: authentication\.kubernetes\.io\/credential-id +\[X509SHA256=[0-9a-f]{64}\]\n$/,
		);
	});

	it("tells whom one acts as", async () => {
		const args =
			"auth whoami --as=jane --as-group=a --as-group=b --as-uid=7 --as-user-extra=acme.io/Project=x --as-user-extra=acme.io/Project=y";
		expect(await run(args)).toBe(
			[
				"ATTRIBUTE                VALUE",
				"Username                 jane",
				"UID                      7",
				"Groups                   [a b system:authenticated]",
				"Extra: acme.io/project   [x y]",
				"",
			].join("\n"),
		);
		expect(JSON.parse(await run("auth whoami --as=system:serviceaccount:default:default -o json")).status.userInfo.groups).toEqual([
			"system:serviceaccounts",
			"system:serviceaccounts:default",
			"system:authenticated",
		]);
		expect(JSON.parse(await run("auth whoami --as=system:node:node-1 -o json")).status.userInfo.groups).toEqual([
			"system:nodes",
			"system:authenticated",
		]);
	});

	it("does not let everybody act as somebody", async () => {
		const kubectl = await withToken("sesame");
		expect(await kubectl.fail("get --raw /api/v1/namespaces/default/pods --context=bearer --as=bob")).toBe(
			'Error from server (Forbidden): pods is forbidden: User "alice" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "default"\n',
		);
		expect(await fail("get pods --as-group=x")).toBe(
			"error: requesting uid, groups or user-extra for kubesim without impersonating a user\n",
		);
	});
});

describe("tokens", () => {
	it("of a file", async () => {
		expect(await whoIs("sesame")).toEqual({ username: "alice", uid: "42", groups: ["dev", "ops", "system:authenticated"] });
	});

	it("of a service account", async () => {
		const token = (await run("create token default --duration=10m")).trim();
		expect(await whoIs(token)).toMatchObject({
			username: "system:serviceaccount:default:default",
			groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
			extra: { "authentication.kubernetes.io/credential-id": [expect.stringMatching(/^JTI=/)] },
		});
		expect(await fail("create token nobody")).toBe('error: failed to create token: serviceaccounts "nobody" not found\n');
	});

	it("of a service account, bound to a pod, until that is gone", async () => {
		await run("run web --image=nginx");
		const token = (await run("create token default --bound-object-kind=Pod --bound-object-name=web")).trim();
		expect((await whoIs(token)).extra).toMatchObject({ "authentication.kubernetes.io/pod-name": ["web"] });
		await run("delete pod web --now");
		expect(await (await withToken(token)).fail("auth whoami --context=bearer")).toContain("You must be logged in to the server");
		expect(await review({ token })).toEqual({ user: {}, error: "service account token has been invalidated" });
	});

	it("of a service account, for others", async () => {
		const token = (await run("create token default --audience=vault")).trim();
		expect(await review({ token })).toEqual({
			user: {},
			error: 'token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]',
		});
		expect(await review({ token, audiences: ["vault", "more"] })).toMatchObject({ authenticated: true, audiences: ["vault"] });
		expect(await review({ token: "sesame", audiences: ["vault"] })).toEqual({ user: {}, error: "invalid bearer token" });
		expect(
			await fail("create --validate=false -f -", JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: {} })),
		).toContain("token is required for TokenReview in authentication");
	});

	it("of a Secret, which tells when it was used", async () => {
		const annotations = { "kubernetes.io/service-account.name": "default" };
		const secret = {
			apiVersion: "v1",
			kind: "Secret",
			metadata: { name: "old", annotations },
			type: "kubernetes.io/service-account-token",
		};
		await run("create -f -", JSON.stringify(secret));
		const encoded = await eventually(async () => (await run("get secret old -o jsonpath={.data.token}")) || undefined);
		const token = Buffer.from(encoded, "base64").toString();
		expect(await run("describe secret old")).toMatch(
			/Type: +kubernetes.io\/service-account-token[\s\S]*ca.crt: +\d+ bytes\nnamespace: +7 bytes\ntoken: +eyJ/,
		);
		expect(await whoIs(token)).toMatchObject({ username: "system:serviceaccount:default:default" });
		const label = () => run(["get", "secret", "old", "-o", "jsonpath={.metadata.labels.kubernetes\\.io/legacy-token-last-used}"]);
		expect([day, new Date().toISOString().slice(0, 10)]).toContain(await eventually(async () => (await label()) || undefined));
		await run("label secret old kubernetes.io/legacy-token-invalid-since=2026-01-01");
		expect((await review({ token })).error).toContain(
			"the token in secret default/old for service account default/default has been marked invalid.",
		);
		await run("delete secret old");
		expect((await review({ token })).error).toBe("Token has been invalidated");
	});

	it("of new nodes", async () => {
		const args = [
			"--from-literal=token-id=abcdef",
			"--from-literal=token-secret=0123456789abcdef",
			"--from-literal=usage-bootstrap-authentication=true",
		];
		const create = "create secret generic bootstrap-token-abcdef -n kube-system --type=bootstrap.kubernetes.io/token";
		await run([...create.split(" "), ...args, "--from-literal=auth-extra-groups=system:bootstrappers:workers"]);
		expect(await whoIs("abcdef.0123456789abcdef")).toEqual({
			username: "system:bootstrap:abcdef",
			groups: ["system:bootstrappers", "system:bootstrappers:workers", "system:authenticated"],
		});
	});

	it("of an OpenID Connect provider", async () => {
		const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
		const claims = { iss: issuer, aud: "kubernetes", sub: "al", groups: ["oidc-dev"], exp: Math.floor(Date.now() / 1000) + 600 };
		const signed = `${encode({ alg: "RS256", kid: "1" })}.${encode(claims)}`;
		const token = `${signed}.${sign("sha256", Buffer.from(signed), providerKey.privateKey).toString("base64url")}`;
		expect(await whoIs(token)).toEqual({ username: "oidc:al", groups: ["oidc-dev", "system:authenticated"] });
	});

	it("can be checked by others: the issuer's document and keys", async () => {
		const configuration = await send(test, "/.well-known/openid-configuration");
		expect([configuration.headers["content-type"], configuration.headers["cache-control"]]).toEqual([
			"application/json",
			"public, max-age=3600",
		]);
		expect(configuration.text).toBe(
			`{"issuer":"https://kubernetes.default.svc.cluster.local","jwks_uri":"${test.url}/openid/v1/jwks","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`,
		);
		const keys = await send(test, "/openid/v1/jwks");
		expect(keys.headers["content-type"]).toBe("application/jwk-set+json");
		const [key] = JSON.parse(keys.text).keys;
		const token = (await run("create token default")).trim();
		const [head = "", body = "", signature = ""] = token.split(".");
		expect(JSON.parse(Buffer.from(head, "base64url").toString())).toEqual({ alg: "ES256", kid: key.kid });
		const { subtle } = globalThis.crypto;
		const publicKey = await subtle.importKey("jwk", key, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
		const content = Buffer.from(`${head}.${body}`);
		expect(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, publicKey, Buffer.from(signature, "base64url"), content)).toBe(true);
	});
});
