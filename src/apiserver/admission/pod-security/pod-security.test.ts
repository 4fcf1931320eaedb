import { beforeEach, describe, expect, it, test } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Namespace, Pod } from "../../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { attributesFor, type TestAttributes } from "../testing/attributes.ts";
import { type PodSecurityOptions, podSecurityAdmission } from "./pod-security.ts";

const prefix = "pod-security.kubernetes.io/";
const labels = (given: Readonly<Record<string, string>>) =>
	Object.fromEntries(Object.entries(given).map(([name, value]) => [prefix + name, value]));
const namespace = (given: Readonly<Record<string, string>>, name = "default"): Namespace => ({ metadata: { name, labels: labels(given) } });
const pod = (spec: object = {}, name = "a"): Pod => ({
	metadata: { name, namespace: "default" },
	spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});
const hostPid = pod({ hostPID: true });
const hostPidText = "host namespaces (hostPID=true)";

let plugin: AdmissionPlugin;

beforeEach(() => {
	plugin = podSecurityAdmission();
});

async function admit(
	object: KubeObject,
	inNamespace: Namespace,
	given: Partial<AdmissionAttributes> = {},
	options?: PodSecurityOptions,
): Promise<TestAttributes & { readonly error: string | undefined }> {
	const attributes = attributesFor({ operation: "CREATE", resource: "pods", ...given }, { "/namespaces": [inNamespace] });
	const using = options === undefined ? plugin : podSecurityAdmission(options);
	expect(using.handles(attributes)).toBe(true);
	try {
		await using.validate?.(object, attributes);
		return { ...attributes, error: undefined };
	} catch (error) {
		return { ...attributes, error: (error as Error).message };
	}
}

describe("pods", () => {
	it("are refused by what their namespace enforces, and the audit event says which level that is", async () => {
		const refused = await admit(hostPid, namespace({ enforce: "baseline" }));
		expect(refused.error).toBe(`pods "a" is forbidden: violates PodSecurity "baseline:latest": ${hostPidText}`);
		expect(refused.annotations).toEqual({ [`${prefix}enforce-policy`]: "baseline:latest" });
		expect((await admit(pod(), namespace({ enforce: "baseline", "enforce-version": "v1.25" }))).annotations).toEqual({
			[`${prefix}enforce-policy`]: "baseline:v1.25",
		});
	});

	it("are warned of and audited, each by its own level", async () => {
		const { error, warnings, annotations } = await admit(
			hostPid,
			namespace({ warn: "baseline", audit: "baseline", "audit-version": "v1.30" }),
		);
		expect(error).toBeUndefined();
		expect(warnings).toEqual([`would violate PodSecurity "baseline:latest": ${hostPidText}`]);
		expect(annotations).toEqual({
			[`${prefix}enforce-policy`]: "privileged:latest",
			[`${prefix}audit-violations`]: `would violate PodSecurity "baseline:v1.30": ${hostPidText}`,
		});
	});

	it("that are refused are not warned of as well", async () => {
		const { error, warnings } = await admit(hostPid, namespace({ enforce: "baseline", warn: "restricted" }));
		expect(error).toContain("violates PodSecurity");
		expect(warnings).toEqual([]);
	});

	it("may do anything where nothing is said, without a promise", () => {
		const attributes = attributesFor({ operation: "CREATE", resource: "pods" }, { "/namespaces": [namespace({})] });
		expect(plugin.validate?.(hostPid, attributes)).toBeUndefined();
	});

	test.each<[string, Pod, Pod, boolean]>([
		["another image", pod({ hostPID: true, containers: [{ name: "c", image: "other" }] }), hostPid, true],
		["an ephemeral container", pod({ hostPID: true, ephemeralContainers: [{ name: "e", image: "x" }] }), hostPid, true],
		["labels", { ...hostPid, metadata: { ...hostPid.metadata, labels: { x: "y" } } }, hostPid, false],
	])("are looked at again when an update brings %s", async (_what, object, oldObject, isRefused) => {
		const { error } = await admit(object, namespace({ enforce: "baseline" }), { operation: "UPDATE", oldObject });
		expect(error !== undefined).toBe(isRefused);
	});

	it("are held to the strictest level where the labels are wrong", async () => {
		const { error, annotations, warnings } = await admit(pod(), namespace({ enforce: "nope", warn: "nope" }));
		expect(error).toContain('violates PodSecurity "restricted:latest"');
		expect(warnings).toEqual([]);
		expect(annotations[`${prefix}error`]).toContain(
			"Failed to parse policy: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value",
		);
	});
});

it("workloads are warned of the pods they will make, and never refused", async () => {
	const template = { spec: { template: { spec: hostPid.spec } } } as KubeObject;
	const strict = namespace({ enforce: "restricted", warn: "baseline" });
	const { error, warnings } = await admit(template, strict, { group: "apps", resource: "deployments" });
	expect(error).toBeUndefined();
	expect(warnings).toEqual([`would violate PodSecurity "baseline:latest": ${hostPidText}`]);
	const cronJob = { spec: { jobTemplate: { spec: { template: { spec: hostPid.spec } } } } } as KubeObject;
	expect((await admit(cronJob, strict, { group: "batch", resource: "cronjobs" })).warnings).toEqual(warnings);
});

describe("namespaces", () => {
	const update = (object: Namespace, oldObject: Namespace, pods: readonly Pod[], options?: PodSecurityOptions) => {
		const attributes = attributesFor(
			{ operation: "UPDATE", resource: "namespaces", namespace: "default", name: "default", oldObject },
			{ "/pods": pods },
		);
		return { attributes, done: (options === undefined ? plugin : podSecurityAdmission(options)).validate?.(object, attributes) };
	};

	it("with wrong labels are refused, unless they have them already", async () => {
		const wrong = namespace({ enforce: "high", "warn-version": "1.25" });
		const { error } = await admit(wrong, namespace({}), { resource: "namespaces" });
		expect(error).toBe(
			'Namespace "default" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "high": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.25": must be "latest" or "v1.x"]',
		);
		expect(() => update(wrong, wrong, [])).not.toThrow();
	});

	it("whose level rises are warned of the pods that do not keep to it, those with the same findings together", async () => {
		const pods = [
			pod({ hostPID: true }, "z"),
			pod({ hostPID: true }, "b"),
			pod({ hostPID: true }, "y"),
			pod({}, "fine"),
			pod({ hostNetwork: true, volumes: [{ name: "v", hostPath: {} }] }, "c"),
		];
		const { attributes, done } = update(namespace({ enforce: "baseline" }), namespace({}), pods);
		await done;
		expect(attributes.warnings).toEqual([
			'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
			"b (and 2 other pods): host namespaces",
			"c: host namespaces, hostPath volumes",
		]);
	});

	test.each([
		[{ enforce: "restricted" }, { enforce: "baseline" }],
		[{ warn: "privileged" }, { warn: "restricted" }],
		[{ enforce: "baseline" }, { enforce: "baseline" }],
		[{ enforce: "restricted" }, {}],
	])("are not looked into when %j becomes %j", async (before, after) => {
		const { attributes, done } = update(namespace(after), namespace(before), [hostPid]);
		await done;
		expect(attributes.warnings).toEqual([]);
	});
});

describe("configuration", () => {
	const exemptions = { usernames: ["alice"], namespaces: ["default"], runtimeClasses: ["kata"] };

	test.each([
		["user", { usernames: ["alice"] }, hostPid],
		["namespace", { namespaces: ["default"] }, hostPid],
		["runtimeClass", { runtimeClasses: ["kata"] }, pod({ hostPID: true, runtimeClassName: "kata" })],
	])("exempts by %s", async (why, given, object) => {
		const { error, annotations } = await admit(object, namespace({ enforce: "baseline" }), {}, { exemptions: given });
		expect(error).toBeUndefined();
		expect(annotations).toEqual({ [`${prefix}exempt`]: why });
	});

	it("says so to whoever labels a namespace that is exempt", async () => {
		const { warnings } = await admit(
			namespace({ enforce: "baseline" }),
			namespace({}),
			{ resource: "namespaces", namespace: "" },
			{ exemptions },
		);
		expect(warnings).toEqual(['namespace "default" is exempt from Pod Security, and the policy (enforce=baseline:latest) will be ignored']);
	});

	it("gives namespaces the level that they do not name", async () => {
		const { error } = await admit(hostPid, namespace({}), {}, { defaults: { enforce: "baseline", "enforce-version": "v1.30" } });
		expect(error).toContain('violates PodSecurity "baseline:v1.30"');
	});
});
