/** A provider that listens on a port of its own, with real keys and real tokens. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { createAuthority, issueCertificate } from "../pki/certificate.ts";
import { readAuthenticationConfiguration } from "./authentication-configuration.ts";
import { OidcAuthenticator } from "./oidc.ts";
import { type JwtProvider, type OidcOptions, OidcOptionsError, providerOf } from "./oidc-options.ts";

const startMs = Date.UTC(2026, 0, 1);
const validity = { notBeforeMs: Date.UTC(2020), notAfterMs: Date.UTC(2100) };
const ca = createAuthority({ commonName: "provider-ca" }, validity);
const leaf = issueCertificate(ca, { subject: { commonName: "provider" }, validity, usages: ["serverAuth"], ipAddresses: ["127.0.0.1"] });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });

let server: Server;
let issuer: string;
let clock: VirtualClock;
/** What the provider answers, by path, and how often it was asked. */
let documents: Record<string, unknown>;
let asked: string[];

const jwk = (key: KeyObject, kid: string, more: object = {}) => ({ ...key.export({ format: "jwk" }), kid, use: "sig", ...more });

beforeEach(async () => {
	clock = new VirtualClock(startMs);
	asked = [];
	server = createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
		asked.push(request.url ?? "");
		const document = documents[request.url ?? ""];
		response.statusCode = document === undefined ? 404 : 200;
		response.end(JSON.stringify(document));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	documents = {
		"/.well-known/openid-configuration": { issuer, jwks_uri: `${issuer}/keys` },
		"/keys": { keys: [jwk(rsa.publicKey, "r"), jwk(ec.publicKey, "e"), { kty: "oct", k: "AAAA", kid: "h" }] },
	};
});

afterEach(async () => {
	await new Promise((resolve) => server.close(resolve));
});

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const second = startMs / 1000;

function token(claims: object = {}, { alg = "RS256", kid = "r", key = rsa.privateKey } = {}): string {
	const all = { iss: issuer, aud: "kubernetes", sub: "alice", exp: second + 3600, ...claims };
	const signed = `${encode({ alg, kid })}.${encode(all)}`;
	return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

const authenticator = (options: Partial<OidcOptions> = {}, more: Partial<JwtProvider> = {}) => {
	const provider = providerOf({ issuerUrl: issuer, clientId: "kubernetes", ca: ca.cert, ...options });
	return new OidcAuthenticator({ ...provider, ...more, clock, log: silentLog });
};

describe("a token of the provider names its user", () => {
	test.each<[string, Partial<OidcOptions>, object, { name: string; groups: string[] }]>([
		["by subject, with the issuer before it", {}, {}, { name: "ISSUER#alice", groups: [] }],
		["by subject, without a prefix", { usernamePrefix: "-" }, {}, { name: "alice", groups: [] }],
		["by another claim and prefix", { usernameClaim: "name", usernamePrefix: "oidc:" }, { name: "Al" }, { name: "oidc:Al", groups: [] }],
		["by email", { usernameClaim: "email" }, { email: "a@b.c", email_verified: true }, { name: "a@b.c", groups: [] }],
		["by email of which nobody says more", { usernameClaim: "email" }, { email: "a@b.c" }, { name: "a@b.c", groups: [] }],
		[
			"with groups",
			{ usernamePrefix: "-", groupsClaim: "g", groupsPrefix: "oidc:" },
			{ g: ["x", "y"] },
			{ name: "alice", groups: ["oidc:x", "oidc:y"] },
		],
		["with one group", { usernamePrefix: "-", groupsClaim: "g" }, { g: "x" }, { name: "alice", groups: ["x"] }],
		["with what is required", { usernamePrefix: "-", requiredClaims: { hd: "acme" } }, { hd: "acme" }, { name: "alice", groups: [] }],
		["for one of several", { usernamePrefix: "-" }, { aud: ["other", "kubernetes"] }, { name: "alice", groups: [] }],
	])("%s", async (_what, options, claims, user) => {
		const verdict = await authenticator(options).authenticateToken(token(claims));
		expect(verdict).toEqual({ user: { ...user, name: user.name.replace("ISSUER", issuer) } });
	});

	test("by an elliptic curve, where that is allowed", async () => {
		const signed = token({}, { alg: "ES256", kid: "e", key: ec.privateKey });
		expect(await authenticator({ signingAlgorithms: ["ES256"] }).authenticateToken(signed)).toMatchObject({
			user: { name: `${issuer}#alice` },
		});
		expect(await authenticator().authenticateToken(signed)).toEqual({
			refused: 'oidc: verify token: oidc: id token signed with unsupported algorithm, expected ["RS256"] got "ES256"',
		});
	});
});

describe("a token is refused", () => {
	test.each<[string, Partial<OidcOptions>, object, string]>([
		["for others", {}, { aud: ["a", "b"] }, 'verify token: oidc: expected audience "kubernetes" got ["a" "b"]'],
		["after its end", {}, { exp: second - 1 }, "verify token: oidc: token is expired"],
		["without an end", {}, { exp: undefined }, "verify token: oidc: token is expired"],
		["before its time", {}, { nbf: second + 301 }, "verify token: oidc: current time is before the nbf (not before) time"],
		["without the name's claim", { usernameClaim: "name" }, {}, 'parse username claims "name": claim not present'],
		[
			"with a name that is no text",
			{},
			{ sub: 7 },
			'parse username claims "sub": json: cannot unmarshal number into Go value of type string',
		],
		["with an email that is not verified", { usernameClaim: "email" }, { email: "a@b.c", email_verified: false }, "email not verified"],
		[
			"with groups that are none",
			{ groupsClaim: "g" },
			{ g: [1] },
			'parse groups claim "g": json: cannot unmarshal array into Go value of type string',
		],
		["without what is required", { requiredClaims: { hd: "acme" } }, {}, "required claim hd not present in ID token"],
		[
			"with something else than required",
			{ requiredClaims: { hd: "acme" } },
			{ hd: "x" },
			"required claim hd value does not match. Got = x, want = acme",
		],
	])("%s", async (_what, options, claims, refused) => {
		expect(await authenticator(options).authenticateToken(token(claims))).toEqual({ refused: `oidc: ${refused}` });
	});

	test("with another's signature", async () => {
		const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
		expect(await authenticator().authenticateToken(token({}, { key: other.privateKey }))).toEqual({
			refused: "oidc: verify token: failed to verify signature: failed to verify id token signature",
		});
	});

	test("when the provider does not answer, or is another; and is asked again after ten seconds", async () => {
		documents["/.well-known/openid-configuration"] = { issuer: "https://other", jwks_uri: `${issuer}/keys` };
		const oidc = authenticator();
		const refusal = { refused: "oidc: authenticator not initialized" };
		expect(await oidc.authenticateToken(token())).toEqual(refusal);
		documents["/.well-known/openid-configuration"] = { issuer, jwks_uri: `${issuer}/keys` };
		expect(await oidc.authenticateToken(token())).toEqual(refusal);
		await clock.advance(10_000);
		expect(await oidc.authenticateToken(token())).toHaveProperty("user");
	});

	test("when the provider's certificate is not of its authority", async () => {
		const { cert } = createAuthority({ commonName: "other" }, validity);
		expect(await authenticator({ ca: cert }).authenticateToken(token())).toEqual({ refused: "oidc: authenticator not initialized" });
	});
});

test("what only a configuration file can say: several audiences, a uid, a document elsewhere", async () => {
	documents["/elsewhere"] = documents["/.well-known/openid-configuration"];
	delete documents["/.well-known/openid-configuration"];
	const oidc = authenticator({}, { audiences: ["a", "b"], uid: "uid", discoveryUrl: `${issuer}/elsewhere` });
	expect(await oidc.authenticateToken(token({ aud: "b", uid: "7" }))).toEqual({ user: { name: `${issuer}#alice`, uid: "7", groups: [] } });
	expect(await oidc.authenticateToken(token({ aud: "b" }))).toEqual({ refused: 'oidc: parse uid claim "uid": claim not present' });
	expect(await oidc.authenticateToken(token({ uid: "7" }))).toEqual({
		refused: 'oidc: verify token: oidc: expected audience in ["a" "b"] got ["kubernetes"]',
	});
});

describe("expressions", () => {
	const claimsOf = (mappings: object, more: object = {}) => {
		const entry = { issuer: { url: issuer, audiences: ["kubernetes"], certificateAuthority: ca.cert }, claimMappings: mappings, ...more };
		const { providers } = readAuthenticationConfiguration({
			apiVersion: "apiserver.config.k8s.io/v1",
			kind: "AuthenticationConfiguration",
			jwt: [entry],
		});
		const [provider] = providers;
		if (provider === undefined) throw new Error("no provider");
		return new OidcAuthenticator({ ...provider, clock, log: silentLog });
	};
	const username = { expression: "claims.sub" };

	test("make a user out of claims", async () => {
		const oidc = claimsOf({
			username: { expression: "'acme:' + claims.sub" },
			groups: { expression: "claims.roles.split(',') + ['']" },
			uid: { expression: "string(claims.id)" },
			extra: [
				{ key: "acme.io/tenant", valueExpression: "claims.tenant" },
				{ key: "acme.io/none", valueExpression: "has(claims.none) ? claims.none : ''" },
			],
		});
		expect(await oidc.authenticateToken(token({ roles: "a,b", id: 7, tenant: ["t"] }))).toEqual({
			user: { name: "acme:alice", uid: "7", groups: ["a", "b"], extra: { "acme.io/tenant": ["t"] } },
		});
	});

	test.each<[string, object, object, object, string]>([
		[
			"a claim that is not there",
			{ username: { expression: "claims.name" } },
			{},
			{},
			"error evaluating username claim expression: expression 'claims.name' resulted in error: no such key: name",
		],
		[
			"a name that is no text",
			{ username: { expression: "claims.exp" } },
			{},
			{},
			"error evaluating username claim expression: username claim expression must return a string",
		],
		[
			"groups that are none",
			{ username, groups: { expression: "[1, 2]" } },
			{},
			{},
			"error evaluating group claim expression: expression must return a string or a list of strings",
		],
		[
			"a uid that is no text",
			{ username, uid: { expression: "7" } },
			{},
			{},
			"error evaluating uid claim expression: uid claim expression must return a string",
		],
		[
			"an extra field that is none",
			{ username, extra: [{ key: "acme.io/a", valueExpression: "claims.exp" }] },
			{},
			{},
			"error evaluating extra claim expression: claims.exp: expression must return a string or a list of strings",
		],
		[
			"a rule about claims",
			{ username },
			{ claimValidationRules: [{ expression: "claims.exp - claims.iat <= 3600", message: "too long" }] },
			{ iat: 0 },
			"error evaluating claim validation expression: validation expression 'claims.exp - claims.iat <= 3600' failed: too long",
		],
		[
			"a rule about users",
			{ username },
			{ userValidationRules: [{ expression: "!user.username.startsWith('a') && user.groups.size() == 0", message: "no a" }] },
			{},
			"error evaluating user info validation rule: validation expression '!user.username.startsWith('a') && user.groups.size() == 0' failed: no a",
		],
	])("refuse %s", async (_what, mappings, more, claims, refused) => {
		expect(await claimsOf(mappings, more).authenticateToken(token(claims))).toEqual({ refused: `oidc: ${refused}` });
	});

	test("may allow a user whose fields are empty", async () => {
		const rules = { userValidationRules: [{ expression: "user.uid == '' && user.groups == [] && user.extra == {}" }] };
		expect(await claimsOf({ username }, rules).authenticateToken(token())).toEqual({ user: { name: "alice", groups: [] } });
	});
});

test("of others nothing is known, and nobody is asked", async () => {
	expect(await authenticator().authenticateToken(token({ iss: "https://other" }))).toBeUndefined();
	expect(await authenticator().authenticateToken("not.a.token")).toBeUndefined();
	expect(asked).toEqual([]);
});

test("keys are asked for once, and again when a token names a new one", async () => {
	const oidc = authenticator();
	await Promise.all([oidc.authenticateToken(token()), oidc.authenticateToken(token())]);
	expect(asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
	const next = generateKeyPairSync("rsa", { modulusLength: 2048 });
	documents["/keys"] = { keys: [jwk(next.publicKey, "n")] };
	expect(await oidc.authenticateToken(token({}, { kid: "n", key: next.privateKey }))).toHaveProperty("user");
	expect(asked.slice(2)).toEqual(["/keys"]);
	expect(await oidc.authenticateToken(token())).toHaveProperty("refused");
});

test.each<[Partial<OidcOptions>, string]>([
	[{ issuerUrl: "http://a" }, 'jwt[0].issuer.url: Invalid value: "http://a": URL scheme must be https'],
	[{ clientId: "" }, "oidc-issuer-url and oidc-client-id must be specified together"],
	[{ signingAlgorithms: ["none"] }, 'oidc: unsupported signing alg: "none"'],
])("%o cannot be used", (options, message) => {
	expect(() => providerOf({ issuerUrl: "https://a", clientId: "k", ...options })).toThrow(new OidcOptionsError(message));
});
