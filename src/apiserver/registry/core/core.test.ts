import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { CoreEvent, PersistentVolume } from "../../../apimachinery/schema/generated/types.ts";
import { created, kindOf, nowMs, printed, problems, stored, updateProblems } from "../testing/kind-probe.ts";
import { coreEventFromEventsEvent, eventsEventFromCoreEvent } from "./event.ts";
import { coreKinds } from "./index.ts";

const metadata = { name: "a", namespace: "default", creationTimestamp: created };
const of = (resource: string) => kindOf(coreKinds, resource);
const object = (fields: object, meta: object = metadata): KubeObject => ({ metadata: meta, ...fields });
const row = (resource: string, fields: object, meta: object = metadata) => printed(of(resource), object(fields, meta));

describe("where the core kinds stand in the store", () => {
	it("is where etcd has them", () => {
		const moved = coreKinds.flatMap(({ resource, storagePrefix }) => (storagePrefix === undefined ? [] : [`${resource} ${storagePrefix}`]));
		expect(moved.sort()).toEqual([
			"endpoints services/endpoints",
			"nodes minions",
			"replicationcontrollers controllers",
			"services services/specs",
		]);
	});
});

describe("ConfigMap", () => {
	it("prints how much it holds", () => {
		expect(row("configmaps", { data: { a: "1" }, binaryData: { b: "AA==", c: "" } })).toBe("NAME | DATA | AGE\na | 3 | 5m");
	});

	it("has keys that can be files, fits into a mebibyte, and stays as it is once immutable", () => {
		expect(problems(of("configmaps"), object({ data: { "a/b": "", x: "" }, binaryData: { x: "" } }))).toEqual([
			"data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
			'data[x]: Invalid value: "x": duplicate of key present in binaryData',
		]);
		expect(problems(of("configmaps"), object({ data: { a: "é".repeat(524_289) } }))).toEqual([
			"[]: Too long: may not be more than 1048576 bytes",
		]);
		expect(updateProblems(of("configmaps"), object({ data: { a: "2" } }), object({ data: { a: "1" }, immutable: true }))).toEqual([
			"immutable: Forbidden: field is immutable when `immutable` is set",
			"data: Forbidden: field is immutable when `immutable` is set",
		]);
	});
});

describe("Secret", () => {
	it("is opaque by default and encodes text", () => {
		expect(stored(of("secrets"), object({ data: { a: "MQ==" }, stringData: { b: "é" } }))).toEqual(
			object({ type: "Opaque", data: { a: "MQ==", b: "w6k=" } }),
		);
		expect(row("secrets", { type: "Opaque", data: { a: "" } })).toBe("NAME | TYPE | DATA | AGE\na | Opaque | 1 | 5m");
	});

	it("holds what its type promises, and keeps its type", () => {
		expect(problems(of("secrets"), object({ type: "kubernetes.io/tls", data: { "tls.crt": "" } }))).toEqual([
			"data[tls.key]: Required value",
		]);
		expect(problems(of("secrets"), object({ type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": "[]" } }))).toEqual([
			'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}',
		]);
		expect(updateProblems(of("secrets"), object({ type: "a" }), object({ type: "b" }))).toEqual([
			'type: Invalid value: "a": field is immutable',
		]);
	});
});

describe("Namespace", () => {
	const meta = { name: "shop", creationTimestamp: created };

	it("starts Active, with its finalizer and its name as a label", () => {
		expect(stored(of("namespaces"), object({}, meta))).toEqual({
			metadata: { ...meta, labels: { "kubernetes.io/metadata.name": "shop" } },
			spec: { finalizers: ["kubernetes"] },
			status: { phase: "Active" },
		});
	});

	it("ends when its finalizers have gone", () => {
		const kind = of("namespaces");
		const active = stored(kind, object({}, meta));
		expect(kind.isDeletionBlocked?.(active)).toBe(true);
		expect(kind.isDeletionBlocked?.(object({ spec: { finalizers: [] } }, meta))).toBe(false);
		expect(printed(kind, kind.markDeleting?.(active, active) ?? active)).toBe("NAME | STATUS | AGE\nshop | Terminating | 5m");
		expect(kind.validateStatusUpdate?.(object({ status: { phase: "Terminating" } }, meta), active).map(String)).toEqual([
			"status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
		]);
	});
});

describe("Node", () => {
	const wideHeader =
		"NAME | STATUS | ROLES | AGE | VERSION | (INTERNAL-IP) | (EXTERNAL-IP) | (OS-IMAGE) | (KERNEL-VERSION) | (CONTAINER-RUNTIME)";

	it("prints what the kubelet reports", () => {
		const labels = { "node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "edge", "node-role.kubernetes.io/": "" };
		const status = {
			conditions: [{ type: "Ready", status: "True" }],
			addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
			nodeInfo: { kubeletVersion: "v1.36.0", osImage: "Debian", kernelVersion: "6.1", containerRuntimeVersion: "containerd://2.0" },
		};
		expect(row("nodes", { spec: { unschedulable: true }, status }, { ...metadata, labels })).toBe(
			`${wideHeader}\na | Ready,SchedulingDisabled | control-plane,edge | 5m | v1.36.0 | 10.0.0.1 | <none> | Debian | 6.1 | containerd://2.0`,
		);
		expect(row("nodes", {})).toBe(`${wideHeader}\na | Unknown | <none> | 5m |  | <none> | <none> | <unknown> | <unknown> | <unknown>`);
		const lost = { conditions: [{ type: "Ready", status: "Unknown" }] };
		expect(row("nodes", { status: lost }).split("\n")[1]?.startsWith("a | NotReady |")).toBe(true);
	});
});

describe("Event", () => {
	const event = {
		involvedObject: { kind: "Pod", namespace: "default", name: "web", fieldPath: "spec.containers{app}" },
		type: "Warning",
		reason: "BackOff",
		message: "Back-off restarting \n",
		firstTimestamp: created,
		lastTimestamp: "2026-01-01T00:04:00Z",
		count: 7,
		source: { component: "kubelet", host: "node-1" },
	};
	const header = "LAST SEEN | TYPE | REASON | OBJECT | (SUBOBJECT) | (SOURCE) | MESSAGE | (FIRST SEEN) | (COUNT) | (NAME)";

	it("prints events of the old API and of the new", () => {
		expect(row("events", event)).toBe(
			`${header}\n60s | Warning | BackOff | pod/web | spec.containers{app} | kubelet, node-1 | Back-off restarting | 5m | 7 | a`,
		);
		const fresh = {
			involvedObject: { kind: "Node" },
			eventTime: "2026-01-01T00:04:30.000000Z",
			reportingComponent: "scheduler",
			series: { count: 3, lastObservedTime: "2026-01-01T00:04:50.000000Z" },
		};
		expect(row("events", fresh)).toBe(`${header}\n10s |  |  | node |  | scheduler |  | 30s | 3 | a`);
	});

	it("is the same in events.k8s.io and back", () => {
		const stored: CoreEvent = { apiVersion: "v1", kind: "Event", metadata, eventTime: "2026-01-01T00:04:30.000000Z", ...event };
		const shown = eventsEventFromCoreEvent(stored);
		expect(shown).toEqual({
			apiVersion: "events.k8s.io/v1",
			kind: "Event",
			metadata,
			eventTime: "2026-01-01T00:04:30.000000Z",
			regarding: event.involvedObject,
			note: "Back-off restarting \n",
			reason: "BackOff",
			type: "Warning",
			deprecatedCount: 7,
			deprecatedFirstTimestamp: created,
			deprecatedLastTimestamp: "2026-01-01T00:04:00Z",
			deprecatedSource: { component: "kubelet", host: "node-1" },
		});
		expect(coreEventFromEventsEvent(shown)).toEqual(stored);
	});
});

describe("Endpoints", () => {
	it("prints three addresses and counts the rest", () => {
		const subset = { addresses: [{ ip: "10.1.1.1" }, { ip: "10.1.1.2" }, { ip: "fd00::1" }], ports: [{ port: 80 }, { port: 81 }] };
		expect(row("endpoints", { subsets: [subset] })).toBe(
			"NAME | ENDPOINTS | AGE\na | 10.1.1.1:80,10.1.1.2:80,[fd00::1]:80 + 3 more... | 5m",
		);
		expect(row("endpoints", { subsets: [{ addresses: [{ ip: "10.1.1.1" }] }] })).toBe("NAME | ENDPOINTS | AGE\na | 10.1.1.1 | 5m");
		expect(row("endpoints", {})).toBe("NAME | ENDPOINTS | AGE\na | <none> | 5m");
	});
});

describe("PersistentVolumeClaim", () => {
	const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
	const header = "NAME | STATUS | VOLUME | CAPACITY | ACCESS MODES | STORAGECLASS | VOLUMEATTRIBUTESCLASS | AGE | (VOLUMEMODE)";

	it("starts Pending and prints what it is bound to", () => {
		const fresh = stored(of("persistentvolumeclaims"), object({ spec }));
		expect(fresh).toEqual(object({ spec: { ...spec, volumeMode: "Filesystem" }, status: { phase: "Pending" } }));
		expect(printed(of("persistentvolumeclaims"), fresh)).toBe(`${header}\na | Pending |  |  |  |  | <unset> | 5m | Filesystem`);
		const bound = { phase: "Bound", capacity: { storage: "2Gi" }, accessModes: ["ReadWriteMany", "ReadWriteOnce"] };
		expect(row("persistentvolumeclaims", { spec: { ...spec, volumeName: "pv-1", storageClassName: "fast" }, status: bound })).toBe(
			`${header}\na | Bound | pv-1 | 2Gi | RWO,RWX | fast | <unset> | 5m | <unset>`,
		);
	});
});

describe("PersistentVolume", () => {
	const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } };

	it("is retained by default, and remembers when its phase changed", () => {
		const kind = of("persistentvolumes");
		const fresh = stored(kind, object({ spec })) as PersistentVolume;
		expect(fresh).toEqual(
			object({
				spec: { ...spec, hostPath: { path: "/data", type: "" }, persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
				status: { phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:05:00Z" },
			}),
		);
		const bound = { ...fresh, status: { ...fresh.status, phase: "Bound" } };
		const written = kind.prepareForStatusUpdate?.(bound, fresh, { nowMs: nowMs + 60_000 }) as PersistentVolume;
		expect(written.status).toEqual({ phase: "Bound", lastPhaseTransitionTime: "2026-01-01T00:06:00Z" });
		expect(
			row("persistentvolumes", { spec: { ...fresh.spec, claimRef: { namespace: "default", name: "data" } }, status: bound.status }),
		).toBe(
			"NAME | CAPACITY | ACCESS MODES | RECLAIM POLICY | STATUS | CLAIM | STORAGECLASS | VOLUMEATTRIBUTESCLASS | REASON | AGE | (VOLUMEMODE)\n" +
				"a | 1Gi | RWO | Retain | Bound | default/data |  | <unset> |  | 5m | Filesystem",
		);
	});
});

describe("LimitRange", () => {
	it("derives defaults for containers and prints when it was made", () => {
		const limits = [{ type: "Container", max: { cpu: "2" }, min: { memory: "1Mi" } }];
		expect(stored(of("limitranges"), object({ spec: { limits } }))).toEqual(
			object({ spec: { limits: [{ ...limits[0], default: { cpu: "2" }, defaultRequest: { cpu: "2", memory: "1Mi" } }] } }),
		);
		expect(row("limitranges", {})).toBe("NAME | CREATED AT\na | 2026-01-01T00:00:00Z");
	});
});

describe("ResourceQuota", () => {
	it("prints what is used, limits apart", () => {
		const status = { hard: { pods: "10", "limits.cpu": "4", "requests.cpu": "2" }, used: { pods: "3", "limits.cpu": "500m" } };
		expect(row("resourcequotas", { status })).toBe(
			"NAME | REQUEST | LIMIT | AGE\na | pods: 3/10, requests.cpu: 0/2 | limits.cpu: 500m/4 | 5m",
		);
	});
});

describe("ReplicationController", () => {
	const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "app", image: "nginx:1" }] } };

	it("takes selector and labels from its template", () => {
		expect(stored(of("replicationcontrollers"), object({ spec: { template } }))).toMatchObject({
			metadata: { ...metadata, labels: { app: "web" } },
			spec: { replicas: 1, selector: { app: "web" } },
			status: { replicas: 0 },
		});
	});

	it("selects what it makes", () => {
		expect(problems(of("replicationcontrollers"), object({ spec: { template, selector: { app: "db" }, replicas: -1 } }))).toEqual([
			"spec.replicas: Invalid value: -1: must be greater than or equal to 0",
			'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
		]);
		expect(row("replicationcontrollers", { spec: { template, replicas: 2, selector: { app: "web" } }, status: { replicas: 1 } })).toBe(
			"NAME | DESIRED | CURRENT | READY | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)\na | 2 | 1 | 0 | 5m | app | nginx:1 | app=web",
		);
	});
});

describe("the kinds that only print", () => {
	it.each([
		["serviceaccounts", { secrets: [{}] }, "NAME | AGE\na | 5m"],
		[
			"componentstatuses",
			{ conditions: [{ type: "Healthy", status: "True", message: "ok" }] },
			"NAME | STATUS | MESSAGE | ERROR\na | Healthy | ok | ",
		],
		["componentstatuses", {}, "NAME | STATUS | MESSAGE | ERROR\na | Unknown |  | "],
		[
			"podtemplates",
			{
				template: {
					metadata: { labels: { app: "web" } },
					spec: {
						containers: [
							{ name: "a", image: "x" },
							{ name: "b", image: "y" },
						],
					},
				},
			},
			"NAME | CONTAINERS | IMAGES | POD LABELS\na | a,b | x,y | app=web",
		],
	])("%s %j", (resource, fields, expected) => {
		expect(row(resource, fields)).toBe(expected);
	});

	it("binds Pods to nodes and to nothing else", () => {
		expect(problems(of("bindings"), object({ target: { kind: "Pod" } }))).toEqual([
			'target.kind: Unsupported value: "Pod": supported values: "<empty>", "Node"',
			"target.name: Required value",
		]);
	});
});
