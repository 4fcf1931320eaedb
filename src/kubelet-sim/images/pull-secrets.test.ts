import { describe, expect, it } from "vitest";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import { credentialsFor } from "./pull-secrets.ts";

const accountsFor = (repository: string, secrets: readonly Secret[]) => credentialsFor(repository, secrets).map(({ account }) => account);

function secret(auths: unknown, legacy = false): Secret {
	const text = JSON.stringify(legacy ? auths : { auths });
	const [type, key] = legacy ? ["kubernetes.io/dockercfg", ".dockercfg"] : ["kubernetes.io/dockerconfigjson", ".dockerconfigjson"];
	return { apiVersion: "v1", kind: "Secret", type, data: { [key]: Buffer.from(text).toString("base64") } };
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });

/** The table of "Interpretation of config.json", and Docker Hub. */
const places: readonly (readonly [place: string, repository: string, isFor: boolean])[] = [
	["registry.example.com", "registry.example.com/team/app", true],
	["https://registry.example.com/v2/", "registry.example.com/team/app", true],
	["registry.example.com:5000", "registry.example.com:5000/app", true],
	["registry.example.com", "registry.example.com:5000/app", false],
	["*.kubernetes.io", "abc.kubernetes.io/app", true],
	["*.kubernetes.io", "kubernetes.io/app", false],
	["*.kubernetes.io", "abc.def.kubernetes.io/app", false],
	["*.*.kubernetes.io", "abc.def.kubernetes.io/app", true],
	["prefix.*.io", "prefix.kubernetes.io/app", true],
	["*-good.kubernetes.io", "prefix-good.kubernetes.io/app", true],
	["my-registry.example/images", "my-registry.example/images/my-image", true],
	["my-registry.example/images", "my-registry.example/other/my-image", false],
	["https://index.docker.io/v1/", "docker.io/library/nginx", true],
	["docker.io", "docker.io/team/app", true],
	["quay.io", "docker.io/team/app", false],
];

describe("the accounts that Secrets hold", () => {
	it.each(places)("%s is for %s: %s", (place, repository, isFor) => {
		expect(accountsFor(repository, [secret({ [place]: auth("jane:secret") })])).toEqual(
			isFor ? [{ username: "jane", password: "secret" }] : [],
		);
	});

	it("come from either type, by auth or by name and password, the most specific place first", () => {
		const secrets = [
			secret({ "reg.example.com": auth("all:a:b"), "reg.example.com/team": { username: "team", password: "t" } }),
			secret({ "reg.example.com/team/app": { username: "app", password: "x" } }, true),
		];
		expect(accountsFor("reg.example.com/team/app", secrets)).toEqual([
			{ username: "app", password: "x" },
			{ username: "team", password: "t" },
			{ username: "all", password: "a:b" },
		]);
	});

	it("are none where nothing can be read", () => {
		const broken: Secret = { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": Buffer.from("{").toString("base64") } };
		expect(
			accountsFor("docker.io/a", [broken, { type: "Opaque", data: {} }, secret({ "docker.io": { auth: "!" } }), secret(null)]),
		).toEqual([]);
	});
});
