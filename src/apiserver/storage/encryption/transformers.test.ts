import { createDecipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readEncryptionConfig } from "./configuration.ts";
import type { Transformer } from "./transformers.ts";

const secret = (fill: number, bytes = 32) => Buffer.alloc(bytes, fill).toString("base64");
const keys = (...list: readonly (readonly [name: string, secret: string])[]) => ({
	keys: list.map(([name, value]) => ({ name, secret: value })),
});
const config = (...resources: readonly object[]) => ({
	kind: "EncryptionConfiguration",
	apiVersion: "apiserver.config.k8s.io/v1",
	resources,
});
const forSecrets = (...providers: readonly object[]): Transformer => {
	const transformer = readEncryptionConfig(config({ resources: ["secrets"], providers }), "f")("", "secrets");
	if (transformer === undefined) throw new Error("no transformer");
	return transformer;
};

const plain = Buffer.from('{"kind":"Secret"}');
const place = "/registry/secrets/default/a";
const cbc = { aescbc: keys(["key1", secret(1)]) };
const gcm = { aesgcm: keys(["key1", secret(2, 16)]) };
const box = { secretbox: keys(["key1", secret(3)]) };
const identity = { identity: {} };

describe("a value", () => {
	it.each([
		["aescbc", cbc],
		["aesgcm", gcm],
		["aesgcm", { aesgcm: keys(["key1", secret(2, 24)]) }],
		["secretbox", box],
	])("of %s has its prefix, and comes back", (name, provider) => {
		const transformer = forSecrets(provider, identity);
		const stored = transformer.write(plain, place);
		expect(stored.subarray(0, name.length + 17).toString("latin1")).toBe(`k8s:enc:${name}:v1:key1:`);
		expect(stored.includes("Secret")).toBe(false);
		expect(transformer.read(stored, place)).toEqual({ value: plain, isStale: false });
	});

	it("of aescbc is what any AES makes of it", () => {
		const stored = forSecrets(cbc).write(plain, place);
		const body = stored.subarray("k8s:enc:aescbc:v1:key1:".length);
		const reading = createDecipheriv("aes-256-cbc", Buffer.alloc(32, 1), body.subarray(0, 16));
		expect(Buffer.concat([reading.update(body.subarray(16)), reading.final()])).toEqual(plain);
	});

	it("that the first provider or key did not write is stale", () => {
		const old = forSecrets(cbc).write(plain, place);
		expect(forSecrets(box, cbc).read(old, place)).toEqual({ value: plain, isStale: true });
		expect(forSecrets({ aescbc: keys(["key2", secret(9)], ["key1", secret(1)]) }).read(old, place)).toEqual({
			value: plain,
			isStale: true,
		});
		expect(forSecrets(cbc, identity).read(plain, place)).toEqual({ value: plain, isStale: true });
		expect(forSecrets(identity, cbc).read(old, place)).toEqual({ value: plain, isStale: true });
		expect(forSecrets(identity, cbc).write(plain, place)).toEqual(plain);
	});

	it.each<readonly [what: string, writer: object, reader: object, text: string]>([
		["no provider of its kind", cbc, box, "no matching prefix found"],
		["no key of its name", cbc, { aescbc: keys(["key2", secret(1)]) }, "no matching key was found for the provided AES transformer"],
		[
			"no key of its name",
			box,
			{ secretbox: keys(["key2", secret(3)]) },
			"no matching key was found for the provided Secretbox transformer",
		],
		["another secret", gcm, { aesgcm: keys(["key1", secret(7, 16)]) }, "cipher: message authentication failed"],
		["another secret", box, { secretbox: keys(["key1", secret(7)]) }, "output array was not large enough for encryption"],
		["the identity alone", cbc, identity, "no matching prefix found"],
	])("cannot be read with %s", (_, writer, reader, text) => {
		const stored = forSecrets(writer).write(plain, place);
		expect(() => forSecrets(reader).read(stored, place)).toThrow(text);
	});

	it("of aescbc with another secret is padded wrongly, nearly always", () => {
		const transformer = forSecrets({ aescbc: keys(["key1", secret(7)]) });
		const failures = Array.from({ length: 20 }, () => {
			try {
				transformer.read(forSecrets(cbc).write(plain, place), place);
				return "none";
			} catch (error) {
				return (error as Error).message;
			}
		});
		expect(failures.some((text) => /^invalid PKCS7 data \(empty or not padded\)$|^invalid padding on input$/.test(text))).toBe(true);
	});

	it("of aesgcm counts at its own key only", () => {
		const stored = forSecrets(gcm).write(plain, place);
		expect(() => forSecrets(gcm).read(stored, `${place}b`)).toThrow("cipher: message authentication failed");
	});
});

describe("which resources", () => {
	const transformerFor = readEncryptionConfig(
		config(
			{ resources: ["secrets", "deployments.apps"], providers: [cbc] },
			{ resources: ["*.apps"], providers: [gcm] },
			{ resources: ["*."], providers: [box] },
		),
		"f",
	);
	it.each([
		["", "secrets", "aescbc"],
		["", "configmaps", "secretbox"],
		["apps", "deployments", "aescbc"],
		["apps", "daemonsets", "aesgcm"],
		["batch", "jobs", undefined],
	])("%s/%s: %s", (group, resource, expected) => {
		const stored = transformerFor(group, resource)?.write(plain, place).toString("latin1");
		expect(stored?.split(":")[2]).toBe(expected);
	});
});

describe("a configuration that is wrong", () => {
	const one = (resources: readonly string[], ...providers: readonly object[]) => config({ resources, providers });
	it.each<readonly [value: unknown, text: string]>([
		[{ kind: "Config", apiVersion: "v1" }, "got unexpected config type: v1, Kind=Config"],
		[config(), "resources: Required value: at least one resources is required"],
		[one([], identity), "resources[0].resources: Required value: at least one resources[0].resources is required"],
		[one(["secrets"]), "resources[0].providers: Required value"],
		[one(["Secrets"], identity), 'resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters'],
		[one(["*"], identity), "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"],
		[one(["events.events.k8s.io"], identity), "Use 'events' instead in the config file"],
		[one(["pods.*"], identity), "encrypting the same resource across groups is not supported"],
		[one(["secrets", "secrets"], identity), "the same resource cannot be specified multiple times"],
		[one(["secrets", "*."], identity), "using overlapping resources such as 'secrets' and '*.' in the same resource list"],
		[one(["secrets"], {}), "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity"],
		[
			one(["secrets"], { ...cbc, ...gcm }),
			"more than one provider specified in a single element, should split into different list elements",
		],
		[one(["secrets"], { aescbc: {} }), "resources[0].providers[0].aescbc.keys: Required value: at least one keys is required"],
		[one(["secrets"], { aescbc: keys(["", ""]) }), "name is a mandatory field for a key"],
		[
			one(["secrets"], { aescbc: keys(["a", "?"]) }),
			'resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
		],
		[one(["secrets"], { secretbox: keys(["a", secret(1, 16)]) }), "secret is not of the expected length, got 16, expected one of [32]"],
		[one(["secrets"], { aesgcm: keys(["a", secret(1, 5)]) }), "secret is not of the expected length, got 5, expected one of [16 24 32]"],
		[one(["secrets"], { kms: { name: "k" } }), "the KMS provider is not implemented in this version of kubesim"],
		[
			config({ resources: ["*.*"], providers: [identity] }, { resources: ["secrets"], providers: [cbc] }),
			'resource "secrets" is masked by earlier rule "*.*"',
		],
	])("%j", (value, text) => {
		expect(() => readEncryptionConfig(value, "f")).toThrow(text);
		expect(() => readEncryptionConfig(value, "f")).toThrow('error while loading encryption provider config "f": ');
	});
});
