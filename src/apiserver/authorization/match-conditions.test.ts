import { expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { compileConditions } from "./match-conditions.ts";
import { person, question } from "./rbac.test-kit.ts";
import { WebhookAuthorizer } from "./webhook-authorizer.ts";

const jane = { ...person("jane", "dev"), extra: { "acme.io/tenant": ["t1"] } };
const listPods = { user: jane, ...question("list", "pods", "default") };

/** What somebody is told whose webhook allows everything that it is asked: whether it was asked, and what came out. */
async function ask(
	conditions: readonly string[],
	attributes: Parameters<WebhookAuthorizer["authorize"]>[0],
	onFailure: "undecided" | "deny",
) {
	const compiled = compileConditions(conditions, "c", []);
	let asked = 0;
	const authorizer = new WebhookAuthorizer({
		post: async () => {
			asked++;
			return { code: 200, text: JSON.stringify({ status: { allowed: true } }) };
		},
		version: "v1",
		authorizedTtlMs: 0,
		unauthorizedTtlMs: 0,
		onFailure,
		clock: new VirtualClock(),
		random: new SeededRandom("conditions"),
		...(compiled === undefined ? {} : { conditions: compiled }),
	});
	const { verdict, error = "" } = await authorizer.authorize(attributes);
	return { asked, verdict, error };
}

it.each<readonly [conditions: readonly string[], attributes: Parameters<WebhookAuthorizer["authorize"]>[0], isAsked: boolean]>([
	[[], listPods, true],
	[["true"], listPods, true],
	[["false"], listPods, false],
	[["true", "false"], listPods, false],
	[["has(request.resourceAttributes)"], listPods, true],
	[["has(request.nonResourceAttributes)"], listPods, false],
	[["request.resourceAttributes.verb == 'list' && request.resourceAttributes.name == ''"], listPods, true],
	[["!('system:serviceaccounts:kube-system' in request.groups)"], listPods, true],
	[["request.uid == '' && request.extra['acme.io/tenant'] == ['t1']"], listPods, true],
	[["request.nonResourceAttributes.path.startsWith('/healthz')"], { user: jane, verb: "get", path: "/healthz/etcd" }, true],
	[["has(request.resourceAttributes.fieldSelector)"], listPods, false],
	[
		["request.resourceAttributes.fieldSelector.requirements.exists(r, r.key == 'spec.nodeName' && r.values == ['n1'])"],
		{ ...listPods, fieldSelector: "spec.nodeName=n1" },
		true,
	],
	// A condition that does not hold outweighs one that cannot be evaluated.
	[["request.nonResourceAttributes.verb == 'get'", "false"], listPods, false],
])("%j", async (conditions, attributes, isAsked) => {
	expect(await ask(conditions, attributes, "deny")).toEqual({
		asked: isAsked ? 1 : 0,
		verdict: isAsked ? "allow" : "undecided",
		error: "",
	});
});

it("leaves to the failure policy what cannot be evaluated", async () => {
	const condition = "request.nonResourceAttributes.verb == 'get'";
	const error = `cel evaluation error: expression '${condition}' resulted in error: no such key: nonResourceAttributes`;
	expect(await ask([condition, "true"], listPods, "deny")).toEqual({ asked: 0, verdict: "deny", error });
	expect(await ask([condition, "true"], listPods, "undecided")).toEqual({ asked: 0, verdict: "undecided", error });
});
