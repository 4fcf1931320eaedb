import { beforeEach, describe, expect, it } from "vitest";
import type { DeleteOptions, Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const name = "web";

let fixture: ServerFixture;
let pods: ResourceDriver;
let budgets: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	pods = fixture.resource("", "v1", "pods");
	budgets = fixture.resource("policy", "v1", "poddisruptionbudgets");
	await makePod("True");
});

async function makePod(ready: string, phase = "Running") {
	await pods.send("create", {
		body: { metadata: { name, labels: { app: "web" } }, spec: { nodeName: "n1", containers: [{ name: "main", image: "nginx" }] } },
	});
	await patchStatus(pods, name, { phase, conditions: [{ type: "Ready", status: ready }] });
}

async function makeBudget(counts: object, spec: Partial<PodDisruptionBudgetSpec> = {}, budget = "guard") {
	const selector = { matchLabels: { app: "web" } };
	await budgets.send("create", { body: { metadata: { name: budget }, spec: { minAvailable: 2, selector, ...spec } } });
	const status = { observedGeneration: 1, expectedPods: 3, currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1, ...counts };
	await patchStatus(budgets, budget, status);
}

const patchStatus = (resource: ResourceDriver, of: string, status: object) =>
	resource.send("patch", { name: of, subresource: "status", patchType: "application/merge-patch+json", body: { status } });

const eviction = (deleteOptions?: DeleteOptions) => ({
	name,
	subresource: "eviction",
	body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name }, ...(deleteOptions === undefined ? {} : { deleteOptions }) },
});

const evict = (deleteOptions?: DeleteOptions) => pods.send("create", eviction(deleteOptions));

/** The Status that the eviction must fail with. */
async function refusal(deleteOptions?: DeleteOptions): Promise<object> {
	const error: unknown = await evict(deleteOptions).catch((failure: unknown) => failure);
	if (error instanceof StatusError) return error.status;
	throw new Error("the eviction should have failed");
}

const budgetStatus = async () => ((await budgets.send("get", { name: "guard" })) as PodDisruptionBudget).status;
const podNow = async () => (await pods.send("get", { name })) as Pod;

const tooMany = (message: string, retry: object = {}) => ({
	kind: "Status",
	apiVersion: "v1",
	metadata: {},
	status: "Failure",
	message: "Cannot evict pod as it would violate the pod's disruption budget.",
	reason: "TooManyRequests",
	details: { ...retry, causes: [{ reason: "DisruptionBudget", message }] },
	code: 429,
});

describe("without a budget", () => {
	it("deletes the pod with its grace period, and says why on it", async () => {
		expect(await evict()).toEqual({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
		const { metadata, status } = await podNow();
		expect(metadata).toMatchObject({ deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30, generation: 2 });
		expect(status?.conditions?.at(-1)).toEqual({
			type: "DisruptionTarget",
			status: "True",
			reason: "EvictionByEvictionAPI",
			message: "Eviction API: evicting",
			lastTransitionTime: "2026-01-01T00:00:00Z",
			observedGeneration: 1,
		});
	});

	it("takes the caller's delete options", async () => {
		await evict({ gracePeriodSeconds: 0 });
		expect((await pods.list()).items).toEqual([]);
	});

	it.each([
		[
			{ uid: "other" },
			/^409 Conflict: Operation cannot be fulfilled on Pod "web": the UID in the precondition \(other\) does not match the UID in record \(\S+\)\. The object might have been deleted and then recreated$/,
		],
		[
			{ resourceVersion: "1" },
			/^409 Conflict: Operation cannot be fulfilled on Pod "web": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
		],
	])("holds the precondition %o", async (preconditions, why) => {
		expect(await pods.failure("create", eviction({ preconditions }))).toMatch(why);
	});

	it("takes a precondition that holds, although the condition changes the pod", async () => {
		const { metadata } = await podNow();
		const { uid = "", resourceVersion = "" } = metadata ?? {};
		await evict({ preconditions: { uid, resourceVersion } });
		expect((await podNow()).metadata?.deletionTimestamp).toBeDefined();
	});

	it("wants the pod's name", async () => {
		const body = { ...eviction().body, metadata: { name: "other" } };
		expect(await pods.failure("create", { ...eviction(), body })).toBe(
			"400 BadRequest: name in URL does not match name in Eviction object",
		);
	});
});

describe("with a budget", () => {
	it("takes a disruption from it, and says when the last one is gone", async () => {
		await makeBudget({ disruptionsAllowed: 2 });
		await evict();
		expect(await budgetStatus()).toMatchObject({ disruptionsAllowed: 1, disruptedPods: { web: "2026-01-01T00:00:00Z" } });
		expect((await budgetStatus())?.conditions).toBeUndefined();
		await pods.send("delete", { name, deleteOptions: { gracePeriodSeconds: 0 } });
		await makePod("True");
		await evict();
		expect((await budgetStatus())?.conditions).toEqual([
			{
				type: "DisruptionAllowed",
				status: "False",
				reason: "InsufficientPods",
				message: "",
				lastTransitionTime: "2026-01-01T00:00:00Z",
				observedGeneration: 1,
			},
		]);
	});

	it("refuses when it allows none, and the pod stays as it was", async () => {
		await makeBudget({ disruptionsAllowed: 0, currentHealthy: 2 });
		const before = await podNow();
		expect(await refusal()).toEqual(tooMany("The disruption budget guard needs 2 healthy pods and has 2 currently"));
		expect(await podNow()).toEqual(before);
	});

	it("refuses for ten seconds while the budget is new", async () => {
		await makeBudget({ observedGeneration: 0 });
		expect(await refusal()).toEqual(
			tooMany("The disruption budget guard is still being processed by the server.", { retryAfterSeconds: 10 }),
		);
	});

	it("refuses when there is more than one", async () => {
		await makeBudget({});
		await makeBudget({}, {}, "another");
		expect(await refusal()).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
			code: 500,
		});
	});

	it("refuses when more pods went than its controller has seen", async () => {
		const disruptedPods = Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`p${index}`, "2026-01-01T00:00:00Z"]));
		await makeBudget({ disruptedPods });
		expect(await pods.failure("create", eviction())).toBe(
			'403 Forbidden: poddisruptionbudget.policy "guard" is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller',
		);
	});

	it("asks no budget of other labels", async () => {
		await makeBudget({ disruptionsAllowed: 0 }, { selector: { matchLabels: { app: "db" } } });
		await evict();
		expect((await podNow()).metadata?.deletionTimestamp).toBeDefined();
	});

	it("changes nothing on a dry run, by whichever of the two ways", async () => {
		await makeBudget({});
		const before = [await podNow(), await budgetStatus()];
		await pods.send("create", { ...eviction(), options: { dryRun: true } });
		await evict({ dryRun: ["All"] });
		expect([await podNow(), await budgetStatus()]).toEqual(before);
		await patchStatus(budgets, "guard", { disruptionsAllowed: 0 });
		expect(await refusal({ dryRun: ["All"] })).toMatchObject({ code: 429 });
	});
});

describe("a pod that is not ready", () => {
	beforeEach(() => patchStatus(pods, name, { conditions: [{ type: "Ready", status: "False" }] }));

	it.each<[string, object, Partial<PodDisruptionBudgetSpec>, boolean]>([
		["goes when the budget is met without it", { disruptionsAllowed: 0, currentHealthy: 2 }, {}, true],
		["stays when it is not", { disruptionsAllowed: 0, currentHealthy: 1 }, {}, false],
		[
			"stays when it is not, and the policy says IfHealthyBudget",
			{ disruptionsAllowed: 0, currentHealthy: 1 },
			{ unhealthyPodEvictionPolicy: "IfHealthyBudget" },
			false,
		],
		[
			"goes whenever the policy says AlwaysAllow",
			{ disruptionsAllowed: 0, currentHealthy: 1 },
			{ unhealthyPodEvictionPolicy: "AlwaysAllow" },
			true,
		],
		["stays when the budget wants nothing healthy and allows nothing", { disruptionsAllowed: 0, desiredHealthy: 0 }, {}, false],
	])("%s", async (_, counts, spec, goes) => {
		await makeBudget(counts, spec);
		if (goes) await evict();
		else expect(await refusal()).toMatchObject({ code: 429 });
		expect((await podNow()).metadata?.deletionTimestamp !== undefined).toBe(goes);
		expect((await budgetStatus())?.disruptedPods).toBeUndefined();
	});
});

it.each(["Succeeded", "Failed", "Pending"])("a pod that is %s needs no budget's leave", async (phase) => {
	await makeBudget({ disruptionsAllowed: 0 });
	await pods.send("delete", { name, deleteOptions: { gracePeriodSeconds: 0 } });
	await makePod("False", phase);
	await evict({ gracePeriodSeconds: 0 });
	expect((await pods.list()).items).toEqual([]);
});
