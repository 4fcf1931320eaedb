import { describe, expect, it } from "vitest";
import type { Pod, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { defaulted, stored } from "../testing/kind-probe.ts";
import { app, podOf } from "../testing/pod-probe.ts";
import { podKind } from "./pod.ts";
import { podTemplateKind } from "./pod-template.ts";

const specOf = (change: object, metadata: object = {}) => (defaulted(podKind, podOf(change, metadata)) as Pod).spec as PodSpec;
const createdSpec = (change: object, metadata: object = {}) => (stored(podKind, podOf(change, metadata)) as Pod).spec as PodSpec;

describe("resources", () => {
	const asking = (resources: object, more: object = {}) => ({ ...app, ...more, resources });
	/** The Pod's own, after its containers'. */
	const podResources = (resources: object, ...containers: object[]) => specOf({ resources, containers }).resources;

	it.each([
		["1n", "1m"],
		["1500u", "2m"],
		["1000100u", "1001m"],
		["100m", "100m"],
		["1e-6", "1e-3"],
	])("are not finer than a thousandth: %s is %s", (written, kept) => {
		expect(specOf({ containers: [asking({ requests: { cpu: written } })] }).containers[0]?.resources?.requests?.cpu).toBe(kept);
		expect(specOf({ overhead: { cpu: written } }).overhead?.cpu).toBe(kept);
	});

	it("are requested of the Pod as its containers request them, else as it limits them", () => {
		const one = asking({ requests: { cpu: "1" } });
		expect(podResources({ limits: { cpu: "4", memory: "1Gi" } }, one, { ...one, name: "b" })).toEqual({
			limits: { cpu: "4", memory: "1Gi" },
			requests: { cpu: "2", memory: "1Gi" },
		});
		expect(podResources({ limits: { cpu: "4" }, requests: { cpu: "3" } }, one)).toEqual({ limits: { cpu: "4" }, requests: { cpu: "3" } });
	});

	it("are requested as a sidecar needs them beside the containers", () => {
		const initContainers = [
			{ ...asking({ requests: { cpu: "1" } }), name: "log", restartPolicy: "Always" },
			{ ...asking({ requests: { cpu: "5" } }), name: "setup" },
		];
		const spec = specOf({ resources: { limits: { cpu: "9" } }, initContainers, containers: [asking({ requests: { cpu: "2" } })] });
		expect(spec.resources?.requests).toEqual({ cpu: "6" });
	});

	it("are limited as all containers are, where the Pod only requests", () => {
		const one = asking({ limits: { cpu: "1", memory: "1Gi" } });
		const other = asking({ limits: { cpu: "2" } }, { name: "b" });
		expect(podResources({ requests: { cpu: "3" } }, one, other)).toEqual({ requests: { cpu: "3" }, limits: { cpu: "3" } });
	});

	it("are huge pages of the Pod where the containers have some and it says nothing of them", () => {
		const one = asking({ limits: { cpu: "1", "hugepages-2Mi": "4Mi" } });
		expect(podResources({ limits: { cpu: "1" } }, one)).toEqual({
			limits: { cpu: "1", "hugepages-2Mi": "4Mi" },
			requests: { cpu: "1", "hugepages-2Mi": "4Mi" },
		});
		expect(podResources({}, one)).toEqual({});
	});
});

describe("fields whose gates are off", () => {
	const spec = {
		schedulingGroup: { podGroupName: "a" },
		containers: [
			{ ...app, lifecycle: { stopSignal: "SIGUSR1" } },
			{ ...app, name: "b", lifecycle: { stopSignal: "SIGUSR1", preStop: { sleep: { seconds: 1 } } } },
		],
		volumes: [
			{
				name: "v",
				projected: { sources: [{ clusterTrustBundle: { path: "a" } }, { podCertificate: { keyType: "b" } }, { secret: { name: "s" } }] },
			},
		],
	};
	const check = ({ schedulingGroup, containers, volumes }: PodSpec) => {
		expect(schedulingGroup).toBeUndefined();
		expect(containers.map(({ lifecycle }) => lifecycle)).toEqual([undefined, { preStop: { sleep: { seconds: 1 } } }]);
		expect(volumes?.[0]?.projected?.sources).toEqual([{}, {}, { secret: { name: "s" } }]);
	};

	it("are dropped from Pods", () => check(specOf(spec)));

	it("are dropped from templates", () => {
		const template = defaulted(podTemplateKind, { metadata: { name: "a" }, template: { spec } } as never);
		check((template as unknown as { template: { spec: PodSpec } }).template.spec);
	});
});

describe("a new Pod", () => {
	const labels = { app: "web", hash: "1", tenant: "t" };

	it("selects its own labels by the keys that its terms name", () => {
		const labelSelector = { matchLabels: { app: "web" } };
		const term = { topologyKey: "zone", labelSelector, matchLabelKeys: ["hash", "none"], mismatchLabelKeys: ["tenant"] };
		const selected = {
			...labelSelector,
			matchExpressions: [
				{ key: "hash", operator: "In", values: ["1"] },
				{ key: "tenant", operator: "NotIn", values: ["t"] },
			],
		};
		const affinity = {
			podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
			podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
		};
		const spec = createdSpec({ affinity }, { labels });
		expect(spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.[0]?.labelSelector).toEqual(selected);
		expect(spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.[0]?.podAffinityTerm.labelSelector).toEqual(
			selected,
		);
	});

	it("spreads among Pods with its own labels by the keys that it names", () => {
		const constraint = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["hash"] };
		const topologySpreadConstraints = [{ ...constraint, labelSelector: {} }, constraint];
		const spec = createdSpec({ topologySpreadConstraints }, { labels });
		expect(spec.topologySpreadConstraints?.map(({ labelSelector }) => labelSelector)).toEqual([
			{ matchExpressions: [{ key: "hash", operator: "In", values: ["1"] }] },
			undefined,
		]);
	});

	it.each([
		["unconfined", { type: "Unconfined" }],
		["runtime/default", { type: "RuntimeDefault" }],
		["localhost/a", { type: "Localhost", localhostProfile: "a" }],
		["other", undefined],
	])("takes the AppArmor profile %s from its annotation", (annotation, appArmorProfile) => {
		const annotations = { "container.apparmor.security.beta.kubernetes.io/app": annotation };
		const profileOf = (spec: object) => createdSpec(spec, { annotations }).containers[0]?.securityContext?.appArmorProfile;
		expect(profileOf({})).toEqual(appArmorProfile);
		// What is the Pod's, or another system's, it leaves.
		expect(profileOf({ securityContext: { appArmorProfile } })).toBeUndefined();
		expect(profileOf({ os: { name: "windows" } })).toBeUndefined();
	});
});

it("can be found by the fields that kube-apiserver knows", () => {
	const pod = { ...podOf({ nodeName: "n", hostNetwork: true }), status: { podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] } };
	expect(podKind.selectableFields?.(pod)).toEqual({
		"spec.nodeName": "n",
		"spec.restartPolicy": "",
		"spec.schedulerName": "",
		"spec.serviceAccountName": "",
		"spec.hostNetwork": "true",
		"status.phase": "",
		"status.podIP": "10.0.0.1",
		"status.nominatedNodeName": "",
	});
});
