import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { ContainerStatus, Pod } from "../../../apimachinery/schema/generated/types.ts";
import { created, defaulted, nowMs, printed, problems, stored, updateProblems } from "../testing/kind-probe.ts";
import { imageTag } from "./container-defaults.ts";
import { podKind } from "./pod.ts";
import { summarizePod } from "./pod-columns.ts";
import { qosClass } from "./qos.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const nginx = { name: "app", image: "nginx" };
const pod = (spec: object, rest: object = {}): Pod => ({ metadata, spec: { containers: [nginx], ...spec }, ...rest });
const withStatus = (status: object, spec: object = {}, extra: object = {}): Pod => ({
	...pod(spec, { status }),
	metadata: { ...metadata, ...extra },
});
const container = (fields: Partial<ContainerStatus>): ContainerStatus => ({
	name: "app",
	image: "nginx",
	imageID: "",
	ready: false,
	restartCount: 0,
	...fields,
});

describe("defaults of a Pod", () => {
	it("fills in a minimal Pod as Kubernetes stores it", () => {
		expect(stored(podKind, pod({}))).toEqual({
			metadata,
			spec: {
				containers: [
					{
						name: "app",
						image: "nginx",
						imagePullPolicy: "Always",
						terminationMessagePath: "/dev/termination-log",
						terminationMessagePolicy: "File",
						resources: {},
					},
				],
				dnsPolicy: "ClusterFirst",
				enableServiceLinks: true,
				restartPolicy: "Always",
				schedulerName: "default-scheduler",
				securityContext: {},
				terminationGracePeriodSeconds: 30,
			},
			status: { phase: "Pending", qosClass: "BestEffort" },
		});
	});

	it("fills in ports, probes, variables, requests and host ports", () => {
		const spec = {
			hostNetwork: true,
			serviceAccount: "robot",
			containers: [
				{
					name: "app",
					image: "nginx:1.27",
					ports: [{ containerPort: 80 }],
					livenessProbe: { httpGet: { port: 80 }, periodSeconds: 0 },
					readinessProbe: { grpc: { port: 9 }, failureThreshold: 1 },
					env: [
						{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
						{ name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
					],
					resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
				},
			],
		};
		const { spec: result } = defaulted(podKind, pod(spec)) as Pod;
		expect(result?.serviceAccountName).toBe("robot");
		expect(result?.containers[0]).toEqual({
			name: "app",
			image: "nginx:1.27",
			imagePullPolicy: "IfNotPresent",
			terminationMessagePath: "/dev/termination-log",
			terminationMessagePolicy: "File",
			ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }],
			livenessProbe: {
				httpGet: { port: 80, path: "/", scheme: "HTTP" },
				timeoutSeconds: 1,
				periodSeconds: 10,
				successThreshold: 1,
				failureThreshold: 3,
			},
			readinessProbe: { grpc: { port: 9, service: "" }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 1 },
			env: [
				{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name", apiVersion: "v1" } } },
				{ name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "0" } } },
			],
			resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } },
		});
	});

	it("fills in volumes", () => {
		const volumes = [
			{ name: "none" },
			{ name: "cm", configMap: { name: "a" } },
			{ name: "host", hostPath: { path: "/tmp" } },
			{ name: "all", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
			{ name: "claim", ephemeral: { volumeClaimTemplate: { spec: {} } } },
		];
		expect((defaulted(podKind, pod({ volumes })) as Pod).spec?.volumes).toEqual([
			{ name: "none", emptyDir: {} },
			{ name: "cm", configMap: { name: "a", defaultMode: 0o644 } },
			{ name: "host", hostPath: { path: "/tmp", type: "" } },
			{ name: "all", projected: { defaultMode: 0o644, sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }] } },
			{ name: "claim", ephemeral: { volumeClaimTemplate: { spec: { volumeMode: "Filesystem", resources: {} } } } },
		]);
	});

	it.each([
		["nginx", "latest"],
		["nginx:1.27", "1.27"],
		["localhost:5000/nginx", "latest"],
		["localhost:5000/nginx:latest", "latest"],
		["nginx@sha256:0123", ""],
		["nginx:1.27@sha256:0123", "1.27"],
	])("reads the tag of %s as %j", (image, tag) => {
		expect(imageTag(image)).toBe(tag);
	});

	it("says that gates hold a new Pod", () => {
		expect((stored(podKind, pod({ schedulingGates: [{ name: "example.com/quota" }] })) as Pod).status).toEqual({
			phase: "Pending",
			qosClass: "BestEffort",
			conditions: [
				{
					type: "PodScheduled",
					status: "False",
					reason: "SchedulingGated",
					message: "Scheduling is blocked due to non-empty scheduling gates",
				},
			],
		});
	});
});

describe("class of a Pod", () => {
	const resources = (...list: object[]) => qosClass({ containers: list.map((entry, index) => ({ name: `c${index}`, resources: entry })) });
	const all = { cpu: "1", memory: "1Gi" };
	it.each([
		["BestEffort", [{}, { limits: { "example.com/gpu": "1" } }]],
		["BestEffort", [{ requests: { cpu: "0" } }]],
		["Burstable", [{ requests: { cpu: "1m" } }]],
		["Burstable", [{ limits: all, requests: all }, {}]],
		["Burstable", [{ limits: all, requests: { cpu: "1", memory: "512Mi" } }]],
		["Guaranteed", [{ limits: all }, { limits: all, requests: { cpu: "1000m", memory: "1024Mi" } }]],
	])("is %s for %j", (expected, list) => {
		expect(resources(...list)).toBe(expected);
	});
});

describe("kubectl get pods", () => {
	it("prints a running Pod, wide columns in brackets", () => {
		const status = {
			phase: "Running",
			podIP: "10.0.0.7",
			podIPs: [{ ip: "10.0.0.7" }],
			conditions: [{ type: "example.com/up", status: "True" }],
			containerStatuses: [
				container({
					ready: true,
					restartCount: 3,
					state: { running: {} },
					lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:03:00Z" } },
				}),
			],
		};
		const gates = [{ conditionType: "example.com/up" }, { conditionType: "example.com/lb" }];
		expect(printed(podKind, withStatus(status, { nodeName: "node-1", readinessGates: gates }))).toBe(
			"NAME | READY | STATUS | RESTARTS | AGE | (IP) | (NODE) | (NOMINATED NODE) | (READINESS GATES)\n" +
				"web | 1/1 | Running | 3 (2m ago) | 5m | 10.0.0.7 | node-1 | <none> | 1/2",
		);
	});

	const waiting = (reason: string) => ({ state: { waiting: { reason } } });
	const ended = (terminated: object) => ({ state: { terminated: { exitCode: 0, ...terminated } } });
	const states: readonly [string, Pod][] = [
		["0/1 Pending", withStatus({ phase: "Pending" })],
		["0/1 SchedulingGated", withStatus({ phase: "Pending", conditions: [{ type: "PodScheduled", reason: "SchedulingGated" }] })],
		["0/1 Evicted", withStatus({ phase: "Failed", reason: "Evicted" })],
		["0/1 ContainerCreating", withStatus({ phase: "Pending", containerStatuses: [container(waiting("ContainerCreating"))] })],
		["0/1 CrashLoopBackOff", withStatus({ phase: "Running", containerStatuses: [container(waiting("CrashLoopBackOff"))] })],
		["0/1 Completed", withStatus({ phase: "Succeeded", containerStatuses: [container(ended({ reason: "Completed" }))] })],
		["0/1 ExitCode:2", withStatus({ phase: "Failed", containerStatuses: [container(ended({ exitCode: 2 }))] })],
		["0/1 Signal:9", withStatus({ phase: "Failed", containerStatuses: [container(ended({ exitCode: 137, signal: 9 }))] })],
		["0/1 Terminating", withStatus({ phase: "Running" }, {}, { deletionTimestamp: created })],
		["0/1 Unknown", withStatus({ phase: "Running", reason: "NodeLost" }, {}, { deletionTimestamp: created })],
		["0/1 Succeeded", withStatus({ phase: "Succeeded" }, {}, { deletionTimestamp: created })],
		[
			"1/2 NotReady",
			withStatus(
				{
					phase: "Running",
					containerStatuses: [container(ended({ reason: "Completed" })), container({ name: "b", ready: true, state: { running: {} } })],
				},
				{ containers: [nginx, { name: "b", image: "b" }] },
			),
		],
	];
	it.each(states)("shows %s", (expected, object) => {
		const { ready, total, reason } = summarizePod(object);
		expect(`${ready}/${total} ${reason}`).toBe(expected);
	});

	const inits = [{ name: "one" }, { name: "two" }];
	const done = container({ name: "one", ...ended({}), restartCount: 2 });
	const initStates: readonly [string, Pod][] = [
		[
			"0/1 Init:0/2 0",
			withStatus({ initContainerStatuses: [container({ name: "one", state: { running: {} } })] }, { initContainers: inits }),
		],
		["0/1 Init:1/2 2", withStatus({ initContainerStatuses: [done, container({ name: "two" })] }, { initContainers: inits })],
		[
			"0/1 Init:ImagePullBackOff 0",
			withStatus({ initContainerStatuses: [container({ name: "one", ...waiting("ImagePullBackOff") })] }, { initContainers: inits }),
		],
		[
			"0/1 Init:Error 1",
			withStatus(
				{ initContainerStatuses: [container({ name: "one", restartCount: 1, ...ended({ exitCode: 1, reason: "Error" }) })] },
				{ initContainers: inits },
			),
		],
		[
			"0/1 PodInitializing 0",
			withStatus(
				{ initContainerStatuses: [done], containerStatuses: [container(waiting("PodInitializing"))] },
				{ initContainers: [{ name: "one" }] },
			),
		],
		[
			"2/2 Running 4",
			withStatus(
				{
					phase: "Running",
					initContainerStatuses: [container({ name: "log", started: true, ready: true, restartCount: 4, state: { running: {} } })],
					containerStatuses: [container({ ready: true, state: { running: {} } })],
				},
				{ initContainers: [{ name: "log", restartPolicy: "Always" }] },
			),
		],
	];
	it.each(initStates)("shows %s restarts while it starts", (expected, object) => {
		const { ready, total, reason, restarts } = summarizePod(object);
		expect(`${ready}/${total} ${reason} ${restarts}`).toBe(expected);
	});
});

describe("what is wrong with a Pod", () => {
	it("needs containers, each with an image and a name of its own", () => {
		expect(problems(podKind, pod({ containers: [] }))).toEqual(["spec.containers: Required value"]);
		expect(problems(podKind, pod({ containers: [{ name: "a" }, { name: "a", image: " b" }, { image: "c" }] }))).toEqual([
			"spec.containers[0].image: Required value",
			'spec.containers[1].name: Duplicate value: "a"',
			"spec.containers[2].name: Required value",
			'spec.containers[1].image: Invalid value: " b": must not have leading or trailing whitespace',
		]);
	});

	it("speaks of the parts of a container in Kubernetes' words", () => {
		const app = {
			...nginx,
			imagePullPolicy: "Sometimes",
			ports: [{ containerPort: 70000 }, { containerPort: 80, name: "web-server-is-here" }, { name: "x" }],
			env: [{ name: "A=B" }, { name: "B", value: "1", valueFrom: { fieldRef: { fieldPath: "spec.image" } } }, { name: "C", valueFrom: {} }],
			volumeMounts: [{ name: "data", mountPath: "/a" }],
			resources: { limits: { cpu: "1", gpu: "1" }, requests: { memory: "-1" } },
			livenessProbe: { successThreshold: 2 },
			readinessProbe: { httpGet: { port: 0 }, exec: { command: ["a"] } },
		};
		expect(problems(podKind, pod({ containers: [app] }))).toEqual([
			"spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
			'spec.containers[0].ports[1].name: Invalid value: "web-server-is-here": must be no more than 15 characters',
			"spec.containers[0].ports[2].containerPort: Required value",
			"spec.containers[0].env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='",
			'spec.containers[0].env[1].valueFrom.fieldRef.fieldPath: Invalid value: "spec.image": error converting fieldPath: field label not supported: spec.image',
			'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
			'spec.containers[0].env[2].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
			'spec.containers[0].volumeMounts[0].name: Not found: "data"',
			'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
			'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
			'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
			'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
			'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
			'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
			"spec.containers[0].livenessProbe: Required value: must specify a handler type",
			"spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
			"spec.containers[0].readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
		]);
	});

	it("holds requests against limits", () => {
		const resources = { limits: { cpu: "1" }, requests: { cpu: "2" } };
		expect(problems(podKind, pod({ containers: [{ ...nginx, resources }] }))).toEqual([
			'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
		]);
		const gpus = { limits: { "example.com/gpu": "2" }, requests: { "example.com/gpu": "1" } };
		expect(problems(podKind, pod({ containers: [{ ...nginx, resources: gpus }] }))).toEqual([
			'spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2',
		]);
	});

	it("speaks of the Pod itself in Kubernetes' words", () => {
		const spec = {
			restartPolicy: "Sometimes",
			dnsPolicy: "None",
			activeDeadlineSeconds: 0,
			volumes: [{ name: "a" }, { name: "a", secret: {}, configMap: { name: "x" } }],
			tolerations: [{ value: "x" }, { key: "k", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 3 }],
			initContainers: [{ name: "i", image: "i", readinessProbe: { exec: { command: ["a"] } } }],
			topologySpreadConstraints: [{ maxSkew: 0, whenUnsatisfiable: "Maybe" }],
			affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
		};
		expect(problems(podKind, pod(spec))).toEqual([
			"spec.volumes[1].secret.secretName: Required value",
			"spec.volumes[1].configMap: Forbidden: may not specify more than 1 volume type",
			'spec.volumes[1].name: Duplicate value: "a"',
			"spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
			'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
			"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
			"spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
			"spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
			"spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
			'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
			"spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
			'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
			"spec.tolerations[1].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
		]);
	});
});

describe("an update of a Pod", () => {
	const old = pod({ activeDeadlineSeconds: 60, tolerations: [{ key: "a", operator: "Exists" }] });
	const change = (spec: object): KubeObject => pod({ ...old.spec, ...spec });

	it("may change images, shorten the deadline and add tolerations", () => {
		const containers = [{ ...nginx, image: "nginx:2", imagePullPolicy: "Always" }];
		const tolerations = [
			{ key: "b", operator: "Exists" },
			{ key: "a", operator: "Exists" },
		];
		expect(updateProblems(podKind, change({ containers, tolerations, activeDeadlineSeconds: 30 }), old)).toEqual([]);
	});

	it("may change nothing else, and shows what differs", () => {
		expect(updateProblems(podKind, change({ hostNetwork: true, containers: [{ ...nginx, name: "b" }] }), old)).toEqual([
			"spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
				"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
				"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n" +
				'- containers[0].name: "app"\n+ containers[0].name: "b"\n+ hostNetwork: true',
		]);
		expect(updateProblems(podKind, change({ containers: [nginx, { ...nginx, name: "b" }] }), old)).toEqual([
			"spec.containers: Forbidden: pod updates may not add or remove containers",
		]);
		expect(updateProblems(podKind, change({ activeDeadlineSeconds: 90, tolerations: [] }), old)).toEqual([
			"spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value",
		]);
		expect(updateProblems(podKind, change({ tolerations: [] }), old)).toEqual([
			"spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
		]);
	});

	it("of its status keeps the class and tells the address both ways", () => {
		const before = stored(podKind, pod({}));
		const sent = { ...before, status: { podIP: "10.0.0.7", containerStatuses: [container({ state: { running: {} } })] } };
		expect(podKind.prepareForStatusUpdate?.(sent, before, { nowMs })).toEqual({
			...before,
			status: {
				qosClass: "BestEffort",
				podIP: "10.0.0.7",
				podIPs: [{ ip: "10.0.0.7" }],
				containerStatuses: [container({ state: { running: {} }, lastState: {} })],
			},
		});
	});
});

it("warns of what will surprise", () => {
	const app = {
		...nginx,
		env: [
			{ name: "A", value: "1" },
			{ name: "A", value: "2" },
		],
		ports: [{ containerPort: 80 }, { containerPort: 80, name: "web" }],
		resources: { requests: { memory: "100m" } },
	};
	const spec = { containers: [app], nodeSelector: { "beta.kubernetes.io/os": "linux" } };
	expect(podKind.warnings?.({ metadata: { name: "web.1" }, spec } as KubeObject)).toEqual([
		"metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
		'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
		'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
		'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
		"spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
	]);
});
