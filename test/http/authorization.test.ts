/** What is decided about a request before, and with, what it says. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Fixture, startFixture } from "./fixture.ts";

let f: Fixture;
const maps = "/api/v1/namespaces/default/configmaps";
const jane = { authorization: "Bearer jane" };
const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

beforeAll(async () => {
	f = await startFixture();
	await f.create(maps, { metadata: { name: "hers" }, data: { a: "b" } });
	await f.create(`${rbac}/roles`, {
		metadata: { name: "one" },
		rules: [{ apiGroups: [""], resources: ["configmaps"], resourceNames: ["hers"], verbs: ["get", "list", "watch", "update"] }],
	});
	await f.create(`${rbac}/rolebindings`, {
		metadata: { name: "one" },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "one" },
		subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "jane" }],
	});
});
afterAll(() => f.close());

test("who may list one object may list it by its name, and no others", async () => {
	const named = await f.get(`${maps}?fieldSelector=metadata.name%3Dhers`, jane);
	expect([named.code, (named.json as { readonly items: readonly unknown[] }).items.length]).toEqual([200, 1]);
	for (const query of ["", "?fieldSelector=metadata.name%3Dothers", "?fieldSelector=metadata.name!%3Dhers"]) {
		expect((await f.get(`${maps}${query}`, jane)).code).toBe(403);
	}
});

test("who may not read is not told what is wrong with the question", async () => {
	for (const query of ["?limit=x", "?fieldSelector=a%3Db%3Dc", "?resourceVersionMatch=Maybe"]) {
		expect([query, (await f.get(`/api/v1/secrets${query}`, jane)).code]).toEqual([query, 403]);
	}
	expect((await f.get("/api/v1/secrets?limit=x")).code).toBe(400);
});

test("who may not write is not told what is wrong with the body", async () => {
	expect((await f.send("POST", maps, "{", jane)).code).toBe(403);
	expect((await f.send("PUT", `${maps}/hers`, "{", jane)).code).toBe(400);
});

test("a read is decided about once, a write before and after its body is read", async () => {
	const require = vi.spyOn(f.server.authorization, "require");
	const decisions = async (send: Promise<unknown>) => {
		require.mockClear();
		await send;
		return require.mock.calls.length;
	};
	expect(await decisions(f.get(`${maps}/hers`, jane))).toBe(1);
	expect(await decisions(f.get(`${maps}?fieldSelector=metadata.name%3Dhers`, jane))).toBe(1);
	expect(await decisions(f.send("PUT", `${maps}/hers`, { metadata: { name: "hers" } }, jane))).toBe(2);
	require.mockRestore();
});
