import { describe, expect, test } from "vitest";
import type { PersistentVolumeClaim, Pod, StatefulSet, StatefulSetSpec } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";
import { isClaimStale, planClaimOwners } from "./claim-owners.ts";
import { newPod, ordinalOf } from "./identity.ts";
import { type Action, plan } from "./plan.ts";
import { planStatus } from "./stateful-set-status.ts";

const template = (image: string) => ({ metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } });
const revisions = { A: { name: "web-a", template: template("a") }, B: { name: "web-b", template: template("b") } };

function setOf(spec: Partial<StatefulSetSpec>): StatefulSet {
	return {
		apiVersion: "apps/v1",
		kind: "StatefulSet",
		metadata: { namespace: "default", name: "web", uid: "set" },
		spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template: template("b"), ...spec },
	};
}

/**
 * Pods in shorthand, by ordinal: the revision, then the state. `A` runs and is ready, `A?` is pending, `A~` runs and is
 * not ready, `A!` has failed, `A-` is going, `A:5` has been ready for 5 s; `.` is not there.
 */
function podsOf(set: StatefulSet, shorthand: string): readonly Pod[] {
	return shorthand.split(" ").flatMap((text, ordinal) => {
		if (text === ".") return [];
		const revision = text.startsWith("A") ? revisions.A : revisions.B;
		const pod = newPod(set, revision.template, revision.name, ordinal);
		const phase = text.endsWith("?") ? "Pending" : text.endsWith("!") ? "Failed" : "Running";
		const seconds = text.includes(":") ? Number(text.split(":")[1]) : 100;
		const isReady = phase === "Running" && !text.endsWith("~");
		const lastTransitionTime = new Date(nowMs - seconds * 1000).toISOString();
		const status = { phase, conditions: isReady ? [{ type: "Ready", status: "True", lastTransitionTime }] : [] };
		const metadata = {
			...pod.metadata,
			uid: `pod-${ordinal}`,
			...(text.endsWith("-") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
		};
		return [{ ...pod, metadata, status }];
	});
}

const nowMs = Date.UTC(2026, 0, 2);

function describeAction(action: Action): string {
	const { labels } = action.pod.metadata ?? {};
	const revision = labels?.["controller-revision-hash"] === "web-a" ? "A" : "B";
	return action.type === "create" ? `create ${ordinalOf(action.pod)}${revision}` : `${action.type} ${ordinalOf(action.pod)}`;
}

/** Current revision A, update B. */
function actions(spec: Partial<StatefulSetSpec>, pods: string, status?: StatefulSet["status"]): readonly string[] {
	const set = { ...setOf(spec), ...(status === undefined ? {} : { status }) };
	const { phases } = plan({ set, current: revisions.A, update: revisions.B, pods: podsOf(set, pods), claim: () => undefined, nowMs });
	return phases.flat().map(describeAction);
}

const rolling = (partition: number, maxUnavailable?: number | string) => ({
	updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition, ...(maxUnavailable === undefined ? {} : { maxUnavailable }) } },
});
const parallel = { podManagementPolicy: "Parallel" };
const onDelete = { updateStrategy: { type: "OnDelete" } };

describe("in order", () => {
	test.each<[string, Partial<StatefulSetSpec>, string, readonly string[]]>([
		["the first comes first", {}, ". . .", ["create 0B"]],
		["the second waits for the first to run", {}, "B? . .", []],
		["… and to be ready", {}, "B~ . .", []],
		["… and then comes", {}, "B . .", ["create 1B"]],
		["… unless it is going", {}, "B- . .", []],
		["a gap is filled before anything above it", {}, "B . B?", ["create 1B"]],
		["minReadySeconds holds the next back", { minReadySeconds: 10 }, "B:5 . .", []],
		["… until they are over", { minReadySeconds: 10 }, "B:11 . .", ["create 1B"]],
		["what failed goes", {}, "B B! B", ["delete 1"]],
		["… once", {}, "B B!- B", []],
		["… and a pod above it that failed, too, waits", {}, "B B! B!", ["delete 1"]],
		["scale down from the top", { replicas: 1 }, "B B B", ["delete 2"]],
		["… one at a time", { replicas: 1 }, "B B B-", []],
		["… not before what stays is sound", { replicas: 1 }, "B~ B B", []],
		["… the first that is not sound may go", { replicas: 1 }, "B B B~", ["delete 2"]],
		["… but not past one below that is not", { replicas: 1 }, "B B~ B~", []],
		["… which ended and will not come back: somebody must delete it", { replicas: 1 }, "B B! B!", []],
		["… a sound one may", { replicas: 1 }, "B B~ B", ["delete 2"]],
		["scaling comes before updating", { replicas: 2, ...rolling(0) }, "A A A", ["delete 2"]],
		["update from the top", rolling(0), "A A A", ["delete 2"]],
		["… the next when that is sound", rolling(0), "A A B", ["delete 1"]],
		["… not before", rolling(0), "A A B~", []],
		["… nor while it is going", rolling(0), "A A A-", []],
		["a partition holds back what is below it", rolling(2), "A A B", []],
		["… and what is made there is of the old revision", rolling(2), ". A B", ["create 0A"]],
		["… what is made above is of the new", rolling(2), "A A .", ["create 2B"]],
		["a partition beyond the last pod updates nothing", rolling(5), "A A A", []],
		["OnDelete updates nothing", onDelete, "A A A", []],
		["… and makes pods of the new revision", onDelete, "A . A", ["create 1B"]],
		["two at a time may be unavailable", rolling(0, 2), "A A A", ["delete 2", "delete 1"]],
		["… less those that are", rolling(0, 2), "A A A-", []],
	])("%s", (_name, spec, pods, expected) => {
		expect(actions(spec, pods)).toEqual(expected);
	});

	test("without a rollingUpdate, as many of the lowest are of the old revision as still count as current", () => {
		expect(actions({ updateStrategy: { type: "RollingUpdate" } }, "A . B", { replicas: 3, currentReplicas: 2 })).toEqual(["create 1A"]);
		expect(actions({ updateStrategy: { type: "RollingUpdate" } }, "A . B", { replicas: 3, currentReplicas: 1 })).toEqual(["create 1B"]);
	});
});

describe("in parallel", () => {
	test.each<[string, Partial<StatefulSetSpec>, string, readonly string[]]>([
		["all come at once", {}, ". . .", ["create 0B", "create 1B", "create 2B"]],
		["nobody waits for anybody", {}, "B~ . B-", ["create 1B"]],
		["what failed goes while others come", {}, "B! . B", ["delete 0", "create 1B"]],
		["… and is not updated besides", rolling(0, 2), "A! A B", ["delete 0", "delete 1"]],
		["all beyond the size go at once", { replicas: 1 }, "B~ B B~", ["delete 2", "delete 1"]],
		["updates still go one by one", rolling(0), "A A A", ["delete 2"]],
		["… a broken old pod at the top goes", rolling(0), "A A A~", ["delete 2"]],
		["… and what is broken below does not hold back", rolling(0), "A~ A B", ["delete 1"]],
		["maxUnavailable lets several go", rolling(0, 2), "A A A", ["delete 2", "delete 1"]],
		["… a share of the pods, rounded down", rolling(0, "70%"), "A A A", ["delete 2", "delete 1"]],
		["… at least one", rolling(0, "1%"), "A A A", ["delete 2"]],
		["… those that do not serve anyway at once, and they count", rolling(0, 1), "A~ A A~", ["delete 2", "delete 0"]],
		["… nothing that serves while others are not back", rolling(0, 1), "A A B~", []],
		["… and nothing below the partition", rolling(1, 3), "A A A", ["delete 2", "delete 1"]],
	])("%s", (_name, spec, pods, expected) => {
		expect(actions({ ...parallel, ...spec }, pods)).toEqual(expected);
	});
});

test("a set that is being deleted does nothing", () => {
	const set = setOf({});
	const deleted = { ...set, metadata: { ...set.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
	expect(plan({ set: deleted, current: revisions.A, update: revisions.B, pods: [], claim: () => undefined, nowMs }).phases).toEqual([]);
});

describe("the status", () => {
	const status = (spec: Partial<StatefulSetSpec>, pods: string, updating = 0) => {
		const set = setOf({ ...rolling(0), ...spec });
		const observed = { currentRevision: "A", updateRevision: "B", collisionCount: 0, pods: renamed(podsOf(set, pods)), updating, nowMs };
		const {
			replicas,
			readyReplicas = 0,
			availableReplicas = 0,
			currentReplicas = 0,
			updatedReplicas = 0,
			currentRevision,
		} = planStatus(set, observed).status;
		return `${replicas} pods, ${readyReplicas} ready, ${availableReplicas} available, ${currentReplicas} current, ${updatedReplicas} updated, at ${currentRevision}`;
	};
	/** Revisions by their bare letter. */
	const renamed = (pods: readonly Pod[]) =>
		pods.map((pod) => {
			const revision = pod.metadata?.labels?.["controller-revision-hash"] === "web-a" ? "A" : "B";
			return { ...pod, metadata: { ...pod.metadata, labels: { "controller-revision-hash": revision } } };
		});
	test.each<[string, Partial<StatefulSetSpec>, string, string]>([
		["counts by revision", {}, "A A B", "3 pods, 3 ready, 3 available, 2 current, 1 updated, at A"],
		["counts what is going as ready, but of no revision", {}, "A A A-", "3 pods, 3 ready, 3 available, 2 current, 0 updated, at A"],
		["does not count pending pods as ready", {}, "A B? B~", "3 pods, 1 ready, 1 available, 1 current, 2 updated, at A"],
		["minReadySeconds", { minReadySeconds: 10 }, "A A A:5", "3 pods, 3 ready, 2 available, 3 current, 0 updated, at A"],
		[
			"the rollout is over when all are of the new revision and ready",
			{},
			"B B B",
			"3 pods, 3 ready, 3 available, 3 current, 3 updated, at B",
		],
		["… and not before the last is ready", {}, "B B B~", "3 pods, 2 ready, 2 available, 0 current, 3 updated, at A"],
		["… nor while there are too many", { replicas: 2 }, "B B B", "3 pods, 3 ready, 3 available, 0 current, 3 updated, at A"],
		["… and never with OnDelete", onDelete, "B B B", "3 pods, 3 ready, 3 available, 0 current, 3 updated, at A"],
	])("%s", (_name, spec, pods, expected) => {
		expect(status(spec, pods)).toBe(expected);
	});

	test("a pod that was just deleted for the update is not at the current revision any more", () => {
		expect(status({}, "A A A", 1)).toBe("3 pods, 3 ready, 3 available, 2 current, 0 updated, at A");
	});
});

describe("the owners of a claim", () => {
	const policy = (whenDeleted: string, whenScaled: string) => ({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
	const pod = (ordinal: number): Pod => ({ apiVersion: "v1", kind: "Pod", metadata: { name: `web-${ordinal}`, uid: `pod-${ordinal}` } });
	const stranger = { apiVersion: "v1", kind: "Other", name: "x", uid: "x" };
	const claim = (
		...ownerReferences: NonNullable<NonNullable<PersistentVolumeClaim["metadata"]>["ownerReferences"]>
	): PersistentVolumeClaim => ({
		metadata: { name: "data-web-0", ownerReferences },
	});
	const names = (references: ReturnType<typeof planClaimOwners>) => references?.map(({ kind, name }) => `${kind}/${name}`);

	test.each<[string, string, number, readonly string[] | undefined]>([
		["Retain", "Retain", 0, undefined],
		["Delete", "Retain", 0, ["StatefulSet/web"]],
		["Delete", "Retain", 5, ["StatefulSet/web"]],
		["Retain", "Delete", 0, undefined],
		["Retain", "Delete", 5, ["Pod/web-5"]],
		["Delete", "Delete", 0, ["StatefulSet/web"]],
		["Delete", "Delete", 5, ["Pod/web-5"]],
	])("whenDeleted %s, whenScaled %s, ordinal %i", (whenDeleted, whenScaled, ordinal, expected) => {
		const set = setOf(policy(whenDeleted, whenScaled));
		const planned = planClaimOwners(set, pod(ordinal), claim());
		expect(names(planned)).toEqual(expected);
		// What is right stays as it is.
		if (planned !== undefined) expect(planClaimOwners(set, pod(ordinal), claim(...planned))).toBeUndefined();
	});

	test("others' references stay; a pod that is wanted again gives its claim back to the set", () => {
		const set = setOf(policy("Delete", "Delete"));
		expect(names(planClaimOwners(set, pod(0), claim(stranger, controllerReference(pod(0)))))).toEqual(["Other/x", "StatefulSet/web"]);
	});

	test("a claim that somebody else manages is left to them", () => {
		const set = setOf(policy("Delete", "Retain"));
		const foreign = { ...stranger, controller: true };
		expect(planClaimOwners(set, pod(0), claim(foreign))).toBeUndefined();
		expect(names(planClaimOwners(set, pod(0), claim(foreign, controllerReference(set))))).toEqual(["Other/x"]);
	});

	test("a claim of a predecessor of the pod is stale, and not touched", () => {
		const set = setOf(policy("Retain", "Delete"));
		const left = { ...controllerReference(pod(0)), uid: "predecessor" };
		expect(planClaimOwners(set, pod(0), claim(left))).toBeUndefined();
		expect(isClaimStale(set, pod(0), claim(left))).toBe(true);
		expect(isClaimStale(setOf(policy("Delete", "Retain")), pod(0), claim(left))).toBe(false);
		expect(isClaimStale(set, pod(0), claim(controllerReference(pod(0))))).toBe(false);
	});

	test("a set of the old name is no owner: its claims are not touched", () => {
		const set = setOf(policy("Delete", "Retain"));
		expect(planClaimOwners(set, pod(0), claim({ ...controllerReference(set), uid: "old set" }))).toBeUndefined();
	});
});
