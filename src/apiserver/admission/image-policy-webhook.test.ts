import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { WebhookAnswer } from "../authorization/webhook-retries.ts";
import { startServer } from "../testing.ts";
import { loadAdmissionConfiguration } from "./admission-configuration.ts";
import { type ImagePolicyOptions, imagePolicyWebhook } from "./image-policy-webhook.ts";

const answer = (status: object, code = 200): WebhookAnswer => ({ code, text: JSON.stringify({ status }) });
const pod = (name: string, image = "nginx", more: object = {}) => ({
	metadata: { name, ...more },
	spec: { containers: [{ name: "c", image }], initContainers: [{ name: "i", image: "busybox" }] },
});

/** A server whose webhook answers in turn, the last answer again and again. */
async function start(answers: readonly (WebhookAnswer | Error)[], options: Partial<ImagePolicyOptions> = {}) {
	const clock = new VirtualClock();
	const asked: Readonly<Record<string, unknown>>[] = [];
	const plugin = imagePolicyWebhook({
		allowTtlMs: 10_000,
		denyTtlMs: 1_000,
		retryBackoffMs: 1,
		defaultAllow: false,
		post: async (body) => {
			const next = answers[Math.min(asked.push(JSON.parse(body).spec), answers.length) - 1];
			if (next === undefined || next instanceof Error) throw next ?? new Error("nothing to answer");
			return next;
		},
		clock,
		random: new SeededRandom("images"),
		...options,
	});
	const fixture = await startServer({ admission: { enable: ["ImagePolicyWebhook"], configured: [plugin] } });
	return { ...fixture, clock, asked, pods: fixture.resource("", "v1", "pods") };
}

describe("ImagePolicyWebhook", () => {
	it("asks about the images of a pod, and shows annotations that are for it", async () => {
		const { pods, asked } = await start([answer({ allowed: true })]);
		const annotations = { "team.image-policy.k8s.io/ticket": "7", other: "x" };
		await pods.send("create", { body: pod("a", "nginx:1", { annotations }) });
		expect(asked).toEqual([
			{
				containers: [{ image: "nginx:1" }, { image: "busybox" }],
				annotations: { "team.image-policy.k8s.io/ticket": "7" },
				namespace: "default",
			},
		]);
	});

	it.each([
		[{ allowed: false, reason: "no latest" }, "image policy webhook backend denied one or more images: no latest"],
		[{ allowed: false }, "one or more images rejected by webhook backend"],
		[{}, "one or more images rejected by webhook backend"],
	])("refuses what the service refuses: %j", async (status, why) => {
		const { pods } = await start([answer(status)]);
		expect(await pods.failure("create", { body: pod("a") })).toBe(`403 Forbidden: pods "a" is forbidden: ${why}`);
	});

	it("asks about a change, and about ephemeral containers alone", async () => {
		const { pods, asked } = await start([answer({ allowed: true })]);
		const made = await pods.send("create", { body: pod("a") });
		const spec = { ...(made as unknown as { readonly spec: object }).spec, ephemeralContainers: [{ name: "e", image: "debug" }] };
		await pods.send("update", { name: "a", subresource: "ephemeralcontainers", body: { ...made, spec } as object });
		expect(asked.map(({ containers }) => containers)).toEqual([[{ image: "nginx" }, { image: "busybox" }], [{ image: "debug" }]]);
		await pods.send("patch", { name: "a", body: { metadata: { labels: { a: "b" } } }, patchType: "application/merge-patch+json" });
		expect(asked).toHaveLength(2);
	});

	it("remembers what it was told, each for its time", async () => {
		const { pods, asked, clock } = await start([answer({ allowed: true }), answer({ allowed: false })]);
		for (const name of ["a", "b"]) await pods.send("create", { body: pod(name) });
		expect(asked).toHaveLength(1);
		await clock.advance(10_000);
		for (const name of ["c", "d"]) await pods.failure("create", { body: pod(name) });
		expect(asked).toHaveLength(2);
		await clock.advance(1_000);
		await pods.failure("create", { body: pod("e") });
		expect(asked).toHaveLength(3);
	});

	it("refuses, or lets in, when nobody answers", async () => {
		const strict = await start([new Error("connection refused")]);
		expect(await strict.pods.failure("create", { body: pod("a") })).toBe('403 Forbidden: pods "a" is forbidden: connection refused');
		const lax = await start([answer({}, 404)], { defaultAllow: true });
		await lax.pods.send("create", { body: pod("a") });
		expect(lax.asked).toHaveLength(1);
		const confused = await start([answer({ allowed: true }, 302)]);
		expect(await confused.pods.failure("create", { body: pod("a") })).toContain("error contacting webhook: 302");
	});

	it("is only there with a configuration", async () => {
		await expect(startServer({ admission: { enable: ["ImagePolicyWebhook"] } })).rejects.toThrow(
			"admission plugin ImagePolicyWebhook needs a configuration: --admission-control-config-file names it",
		);
	});
});

describe("an AdmissionConfiguration", () => {
	let directory: string;
	beforeAll(() => {
		directory = mkdtempSync(join(tmpdir(), "kubesim-admission-"));
		write("kubeconfig", { clusters: [{ name: "a", cluster: { server: "http://127.0.0.1:1/" } }] });
	});
	afterAll(() => rmSync(directory, { recursive: true, force: true }));

	const write = (name: string, content: object): string => {
		const file = join(directory, name);
		writeFileSync(file, JSON.stringify(content));
		return file;
	};
	const load = (...plugins: readonly object[]) =>
		loadAdmissionConfiguration(write("admission", { apiVersion: "apiserver.config.k8s.io/v1", kind: "AdmissionConfiguration", plugins }), {
			clock: new VirtualClock(),
			random: new SeededRandom("configuration"),
		});
	const policy = (more: object) => ({
		name: "ImagePolicyWebhook",
		configuration: { imagePolicy: { kubeConfigFile: "kubeconfig", ...more } },
	});
	const failed = 'couldn\'t init admission plugin "ImagePolicyWebhook": ';

	it("holds the plugin's own, or names its file", () => {
		expect(load(policy({ allowTTL: 50, denyTTL: -1, retryBackoff: 500, defaultAllow: true })).map(({ name }) => name)).toEqual([
			"ImagePolicyWebhook",
		]);
		write("policy", { imagePolicy: { kubeConfigFile: "kubeconfig" } });
		expect(load({ name: "ImagePolicyWebhook", path: "policy" })).toHaveLength(1);
	});

	it.each<[string, object, string]>([
		["too long a time", policy({ allowTTL: 1801 }), `${failed}valid value is between 1s and 30m0s, got 30m1s`],
		["too short a time", policy({ denyTTL: -2 }), `${failed}valid value is between 1s and 30m0s, got -2s`],
		["too long a pause", policy({ retryBackoff: 300_001 }), `${failed}valid value is between 1ns and 5m0s, got 5m0.001s`],
		["nothing", { name: "ImagePolicyWebhook", configuration: {} }, `${failed}no imagePolicy is configured`],
		["no service", { name: "ImagePolicyWebhook", configuration: { imagePolicy: {} } }, `${failed}no kubeConfigFile is configured`],
		["another plugin", { name: "PodSecurity" }, "the configuration of admission plugin PodSecurity can't be read from a file"],
		["a file that is not there", { name: "ImagePolicyWebhook", path: "nowhere" }, "unable to read admission control configuration from"],
	])("with %s is refused", (_what, plugin, text) => {
		expect(() => load(plugin)).toThrow(text);
	});
});
