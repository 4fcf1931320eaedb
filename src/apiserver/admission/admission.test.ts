import { describe, expect, it, test } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import { AdmissionChain, type AdmissionPlugin } from "./admission.ts";
import { enabledPlugins, switchErrors } from "./plugin-order.ts";
import { createAdmission } from "./plugins.ts";
import { attributesFor } from "./testing/attributes.ts";

const object: KubeObject = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "" } };

/** Writes its name into the object's. */
function marking(name: string, { waits = false, operations = ["CREATE"] as readonly string[] } = {}): AdmissionPlugin & { asked: number } {
	const mark = (current: KubeObject): KubeObject => ({ ...current, metadata: { name: `${current.metadata?.name}${name}` } });
	return {
		name,
		asked: 0,
		handles({ operation }) {
			this.asked++;
			return operations.includes(operation);
		},
		mutate: (current) => (waits ? Promise.resolve(mark(current)) : mark(current)),
	};
}

function refusing(name: string, waits: boolean): AdmissionPlugin {
	const refuse = (): never => {
		throw newForbidden({ group: "", resource: "configmaps" }, "a", name);
	};
	return {
		name,
		handles: () => true,
		validate: () => (waits ? Promise.reject(newForbidden({ group: "", resource: "configmaps" }, "a", name)) : refuse()),
	};
}

describe("a chain", () => {
	const create = attributesFor({ operation: "CREATE", resource: "configmaps" });

	it("makes no promise where no plugin waits", () => {
		const chain = new AdmissionChain([marking("a"), marking("b")]);
		expect(chain.mutate(object, create)).toMatchObject({ metadata: { name: "ab" } });
		expect(chain.validate(object, create)).toBeUndefined();
	});

	it.each([0, 1, 2])("keeps its order when the plugin at %i waits", async (waiting) => {
		const chain = new AdmissionChain(["a", "b", "c"].map((name, index) => marking(name, { waits: index === waiting })));
		const result = chain.mutate(object, create);
		expect(result).toBeInstanceOf(Promise);
		expect(await result).toMatchObject({ metadata: { name: "abc" } });
	});

	it("asks each plugin once whether it cares for an endpoint, and passes by those that do not", () => {
		const [caring, indifferent] = [marking("a"), marking("b", { operations: ["UPDATE"] })];
		const chain = new AdmissionChain([caring, indifferent]);
		for (let request = 0; request < 3; request++) expect(chain.mutate(object, create)).toMatchObject({ metadata: { name: "a" } });
		expect([caring.asked, indifferent.asked]).toEqual([1, 1]);
		expect(chain.mutate(object, attributesFor({ operation: "UPDATE", resource: "configmaps" }))).toMatchObject({ metadata: { name: "b" } });
	});

	it("asks anew for another endpoint, however alike", () => {
		const plugin = marking("a");
		const chain = new AdmissionChain([plugin]);
		const scope = { operation: "CREATE", resource: "configmaps" } as const;
		const scopes = [
			scope,
			{ ...scope, operation: "UPDATE" as const },
			{ ...scope, resource: "secrets" },
			{ ...scope, group: "example.com" },
			{ ...scope, subresource: "status" },
		];
		for (let round = 0; round < 2; round++) for (const each of scopes) chain.validate(object, attributesFor(each));
		expect(plugin.asked).toBe(scopes.length);
	});

	it.each([true, false])("ends with the first plugin that refuses (it waits: %s)", async (waits) => {
		const chain = new AdmissionChain([refusing("first", waits), refusing("second", false)]);
		await expect((async () => chain.validate(object, create))()).rejects.toThrow('configmaps "a" is forbidden: first');
	});

	it("has nothing to change in a deletion", () => {
		const chain = new AdmissionChain([marking("a", { operations: ["DELETE"] })]);
		expect(chain.mutate(object, attributesFor({ operation: "DELETE", resource: "configmaps" }))).toBe(object);
	});
});

describe("the switches", () => {
	it("keep Kubernetes' order whatever order the plugins are given in", () => {
		const { names } = createAdmission([marking("ResourceQuota"), marking("LimitRanger")]);
		expect(names.indexOf("LimitRanger")).toBe(names.indexOf("NamespaceLifecycle") + 1);
		expect(names.at(-1)).toBe("ResourceQuota");
	});

	it("turn plugins on and off", () => {
		expect(enabledPlugins()).not.toContain("AlwaysDeny");
		expect(enabledPlugins({ enable: ["AlwaysDeny"] }).at(-1)).toBe("AlwaysDeny");
		expect(enabledPlugins({ disable: ["Priority"] })).not.toContain("Priority");
	});

	test.each([
		[{ enable: ["Nope"] }, ['enable-admission-plugins plugin "Nope" is unknown']],
		[{ disable: ["Nope"] }, ['disable-admission-plugins plugin "Nope" is unknown']],
		[
			{ enable: ["Priority", "LimitRanger"], disable: ["LimitRanger", "Priority"] },
			["[LimitRanger Priority] in enable-admission-plugins and disable-admission-plugins overlapped"],
		],
		[{ enable: ["Priority"], disable: ["LimitRanger"] }, []],
	])("%j", (switches, errors) => expect(switchErrors(switches)).toEqual(errors));

	it("refuse a plugin that is asked for and is not there", () => {
		expect(() => createAdmission([], { enable: ["ClusterTrustBundleAttest"] })).toThrow(
			"admission plugin ClusterTrustBundleAttest is not implemented in kubesim",
		);
	});
});
