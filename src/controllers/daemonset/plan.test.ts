import { describe, expect, test } from "vitest";
import type { DaemonSet, DaemonSetSpec, Node, Pod, PodSpec, Taint } from "../../apimachinery/schema/generated/types.ts";
import { placementOf, templateFor } from "./placement.ts";
import { planPods, planRollingUpdate, type Survey, survey } from "./plan.ts";

const nowMs = Date.UTC(2026, 0, 2);

function setOf(spec: Partial<DaemonSetSpec> = {}, podSpec: Partial<PodSpec> = {}): DaemonSet {
	const template = { metadata: { labels: { app: "agent" } }, spec: { containers: [], ...podSpec } };
	return { metadata: { namespace: "default", name: "agent", uid: "set" }, spec: { selector: {}, template, ...spec } };
}

const replace = (maxUnavailable: number | string) => ({
	updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable, maxSurge: 0 } },
});
const surge = (maxSurge: number | string) => ({
	updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge } },
});

/**
 * Nodes and what is on them, in shorthand: `n1[old]`. A node with `x` before its name is to have no pod and keeps the one
 * it has, with `X` it keeps none, with `-` it is no more. A pod is `old` or `new`; `?` is pending, `~` runs and is not ready, `!` has failed, `.`
 * has succeeded, `-` is going, `:5` has been ready for 5 s, `*` has no node yet.
 */
function observe(set: DaemonSet, shorthand: string): Survey {
	const nodes: Node[] = [];
	const pods: Pod[] = [];
	for (const text of shorthand.split(" ")) {
		const [, mark = "", name = "", list = ""] = /^([xX-]?)(\w+)\[(.*)\]$/.exec(text) ?? [];
		const taints = mark === "x" ? [{ key: "k", effect: "NoSchedule" }] : mark === "X" ? [{ key: "k", effect: "NoExecute" }] : [];
		if (mark !== "-") nodes.push({ metadata: { name }, spec: { taints } });
		for (const [index, pod] of list.split(",").filter(Boolean).entries()) pods.push(podOf(set, name, pod, index));
	}
	return survey({ set, nodes, pods, hash: "new", nowMs });
}

function podOf(set: DaemonSet, nodeName: string, text: string, index: number): Pod {
	const phase = text.includes("?") ? "Pending" : text.includes("!") ? "Failed" : text.includes(".") ? "Succeeded" : "Running";
	const seconds = text.includes(":") ? Number(text.split(":")[1]) : 100;
	const isReady = phase === "Running" && !text.includes("~");
	const lastTransitionTime = new Date(nowMs - seconds * 1000).toISOString();
	const template = templateFor(set, nodeName, text.startsWith("new") ? "new" : "old");
	return {
		metadata: {
			...template.metadata,
			namespace: "default",
			name: `${nodeName}-${index}`,
			creationTimestamp: `2026-01-01T00:00:0${index}Z`,
			...(text.includes("-") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
		},
		spec: { ...template.spec, containers: [], ...(text.includes("*") ? {} : { nodeName }) },
		status: { phase, conditions: isReady ? [{ type: "Ready", status: "True", lastTransitionTime }] : [] },
	};
}

function describePlan(plan: { readonly create: readonly string[]; readonly delete: readonly Pod[] }): readonly string[] {
	return [...plan.create.map((node) => `create ${node}`), ...plan.delete.map(({ metadata }) => `delete ${metadata?.name}`)];
}

describe("every node has what it should have", () => {
	test.each<[string, Partial<DaemonSetSpec>, string, readonly string[]]>([
		["a node without a pod gets one", {}, "n1[] n2[old]", ["create n1"]],
		["… not where it should not run", {}, "xn1[] Xn2[]", []],
		["… not while its predecessor is going", {}, "n1[old-]", []],
		["… unless that has ended and only waits to be removed", {}, "n1[old!-]", ["create n1"]],
		["… nor with surge", surge(1), "n1[old!-]", ["create n1"]],
		["with surge, the next comes while its predecessor is going", surge(1), "n1[old-]", ["create n1"]],
		["… not where it should not run", surge(1), "xn1[old-]", []],
		["what is where it should not run may stay", {}, "xn1[old]", []],
		["… but not on a taint that evicts", {}, "Xn1[old]", ["delete n1-0"]],
		["what failed goes", {}, "n1[old!]", ["delete n1-0"]],
		["what succeeded goes", {}, "n1[old.]", ["delete n1-0"]],
		["of several the oldest stays", {}, "n1[old,new,old]", ["delete n1-1", "delete n1-2"]],
		["… before it one that has a node", {}, "n1[old*?,new]", ["delete n1-0"]],
		["with surge, an old and a new one stay while the new one is not ready", surge(1), "n1[old,new~]", []],
		["… the old one goes when the new one is", surge(1), "n1[old,new]", ["delete n1-0"]],
		["… or when it is not ready itself", surge(1), "n1[old~,new~]", ["delete n1-0"]],
		["… for minReadySeconds", { ...surge(1), minReadySeconds: 10 }, "n1[old,new:5]", []],
		["… of each the oldest stays", surge(1), "n1[old,old,new~,new~]", ["delete n1-3", "delete n1-1"]],
		["a pod for a node that is no more goes if it never got there", {}, "-n1[old*?] -n2[old]", ["delete n1-0"]],
	])("%s", (_name, spec, nodes, expected) => {
		expect(describePlan(planPods(observe(setOf(spec), nodes), () => undefined))).toEqual(expected);
	});

	test("a failed pod that must wait stays, and says for how long", () => {
		const { nextFailedMs, ...plan } = planPods(observe(setOf(), "n1[old!] n2[old!] n3[old!]"), (node) => ({ n1: 500, n2: 200 })[node]);
		expect(describePlan(plan)).toEqual(["delete n3-0"]);
		expect(nextFailedMs).toBe(200);
		expect(plan.failed).toEqual(["n3"]);
	});
});

describe("a rolling update", () => {
	test.each<[string, Partial<DaemonSetSpec>, string, readonly string[]]>([
		["one at a time", replace(1), "n1[old] n2[old]", ["delete n1-0"]],
		["… not while another is not available", replace(1), "n1[old] n2[new~]", []],
		["… nor while one is missing", replace(1), "n1[old] n2[]", []],
		["… what does not serve goes at once", replace(1), "n1[old] n2[old~] n3[old?]", ["delete n2-0", "delete n3-0"]],
		["two at a time", replace(2), "n1[old] n2[old] n3[old]", ["delete n1-0", "delete n2-0"]],
		["a share, rounded up", replace("34%"), "n1[old] n2[old] n3[old]", ["delete n1-0", "delete n2-0"]],
		["neither surge nor absence: one, or nothing would ever move", replace(0), "n1[old] n2[old]", ["delete n1-0"]],
		["minReadySeconds count", { ...replace(1), minReadySeconds: 10 }, "n1[old] n2[new:5]", []],
		["a node with too many is left to be tidied first, and counts", replace(1), "n1[old,old] n2[old]", []],
		["nodes that should have none do not count in the share", replace("50%"), "n1[old] n2[old] xn3[] xn4[]", ["delete n1-0"]],
		["surge: a new one beside the old one", surge(1), "n1[old] n2[old]", ["create n1"]],
		["… not while another node has two", surge(1), "n1[old,new~] n2[old]", []],
		["… and the old one goes when the new one serves", surge(1), "n1[old,new] n2[old]", ["create n2", "delete n1-0"]],
		["… where the old one does not serve at once", surge(1), "n1[old~] n2[old~] n3[old]", ["create n1", "create n2", "create n3"]],
		["… what does not serve and should not be there goes", surge(1), "xn1[old~]", ["delete n1-0"]],
		["… what serves where it should not be stays until enough serve elsewhere", surge(1), "xn1[old] n2[new~]", []],
		["… and goes then", surge(1), "xn1[old] n2[new]", ["delete n1-0"]],
		["nothing to do when all is new", replace(1), "n1[new] n2[new]", []],
	])("%s", (_name, spec, nodes, expected) => {
		expect(describePlan(planRollingUpdate(observe(setOf(spec), nodes)))).toEqual(expected);
	});
});

describe("where a pod may be", () => {
	const node = (name: string, labels: Record<string, string> = {}, taints: readonly Taint[] = []): Node => ({
		metadata: { name, labels },
		spec: { taints },
	});
	const taint = (key: string, effect: string): Taint => ({ key, effect });
	const affinity = (matchExpressions: object[]) => ({
		nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
	});
	test.each<[string, object, Node, string]>([
		["anywhere", {}, node("n"), "run"],
		["by name", { nodeName: "n" }, node("n"), "run"],
		["… not elsewhere", { nodeName: "m" }, node("n"), "none"],
		["by selector", { nodeSelector: { disk: "ssd" } }, node("n", { disk: "ssd" }), "run"],
		["… not elsewhere", { nodeSelector: { disk: "ssd" } }, node("n"), "none"],
		["by affinity", { affinity: affinity([{ key: "disk", operator: "Exists" }]) }, node("n", { disk: "" }), "run"],
		["… not elsewhere", { affinity: affinity([{ key: "disk", operator: "Exists" }]) }, node("n"), "none"],
		["not on NoSchedule", {}, node("n", {}, [taint("k", "NoSchedule")]), "stay"],
		["not on NoExecute", {}, node("n", {}, [taint("k", "NoExecute")]), "none"],
		["on PreferNoSchedule", {}, node("n", {}, [taint("k", "PreferNoSchedule")]), "run"],
		["on what it tolerates", { tolerations: [{ key: "k", operator: "Exists" }] }, node("n", {}, [taint("k", "NoExecute")]), "run"],
		["on a node that is cordoned", {}, node("n", {}, [taint("node.kubernetes.io/unschedulable", "NoSchedule")]), "run"],
		["on a node that is not ready", {}, node("n", {}, [taint("node.kubernetes.io/not-ready", "NoExecute")]), "run"],
		["… not when that keeps new pods off", {}, node("n", {}, [taint("node.kubernetes.io/not-ready", "NoSchedule")]), "stay"],
		["without a network, not", {}, node("n", {}, [taint("node.kubernetes.io/network-unavailable", "NoSchedule")]), "stay"],
		["… but on the host's", { hostNetwork: true }, node("n", {}, [taint("node.kubernetes.io/network-unavailable", "NoSchedule")]), "run"],
	])("%s", (_name, podSpec, where, expected) => {
		const { shouldRun, shouldContinue } = placementOf(setOf({}, podSpec))(where);
		expect(shouldRun ? "run" : shouldContinue ? "stay" : "none").toBe(expected);
	});
});

test("a pod for a node has its name for required affinity, and the rest of its own", () => {
	const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "a", operator: "Exists" }] } }];
	const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: "b", operator: "Exists" }] }] };
	const nodeAffinity = {
		preferredDuringSchedulingIgnoredDuringExecution: preferred,
		requiredDuringSchedulingIgnoredDuringExecution: required,
	};
	const set = setOf(
		{},
		{
			affinity: { nodeAffinity, podAffinity: {} },
			tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 5 }],
		},
	);
	const annotated = { ...set, metadata: { ...set.metadata, annotations: { "deprecated.daemonset.template.generation": "7" } } };
	const { metadata, spec } = templateFor(annotated, "n1", "abc");
	expect(metadata?.labels).toEqual({ app: "agent", "controller-revision-hash": "abc", "pod-template-generation": "7" });
	expect(spec?.affinity).toEqual({
		nodeAffinity: {
			preferredDuringSchedulingIgnoredDuringExecution: preferred,
			requiredDuringSchedulingIgnoredDuringExecution: {
				nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
			},
		},
		podAffinity: {},
	});
	// The daemon's toleration takes the place of the user's for the same taint.
	expect(spec?.tolerations).toHaveLength(6);
	expect(spec?.tolerations?.[0]).toEqual({ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" });
});
