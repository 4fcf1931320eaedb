import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ClusterDirectory } from "./cluster-directory.ts";
import { addonList } from "./option-values.ts";
import { planStart, refuseChanges, type StartOptions } from "./start-plan.ts";

const home = mkdtempSync(join(tmpdir(), "kubesim-plan-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function known(name: string, options: Partial<StartOptions>): ClusterDirectory {
	const directory = new ClusterDirectory(name, home);
	directory.create();
	directory.writeConfig(planStart({ name, ...options }, directory));
	return directory;
}

test.each<readonly [string, Partial<StartOptions>, Partial<StartOptions>, object | undefined]>([
	["usual", {}, {}, undefined],
	["modes", {}, { authorizationMode: ["RBAC"] }, { modes: ["RBAC"] }],
	["kept", { authorizationMode: ["AlwaysAllow"] }, {}, { modes: ["AlwaysAllow"] }],
	["file", { authorizationMode: ["AlwaysAllow"] }, { authorizationConfig: "/a/../c.yaml" }, { configFile: "/c.yaml" }],
	[
		"webhook",
		{},
		{ authorizationMode: ["Webhook"], authorizationWebhookConfigFile: "/w", authorizationWebhookVersion: "v1" },
		{ modes: ["Webhook"], webhookConfigFile: "/w", webhookVersion: "v1" },
	],
])("who decides what users may do: %s", (name, before, options, expected) => {
	const directory = known(name, before);
	expect(planStart({ name, ...options }, directory).authorization).toEqual(expected);
});

test("add-ons are kept, and taken back by an empty list; a cluster that runs does not change them", () => {
	const directory = known("addons", { addons: ["coredns"] });
	expect(planStart({ name: "addons" }, directory).addons).toEqual(["coredns"]);
	expect(planStart({ name: "addons", addons: [] }, directory).addons).toEqual([]);
	expect(() => refuseChanges({ name: "addons", addons: ["coredns"] }, directory)).not.toThrow();
	expect(() => refuseChanges({ name: "addons", addons: [] }, directory)).toThrow("--addons");
	expect(() => addonList("coredns,nothing")).toThrow('there is no add-on "nothing"; there are: coredns.');
});

test("a cluster that runs does not change who decides", () => {
	const directory = known("running", { authorizationMode: ["RBAC"] });
	expect(() => refuseChanges({ name: "running", authorizationMode: ["RBAC"] }, directory)).not.toThrow();
	expect(() => refuseChanges({ name: "running", authorizationMode: ["AlwaysAllow"] }, directory)).toThrow("--authorization-mode");
});
