/**
 * Pulls: one after the other or together, and who may have an image that is there.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#serial-and-parallel-image-pulls and
 * #ensureimagepullcredentialverification
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, PodSpec, Secret } from "../../src/apimachinery/schema/generated/types.ts";
import { secrets } from "../../src/client/resources.ts";
import type { KubeletConfiguration } from "../../src/kubelet-sim/node/kubelet-configuration.ts";
import { PodBench } from "./pod-bench.ts";

const latency = { sandboxMs: () => 0, pullMs: () => 1_000, checkImageMs: () => 100, startMs: () => 0, noticeMs: () => 0 };
const registry = "reg.example.com";
const image = `${registry}/team/app:v1`;
const running = (of: string, imagePullPolicy = "IfNotPresent"): Container => ({
	name: "c",
	image: of,
	command: ["sleep", "1000"],
	imagePullPolicy,
});

let bench: PodBench;

beforeAll(async () => {
	const accounts = [
		{ username: "jane", password: "1" },
		{ username: "jane", password: "2" },
	];
	bench = await PodBench.start({ latency, registries: [{ host: registry, accounts }] });
	for (const [name, password] of [
		["good", "1"],
		["twin", "1"],
		["wrong", "0"],
	] as const)
		await putSecret(name, password);
	await bench.cluster.settle();
});
afterAll(() => bench[Symbol.asyncDispose]());

async function putSecret(name: string, password: string): Promise<void> {
	const auths = { [registry]: { auth: Buffer.from(`jane:${password}`).toString("base64") } };
	const data = { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") };
	await bench.cluster.client.resource<Secret>(secrets).create({
		apiVersion: "v1",
		kind: "Secret",
		type: "kubernetes.io/dockerconfigjson",
		metadata: { name, namespace: "default" },
		data,
	});
}

const node = (name: string, kubelet: KubeletConfiguration) => bench.cluster.inner.fleet.addNode({ name, kubelet });
const pulled = (name: string) => bench.events(name, "Pulled");

describe("pulls on one node", () => {
	const took = (text: string, own: string, inAll: string) =>
		`Normal Pulled Successfully pulled image "${text}" in ${own} (${inAll} including waiting). Image size: `;
	const pullThree = async (on: string) => {
		for (const [index, of] of ["redis:7", "nginx:1.27", "httpd:2.4"].entries())
			await bench.pod(`${on}-${index}`, [running(of)], { nodeName: on });
		await bench.advance(3_500);
		return Promise.all([0, 1, 2].map(async (index) => (await pulled(`${on}-${index}`))[0]?.replace(/\d+ bytes\.$/, "")));
	};

	it("come one after the other", async () => {
		expect(await pullThree("n1")).toEqual([took("redis:7", "1s", "1s"), took("nginx:1.27", "1s", "2s"), took("httpd:2.4", "1s", "3s")]);
	});

	it("come together where the kubelet is told so", async () => {
		await node("parallel", { serializeImagePulls: false });
		expect(await pullThree("parallel")).toEqual(["redis:7", "nginx:1.27", "httpd:2.4"].map((of) => took(of, "1s", "1s")));
	});

	it("come together up to a number", async () => {
		await node("two", { serializeImagePulls: false, maxParallelImagePulls: 2 });
		expect(await pullThree("two")).toEqual([took("redis:7", "1s", "1s"), took("nginx:1.27", "1s", "1s"), took("httpd:2.4", "1s", "2s")]);
	});

	it("of an image that has come meanwhile are short", async () => {
		await node("same", {});
		for (const name of ["same-0", "same-1"]) await bench.pod(name, [running("redis:7")], { nodeName: "same" });
		await bench.advance(2_000);
		expect([await pulled("same-0"), await pulled("same-1")].flat().map((text) => text.replace(/\d+ bytes\.$/, ""))).toEqual([
			took("redis:7", "1s", "1s"),
			took("redis:7", "100ms", "1.1s"),
		]);
	});

	it("that a deleted pod waited for hold nobody up", async () => {
		await node("gone", {});
		for (const [index, of] of ["redis:7", "nginx:1.27", "httpd:2.4"].entries())
			await bench.pod(`gone-${index}`, [running(of)], { nodeName: "gone" });
		await bench.advance(500);
		await bench.cluster.delete("Pod", "gone-1");
		await bench.advance(2_000);
		expect((await pulled("gone-2"))[0]).toContain('"httpd:2.4" in 1s (2s including waiting)');
	});

	it("are refused a configuration that cannot be", async () => {
		await expect(node("wrong", { maxParallelImagePulls: 2 })).rejects.toThrow(
			"invalid configuration: maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false",
		);
		await expect(node("wrong", { serializeImagePulls: false, maxParallelImagePulls: 0 })).rejects.toThrow(
			"invalid configuration: maxParallelImagePulls 0 must be a positive number",
		);
	});
});

describe("an image that is there", () => {
	const present = `Normal Pulled Container image "${image}" already present on machine and can be accessed by the pod`;
	const pod = async (name: string, on: string, secret: string | undefined, policy = "IfNotPresent") => {
		const spec: Partial<PodSpec> = { nodeName: on, ...(secret === undefined ? {} : { imagePullSecrets: [{ name: secret }] }) };
		await bench.pod(name, [running(image, policy)], spec);
		await bench.advance(1_500);
		return bench.row(name);
	};

	beforeAll(async () => {
		await node("private", {});
		expect(await pod("first", "private", "good")).toBe("Running 1/1 Running 0");
	});

	it("is for whoever shows the Secret that it was pulled by, or the same account", async () => {
		expect(await pod("again", "private", "good")).toBe("Running 1/1 Running 0");
		expect(await pod("twin", "private", "twin")).toBe("Running 1/1 Running 0");
		expect([await pulled("again"), await pulled("twin")]).toEqual([[present], [present]]);
	});

	it("has to be pulled by whoever shows none, or another one", async () => {
		expect(await pod("nobody", "private", undefined)).toBe("Pending 0/1 ImagePullBackOff 0");
		expect((await bench.events("nobody", "Failed"))[0]).toContain("authorization failed: no basic auth credentials");
		expect(await pod("wrong", "private", "wrong")).toBe("Pending 0/1 ImagePullBackOff 0");
	});

	it("is not there for whoever may not have it, and does not pull", async () => {
		expect(await pod("never", "private", undefined, "Never")).toBe("Pending 0/1 ErrImageNeverPull 0");
		expect(await bench.events("never", "ErrImageNeverPull")).toEqual([
			`Warning ErrImageNeverPull Container image "${image}" is not present with pull policy of Never`,
		]);
		expect(await pod("never-good", "private", "good", "Never")).toBe("Running 1/1 Running 0");
	});

	it("is still for a Secret that has changed", async () => {
		await bench.cluster.delete("Secret", "twin");
		const good = await bench.cluster.get<Secret>("Secret", "good");
		const auths = { [registry]: { auth: Buffer.from("jane:2").toString("base64") } };
		const data = { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") };
		await bench.cluster.client.resource<Secret>(secrets).update({ ...good, data });
		expect(await pod("changed", "private", "good")).toBe("Running 1/1 Running 0");
		expect(await pulled("changed")).toEqual([present]);
	});

	it("is for everybody where the kubelet is told so, and for nobody where it verifies all", async () => {
		await node("trusting", { imagePullCredentialsVerificationPolicy: "NeverVerify" });
		await pod("trusting-first", "trusting", "good");
		expect(await pod("trusting-nobody", "trusting", undefined)).toBe("Running 1/1 Running 0");
		await node("listing", {
			imagePullCredentialsVerificationPolicy: "NeverVerifyAllowlistedImages",
			preloadedImagesVerificationAllowlist: [`${registry}/team/*`],
		});
		await pod("listing-first", "listing", "good");
		expect(await pod("listing-nobody", "listing", undefined)).toBe("Running 1/1 Running 0");
		await expect(node("no", { imagePullCredentialsVerificationPolicy: "Sometimes" })).rejects.toThrow(
			"unknown image pull credential verification policy: Sometimes",
		);
	});

	it("that was pulled by nobody's name is for everybody", async () => {
		await bench.pod("public", [running("redis:7")], { nodeName: "private" });
		await bench.advance(1_500);
		await bench.pod("public-again", [running("redis:7", "Never")], { nodeName: "private" });
		await bench.advance(500);
		expect(await bench.row("public-again")).toBe("Running 1/1 Running 0");
	});
});
