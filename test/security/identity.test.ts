/**
 * Nobody gets in where they do not belong: forged credentials, borrowed names and crooked paths, over real HTTPS. After
 * all of it the server is up.
 */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuthenticationTokenRequest } from "../../src/apimachinery/schema/generated/types.ts";
import { createAuthority, issueCertificate, type KeyPair, type LeafOptions } from "../../src/apiserver/pki/certificate.ts";
import { loadOrCreatePki, type Pki } from "../../src/apiserver/pki/pki.ts";
import { serviceAccounts } from "../../src/client/resources.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { get, type Identity, type RawReply, sendRaw } from "../tools/raw-tls.ts";

const nowMs = Date.now();
const dayMs = 24 * 3600_000;
const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs };

let pki: Pki;
let test: TestCluster;

beforeAll(async () => {
	pki = await loadOrCreatePki(undefined, { nowMs });
	test = await startTestCluster({ pki, nodes: 1, authentication: { tokenFile: { text: "sesame,alice,,dev\n", path: "t" } } });
});
afterAll(() => test[Symbol.asyncDispose]());

const whoPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const secrets = "/api/v1/namespaces/kube-system/secrets";

/** Who the server takes the sender for: a name with its groups, "nobody" for the anonymous user, else the code. */
async function whoIs(headers: readonly string[] = [], identity?: Identity): Promise<string> {
	const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" });
	const head = [`POST ${whoPath} HTTP/1.1`, "Host: kubesim", "Content-Type: application/json", `Content-Length: ${body.length}`];
	const { code, json, text } = await sendRaw(test.url, [...head, ...headers], identity, body);
	if (code === 403 && text.includes('User \\"system:anonymous\\"')) return "nobody";
	if (code !== 201) return `${code} ${json.message}`;
	const { username, groups } = json.status.userInfo;
	return `${username} ${groups.join(",")}`;
}

const bearer = (token: string) => [`Authorization: Bearer ${token}`];
const refused = "401 Unauthorized";

function leaf(ca: KeyPair, commonName: string, more: Partial<LeafOptions> = {}, organizations: readonly string[] = ["dev"]): KeyPair {
	return issueCertificate(ca, { subject: { commonName, organizations }, validity, usages: ["clientAuth"], ...more });
}

describe("client certificates", () => {
	it.each<[string, () => KeyPair, string]>([
		["a good one", () => leaf(pki.ca, "jane"), "jane dev,system:authenticated"],
		["one of another authority of the same name", () => leaf(createAuthority({ commonName: "kubernetes" }, validity), "jane"), refused],
		["one that signed itself", () => createAuthority({ commonName: "jane" }, validity), refused],
		["one of the front proxy's authority", () => leaf(pki.frontProxy.ca, "jane"), refused],
		["one that is over", () => leaf(pki.ca, "jane", { validity: { notBeforeMs: nowMs - 2 * dayMs, notAfterMs: nowMs - dayMs } }), refused],
		[
			"one that is not yet",
			() => leaf(pki.ca, "jane", { validity: { notBeforeMs: nowMs + dayMs, notAfterMs: nowMs + 2 * dayMs } }),
			refused,
		],
		["one for servers", () => leaf(pki.ca, "jane", { usages: ["serverAuth"] }), refused],
		["the server's own", () => pki.apiServer, refused],
		["one without a name", () => leaf(pki.ca, ""), refused],
		[
			"one whose name looks like several",
			() => leaf(pki.ca, "jane\nO=system:masters, O=system:masters + O=x", {}, []),
			"jane\nO=system:masters, O=system:masters + O=x system:authenticated",
		],
		["one of nobody in particular", () => leaf(pki.ca, "system:anonymous", {}, ["system:unauthenticated"]), "nobody"],
	])("%s", async (_what, certificate, who) => {
		expect(await whoIs([], certificate())).toBe(who);
	});

	it("of a user who is no authority do not vouch for others", async () => {
		const jane = leaf(pki.ca, "jane");
		const forged = leaf(jane, "root", {}, ["system:masters"]);
		expect(await whoIs([], { key: forged.key, cert: forged.cert + jane.cert })).toBe(refused);
	});

	it("count before tokens, and a bad one does not spoil a good token", async () => {
		expect(await whoIs(bearer("sesame"), leaf(pki.ca, "jane"))).toBe("jane dev,system:authenticated");
		expect(await whoIs(bearer("sesame"), leaf(createAuthority({ commonName: "kubernetes" }, validity), "jane"))).toBe(
			"alice dev,system:authenticated",
		);
	});
});

describe("tokens", () => {
	const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

	async function issue(spec: object = {}): Promise<string> {
		const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec } as AuthenticationTokenRequest;
		const client = test.cluster.client.resource(serviceAccounts);
		const answer = await client.createSubresource({ namespace: "default", name: "default" }, "token", body);
		return (answer as AuthenticationTokenRequest).status?.token ?? "";
	}
	const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
	const headOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
	const robot = "system:serviceaccount:default:default system:serviceaccounts,system:serviceaccounts:default,system:authenticated";

	/** A token signed with the cluster's own key, whatever it says. */
	function signedBy(key: string, head: object, claims: object): string {
		const signed = `${encode(head)}.${encode(claims)}`;
		return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
	}

	it.each<[string, (token: string) => string, string]>([
		["a good one", (token) => token, robot],
		["cut off", (token) => token.slice(0, -10), refused],
		["without a signature", (token) => `${token.split(".").slice(0, 2).join(".")}.`, refused],
		[
			"with one letter changed",
			(token) => token.replace(/\.(.)(.*)\./, (_all, first, rest) => `.${first === "e" ? "f" : "e"}${rest}.`),
			refused,
		],
		["with another user's claims", (token) => swapClaims(token, { sub: "system:serviceaccount:kube-system:default" }), refused],
		["alg none", (token) => `${encode({ ...headOf(token), alg: "none" })}.${token.split(".")[1]}.`, refused],
		[
			"alg None, with the signature left on",
			(token) => `${encode({ ...headOf(token), alg: "None" })}.${token.split(".").slice(1).join(".")}`,
			refused,
		],
		["the public key used as a secret", (token) => confuse(token, pki.serviceAccount.publicKey), refused],
		[
			"the public key in another form used as a secret",
			(token) => confuse(token, createPublicKey(pki.serviceAccount.publicKey).export({ type: "spki", format: "der" })),
			refused,
		],
		["signed with a key of its own that it brings along", ownKey, refused],
		[
			"signed with another key under our key's name",
			(token) =>
				signedBy(
					generateKeyPairSync("ec", {
						namedCurve: "P-256",
						privateKeyEncoding: { type: "pkcs8", format: "pem" },
						publicKeyEncoding: { type: "spki", format: "pem" },
					}).privateKey,
					headOf(token),
					claimsOf(token),
				),
			refused,
		],
		[
			"over, by more than clocks may be apart",
			(token) => signedBy(pki.serviceAccount.privateKey, headOf(token), { ...claimsOf(token), exp: Math.floor(nowMs / 1000) - 120 }),
			refused,
		],
		[
			"not yet",
			(token) => signedBy(pki.serviceAccount.privateKey, headOf(token), { ...claimsOf(token), nbf: Math.floor(nowMs / 1000) + 900 }),
			refused,
		],
		["for others", (token) => signedBy(pki.serviceAccount.privateKey, headOf(token), { ...claimsOf(token), aud: ["vault"] }), refused],
		[
			"of another issuer",
			(token) => signedBy(pki.serviceAccount.privateKey, headOf(token), { ...claimsOf(token), iss: "https://example.com" }),
			refused,
		],
		[
			"of an account that has another uid now",
			(token) =>
				signedBy(pki.serviceAccount.privateKey, headOf(token), {
					...claimsOf(token),
					"kubernetes.io": { namespace: "default", serviceaccount: { name: "default", uid: "x" } },
				}),
			refused,
		],
		["twice", (token) => `${token}, ${token}`, refused],
		["nothing", () => "", "nobody"],
		["of another scheme", () => "\r\nX: Basic YWxpY2U6c2VzYW1l", "nobody"],
	])("%s", async (_what, change, who) => {
		expect(await whoIs(bearer(change(await issue())))).toBe(who);
	});

	function swapClaims(token: string, claims: object): string {
		const [head, , signature] = token.split(".");
		return `${head}.${encode({ ...claimsOf(token), ...claims })}.${signature}`;
	}

	/** HMAC with what everybody knows, in the hope that the server takes its public key for the secret. */
	function confuse(token: string, secret: string | Buffer): string {
		const signed = `${encode({ ...headOf(token), alg: "HS256" })}.${token.split(".")[1]}`;
		return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
	}

	function ownKey(token: string): string {
		const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
		const head = { alg: "ES256", jwk: publicKey.export({ format: "jwk" }), jku: "https://example.com/keys" };
		const signed = `${encode(head)}.${token.split(".")[1]}`;
		return `${signed}.${sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
	}

	it.each([
		[["Authorization: Bearer sesame", "Authorization: Bearer wrong"], "alice dev,system:authenticated"],
		[["Authorization: Bearer wrong", "Authorization: Bearer sesame"], refused],
		[["aUTHORIZATION: bEARER sesame"], "alice dev,system:authenticated"],
		[["Authorization: Bearer  sesame"], "nobody"],
		[["Authorization: sesame"], "nobody"],
		[["Proxy-Authorization: Bearer sesame"], "nobody"],
	])("in %o", async (headers, who) => {
		expect(await whoIs(headers)).toBe(who);
	});
});

describe("names in headers", () => {
	const asRoot = ["X-Remote-User: root", "X-Remote-Group: system:masters", "X-Remote-Uid: 0", "X-Remote-Extra-Scopes: all"];

	it.each<[string, () => Identity | undefined, readonly string[], string]>([
		["the front proxy speaks for others", () => pki.frontProxy.client, asRoot, "root system:masters,system:authenticated"],
		[
			"the front proxy says several groups, odd letters and all",
			() => pki.frontProxy.client,
			["x-rEMOTE-uSER: jo", "X-REMOTE-GROUP: a, b", "x-remote-group: ", "x-remote-group: c"],
			"jo a, b,c,system:authenticated",
		],
		[
			"the front proxy names the first, if it names two",
			() => pki.frontProxy.client,
			["X-Remote-User: jo", "X-Remote-User: root"],
			"jo system:authenticated",
		],
		["the front proxy by itself is nobody", () => pki.frontProxy.client, ["X-Remote-User: "], refused],
		["its authority under another name may not", () => leaf(pki.frontProxy.ca, "mallory"), asRoot, refused],
		[
			"its name under another authority may not",
			() => leaf(pki.ca, "front-proxy-client"),
			asRoot,
			"front-proxy-client dev,system:authenticated",
		],
		[
			"its name and authority over may not",
			() => leaf(pki.frontProxy.ca, "front-proxy-client", { validity: { notBeforeMs: nowMs - 2 * dayMs, notAfterMs: nowMs - dayMs } }),
			asRoot,
			refused,
		],
		["nobody may", () => undefined, asRoot, "nobody"],
		["a user may not", () => leaf(pki.ca, "jane"), asRoot, "jane dev,system:authenticated"],
		["a user with underscores and blanks may not", () => leaf(pki.ca, "jane"), ["X_Remote_User: root", "X-Remote-User : root"], "400"],
	])("%s", async (_what, identity, headers, who) => {
		expect((await whoIs(headers, identity()).catch(() => "400")).slice(0, who.length)).toBe(who);
	});

	const jane = () => leaf(pki.ca, "jane");
	const admin = (): Identity => ({
		cert: test.cluster.adminCredentials().clientCertificate,
		key: test.cluster.adminCredentials().clientKey,
	});
	it.each<[string, () => Identity, readonly string[], string]>([
		["a user is nobody else by a second line", jane, ["Impersonate-User: ", "Impersonate-User: root"], "jane dev,system:authenticated"],
		[
			"not by a group alone",
			jane,
			["Impersonate-Group: system:masters"],
			'400 requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"system:masters"}, Extra:map[string][]string(nil)} without impersonating a user name',
		],
		["not with an empty name", jane, ["Impersonate-User:", "Impersonate-Group: system:masters"], "400 requested &user.DefaultInfo"],
		["not with a uid alone", jane, ["Impersonate-Uid: 0"], "400 requested &user.DefaultInfo"],
		["not with an extra alone", jane, ["Impersonate-Extra-Scopes: all"], "400 requested &user.DefaultInfo"],
		[
			"an administrator does",
			admin,
			["Impersonate-User: bob", "Impersonate-Group: a,b", "Impersonate-Group: c"],
			"bob a,b,c,system:authenticated",
		],
		["an administrator is the first he names", admin, ["Impersonate-User: bob", "Impersonate-User: root"], "bob system:authenticated"],
		[
			"who acts as a user has that user's rights",
			admin,
			["Impersonate-User: bob", "X-Remote-User: root", "X-Remote-Group: system:masters"],
			"bob system:authenticated",
		],
	])("%s", async (_what, identity, headers, who) => {
		expect((await whoIs(headers, identity())).slice(0, who.length)).toBe(who);
	});
});

it.each(["Impersonate-User", "iMPERSONATE-uSER"])("a user becomes nobody else by %s", async (name) => {
	const { json } = await get(test.url, "/api/v1/pods", [`${name}: root`], leaf(pki.ca, "jane"));
	expect(json.message).toBe(
		'pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods" in API group "" at the cluster scope',
	);
});

describe("crooked paths", () => {
	const isIn = (reply: RawReply) => reply.code >= 200 && reply.code < 300;

	it.each([
		`/${secrets}`,
		"//api/v1/namespaces/kube-system/secrets",
		"/api//v1/namespaces/kube-system/secrets",
		"/api/v1//namespaces/kube-system/secrets",
		"/api/v1/namespaces//secrets",
		"/healthz/../api/v1/namespaces/kube-system/secrets",
		"/healthz/%2e%2e/api/v1/namespaces/kube-system/secrets",
		"/version/%2E%2E/api/v1/secrets",
		"/api/v1/namespaces/default/../kube-system/secrets",
		"/api/v1/namespaces/default%2f..%2fkube-system/secrets",
		"/api/v1/namespaces/kube-system%2fsecrets",
		"/api/v1/namespaces/kube-system/secrets%2f",
		"/api/v1/namespaces/kube-system/secrets;a=b",
		"/api/v1;/secrets",
		"/healthz;/api/v1/secrets",
		"/healthz/..;/api/v1/secrets",
		"/api\\v1\\secrets",
		"/healthz\\..\\api\\v1\\secrets",
		"/%61pi/v1/secrets",
		"/API/v1/secrets",
		"/api/v1/secrets%00",
		"/api/v1/secrets?watch=false",
		"/api/v1/watch/secrets",
		"/api/v1/secrets/#/healthz",
		"/api/v1/nodes/node-1/proxy/pods",
		"/api/v1/nodes/node-1:10250/proxy/../../../secrets",
		"https://kubesim/api/v1/secrets",
		"*",
	])("%s shows nobody anything", async (path) => {
		for (const headers of [[], bearer("sesame")]) {
			const reply = await get(test.url, path, headers);
			expect([path, reply.code, isIn(reply), reply.text.includes('"SecretList"')]).toEqual([path, reply.code, false, false]);
			expect(reply.code).toBeLessThan(500);
		}
	});

	it("methods that nobody knows show nothing either", async () => {
		for (const method of ["TRACE", "CONNECT", "PROPFIND", "GET\tX", "HEAD", "OPTIONS"]) {
			const reply = await sendRaw(test.url, [`${method} ${secrets} HTTP/1.1`, "Host: kubesim"]);
			expect([method, isIn(reply)]).toEqual([method, false]);
		}
	});

	it("a request within a request is not one", async () => {
		const inner = `GET ${secrets} HTTP/1.1\r\nHost: kubesim\r\n\r\n`;
		for (const framing of [
			["Content-Length: 0", "Transfer-Encoding: chunked"],
			["Content-Length: 5", "Content-Length: 0"],
			["Transfer-Encoding: chunked, identity"],
			["Transfer-Encoding : chunked"],
			["Transfer-Encoding: \x0bchunked"],
		]) {
			const reply = await sendRaw(
				test.url,
				["POST /api/v1/namespaces HTTP/1.1", "Host: kubesim", ...framing],
				undefined,
				`0\r\n\r\n${inner}`,
			);
			expect([framing, reply.text.includes("SecretList")]).toEqual([framing, false]);
		}
	});
});

describe("too much", () => {
	it.each<[string, readonly string[]]>([
		["one header of a megabyte", [`X-Large: ${"a".repeat(1024 * 1024)}`]],
		["a token of a megabyte", bearer("a".repeat(1024 * 1024))],
		["a million names to impersonate", Array.from({ length: 20_000 }, (_, index) => `Impersonate-Group: g${index}`)],
	])("%s is refused", async (_what, headers) => {
		const { code } = await get(test.url, "/version", headers);
		expect([0, 400, 431]).toContain(code);
	});

	it("many headers are no harm", async () => {
		const headers = Array.from({ length: 500 }, (_, index) => `X-H-${index}: v`);
		expect([200, 431]).toContain((await get(test.url, "/version", headers)).code);
		const groups = Array.from({ length: 100 }, (_, index) => `Impersonate-Group: g${index}`);
		expect((await get(test.url, "/api", [...bearer("sesame"), "Impersonate-User: bob", ...groups])).code).toBe(403);
	});

	it("a hundred bad tokens are a hundred refusals", async () => {
		const codes = await Promise.all(Array.from({ length: 100 }, (_, index) => whoIs(bearer(`bad.${index}.token`))));
		expect(new Set(codes)).toEqual(new Set([refused]));
	});
});

it("the server is up after all that", async () => {
	expect((await get(test.url, "/livez")).code).toBe(200);
	expect(await test.run("get nodes -o name")).toBe("node/node-1\n");
});
