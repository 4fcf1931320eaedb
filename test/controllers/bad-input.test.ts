/** What controllers do with objects that make no sense, that contradict each other, or of which there are too many at once. */
import { beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../src/apimachinery/meta.ts";
import type { CronJob, DaemonSet, Deployment, Pod, ReplicaSet } from "../../src/apimachinery/schema/generated/types.ts";
import { formatTime } from "../../src/apimachinery/time.ts";
import { controllerReference } from "../../src/client/owner.ts";
import {
	cronJobs,
	daemonSets,
	deployments,
	endpointSlices,
	endpoints,
	horizontalPodAutoscalers,
	jobs,
	nodes,
	podDisruptionBudgets,
	pods,
	replicaSets,
	services,
	statefulSets,
} from "../../src/client/resources.ts";
import { openCluster } from "../../src/cluster/index.ts";
import { cronJobController } from "../../src/controllers/cronjob/cronjob-controller.ts";
import { daemonSetController } from "../../src/controllers/daemonset/daemonset-controller.ts";
import { deploymentController } from "../../src/controllers/deployment/deployment-controller.ts";
import { disruptionController } from "../../src/controllers/disruption/disruption-controller.ts";
import { endpointsController } from "../../src/controllers/endpoints/endpoints-controller.ts";
import { endpointSliceController } from "../../src/controllers/endpointslice/endpointslice-controller.ts";
import { horizontalPodAutoscalerController } from "../../src/controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts";
import { jobController } from "../../src/controllers/job/job-controller.ts";
import { replicaSetController } from "../../src/controllers/replicaset/replicaset-controller.ts";
import { ControllerFixture } from "../../src/controllers/testing/controller-fixture.ts";
import { ttlAfterFinishedController } from "../../src/controllers/ttl-after-finished/ttl-after-finished-controller.ts";
import type { RunnableController } from "../../src/testbench/run-controller.ts";
import { createTestCluster } from "../../src/testbench/test-cluster.ts";
import { makeNamespace } from "./life.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "v1" }] } };

function replicaSet(name: string, replicas: number): ReplicaSet {
	return { metadata: { namespace: "default", name }, spec: { replicas, selector: { matchLabels: labels }, template } };
}

const ownedBy = async (owner: KubeObject) =>
	(await fixture.list(pods)).filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === owner.metadata?.uid));

describe("selectors", () => {
	test("one that matches everything makes no pod and takes none", async () => {
		const orphan: Pod = { metadata: { namespace: "default", name: "orphan" }, spec: { containers: [{ name: "c" }] } };
		await fixture.client.resource(nodes).create({ metadata: { name: "node-1" } });
		await fixture.client.resource(pods).create(orphan);
		await fixture.start(deploymentController, daemonSetController, replicaSetController);
		const metadata = { namespace: "default", name: "all" };
		const everything: Deployment = { metadata, spec: { replicas: 3, selector: {}, template } };
		await fixture.client.resource(deployments).create(everything);
		await fixture.client.resource(daemonSets).create({ metadata, spec: { selector: {}, template } } satisfies DaemonSet);
		await fixture.clock.advance(600_000);
		expect((await fixture.list(pods)).map((pod) => [pod.metadata?.name, pod.metadata?.ownerReferences])).toEqual([["orphan", undefined]]);
		expect(await fixture.list(replicaSets)).toEqual([]);
		expect((await fixture.events()).map((event) => event.replace(/ \(x\d+\)$/, "")).sort()).toEqual([
			"Warning SelectingAll DaemonSet/all: This daemon set is selecting all pods. A non-empty selector is required.",
			"Warning SelectingAll Deployment/all: This deployment is selecting all pods. A non-empty selector is required.",
		]);
	});
});

describe("selectors that match nothing", () => {
	const nothing = { matchLabels: labels, matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] };

	test("a workload with one is refused: it would make pods without end, none of them its own", async () => {
		await using cluster = await createTestCluster({ clock: "virtual", seed: 1 }, openCluster);
		await makeNamespace(cluster, "default");
		const metadata = { namespace: "default", name: "none" };
		const spec = { selector: nothing, template };
		const create = [
			() => cluster.client.resource(replicaSets).create({ metadata, spec }),
			() => cluster.client.resource(deployments).create({ metadata, spec }),
			() => cluster.client.resource(daemonSets).create({ metadata, spec }),
			() => cluster.client.resource(statefulSets).create({ metadata, spec: { ...spec, serviceName: "" } }),
		];
		for (const each of create) await expect(each()).rejects.toThrow("`selector` does not match template `labels`");
	});

	test("a Service and a budget with one say that there is nothing, and come to rest", async () => {
		await fixture.client.resource(pods).create({ metadata: { namespace: "default", name: "p", labels }, spec: { containers: [] } });
		await fixture.start(endpointsController, endpointSliceController, disruptionController);
		const metadata = { namespace: "default", name: "none" };
		await fixture.client
			.resource(services)
			.create({ metadata, spec: { selector: { app: "nobody" }, ipFamilies: ["IPv4"], ports: [{ port: 80 }] } });
		await fixture.client.resource(podDisruptionBudgets).create({ metadata, spec: { selector: nothing, minAvailable: 1 } });
		await fixture.clock.advance(60_000);
		expect((await fixture.list(endpoints)).map(({ subsets = [] }) => subsets)).toEqual([[]]);
		expect((await fixture.list(endpointSlices)).map((slice) => slice.endpoints ?? [])).toEqual([[]]);
		const [budget] = await fixture.list(podDisruptionBudgets);
		expect(budget?.status).toMatchObject({ expectedPods: 0, currentHealthy: 0, disruptionsAllowed: 0 });
		fixture.takeWrites();
		await fixture.clock.advance(3_600_000);
		expect(fixture.takeWrites()).toEqual([]);
	});
});

describe("autoscalers that cannot do what they are to", () => {
	const targets = { missing: "Deployment", unscalable: "DaemonSet", unknown: "Unicorn" };

	test("say why, once, and go on looking without a write for hours", async () => {
		await using cluster = await createTestCluster({ clock: "virtual", seed: 1 }, openCluster);
		await makeNamespace(cluster, "default");
		cluster.run(horizontalPodAutoscalerController);
		for (const [name, kind] of Object.entries(targets)) {
			const scaleTargetRef = { apiVersion: "apps/v1", kind, name };
			const metrics = [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }] as const;
			const metadata = { namespace: "default", name };
			await cluster.client.resource(horizontalPodAutoscalers).create({ metadata, spec: { scaleTargetRef, maxReplicas: 3, metrics } });
		}
		await cluster.advance("1m");
		const told = (await cluster.client.resource(horizontalPodAutoscalers).list("default")).items.map(({ metadata, status }) => {
			const able = status?.conditions?.find(({ type }) => type === "AbleToScale");
			return [
				metadata?.name,
				able?.status,
				able?.message?.replace("the HPA controller was unable to get the target's current scale: ", ""),
			];
		});
		expect(told.sort()).toEqual([
			["missing", "False", 'deployments.apps "missing" not found'],
			["unknown", "False", 'no matches for kind "Unicorn" in group "apps"'],
			["unscalable", "False", "the server could not find the requested resource (get daemonsets unscalable)"],
		]);
		const writes = () => cluster.timeline.entries.filter(({ kind }) => kind !== "Event").length;
		const before = writes();
		await cluster.advance("2h");
		expect(writes()).toBe(before);
	});
});

describe("two controllers that want different things of one object", () => {
	/** Wants one replica, as soon as it sees that there are more or fewer. */
	const stubborn: RunnableController = {
		name: "stubborn",
		run: async ({ informers, client }, signal) => {
			const sets = informers.informer(replicaSets);
			const correct = (set: ReplicaSet) => {
				const place = { namespace: "default", name: set.metadata?.name ?? "" };
				if (set.spec?.replicas !== 1)
					void client.resource(replicaSets).patch(place, "application/merge-patch+json", { spec: { replicas: 1 } });
			};
			sets.onChange({ added: correct, updated: (_old, set) => correct(set) }, signal);
			await sets.whenSynced();
		},
	};

	test("take turns at the slower one's pace", async () => {
		await using cluster = await createTestCluster({ clock: "virtual", seed: 1 }, openCluster);
		await makeNamespace(cluster, "default");
		await cluster.client.resource(replicaSets).create(replicaSet("web", 1));
		await cluster.client.resource(horizontalPodAutoscalers).create({
			metadata: { namespace: "default", name: "web" },
			spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" }, minReplicas: 3, maxReplicas: 3 },
		});
		cluster.run(horizontalPodAutoscalerController);
		cluster.run(stubborn);
		await cluster.advance("30m");
		const sizes = cluster.timeline.entries.filter(({ kind, type }) => kind === "ReplicaSet" && type === "MODIFIED");
		const by = (name: string) => sizes.filter(({ actor }) => actor === name).length;
		// It looks four times a minute.
		expect(by(horizontalPodAutoscalerController.name)).toBeGreaterThan(100);
		expect(by(horizontalPodAutoscalerController.name)).toBeLessThanOrEqual(4 * 30);
		expect(by("stubborn")).toBe(by(horizontalPodAutoscalerController.name));
	});
});

describe("owners", () => {
	test("an owner of the right name with another uid owns nothing here", async () => {
		const dead = controllerReference({
			apiVersion: "apps/v1",
			kind: "ReplicaSet",
			metadata: { namespace: "default", name: "web", uid: "00000000-0000-4000-8000-000000000000" },
		});
		const stranger: Pod = {
			metadata: { namespace: "default", name: "stranger", labels, ownerReferences: [dead] },
			spec: { containers: [{ name: "c" }] },
		};
		await fixture.client.resource(pods).create(stranger);
		const set = await fixture.client.resource(replicaSets).create(replicaSet("web", 2));
		await fixture.start(replicaSetController);
		await fixture.runPods();
		expect(await ownedBy(set)).toHaveLength(2);
		await fixture.change(replicaSets, "default/web", (old) => ({ ...old, spec: { ...old.spec, replicas: 0 } }) as ReplicaSet);
		await fixture.settle();
		expect((await fixture.list(pods)).map((pod) => [pod.metadata?.name, pod.metadata?.ownerReferences])).toEqual([["stranger", [dead]]]);
	});

	test("two with one selector do not take each other's pods, and come to rest", async () => {
		await fixture.start(replicaSetController);
		const one = await fixture.client.resource(replicaSets).create(replicaSet("one", 2));
		const other = await fixture.client.resource(replicaSets).create(replicaSet("other", 3));
		await fixture.settle();
		await fixture.runPods();
		await fixture.clock.advance(60_000);
		expect([(await ownedBy(one)).length, (await ownedBy(other)).length, (await fixture.list(pods)).length]).toEqual([2, 3, 5]);
		fixture.takeWrites();
		await fixture.clock.advance(3_600_000);
		expect(fixture.takeWrites()).toEqual([]);
	});
});

test("a Deployment that is edited again and again in the middle of its rollout ends with its last edit", async () => {
	await fixture.start(deploymentController, replicaSetController);
	const deployment: Deployment = {
		metadata: { namespace: "default", name: "web" },
		spec: {
			replicas: 4,
			selector: { matchLabels: labels },
			strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
			template,
		},
	};
	await fixture.client.resource(deployments).create(deployment);
	await fixture.settle();
	await fixture.runPods();
	for (let version = 2; version <= 8; version++) {
		const containers = [{ name: "c", image: `v${version}` }];
		await fixture.client
			.resource(deployments)
			.patch({ namespace: "default", name: "web" }, "application/merge-patch+json", { spec: { template: { spec: { containers } } } });
		await fixture.settle();
		expect((await fixture.list(pods)).length).toBeLessThanOrEqual(5);
		await fixture.runPods(({ metadata }) => metadata?.name?.endsWith("z") === true);
	}
	for (let round = 0; round < 10; round++) await fixture.runPods();
	expect((await fixture.list(pods)).map(({ spec }) => spec?.containers[0]?.image)).toEqual(["v8", "v8", "v8", "v8"]);
});

describe("schedules", () => {
	const cronJob = (schedule: string): CronJob => ({
		metadata: { namespace: "default", name: "tick" },
		spec: { schedule, concurrencyPolicy: "Forbid", jobTemplate: { spec: { template } } },
	});
	const yearMs = 365 * 24 * 3_600_000;

	test("one that never comes costs nothing in a year", async () => {
		await fixture.start(cronJobController);
		await fixture.client.resource(cronJobs).create(cronJob("0 0 31 2 *"));
		await fixture.settle();
		const { length } = fixture.api.requests;
		await fixture.clock.advance(yearMs);
		expect(fixture.api.requests.length - length).toBe(0);
		expect(await fixture.list(jobs)).toEqual([]);
	});

	test("one that comes every second makes one Job as long as that runs", async () => {
		await fixture.start(cronJobController);
		await fixture.client.resource(cronJobs).create(cronJob("@every 1s"));
		await fixture.clock.advance(300_000);
		expect(await fixture.list(jobs)).toHaveLength(1);
		// Every second it says that the Job is still there, and no more than that.
		const writes = fixture.takeWrites().filter((write) => !write.includes("events"));
		expect(writes.length).toBeLessThan(5);
	});

	test("one that comes every second, with Jobs that end in it, makes one a minute, as they are named by the minute, and keeps few", async () => {
		await fixture.start(cronJobController);
		const { spec, ...rest } = cronJob("@every 1s");
		await fixture.client.resource(cronJobs).create({ ...rest, spec: { ...spec, successfulJobsHistoryLimit: 3 } as CronJob["spec"] });
		const prices: number[] = [];
		for (let second = 0; second < 1_200; second++) {
			await fixture.clock.advance(1_000);
			const waiting = (await fixture.list(jobs)).filter(({ status }) => status?.conditions === undefined);
			expect(waiting.length).toBeLessThanOrEqual(1);
			for (const job of waiting) {
				const now = formatTime(fixture.clock.now());
				const conditions = [{ type: "Complete", status: "True", lastTransitionTime: now }];
				await fixture.client.resource(jobs).updateStatus({ ...job, status: { conditions, completionTime: now, startTime: now } });
			}
			await fixture.clock.advance(0);
			if (second % 120 === 119) prices.push(fixture.takeWrites().length);
		}
		expect((await fixture.list(jobs)).length).toBeLessThanOrEqual(4);
		// No two minutes of them cost more than others, but for those that had no history yet to clear away.
		const later = prices.slice(2);
		expect(Math.max(...later) - Math.min(...later)).toBeLessThanOrEqual(5);
	}, 60_000);

	test("one that came every second of a year that was missed makes one Job", async () => {
		await fixture.client.resource(cronJobs).create(cronJob("@every 1s"));
		await fixture.clock.advance(yearMs);
		await fixture.start(cronJobController);
		expect(await fixture.list(jobs)).toHaveLength(1);
		expect(await fixture.events()).toContainEqual(
			expect.stringContaining("Warning TooManyMissedTimes CronJob/tick: too many missed start times"),
		);
	});
});

test("10,000 Jobs that end in one instant all go when their time is up", async () => {
	const count = 10_000;
	const now = formatTime(fixture.clock.now());
	const conditions = [{ type: "Complete", status: "True", lastTransitionTime: now }];
	const client = fixture.client.resource(jobs);
	await fixture.start(ttlAfterFinishedController);
	for (let index = 0; index < count; index++) {
		const metadata = { namespace: "default", name: `job-${index}` };
		await client.create({ metadata, spec: { template, ttlSecondsAfterFinished: 10 }, status: { conditions } });
	}
	await fixture.settle();
	expect(fixture.takeWrites().filter((write) => write.startsWith("delete"))).toEqual([]);
	await fixture.clock.advance(11_000);
	const going = (await fixture.list(jobs)).filter(({ metadata }) => metadata?.deletionTimestamp !== undefined);
	expect(going).toHaveLength(count);
	expect(fixture.takeWrites()).toHaveLength(count);
	expect(fixture.complaints).toEqual([]);
}, 180_000);

test("10,000 Jobs whose pods end in one instant are done in seconds, with four writes each", async () => {
	const count = 10_000;
	await fixture.start(jobController);
	for (let index = 0; index < count; index++) {
		const name = `job-${index}`;
		const own = { metadata: { labels: { job: name } }, spec: { containers: [{ name: "c", image: "v1" }], restartPolicy: "Never" } };
		const spec = { parallelism: 1, completions: 1, backoffLimit: 6, selector: { matchLabels: { job: name } }, template: own };
		await fixture.client.resource(jobs).create({ metadata: { namespace: "default", name }, spec });
	}
	await fixture.clock.advance(5_000);
	const made = await fixture.list(pods);
	expect(made).toHaveLength(count);
	fixture.takeWrites();
	for (const pod of made) await fixture.client.resource(pods).updateStatus({ ...pod, status: { phase: "Succeeded" } });
	fixture.takeWrites();
	const readsBefore = fixture.api.requests.length;
	await fixture.clock.advance(5_000);
	const writes = new Map<string, number>();
	const requests = fixture.api.requests.length - readsBefore;
	for (const write of fixture.takeWrites()) {
		const kind = write.split(" ").slice(0, 2).join(" ");
		writes.set(kind, (writes.get(kind) ?? 0) + 1);
	}
	// The pod's finalizer, the status before and after it is gone, and the event that tells of it; nothing is read.
	expect(Object.fromEntries(writes)).toEqual({
		"patch pods": count,
		"update jobs/status": 2 * count,
		"create events": count,
	});
	expect(requests).toBe(4 * count);
	const unfinished = (await fixture.list(jobs)).filter(({ status }) => status?.succeeded !== 1 || status.completionTime === undefined);
	expect(unfinished).toEqual([]);
	const tracked = (await fixture.list(pods)).filter(({ metadata }) => (metadata?.finalizers ?? []).length > 0);
	expect(tracked).toEqual([]);
	expect(fixture.complaints).toEqual([]);
	// And that was all.
	await fixture.clock.advance(60_000);
	expect(fixture.takeWrites()).toEqual([]);
}, 180_000);
