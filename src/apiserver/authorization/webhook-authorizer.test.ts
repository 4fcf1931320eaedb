import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { person, question } from "./rbac.test-kit.ts";
import { UnionAuthorizer } from "./union-authorizer.ts";
import { WebhookAuthorizer, type WebhookOptions } from "./webhook-authorizer.ts";
import type { WebhookAnswer } from "./webhook-retries.ts";

const jane = { ...person("jane", "dev"), uid: "u1", extra: { scopes: ["a"] } };
const listPods = { user: jane, ...question("list", "pods", "default") };
const answer = (status: object, code = 200): WebhookAnswer => ({ code, text: JSON.stringify({ status }) });

function make(answers: readonly (WebhookAnswer | Error)[], options: Partial<WebhookOptions> = {}) {
	const clock = new VirtualClock();
	const sent: string[] = [];
	const authorizer = new WebhookAuthorizer({
		post: async (body) => {
			const next = answers[Math.min(sent.push(body), answers.length) - 1];
			if (next === undefined || next instanceof Error) throw next ?? new Error("nothing to answer");
			return next;
		},
		version: "v1",
		authorizedTtlMs: 10_000,
		unauthorizedTtlMs: 1_000,
		onFailure: "undecided",
		clock,
		random: new SeededRandom("webhook"),
		...options,
	});
	return { clock, sent, authorizer };
}

describe("the review", () => {
	const sentFor = async (attributes: Parameters<WebhookAuthorizer["authorize"]>[0], version: "v1" | "v1beta1" = "v1") => {
		const { authorizer, sent } = make([answer({ allowed: true })], { version });
		await authorizer.authorize(attributes);
		return JSON.parse(sent[0] ?? "") as Readonly<Record<string, unknown>>;
	};

	it("says who asks for what", async () => {
		expect(await sentFor(listPods)).toEqual({
			apiVersion: "authorization.k8s.io/v1",
			kind: "SubjectAccessReview",
			metadata: { creationTimestamp: null },
			spec: {
				resourceAttributes: { namespace: "default", verb: "list", version: "*", resource: "pods" },
				user: "jane",
				uid: "u1",
				groups: ["dev", "system:authenticated"],
				extra: { scopes: ["a"] },
			},
			status: { allowed: false },
		});
		expect(await sentFor({ user: person("bob"), verb: "get", path: "/metrics" })).toMatchObject({
			spec: { nonResourceAttributes: { path: "/metrics", verb: "get" }, user: "bob" },
		});
	});

	it("calls groups by another name in v1beta1", async () => {
		expect(await sentFor(listPods, "v1beta1")).toMatchObject({
			apiVersion: "authorization.k8s.io/v1beta1",
			spec: { group: ["dev", "system:authenticated"] },
		});
	});

	it("has the selectors as requirements", async () => {
		const selectors = { fieldSelector: "spec.nodeName=n1,status.phase!=Failed", labelSelector: "app in (a,b),!old,n>1" };
		expect(await sentFor({ ...listPods, ...selectors })).toMatchObject({
			spec: {
				resourceAttributes: {
					fieldSelector: {
						requirements: [
							{ key: "spec.nodeName", operator: "In", values: ["n1"] },
							{ key: "status.phase", operator: "NotIn", values: ["Failed"] },
						],
					},
					labelSelector: {
						requirements: [
							{ key: "app", operator: "In", values: ["a", "b"] },
							{ key: "old", operator: "DoesNotExist" },
						],
					},
				},
			},
		});
	});
});

it.each([
	[
		{ allowed: true, reason: "yes" },
		{ verdict: "allow", reason: "yes" },
	],
	[
		{ allowed: false, denied: true, reason: "no" },
		{ verdict: "deny", reason: "no" },
	],
	[{ allowed: false }, { verdict: "undecided", reason: "" }],
	[
		{ allowed: true, denied: true },
		{ verdict: "deny", reason: "", error: "webhook subject access review returned both allow and deny response" },
	],
])("%j is %j", async (status, decision) => {
	expect(await make([answer(status)]).authorizer.authorize(listPods)).toEqual(decision);
});

it("remembers answers for as long as they hold, each question its own", async () => {
	const { authorizer, clock, sent } = make([answer({ allowed: true }), answer({ allowed: false })]);
	await authorizer.authorize(listPods);
	expect(authorizer.authorize(listPods)).toEqual({ verdict: "allow", reason: "" });
	await authorizer.authorize({ ...listPods, verb: "delete" });
	expect(sent).toHaveLength(2);
	await clock.advance(1_000);
	expect(authorizer.authorize(listPods)).toEqual({ verdict: "allow", reason: "" });
	await authorizer.authorize({ ...listPods, verb: "delete" });
	expect(sent).toHaveLength(3);
	await clock.advance(9_000);
	await authorizer.authorize(listPods);
	expect(sent).toHaveLength(4);
});

it("remembers nothing if it is not to, and no question that is too long", async () => {
	const { authorizer, sent } = make([answer({ allowed: true })], { authorizedTtlMs: 0 });
	await authorizer.authorize(listPods);
	await authorizer.authorize(listPods);
	expect(sent).toHaveLength(2);
	const long = make([answer({ allowed: true })]);
	await long.authorizer.authorize({ ...listPods, name: "x".repeat(20_000) });
	await long.authorizer.authorize({ ...listPods, name: "x".repeat(20_000) });
	expect(long.sent).toHaveLength(2);
});

it("tries five times, if that may help", async () => {
	const flaky = make([answer({}, 503), answer({}, 429), answer({ allowed: true })]);
	const decision = flaky.authorizer.authorize(listPods);
	await flaky.clock.advance(10_000);
	expect(await decision).toEqual({ verdict: "allow", reason: "" });
	const dead = make([answer({}, 500)]);
	const failed = dead.authorizer.authorize(listPods);
	await dead.clock.advance(60_000);
	expect(await failed).toMatchObject({ verdict: "undecided", error: expect.stringContaining("answered with 500") });
	expect(dead.sent).toHaveLength(5);
	const refused = make([answer({}, 401)]);
	expect(await refused.authorizer.authorize(listPods)).toMatchObject({ error: expect.stringContaining("401") });
	expect(refused.sent).toHaveLength(1);
});

it("leaves it to the failure policy what no answer means", async () => {
	const lost = [new Error("connect ECONNREFUSED")];
	expect(await make(lost).authorizer.authorize(listPods)).toEqual({ verdict: "undecided", reason: "", error: "connect ECONNREFUSED" });
	expect(await make(lost, { onFailure: "deny" }).authorizer.authorize(listPods)).toMatchObject({ verdict: "deny" });
	expect(await make([{ code: 200, text: "{}" }]).authorizer.authorize(listPods)).toMatchObject({
		error: "the authorization webhook's answer has no status",
	});
});

describe("several authorizers", () => {
	const union = (...statuses: readonly object[]) => new UnionAuthorizer(statuses.map((status) => make([answer(status)]).authorizer));
	it.each([
		[
			"the first that allows",
			[{ allowed: false, reason: "a" }, { allowed: true, reason: "b" }, { denied: true }],
			{ verdict: "allow", reason: "b" },
		],
		["the first that denies", [{ allowed: false }, { denied: true, reason: "no" }, { allowed: true }], { verdict: "deny", reason: "no" }],
		["nobody, whose reasons are joined", [{ reason: "a" }, {}, { reason: "c" }], { verdict: "undecided", reason: "a\nc" }],
	])("%s has the word", async (_, statuses, decision) => {
		expect(await union(...statuses).authorize(listPods)).toEqual(decision);
	});

	it("are not asked about members of system:masters", async () => {
		expect(await union({ denied: true }).authorize({ ...listPods, user: person("root", "system:masters") })).toMatchObject({
			verdict: "allow",
		});
	});
});
