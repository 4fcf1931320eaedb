import { describe, expect, it } from "vitest";
import { stored } from "../testing/kind-probe.ts";
import { app, eachRow, podOf } from "../testing/pod-probe.ts";
import { podKind } from "./pod.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

const warningsOf = (spec: object, metadata: object = {}) => podKind.warnings?.(stored(podKind, podOf(spec, metadata))) ?? [];

describe("a Pod makes the API server warn", () => {
	const volume = (source: object) => ({ volumes: [{ name: "v", ...source }] });
	const inContainer = (change: object) => ({ containers: [{ ...app, ...change }] });
	const items = (...paths: string[]) => paths.map((path, index) => ({ key: `k${index}`, path }));
	const term = { topologyKey: "zone" };
	eachRow(
		[
			[{}],
			[
				{ nodeSelector: { "beta.kubernetes.io/arch": "amd64" } },
				'spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
			],
			[
				{
					affinity: {
						nodeAffinity: {
							requiredDuringSchedulingIgnoredDuringExecution: {
								nodeSelectorTerms: [{ matchExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", operator: "Exists" }] }],
							},
							preferredDuringSchedulingIgnoredDuringExecution: [
								{ weight: 1, preference: { matchExpressions: [{ key: "beta.kubernetes.io/instance-type", operator: "Exists" }] } },
							],
						},
						podAffinity: {
							requiredDuringSchedulingIgnoredDuringExecution: [term, { ...term, labelSelector: {} }],
							preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }],
						},
						podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
					},
				},
				'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
				'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: beta.kubernetes.io/instance-type is deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
				"spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
				"spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
				"spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
			],
			[
				{
					topologySpreadConstraints: [
						{ maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", topologyKey: "failure-domain.beta.kubernetes.io/region" },
					],
				},
				'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/region is deprecated since v1.17; use "topology.kubernetes.io/region" instead',
				"spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
			],
			[
				volume({ photonPersistentDisk: { pdID: "a" } }),
				"spec.volumes[0].photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
			],
			[volume({ gitRepo: { repository: "a" } }), "spec.volumes[0].gitRepo: deprecated in v1.11"],
			[volume({ scaleIO: {} }), "spec.volumes[0].scaleIO: deprecated in v1.16, non-functional in v1.22+"],
			[volume({ flocker: {} }), "spec.volumes[0].flocker: deprecated in v1.22, non-functional in v1.25+"],
			[volume({ storageos: {} }), "spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+"],
			[volume({ quobyte: {} }), "spec.volumes[0].quobyte: deprecated in v1.22, non-functional in v1.25+"],
			[volume({ glusterfs: {} }), "spec.volumes[0].glusterfs: deprecated in v1.25, non-functional in v1.26+"],
			[volume({ cephfs: {} }), "spec.volumes[0].cephfs: deprecated in v1.28, non-functional in v1.31+"],
			[volume({ rbd: {} }), "spec.volumes[0].rbd: deprecated in v1.28, non-functional in v1.31+"],
			[
				volume({ ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: "100m" } } } } } }),
				'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer',
			],
			[volume({ configMap: { name: "c", items: items("a", "b/") } })],
			[volume({ configMap: { name: "c", items: items("a", "a/") } }), 'volume "v" (ConfigMap "c"): overlapping paths: "a" with "a"'],
			[volume({ secret: { secretName: "s", items: items("a/b", "a") } }), 'volume "v" (Secret "s"): overlapping paths: "a" with "a/b"'],
			[volume({ downwardAPI: { items: items("a", "a/b") } }), 'volume "v" (DownwardAPI): overlapping paths: "a/b" with "a"'],
			[volume({ projected: { sources: [{}] } }), 'volume "v" (Projected) has no sources provided'],
			[
				volume({ projected: { sources: [{ configMap: { name: "c", items: items("a") } }, { serviceAccountToken: { path: "a/token" } }] } }),
				'volume "v" (Projected ServiceAccountToken): overlapping paths: "a/token" with "a"',
			],
			[
				volume({ projected: { sources: [{ secret: { name: "s", items: items("x", "x") } }] } }),
				'volume "v" (Projected Secret "s"): overlapping paths: "x" with "x"',
			],
			[{ hostAliases: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }, { ip: "10.0.0.1" }] }, 'spec.hostAliases[2].ip: duplicate ip "10.0.0.1"'],
			[
				{ imagePullSecrets: [{ name: "a" }, { name: "a" }, {}] },
				'spec.imagePullSecrets[1].name: duplicate name "a"',
				'spec.imagePullSecrets[2].name: invalid empty name ""',
			],
			[{ overhead: { memory: "100m" } }, 'spec.overhead[memory]: fractional byte value "100m" is invalid, must be an integer'],
			[
				inContainer({ resources: { limits: { memory: "100m", "ephemeral-storage": "1500m" }, requests: { memory: "1" } } }),
				'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
				'spec.containers[0].resources.limits[ephemeral-storage]: fractional byte value "1500m" is invalid, must be an integer',
				'spec.containers[0].resources.requests[ephemeral-storage]: fractional byte value "1500m" is invalid, must be an integer',
			],
			[
				inContainer({
					env: [
						{ name: "A", value: "1" },
						{ name: "A", value: "$(A)2" },
						{ name: "A", value: "3" },
						{ name: "A", valueFrom: {} },
						{ name: "A", value: "$(A)" },
					],
				}),
				'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply',
				'spec.containers[0].env[3]: hides previous definition of "A", which may be dropped when using apply',
				'spec.containers[0].env[4]: hides previous definition of "A", which may be dropped when using apply',
			],
			[
				inContainer({ ports: [{ containerPort: 80, name: "web", hostIP: "10.0.0.1" }] }),
				"spec.containers[0].ports[0]: hostIP set without hostPort: {Name:web HostPort:0 ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}",
			],
			[
				{
					containers: [
						{ ...app, ports: [{ containerPort: 80 }] },
						{ ...app, name: "b", ports: [{ containerPort: 80 }, { containerPort: 80, protocol: "UDP" }] },
					],
				},
				"spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
			],
			[
				inContainer({ ports: [{ containerPort: 80, hostPort: 80 }, { containerPort: 80 }] }),
				"spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
			],
			[
				inContainer({
					ports: [
						{ containerPort: 80, hostPort: 80 },
						{ containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" },
					],
				}),
				"spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]",
			],
			[
				inContainer({
					ports: [
						{ containerPort: 80, hostPort: 80 },
						{ containerPort: 80, hostPort: 81 },
					],
				}),
			],
			[
				{ terminationGracePeriodSeconds: -1 },
				"spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
			],
		],
		(change, errors) => expect(warningsOf(change)).toEqual(errors),
	);

	it.each([
		["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
		["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
		["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
		["seccomp.security.alpha.kubernetes.io/pod", 'non-functional in v1.27+; use the "seccompProfile" field instead'],
		["container.seccomp.security.alpha.kubernetes.io/app", 'non-functional in v1.27+; use the "seccompProfile" field instead'],
		["container.apparmor.security.beta.kubernetes.io/app", 'deprecated since v1.30; use the "appArmorProfile" field instead'],
	])("of the annotation %s", (key, text) => {
		expect(warningsOf({}, { annotations: { [key]: "unconfined" } })).toEqual([`metadata.annotations[${key}]: ${text}`]);
		const template = { metadata: { annotations: { [key]: "unconfined" } }, spec: { containers: [app] } };
		expect(podTemplateWarnings(template)).toEqual([`spec.template.metadata.annotations[${key}]: ${text}`]);
	});

	it("of a name that is no DNS label, when it is new", () => {
		expect(warningsOf({}, { name: "web.1" })).toEqual([
			"metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
		]);
		expect(
			podKind.warnings?.(podOf({ nodeSelector: { "beta.kubernetes.io/os": "linux" } }, { name: "web.1", resourceVersion: "7" })),
		).toEqual([]);
	});
});
