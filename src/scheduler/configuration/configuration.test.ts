import { describe, expect, test } from "vitest";
import { readSchedulerConfiguration, SchedulerConfigurationError } from "./configuration.ts";

const head = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };

function problemsOf(parts: object): readonly string[] {
	try {
		readSchedulerConfiguration({ ...head, ...parts });
		return [];
	} catch (error) {
		if (error instanceof SchedulerConfigurationError) return error.problems;
		throw error;
	}
}

const withArgs = (name: string, args: object) => ({ profiles: [{ pluginConfig: [{ name, args }] }] });

test("an empty file is kube-scheduler's defaults", () => {
	expect(readSchedulerConfiguration(head)).toEqual({
		profiles: [{ schedulerName: "default-scheduler", multiPoint: { enabled: [], disabled: [] }, points: {}, args: {} }],
		percentageOfNodesToScore: 0,
		podInitialBackoffMs: 1_000,
		podMaxBackoffMs: 10_000,
		extenders: [],
	});
});

test("a whole file", () => {
	const file = {
		...head,
		parallelism: 8,
		leaderElection: { leaderElect: false },
		clientConnection: { kubeconfig: "/etc/kubernetes/scheduler.conf" },
		percentageOfNodesToScore: 50,
		podInitialBackoffSeconds: 2,
		podMaxBackoffSeconds: 30,
		profiles: [
			{
				schedulerName: "packer",
				percentageOfNodesToScore: 100,
				plugins: {
					multiPoint: { enabled: [{ name: "Mine", weight: 5 }], disabled: [{ name: "ImageLocality" }] },
					score: { disabled: [{ name: "*" }], enabled: [{ name: "NodeResourcesFit", weight: 7 }] },
				},
				pluginConfig: [
					{
						name: "NodeResourcesFit",
						args: {
							apiVersion: "kubescheduler.config.k8s.io/v1",
							kind: "NodeResourcesFitArgs",
							ignoredResourceGroups: ["example.com"],
							scoringStrategy: {
								type: "RequestedToCapacityRatio",
								resources: [{ name: "cpu", weight: 3 }, { name: "intel.com/foo" }],
								requestedToCapacityRatio: {
									shape: [
										{ utilization: 0, score: 0 },
										{ utilization: 100, score: 10 },
									],
								},
							},
						},
					},
					{ name: "Mine", args: { colour: "blue" } },
					{ name: "PodTopologySpread", args: { defaultingType: "List", defaultConstraints: [] } },
					{ name: "VolumeBinding", args: { bindTimeoutSeconds: 60 } },
				],
			},
			{ schedulerName: "second" },
		],
		extenders: [
			{
				urlPrefix: "http://127.0.0.1:8888/scheduler",
				filterVerb: "filter",
				prioritizeVerb: "prioritize",
				weight: 2,
				httpTimeout: "100ms",
				nodeCacheCapable: true,
				managedResources: [{ name: "example.com/gpu", ignoredByScheduler: true }],
			},
		],
	};
	expect(readSchedulerConfiguration(file)).toEqual({
		percentageOfNodesToScore: 50,
		podInitialBackoffMs: 2_000,
		podMaxBackoffMs: 30_000,
		profiles: [
			{
				schedulerName: "packer",
				percentageOfNodesToScore: 100,
				multiPoint: { enabled: [{ name: "Mine", weight: 5 }], disabled: ["ImageLocality"] },
				points: { score: { disabled: ["*"], enabled: [{ name: "NodeResourcesFit", weight: 7 }] } },
				args: {
					nodeResourcesFit: {
						ignoredResources: [],
						ignoredResourceGroups: ["example.com"],
						scoringStrategy: {
							type: "RequestedToCapacityRatio",
							resources: [
								{ name: "cpu", weight: 3 },
								{ name: "intel.com/foo", weight: 1 },
							],
							shape: [
								{ utilization: 0, score: 0 },
								{ utilization: 100, score: 10 },
							],
						},
					},
					others: { Mine: { colour: "blue" } },
					podTopologySpread: { defaults: [] },
					volumeBinding: { bindTimeoutMs: 60_000 },
				},
			},
			{ schedulerName: "second", multiPoint: { enabled: [], disabled: [] }, points: {}, args: {} },
		],
		extenders: [
			{
				urlPrefix: "http://127.0.0.1:8888/scheduler",
				filterVerb: "filter",
				prioritizeVerb: "prioritize",
				preemptVerb: "",
				bindVerb: "",
				weight: 2,
				timeoutMs: 100,
				nodeCacheCapable: true,
				ignorable: false,
				managedResources: ["example.com/gpu"],
				ignoredResources: ["example.com/gpu"],
			},
		],
	});
});

describe("what is refused, in upstream's words", () => {
	test.each<[string, object, readonly string[]]>([
		[
			"another kind",
			{ kind: "Pod" },
			[
				'no kind "Pod" is registered for version "kubescheduler.config.k8s.io/v1" of the scheduler\'s configuration: it is KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1',
			],
		],
		[
			"unknown keys",
			{ profils: [], profiles: [{ schedulername: "x" }] },
			['strict decoding error: unknown field "profils"', 'strict decoding error: unknown field "profiles[0].schedulername"'],
		],
		["a value of another type", { podMaxBackoffSeconds: "10s" }, ['podMaxBackoffSeconds: Invalid value: "10s": must be an integer']],
		["no thread", { parallelism: 0 }, ["parallelism: Invalid value: 0: should be an integer value greater than zero"]],
		[
			"more than all nodes",
			{ percentageOfNodesToScore: 101 },
			["percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"],
		],
		[
			"a back-off that shrinks",
			{ podInitialBackoffSeconds: 0, podMaxBackoffSeconds: -1 },
			[
				"podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
				"podMaxBackoffSeconds: Invalid value: -1: must be greater than or equal to PodInitialBackoffSeconds",
			],
		],
		["several without names", { profiles: [{}, { schedulerName: "b" }] }, ["profiles[0].schedulerName: Required value"]],
		[
			"a name twice",
			{ profiles: [{ schedulerName: "a" }, { schedulerName: "a" }] },
			['profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"'],
		],
		[
			"queues in two orders",
			{
				profiles: [
					{ schedulerName: "a" },
					{ schedulerName: "b", plugins: { queueSort: { enabled: [{ name: "Mine" }], disabled: [{ name: "*" }] } } },
				],
			},
			[
				'profiles[1].plugins.queueSort: Invalid value: {"enabled":[{"name":"Mine","weight":0}],"disabled":["*"]}: must be the same for all profiles',
			],
		],
		[
			"plugins of long ago",
			{ profiles: [{ plugins: { filter: { enabled: [{ name: "EBSLimits" }] } } }] },
			[
				'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version "kubescheduler.config.k8s.io/v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")',
			],
		],
		[
			"arguments of another plugin",
			withArgs("NodeAffinity", { kind: "InterPodAffinityArgs" }),
			['profiles[0].pluginConfig[0].args: Invalid value: "InterPodAffinityArgs": has to match plugin args'],
		],
		[
			"arguments twice",
			{ profiles: [{ pluginConfig: [{ name: "NodeAffinity" }, { name: "NodeAffinity" }] }] },
			['profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"'],
		],
		[
			"no candidates for preemption",
			withArgs("DefaultPreemption", { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }),
			[
				"profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute",
				"profiles[0].pluginConfig[0].args.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage",
			],
		],
		[
			"a weight",
			withArgs("InterPodAffinity", { hardPodAffinityWeight: 101 }),
			["profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]"],
		],
		[
			"an affinity that is none",
			withArgs("NodeAffinity", { addedAffinity: { required: {} } }),
			['strict decoding error: unknown field "profiles[0].pluginConfig[0].args.addedAffinity.required"'],
		],
		[
			"a balance of weights",
			withArgs("NodeResourcesBalancedAllocation", { resources: [{ name: "cpu", weight: 2 }] }),
			["profiles[0].pluginConfig[0].args.resources[0].weight: Invalid value: 2: must be 1"],
		],
		[
			"a strategy that nobody has",
			withArgs("NodeResourcesFit", { scoringStrategy: { type: "Best" }, ignoredResourceGroups: ["a/b"] }),
			[
				`profiles[0].pluginConfig[0].args.ignoredResourceGroups[0]: Invalid value: "a/b": resource group name can't contain '/'`,
				'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
			],
		],
		[
			"a shape that falls back",
			withArgs("NodeResourcesFit", {
				scoringStrategy: {
					type: "RequestedToCapacityRatio",
					requestedToCapacityRatio: {
						shape: [
							{ utilization: 50, score: 11 },
							{ utilization: 50, score: 0 },
						],
					},
				},
			}),
			[
				"profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 50: values must be sorted in increasing order",
				"profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[0].score: Invalid value: 11: not in valid range [0, 10]",
			],
		],
		[
			"defaults of the system and others",
			withArgs("PodTopologySpread", { defaultConstraints: [{ maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "Maybe" }] }),
			[
				"profiles[0].pluginConfig[0].args.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)",
				'profiles[0].pluginConfig[0].args.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
				'profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
			],
		],
		[
			"extenders",
			{
				extenders: [
					{ urlPrefix: "http://a", prioritizeVerb: "p", bindVerb: "b", managedResources: [{ name: "cpu" }] },
					{ urlPrefix: "http://b", bindVerb: "b", httpTimeout: "soon", managedResources: [{ name: "a.b/c" }, { name: "a.b/c" }] },
				],
			},
			[
				"extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
				'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
				'extenders[1].managedResources[1].name: Invalid value: "a.b/c": duplicate extender managed resource name',
				'extenders[1].httpTimeout: Invalid value: "soon": must be a duration, such as "1m30s"',
				'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
			],
		],
	])("%s", (_what, parts, problems) => expect(problemsOf(parts)).toEqual(problems));
});
