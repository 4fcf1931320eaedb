import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { startServer } from "../testing.ts";
import { loadAuthorizers } from "./authorization-config.ts";
import type { AuthorizationOptions } from "./authorization-error.ts";
import { person } from "./rbac.test-kit.ts";
import { WebhookAuthorizer } from "./webhook-authorizer.ts";

let directory: string;
let service: Server;
let kubeconfig: string;
/** What the service was asked, and what it says to whom. */
const asked: Readonly<Record<string, unknown>>[] = [];

beforeAll(async () => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-authorization-"));
	service = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(Buffer.from(chunk));
		const review = JSON.parse(Buffer.concat(chunks).toString()) as { readonly spec: { readonly user: string } };
		asked.push({ ...review, authorization: request.headers.authorization, url: request.url });
		const status = { wanda: { allowed: true }, dora: { denied: true, reason: "not dora" } }[review.spec.user] ?? { allowed: false };
		response.end(JSON.stringify({ ...review, status }));
	});
	await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
	const { port } = service.address() as AddressInfo;
	kubeconfig = write("webhook.yaml", {
		clusters: [{ name: "service", cluster: { server: `http://127.0.0.1:${port}/authorize` } }],
		users: [{ name: "me", user: { token: "secret" } }],
		contexts: [{ name: "c", context: { cluster: "service", user: "me" } }],
		"current-context": "c",
	});
});

afterAll(() => {
	service.close();
	rmSync(directory, { recursive: true, force: true });
});

function write(name: string, content: unknown): string {
	const file = join(directory, name);
	writeFileSync(file, typeof content === "string" ? content : stringify(content));
	return file;
}

const load = (options: AuthorizationOptions) => loadAuthorizers(options, { clock: new WallClock(), random: new SeededRandom("config") });
const problem = (options: AuthorizationOptions): Promise<string> =>
	load(options).then(
		() => "none",
		(error: unknown) => (error instanceof Error ? error.message.replace(/^.*?\.yaml: /, "") : String(error)),
	);

describe("modes", () => {
	it.each<readonly [AuthorizationOptions, string]>([
		[{ modes: [] }, "at least one authorization-mode must be passed"],
		[{ modes: ["RBAC", "Magic"] }, 'authorization-mode "Magic" is not a valid mode'],
		[{ modes: ["RBAC", "RBAC"] }, 'authorization-mode "RBAC" has mode specified more than once'],
		[{ modes: ["Webhook"] }, "authorization-mode Webhook's authorization config file not passed"],
		[{ modes: ["RBAC"], webhookConfigFile: "/x" }, "cannot specify --authorization-webhook-config-file without mode Webhook"],
		[{ modes: ["ABAC"] }, "authorization-mode ABAC's authorization policy file not passed"],
		[{ modes: ["RBAC"], policyFile: "/x" }, "cannot specify --authorization-policy-file without mode ABAC"],
		[
			{ modes: ["ABAC"], policyFile: "/nowhere" },
			"the authorization policy file /nowhere can't be read: ENOENT: no such file or directory, open '/nowhere'",
		],
		[
			{ modes: ["RBAC"], configFile: "/x" },
			"--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
		],
		[{ modes: ["Node", "RBAC", "AlwaysAllow", "AlwaysDeny"] }, "none"],
	])("%j: %s", async (options, text) => {
		expect(await problem(options)).toBe(text);
	});

	it("say what is wrong with a webhook's file or version", async () => {
		expect(await problem({ modes: ["Webhook"], webhookConfigFile: join(directory, "none") })).toContain("no such file");
		expect(await problem({ modes: ["Webhook"], webhookConfigFile: write("empty.yaml", "a: b") })).toContain(
			"names no cluster with a server",
		);
		expect(await problem({ modes: ["Webhook"], webhookConfigFile: kubeconfig, webhookVersion: "v2" })).toContain(
			'unsupported webhook authorizer version "v2"',
		);
	});
});

describe("a configuration", () => {
	const config = (authorizers: unknown, more: object = {}) =>
		write("config.yaml", { apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthorizationConfiguration", authorizers, ...more });
	const hook = (change: object = {}) => ({
		type: "Webhook",
		name: "hook",
		webhook: {
			timeout: "3s",
			subjectAccessReviewVersion: "v1",
			failurePolicy: "NoOpinion",
			connectionInfo: { type: "KubeConfigFile", kubeConfigFile: kubeconfig },
			...change,
		},
	});

	const conditional = (...expressions: readonly string[]) =>
		hook({
			matchConditionSubjectAccessReviewVersion: "v1",
			matchConditions: expressions.map((expression) => ({ expression })),
		});

	it.each<readonly [name: string, authorizers: (() => unknown) | undefined, text: string]>([
		[
			"the usual ones",
			() => [
				{ type: "Node", name: "node" },
				{ type: "RBAC", name: "rbac" },
			],
			"none",
		],
		["two webhooks", () => [hook(), { ...hook(), name: "second" }], "none"],
		["nobody", () => [], "authorizers: Required value: at least one authorization mode must be defined"],
		["no type", () => [{ name: "a" }], "authorizers[0].type: Required value"],
		[
			"another type",
			() => [{ type: "Magic", name: "a" }],
			'authorizers[0].type: Unsupported value: "Magic": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
		],
		[
			"a type twice",
			() => [
				{ type: "RBAC", name: "a" },
				{ type: "RBAC", name: "b" },
			],
			'authorizers[1].type: Duplicate value: "RBAC"',
		],
		[
			"a name twice",
			() => [
				{ type: "RBAC", name: "a" },
				{ type: "Node", name: "a" },
			],
			'authorizers[1].name: Duplicate value: "a"',
		],
		["no name", () => [{ type: "RBAC" }], "authorizers[0].name: Required value"],
		["no webhook", () => [{ type: "Webhook", name: "a" }], "authorizers[0].webhook: Required value: required when type=Webhook"],
		[
			"a webhook too much",
			() => [{ type: "RBAC", name: "a", webhook: {} }],
			'authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook',
		],
		["no timeout", () => [hook({ timeout: undefined })], "authorizers[0].timeout: Required value"],
		["a long timeout", () => [hook({ timeout: "31s" })], 'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s'],
		[
			"another policy",
			() => [hook({ failurePolicy: "Hope" })],
			'authorizers[0].failurePolicy: Unsupported value: "Hope": supported values: "Deny", "NoOpinion"',
		],
		["no version", () => [hook({ subjectAccessReviewVersion: undefined })], "authorizers[0].subjectAccessReviewVersion: Required value"],
		[
			"a file elsewhere",
			() => [hook({ connectionInfo: { type: "KubeConfigFile", kubeConfigFile: "a/b" } })],
			'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "a/b": must be an absolute path',
		],
		[
			"conditions of no version",
			() => [hook({ matchConditions: [{ expression: "true" }] })],
			"authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified",
		],
		[
			"conditions of another version",
			() => [hook({ matchConditionSubjectAccessReviewVersion: "v1beta1", matchConditions: [{ expression: "true" }] })],
			'authorizers[0].matchConditionSubjectAccessReviewVersion: Unsupported value: "v1beta1": supported values: "v1"',
		],
		["an empty condition", () => [conditional(" ")], "authorizers[0].matchConditions[0].expression: Required value"],
		["a condition twice", () => [conditional("true", "true")], 'authorizers[0].matchConditions[1].expression: Duplicate value: "true"'],
		[
			"a condition that is none",
			() => [conditional("request.user")],
			'authorizers[0].matchConditions[0].expression: Invalid value: "request.user": must evaluate to bool but got string',
		],
		[
			"a condition that does not compile",
			() => [conditional("request.verb == 'get'")],
			`authorizers[0].matchConditions[0].expression: Invalid value: "request.verb == 'get'": compilation failed: ERROR: <input>:1:8: undefined field 'verb'\n | request.verb == 'get'\n | .......^`,
		],
		[
			"too many conditions",
			() => [conditional(...Array.from({ length: 65 }, (_, index) => `request.user != '${index}'`))],
			"authorizers[0].matchConditions: Too many: 65: must have at most 64 items",
		],
		["a word nobody knows", () => [hook({ tiemout: "3s" })], "authorizers[0].webhook.tiemout: Forbidden: unknown field"],
	])("%s", async (_, authorizers, text) => {
		expect(await problem({ configFile: config(authorizers?.()) })).toBe(text);
	});

	it("is refused if it is none", async () => {
		expect(await problem({ configFile: write("other.yaml", "kind: Other") })).toContain("is no AuthorizationConfiguration");
		expect(await problem({ configFile: join(directory, "nowhere") })).toContain("can't be read");
	});

	it("asks a webhook before the server's own roles", async () => {
		const authorizers = [{ type: "Node", name: "node" }, hook({ cacheAuthorizedRequests: false }), { type: "RBAC", name: "rbac" }];
		const list = await lister({ configFile: config(authorizers) });
		const refused = (name: string) =>
			`pods is forbidden: User "${name}" cannot list resource "pods" in API group "" in the namespace "default"`;
		expect(await list("wanda")).toBe("yes");
		expect(await list("dora")).toBe(`${refused("dora")}: not dora`);
		expect(await list("stranger")).toBe(refused("stranger"));
		expect(asked.at(-1)).toMatchObject({
			authorization: "Bearer secret",
			url: "/authorize",
			spec: { user: "stranger", resourceAttributes: { verb: "list", resource: "pods", version: "v1", namespace: "default" } },
		});
		const byWanda = () => asked.filter(({ spec }) => (spec as { readonly user: string }).user === "wanda").length;
		const before = byWanda();
		await list("wanda");
		expect(byWanda()).toBe(before + 1);
	});

	it("asks a webhook only where its conditions hold", async () => {
		const theirs = conditional(
			"has(request.resourceAttributes) && request.resourceAttributes.namespace == 'default'",
			"request.user != 'dora'",
		);
		const list = await lister({ configFile: config([theirs, { type: "RBAC", name: "rbac" }]) });
		const before = asked.length;
		expect(await list("wanda")).toBe("yes");
		expect(asked).toHaveLength(before + 1);
		expect(await list("dora")).toMatch(/is forbidden: User "dora" cannot list resource "pods" in API group "" in the namespace "default"$/);
		expect(asked).toHaveLength(before + 1);
	});

	it("is read again: webhooks come and go, others stay", async () => {
		const usual = [
			{ type: "Node", name: "node" },
			{ type: "RBAC", name: "rbac" },
		];
		const { file } = await load({ configFile: config(usual) });
		const again = (authorizers: unknown) => file?.reload(readFileSync(config(authorizers), "utf8"));
		expect(await again([...usual, hook()])).toEqual(["Node", "RBAC", expect.any(WebhookAuthorizer)]);
		await expect(again([hook()])).rejects.toThrow("missing required types: [Node RBAC]");
		await expect(again([])).rejects.toThrow("at least one authorization mode must be defined");
		const { file: alone } = await load({ configFile: config([hook()]) });
		await expect(alone?.reload(readFileSync(config(usual), "utf8"))).rejects.toThrow(
			"authorizer type Node is not allowed if it was not enabled at initial server startup",
		);
	});

	it("whose webhook does not answer is an error of the server, where nobody allows", async () => {
		const dead = write("dead.yaml", { clusters: [{ name: "a", cluster: { server: "http://127.0.0.1:1/" } }] });
		const connectionInfo = { type: "KubeConfigFile", kubeConfigFile: dead };
		const list = await lister({ configFile: config([{ type: "RBAC", name: "rbac" }, hook({ connectionInfo })]) });
		expect(await list("bob")).toMatch(/^Internal error occurred: Post "http:\/\/127\.0\.0\.1:1\/": /);
	});
});

/** Lists pods in a server with these authorizers, as somebody: "yes", or why not. */
async function lister(options: AuthorizationOptions): Promise<(name: string) => Promise<string>> {
	const { server } = await startServer({ authorizers: (await load(options)).choices });
	return (name) =>
		server.handle(person(name), { group: "", version: "v1", resource: "pods", verb: "list", namespace: "default" }).then(
			() => "yes",
			(error: Error) => error.message,
		);
}

it("AlwaysAllow and AlwaysDeny", async () => {
	expect(await (await lister({ modes: ["AlwaysAllow"] }))("bob")).toBe("yes");
	expect(await (await lister({ modes: ["AlwaysDeny"] }))("bob")).toBe(
		'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default": Everything is forbidden.',
	);
});
