/** Which event wakes a pod that a plugin turned down: by KEP-4247, and the plugins' own EventsToRegister. */
import { expect, test } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Node, Pod, PodAffinityTerm, PodSpec, TopologySpreadConstraint } from "../../apimachinery/schema/generated/types.ts";
import {
	assignedPodAdd,
	assignedPodDelete,
	type ClusterEvent,
	covers,
	namespaceAdd,
	namespaceUpdate,
	nodeAdd,
	nodeDelete,
	nodeUpdateEvents,
	podUpdateEvents,
} from "../framework/cluster-event.ts";
import type { AnyPlugin } from "../framework/plugin.ts";
import { container, node, pod, podWith } from "../testing/builders.ts";
import { createInterPodAffinity } from "./inter-pod-affinity.ts";
import { createNodeAffinity, nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { createNodeResourcesFit, nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { createPodTopologySpread } from "./pod-topology-spread.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";

/** Something that happens, as the queue is told of it. */
interface Happening {
	readonly events: readonly ClusterEvent[];
	readonly old?: KubeObject;
	readonly object?: KubeObject;
}

const comes = (object: Node | Pod): Happening => ({ events: [object.kind === "Node" ? nodeAdd : assignedPodAdd], object });
const goes = (old: Node | Pod): Happening => ({ events: [old.kind === "Node" ? nodeDelete : assignedPodDelete], old });
const changes = (old: Node | Pod, object: Node | Pod): Happening => ({
	events: old.kind === "Node" ? nodeUpdateEvents(old as Node, object as Node) : podUpdateEvents(old as Pod, object as Pod, "AssignedPod"),
	old,
	object,
});
const changesItself = (old: Pod, object: Pod): Happening => ({ events: podUpdateEvents(old, object, "TargetPod"), old, object });

function isWoken(plugin: AnyPlugin, waiting: Pod, { events, old, object }: Happening): boolean {
	const registered = plugin.eventsToRegister?.();
	if (registered === undefined) return true;
	return events.some((event) =>
		registered.some((each) => covers(each, event) && (each.hint?.(waiting, old, object) ?? "Queue") === "Queue"),
	);
}

const on = (name: string, spec: Partial<PodSpec> = {}, labels: Readonly<Record<string, string>> = {}, namespace = "default") =>
	pod(name, { ...spec, nodeName: "n" }, { labels, namespace });
const ported = (name: string, hostPort: number, spec: Partial<PodSpec> = {}) =>
	pod(name, { ...spec, containers: [container({}, { ports: [{ containerPort: 1, hostPort }] })] });
const tainted = (...keys: readonly string[]) => node("n", { spec: { taints: keys.map((key) => ({ key, effect: "NoSchedule" })) } });
const tolerating = pod("p", { tolerations: [{ key: "a", operator: "Exists" }] });
const cordoned = node("n", { spec: { unschedulable: true } });
const patient = pod("p", { tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }] });
const onSsd = pod("p", { nodeSelector: { disk: "ssd" } });
const ssd = node("n", { labels: { disk: "ssd" } });
const term = (rest: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
	topologyKey: "zone",
	labelSelector: { matchLabels: { app: "web" } },
	...rest,
});
const near = pod("p", { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term()] } } });
const away: Partial<PodSpec> = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term()] } } };
const nearTeam = pod("p", {
	affinity: {
		podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term({ namespaceSelector: { matchLabels: { team: "red" } } })] },
	},
});
const constraint: TopologySpreadConstraint = {
	topologyKey: "zone",
	maxSkew: 1,
	whenUnsatisfiable: "DoNotSchedule",
	labelSelector: { matchLabels: { app: "web" } },
};
const spreading = pod("p", { topologySpreadConstraints: [constraint] }, { labels: { app: "web" } });
const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): KubeObject => ({
	apiVersion: "v1",
	kind: "Namespace",
	metadata: { name, labels },
});
const relabelled = (name: string, before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Happening => ({
	events: [namespaceUpdate],
	old: namespace(name, before),
	object: namespace(name, after),
});

const affinity = createInterPodAffinity((name) => (name === "reds" ? { team: "red" } : {}));
const spread = createPodTopologySpread(() => []);
const gated = pod("p", { schedulingGates: [{ name: "g" }] });
const greedy = podWith("p", { cpu: "3", "example.com/gpu": "1" });
const free = { allocatable: { "example.com/gpu": "1" } };

test.each<[string, AnyPlugin, Pod, Happening, boolean]>([
	["its gates go", schedulingGates, gated, changesItself(gated, pod("p")), true],
	["another node comes", schedulingGates, gated, comes(node("n")), false],

	["a node comes", nodeName, pod("p", { nodeName: "n" }), comes(node("n")), true],
	["a node is labelled", nodeName, pod("p", { nodeName: "n" }), changes(node("n"), ssd), false],

	["a node is uncordoned", nodeUnschedulable, pod("p"), changes(cordoned, node("n")), true],
	["a node is cordoned", nodeUnschedulable, pod("p"), changes(node("n"), cordoned), false],
	["a cordoned node comes", nodeUnschedulable, pod("p"), comes(cordoned), false],
	["a cordoned node comes that it tolerates", nodeUnschedulable, patient, comes(cordoned), true],
	["it tolerates cordoned nodes now", nodeUnschedulable, pod("p"), changesItself(pod("p"), patient), true],
	["it tolerates something else now", nodeUnschedulable, pod("p"), changesItself(pod("p"), tolerating), false],

	["a node loses its taint", taintToleration, pod("p"), changes(tainted("a"), node("n")), true],
	["a node loses one taint of two", taintToleration, pod("p"), changes(tainted("a", "b"), tainted("b")), false],
	["a node changes to a taint that it tolerates", taintToleration, tolerating, changes(tainted("b"), tainted("a")), true],
	["a node comes whose taint it tolerates", taintToleration, tolerating, comes(tainted("a")), true],
	["a node comes whose taint it does not", taintToleration, tolerating, comes(tainted("b")), false],
	["it tolerates more now", taintToleration, pod("p"), changesItself(pod("p"), tolerating), true],
	["a node is labelled", taintToleration, pod("p"), changes(node("n"), ssd), false],

	["a node gets the label", nodeAffinity, onSsd, changes(node("n"), ssd), true],
	["a node loses the label", nodeAffinity, onSsd, changes(ssd, node("n")), false],
	["a node had the label all along", nodeAffinity, onSsd, changes(ssd, node("n", { labels: { disk: "ssd", zone: "a" } })), false],
	["a node with the label comes", nodeAffinity, onSsd, comes(ssd), true],
	["another node comes", nodeAffinity, onSsd, comes(node("n")), false],
	[
		"a node comes that the profile does not want",
		createNodeAffinity({
			requiredDuringSchedulingIgnoredDuringExecution: {
				nodeSelectorTerms: [{ matchExpressions: [{ key: "pool", operator: "In", values: ["batch"] }] }],
			},
		}),
		onSsd,
		comes(ssd),
		false,
	],

	["who has its port goes", nodePorts, ported("p", 80), goes(ported("there", 80, { nodeName: "n" })), true],
	["who has another port goes", nodePorts, ported("p", 80), goes(ported("there", 81, { nodeName: "n" })), false],
	["a node comes", nodePorts, ported("p", 80), comes(node("n")), true],

	["a pod leaves its node", nodeResourcesFit, greedy, goes(on("there")), true],
	["a pod without a node goes", nodeResourcesFit, greedy, goes(pod("there")), false],
	["a pod gives cpu back", nodeResourcesFit, greedy, changes(podWith("t", { cpu: "2" }), podWith("t", { cpu: "1" })), true],
	[
		"a pod gives memory back, which it does not want",
		nodeResourcesFit,
		greedy,
		changes(podWith("t", { memory: "2" }), podWith("t", {})),
		false,
	],
	["a pod takes more", nodeResourcesFit, greedy, changes(podWith("t", { cpu: "1" }), podWith("t", { cpu: "2" })), false],
	["it wants less", nodeResourcesFit, greedy, changesItself(greedy, podWith("p", { cpu: "1" })), true],
	["a node comes that has all", nodeResourcesFit, greedy, comes(node("n", free)), true],
	["a node comes that lacks one", nodeResourcesFit, greedy, comes(node("n")), false],
	["a node gets what it lacked", nodeResourcesFit, greedy, changes(node("n"), node("n", free)), true],
	["a node grows, and still lacks one", nodeResourcesFit, greedy, changes(node("n"), node("n", { allocatable: { cpu: "8" } })), false],
	[
		"a node has room for more pods",
		nodeResourcesFit,
		greedy,
		changes(node("n", free), node("n", { allocatable: { ...free.allocatable, pods: "200" } })),
		true,
	],
	[
		"a node comes that lacks what is not looked at",
		createNodeResourcesFit({ ignoredResourceGroups: ["example.com"] }),
		greedy,
		comes(node("n")),
		true,
	],

	["a pod comes that it wants to be near", affinity, near, comes(on("web", {}, { app: "web" })), true],
	["another pod comes", affinity, near, comes(on("db", {}, { app: "db" })), false],
	["such a pod comes elsewhere", affinity, near, comes(on("web", {}, { app: "web" }, "other")), false],
	["such a pod comes in a namespace that it selects", affinity, nearTeam, comes(on("web", {}, { app: "web" }, "reds")), true],
	["a pod becomes such a one", affinity, near, changes(on("t"), on("t", {}, { app: "web" })), true],
	["a pod that it avoids goes", affinity, pod("p", away), goes(on("web", {}, { app: "web" })), true],
	["a pod that avoids it goes", affinity, pod("p", {}, { labels: { app: "web" } }), goes(on("shy", away)), true],
	["a pod that avoids others goes", affinity, pod("p", {}, { labels: { app: "db" } }), goes(on("shy", away)), false],
	[
		"its own labels change",
		affinity,
		pod("p", {}, { labels: { app: "web" } }),
		changesItself(pod("p"), pod("p", {}, { labels: { app: "db" } })),
		true,
	],
	["a node gets a label", affinity, near, changes(node("n"), node("n", { labels: { zone: "a" } })), true],
	["a namespace becomes one that it selects", affinity, nearTeam, relabelled("other", {}, { team: "red" }), true],
	["a namespace is labelled otherwise", affinity, nearTeam, relabelled("other", {}, { team: "blue" }), false],
	["a namespace is labelled, and it selects none", affinity, near, relabelled("other", {}, { team: "red" }), false],
	["its own namespace is labelled: others may not mean it any more", affinity, near, relabelled("default", { team: "red" }, {}), true],
	["a namespace comes that it selects", affinity, nearTeam, { events: [namespaceAdd], object: namespace("other", { team: "red" }) }, true],

	["a pod that it is spread from goes", spread, spreading, goes(on("web", {}, { app: "web" })), true],
	["another pod goes", spread, spreading, goes(on("db", {}, { app: "db" })), false],
	["one of another namespace goes", spread, spreading, goes(on("web", {}, { app: "web" }, "other")), false],
	["a pod is one of them no longer", spread, spreading, changes(on("t", {}, { app: "web" }), on("t")), true],
	["a pod comes to another domain", spread, spreading, comes(on("web", {}, { app: "web" })), true],
	["a node of the emptiest domain goes", spread, spreading, goes(node("n", { labels: { zone: "a" } })), true],
	["a node comes", spread, spreading, comes(node("n", { labels: { zone: "b" } })), true],
	["a node's taints change, which may count", spread, spreading, changes(tainted("a"), node("n")), true],
	["a node grows", spread, spreading, changes(node("n"), node("n", { allocatable: { cpu: "8" } })), false],
])("%s", (_what, plugin, waiting, happening, wakes) => {
	expect(isWoken(plugin, waiting, happening)).toBe(wakes);
});
