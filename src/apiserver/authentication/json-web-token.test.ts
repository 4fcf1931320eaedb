import {
	createHmac,
	createPublicKey,
	createSecretKey,
	generateKeyPairSync,
	type KeyObject,
	type SignKeyObjectInput,
	sign,
} from "node:crypto";
import { describe, expect, test } from "vitest";
import { algorithmOf, audiencesOf, isSignedBy, parseToken } from "./json-web-token.ts";

const encode = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const claims = { sub: "alice" };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ec384 = generateKeyPairSync("ec", { namedCurve: "P-384" });

function make(alg: string, key: KeyObject, digest: string, form: Omit<SignKeyObjectInput, "key"> = {}, more: object = {}): string {
	const signed = `${encode({ alg, ...more })}.${encode(claims)}`;
	return `${signed}.${sign(digest, Buffer.from(signed), { key, ...form }).toString("base64url")}`;
}

function isGood(token: string, key: KeyObject): boolean {
	const parsed = parseToken(token);
	return parsed !== undefined && isSignedBy(parsed, key);
}

const p1363 = { dsaEncoding: "ieee-p1363" } as const;
const pss = { padding: 6, saltLength: -1 };
const es256 = make("ES256", ec.privateKey, "sha256", p1363);

describe("a signature", () => {
	test.each([
		["RS256", make("RS256", rsa.privateKey, "sha256"), rsa.publicKey],
		["RS512", make("RS512", rsa.privateKey, "sha512"), rsa.publicKey],
		["PS256", make("PS256", rsa.privateKey, "sha256", pss), rsa.publicKey],
		["ES256", es256, ec.publicKey],
		["ES384", make("ES384", ec384.privateKey, "sha384", p1363), ec384.publicKey],
	])("by %s is good for its key, and for no other", (_algorithm, token, key) => {
		expect(isGood(token, key)).toBe(true);
		for (const other of [rsa, ec, ec384]) if (other.publicKey !== key) expect(isGood(token, other.publicKey)).toBe(false);
	});

	const pem = ec.publicKey.export({ type: "spki", format: "pem" }).toString();
	const hmac = (key: string) => {
		const signed = `${encode({ alg: "HS256" })}.${encode(claims)}`;
		return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
	};
	const [head = "", body = "", signature = ""] = es256.split(".");

	test.each([
		["none", `${encode({ alg: "none" })}.${body}.`],
		["none, with the signature of another head", `${encode({ alg: "none" })}.${body}.${signature}`],
		["the public key as a secret", hmac(pem)],
		["another algorithm's name", make("RS256", ec.privateKey, "sha256", p1363)],
		["another algorithm's name, in that one's form", make("RS256", ec.privateKey, "sha256")],
		["no name", `${encode({ typ: "JWT" })}.${body}.${signature}`],
		["other claims", `${head}.${encode({ sub: "bob" })}.${signature}`],
		["zeros", `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`],
		["a part", `${head}.${body}.${signature.slice(0, 40)}`],
		["DER", make("ES256", ec.privateKey, "sha256")],
		["an extension that nobody knows", make("ES256", ec.privateKey, "sha256", p1363, { crit: ["exp"] })],
	])("that is %s is none", (_what, token) => {
		expect(isGood(token, ec.publicKey)).toBe(false);
		expect(isGood(token, createPublicKey(rsa.publicKey.export({ type: "spki", format: "pem" })))).toBe(false);
	});

	test("is never checked against a secret", () => {
		const parsed = parseToken(hmac("k"));
		expect(parsed && isSignedBy(parsed, createSecretKey(Buffer.from("k")))).toBe(false);
	});

	test("names the algorithm of its key", () => {
		expect([rsa, ec, ec384].map(({ publicKey }) => algorithmOf(publicKey))).toEqual(["RS256", "ES256", "ES384"]);
	});
});

test.each([
	"",
	"..",
	"a.b",
	"a.b.c.d",
	`${encode({})}.${encode({})}`,
	`${encode({})}.${encode("[1]")}.c`,
	`${encode({})}.${encode("{")}.c`,
	`${encode({})}.${encode({})}.c+d`,
	`${encode({})}.${encode({})} .c`,
	`{"payload":"${encode({})}"}`,
])("%j is no token", (text) => {
	expect(parseToken(text)).toBeUndefined();
});

test("an audience is one text or several", () => {
	expect([{ aud: "a" }, { aud: ["a", 1, "b"] }, { aud: 1 }, {}].map(audiencesOf)).toEqual([["a"], ["a", "b"], [], []]);
});
