import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Deployment, StatefulSet } from "../../../apimachinery/schema/generated/types.ts";
import { created, defaulted, kindOf, printed, problems, stored, updateProblems } from "../testing/kind-probe.ts";
import { appsKinds } from "./index.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const of = (resource: string) => kindOf(appsKinds, resource);
const selector = { matchLabels: { app: "web" } };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "app", image: "nginx:1" }] } };
const workload = (spec: object = {}, status: object = {}): KubeObject =>
	({ metadata, spec: { selector, template, ...spec }, status }) as KubeObject;

/** The template as it is stored. */
const storedTemplate = {
	metadata: { labels: { app: "web" } },
	spec: {
		containers: [
			{
				name: "app",
				image: "nginx:1",
				imagePullPolicy: "IfNotPresent",
				terminationMessagePath: "/dev/termination-log",
				terminationMessagePolicy: "File",
				resources: {},
			},
		],
		dnsPolicy: "ClusterFirst",
		restartPolicy: "Always",
		schedulerName: "default-scheduler",
		securityContext: {},
		terminationGracePeriodSeconds: 30,
	},
};

describe("what a minimal workload becomes", () => {
	it.each([
		[
			"deployments",
			{
				progressDeadlineSeconds: 600,
				replicas: 1,
				revisionHistoryLimit: 10,
				strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
			},
			{},
		],
		["replicasets", { replicas: 1 }, { replicas: 0 }],
		[
			"statefulsets",
			{
				persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
				podManagementPolicy: "OrderedReady",
				replicas: 1,
				revisionHistoryLimit: 10,
				serviceName: "",
				updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
			},
			{ availableReplicas: 0, replicas: 0 },
		],
		[
			"daemonsets",
			{ revisionHistoryLimit: 10, updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } },
			{ currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
			{ annotations: { "deprecated.daemonset.template.generation": "1" } },
		],
	])("%s", (resource, spec, status, more: object = {}) => {
		expect(stored(of(resource), workload())).toEqual({
			metadata: { ...metadata, ...more },
			spec: { selector, template: storedTemplate, ...spec },
			status,
		});
		expect(problems(of(resource), workload())).toEqual([]);
	});

	it("counts a DaemonSet's templates, whatever its user says", () => {
		const kind = of("daemonsets");
		const generationOf = (object: KubeObject | undefined) => object?.metadata?.annotations?.["deprecated.daemonset.template.generation"];
		const old = stored(kind, workload());
		const update = (object: KubeObject) => kind.prepareForUpdate?.(object, old, { nowMs: 0 });
		expect(generationOf(update({ ...old, metadata: { name: "web" } }))).toBe("1");
		expect(
			generationOf(update({ ...old, metadata: { name: "web", annotations: { "deprecated.daemonset.template.generation": "7" } } })),
		).toBe("1");
		expect(generationOf(update(workload({ template: { ...template, metadata: { labels: { app: "web", a: "b" } } } })))).toBe("2");
	});

	it("leaves Recreate without a rolling update", () => {
		expect((defaulted(of("deployments"), workload({ strategy: { type: "Recreate" } })) as Deployment).spec?.strategy).toEqual({
			type: "Recreate",
		});
	});

	it("writes a StatefulSet's claim templates like claims", () => {
		const claim = { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } };
		expect((defaulted(of("statefulsets"), workload({ volumeClaimTemplates: [claim] })) as StatefulSet).spec?.volumeClaimTemplates).toEqual([
			{
				apiVersion: "v1",
				kind: "PersistentVolumeClaim",
				metadata: { name: "data" },
				spec: { accessModes: ["ReadWriteOnce"], resources: {}, volumeMode: "Filesystem" },
				status: { phase: "Pending" },
			},
		]);
	});
});

describe("kubectl get", () => {
	it.each([
		[
			"deployments",
			{ replicas: 3 },
			{ readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 },
			"NAME | READY | UP-TO-DATE | AVAILABLE | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)\nweb | 1/3 | 2 | 1 | 5m | app | nginx:1 | app=web",
		],
		[
			"replicasets",
			{ replicas: 3 },
			{ replicas: 2, readyReplicas: 1 },
			"NAME | DESIRED | CURRENT | READY | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)\nweb | 3 | 2 | 1 | 5m | app | nginx:1 | app=web",
		],
		["statefulsets", { replicas: 3 }, { readyReplicas: 2 }, "NAME | READY | AGE | (CONTAINERS) | (IMAGES)\nweb | 2/3 | 5m | app | nginx:1"],
		[
			"daemonsets",
			{ template: { ...template, spec: { ...template.spec, nodeSelector: { disk: "ssd" } } } },
			{ desiredNumberScheduled: 5, currentNumberScheduled: 4, numberReady: 3, updatedNumberScheduled: 2, numberAvailable: 1 },
			"NAME | DESIRED | CURRENT | READY | UP-TO-DATE | AVAILABLE | NODE SELECTOR | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)\n" +
				"web | 5 | 4 | 3 | 2 | 1 | disk=ssd | 5m | app | nginx:1 | app=web",
		],
	])("%s", (resource, spec, status, expected) => {
		expect(printed(of(resource), workload(spec, status))).toBe(expected);
	});

	it("controllerrevisions", () => {
		const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "1", controller: true };
		const revision = { metadata: { ...metadata, ownerReferences: [owner] }, revision: 2, data: {} } as KubeObject;
		expect(printed(of("controllerrevisions"), revision)).toBe("NAME | CONTROLLER | REVISION | AGE\nweb | statefulset.apps/web | 2 | 5m");
	});
});

describe("what is wrong with a workload", () => {
	it.each([
		[
			"deployments",
			{ selector: undefined },
			[
				"spec.selector: Required value",
				'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
			],
		],
		[
			"deployments",
			{ selector: undefined, template: undefined },
			[
				"spec.selector: Required value",
				"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
				"spec.template.spec.containers: Required value",
			],
		],
		[
			"deployments",
			{ selector: {}, replicas: -1 },
			[
				"spec.replicas: Invalid value: -1: must be greater than or equal to 0",
				"spec.selector: Invalid value: {}: empty selector is invalid for deployment",
			],
		],
		[
			"deployments",
			{ selector: { matchLabels: { app: "db" } } },
			['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
		],
		[
			"deployments",
			{ template: { ...template, spec: { ...template.spec, restartPolicy: "Never", activeDeadlineSeconds: 5 } } },
			[
				'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
				"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
			],
		],
		[
			"deployments",
			{ strategy: { type: "Recreate", rollingUpdate: {} } },
			["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
		],
		[
			"deployments",
			{ strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: "0%" } }, minReadySeconds: 600 },
			[
				"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
				"spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
			],
		],
		[
			"deployments",
			{ strategy: { rollingUpdate: { maxUnavailable: "101%", maxSurge: "a" } } },
			[
				"spec.strategy.rollingUpdate.maxSurge: Invalid value: \"a\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
				'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
			],
		],
		[
			"statefulsets",
			{ podManagementPolicy: "Wild", updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } },
			[
				"spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'",
				'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
			],
		],
		[
			"daemonsets",
			{ updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } } },
			["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
		],
	])("%s %j", (resource, spec, expected) => {
		expect(problems(of(resource), workload(spec))).toEqual(expected);
	});

	it("lets a StatefulSet mount its claim templates, and nobody else", () => {
		const containers = [{ name: "app", image: "nginx:1", volumeMounts: [{ name: "data", mountPath: "/data" }] }];
		const spec = { template: { ...template, spec: { containers } }, volumeClaimTemplates: [{ metadata: { name: "data" } }] };
		expect(problems(of("statefulsets"), workload(spec))).toEqual([]);
		expect(problems(of("deployments"), workload({ template: spec.template }))).toEqual([
			'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
		]);
	});

	it.each(["deployments", "replicasets", "daemonsets"])("keeps the selector of %s", (resource) => {
		expect(updateProblems(of(resource), workload({ selector: { matchLabels: { a: "b" } } }), workload())).toEqual([
			'spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
		]);
	});

	it("lets only some fields of a StatefulSet change", () => {
		expect(updateProblems(of("statefulsets"), workload({ replicas: 5, minReadySeconds: 3 }), workload())).toEqual([]);
		expect(updateProblems(of("statefulsets"), workload({ serviceName: "db" }), workload())).toEqual([
			"spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
		]);
	});

	it("holds the reported counts against each other", () => {
		const kind = of("replicasets");
		const status = { replicas: 1, readyReplicas: 2, availableReplicas: -1 };
		expect(kind.validateStatusUpdate?.(workload({}, status), workload()).map(String)).toEqual([
			"status.availableReplicas: Invalid value: -1: must be greater than or equal to 0",
			"status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
		]);
	});
});

it.each(["deployments", "replicasets", "statefulsets"])("scales %s", (resource) => {
	const { scale } = of(resource);
	const object = workload({ replicas: 2 }, { replicas: 1 });
	expect([scale?.specReplicas(object), scale?.statusReplicas(object), scale?.selector(object)]).toEqual([2, 1, "app=web"]);
	expect(scale?.withReplicas(object, 7)).toEqual(workload({ replicas: 7 }, { replicas: 1 }));
});
