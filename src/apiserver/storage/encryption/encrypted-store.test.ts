/** An API server that encrypts Secrets, on one store under changing configurations. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../../apimachinery/log.ts";
import { SeededRandom } from "../../../apimachinery/random.ts";
import type { Secret } from "../../../apimachinery/schema/generated/types.ts";
import { createMemoryStore } from "../../../store/index.ts";
import type { Store } from "../../../store/store.ts";
import { ApiServer } from "../../api-server.ts";
import { builtinKinds } from "../../registry/kinds.ts";
import { makeTokenKeys, ResourceDriver } from "../../testing.ts";
import { readEncryptionConfig } from "./configuration.ts";
import { EncryptedStore } from "./encrypted-store.ts";

const key = (name: string, fill: number) => ({ name, secret: Buffer.alloc(32, fill).toString("base64") });
const cbc = (...keys: readonly object[]) => ({ aescbc: { keys } });
const identity = { identity: {} };
const tokenKeys = makeTokenKeys();

let clock: VirtualClock;
let store: Store;
let server: ApiServer;
let secrets: ResourceDriver;

/** Starts a server on the same store with these providers for Secrets. */
async function serve(...providers: readonly object[]): Promise<void> {
	server?.stop();
	const value = {
		kind: "EncryptionConfiguration",
		apiVersion: "apiserver.config.k8s.io/v1",
		resources: [{ resources: ["secrets"], providers }],
	};
	const encrypted = new EncryptedStore(store, readEncryptionConfig(value, "f"), builtinKinds);
	server = new ApiServer({ store: encrypted, clock, random: new SeededRandom("test"), log: silentLog, tokenKeys });
	await server.start();
	secrets = new ResourceDriver(server, "", "v1", "secrets", "default");
}

async function stored(name: string): Promise<string> {
	const { kvs } = await store.range({ key: `/registry/secrets/default/${name}` });
	return Buffer.from(kvs[0]?.value ?? []).toString("latin1");
}

const secret = (name: string) => ({ body: { metadata: { name }, data: { password: "c3dvcmRmaXNo" } } });
const password = async (name: string) => ((await secrets.send("get", { name })) as Secret).data?.password;

beforeEach(async () => {
	clock = new VirtualClock();
	store = await createMemoryStore({ clock });
	await serve(cbc(key("key1", 1)), identity);
	await new ResourceDriver(server, "", "v1", "namespaces", undefined).send("create", { body: { metadata: { name: "default" } } });
	await secrets.send("create", secret("a"));
});

afterEach(async () => {
	server.stop();
	await store.close();
});

describe("an encrypted resource", () => {
	it("lies in the store as ciphertext, and is read, listed and watched as ever", async () => {
		expect((await stored("a")).startsWith("k8s:enc:aescbc:v1:key1:")).toBe(true);
		expect(await stored("a")).not.toContain("password");
		expect(await password("a")).toBe("c3dvcmRmaXNo");
		const events = await secrets.watch({ options: { resourceVersion: "1" } });
		await secrets.send("patch", { name: "a", body: { data: { more: "eA==" } }, patchType: "application/merge-patch+json" });
		expect(events.map(({ type, object }) => [type, (object as Secret).data])).toEqual([
			["ADDED", { password: "c3dvcmRmaXNo" }],
			["MODIFIED", { password: "c3dvcmRmaXNo", more: "eA==" }],
		]);
		expect((await secrets.list({ options: { limit: 1 } })).items).toHaveLength(1);
	});

	it("is the only one", async () => {
		await new ResourceDriver(server, "", "v1", "configmaps", "default").send("create", {
			body: { metadata: { name: "c" }, data: { a: "b" } },
		});
		const { kvs } = await store.range({ key: "/registry/configmaps/default/c" });
		expect(JSON.parse(Buffer.from(kvs[0]?.value ?? []).toString())).toMatchObject({ data: { a: "b" } });
	});

	it("is read by another server, and after rotation", async () => {
		await serve(cbc(key("key2", 2), key("key1", 1)), identity);
		expect(await password("a")).toBe("c3dvcmRmaXNo");
		await secrets.send("create", secret("b"));
		expect((await stored("a")).startsWith("k8s:enc:aescbc:v1:key1:")).toBe(true);
		expect((await stored("b")).startsWith("k8s:enc:aescbc:v1:key2:")).toBe(true);
	});

	it("is encrypted anew by a replace that changes nothing, and by no second one", async () => {
		await serve(cbc(key("key2", 2), key("key1", 1)), identity);
		const replaced = await secrets.send("update", { name: "a", body: await secrets.send("get", { name: "a" }) });
		expect((await stored("a")).startsWith("k8s:enc:aescbc:v1:key2:")).toBe(true);
		await serve(cbc(key("key2", 2)), identity);
		expect(await password("a")).toBe("c3dvcmRmaXNo");
		const again = await secrets.send("update", { name: "a", body: await secrets.send("get", { name: "a" }) });
		expect(again.metadata?.resourceVersion).toBe(replaced.metadata?.resourceVersion);
	});

	it("is decrypted again by a replace under the identity first", async () => {
		await serve(identity, cbc(key("key1", 1)));
		await secrets.send("update", { name: "a", body: await secrets.send("get", { name: "a" }) });
		expect(JSON.parse(await stored("a"))).toMatchObject({ data: { password: "c3dvcmRmaXNo" } });
	});
});

describe("a lost key", () => {
	const text =
		'500 InternalError: Internal error occurred: unable to transform key "/registry/secrets/default/a": no matching key was found for the provided AES transformer';

	it("is told to whoever wants the object, or a list with it", async () => {
		await serve(cbc(key("key2", 2)), identity);
		expect(await secrets.failure("get", { name: "a" })).toBe(text);
		expect(await secrets.failure("list")).toBe(text);
		expect(await secrets.failure("update", { name: "a", ...secret("a") })).toBe(text);
		expect(await secrets.failure("delete", { name: "a" })).toBe(text);
		await secrets.send("create", secret("b"));
		expect(await password("b")).toBe("c3dvcmRmaXNo");
		expect((await secrets.list({ namespace: "other" })).items).toEqual([]);
	});

	it("that comes back makes all well again", async () => {
		await serve(cbc(key("key2", 2)));
		await serve(cbc(key("key2", 2), key("key1", 1)));
		expect(await password("a")).toBe("c3dvcmRmaXNo");
	});
});
