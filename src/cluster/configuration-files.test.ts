/** Files that a running cluster follows: who may come in, who may do what, and how Secrets are stored. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { type Cluster, createCluster } from "./index.ts";

let directory: string;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-files-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, content: object): string {
	const file = join(directory, name);
	writeFileSync(file, JSON.stringify(content));
	return file;
}

const config = (kind: string, more: object) => ({ apiVersion: "apiserver.config.k8s.io/v1", kind, ...more });
const clock = () => new VirtualClock(Date.UTC(2026, 0, 1));
const minute = async (cluster: Cluster) => (cluster.clock as VirtualClock).advance(60_000);

it("an AuthorizationConfiguration", async () => {
	const authorizers = (...types: readonly string[]) =>
		write(
			"authorization",
			config("AuthorizationConfiguration", { authorizers: types.map((type) => ({ type, name: type.toLowerCase() })) }),
		);
	await using cluster = await disposable({ clock: clock(), nodes: 0, authorization: { configFile: authorizers("Node", "RBAC") } });
	const bob = { name: "bob", groups: ["system:authenticated"] };
	const question = { user: bob, verb: "list", group: "", resource: "pods", subresource: "", namespace: "", name: "" };
	const verdict = () => cluster.apiServer.authorization.authorize(question);
	expect(verdict()).toMatchObject({ verdict: "undecided" });
	authorizers("Node", "RBAC", "AlwaysAllow");
	await minute(cluster);
	expect(verdict()).toMatchObject({ verdict: "allow" });
	// Without the roles of the system nobody works any more: such a file is not taken.
	authorizers("AlwaysDeny");
	await minute(cluster);
	expect(verdict()).toMatchObject({ verdict: "allow" });
});

it("an EncryptionConfiguration", async () => {
	const cipher = (name: string) => ({ aescbc: { keys: [{ name, secret: Buffer.alloc(32, name).toString("base64") }] } });
	const encryption = (...providers: readonly object[]) =>
		write("encryption", config("EncryptionConfiguration", { resources: [{ resources: ["secrets"], providers }] }));
	await using cluster = await disposable({
		clock: clock(),
		nodes: 0,
		encryptionProviderConfig: encryption({ identity: {} }),
		encryptionProviderConfigAutomaticReload: true,
	});
	const secrets = { group: "", version: "v1", resource: "secrets", namespace: "default" } as const;
	const admin = { name: "admin", groups: ["system:masters"] };
	const make = (name: string) =>
		cluster.apiServer.handle(admin, { ...secrets, verb: "create", body: { metadata: { name }, data: { a: "Yg==" } } });
	const replace = async (name: string) => {
		const { object } = await cluster.apiServer.handle(admin, { ...secrets, verb: "get", name });
		await cluster.apiServer.handle(admin, { ...secrets, verb: "update", name, body: object as object });
	};
	const stored = async (name: string) => {
		const found = await cluster.ownStore?.range({ key: `/registry/secrets/default/${name}` });
		return Buffer.from(found?.kvs[0]?.value ?? [])
			.toString("latin1")
			.slice(0, 21);
	};
	await make("a");
	expect(await stored("a")).toMatch(/^\{"kind"/);
	encryption(cipher("k1"), { identity: {} });
	await minute(cluster);
	await make("b");
	await replace("a");
	expect(await cluster.apiServer.handle(admin, { ...secrets, verb: "get", name: "a" })).toMatchObject({ object: { data: { a: "Yg==" } } });
	expect([await stored("a"), await stored("b")]).toEqual(["k8s:enc:aescbc:v1:k1:", "k8s:enc:aescbc:v1:k1:"]);
	encryption(cipher("k2"), cipher("k1"));
	await minute(cluster);
	await replace("b");
	expect([await stored("a"), await stored("b")]).toEqual(["k8s:enc:aescbc:v1:k1:", "k8s:enc:aescbc:v1:k2:"]);
	// A broken file leaves all as it is.
	encryption({ aescbc: { keys: [] } });
	await minute(cluster);
	await make("c");
	expect(await stored("c")).toBe("k8s:enc:aescbc:v1:k2:");
});

/** A cluster that closes itself. */
async function disposable(options: Parameters<typeof createCluster>[0]): Promise<Cluster & AsyncDisposable> {
	const cluster = await createCluster(options);
	return Object.assign(cluster, { [Symbol.asyncDispose]: () => cluster.close() });
}

it("an AuthenticationConfiguration: providers change, who may be anonymous does not", async () => {
	const claimMappings = { username: { claim: "sub", prefix: "" } };
	const provider = (url: string) => ({ issuer: { url, audiences: ["a"] }, claimMappings });
	const authentication = (urls: readonly string[], anonymous?: object) =>
		write(
			"authentication",
			config("AuthenticationConfiguration", { jwt: urls.map(provider), ...(anonymous === undefined ? {} : { anonymous }) }),
		);
	const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const token = `${encode({ alg: "RS256" })}.${encode({ iss: "https://127.0.0.1:1", aud: "a", sub: "jane" })}.AAAA`;
	await using cluster = await disposable({
		clock: clock(),
		nodes: 0,
		authentication: { configurationFile: authentication(["https://127.0.0.1:2"]) },
	});
	const admin = { name: "admin", groups: ["system:masters"] };
	/** What is said of the token: it is nobody's, or that of a provider that does not answer. */
	const review = async () => {
		const spec = { token };
		const request = { group: "authentication.k8s.io", version: "v1", resource: "tokenreviews", verb: "create", body: { spec } } as const;
		const { object } = await cluster.apiServer.handle(admin, request);
		return (object as { readonly status: { readonly error: string } }).status.error;
	};
	expect(await review()).toBe("invalid bearer token");
	authentication(["https://127.0.0.1:2", "https://127.0.0.1:1"], { enabled: false });
	await minute(cluster);
	expect(await review()).not.toContain("oidc");
	authentication(["https://127.0.0.1:2", "https://127.0.0.1:1"]);
	await minute(cluster);
	expect(await review()).toContain("oidc: authenticator not initialized");
});
