/**
 * Whom preemption evicts, against a choice by trying everything: of all sets of pods of lower priority without which the pod fits on
 * a node the one that spares most, those that a budget protects first; of all nodes the one whose loss weighs least.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { Node, Pod, PodDisruptionBudget } from "../../src/apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../../src/scheduler/cache/cache.ts";
import { createDefaultProfile } from "../../src/scheduler/default-profile.ts";
import { Framework } from "../../src/scheduler/framework/framework.ts";
import { PodInfo } from "../../src/scheduler/framework/pod-info.ts";
import { scheduleOne } from "../../src/scheduler/framework/schedule-one.ts";
import { createDefaultPreemption, type Preemption } from "../../src/scheduler/plugins/default-preemption.ts";
import { noDevices } from "../../src/scheduler/testing/devices.ts";
import { noVolumes } from "../../src/scheduler/testing/volumes.ts";
import { brokenRules, priorityOf } from "./rules.ts";

const runs = Number(process.env.SCHEDULER_RUNS ?? 1_500);
const apps = ["web", "db"] as const;

const anyVictim = fc.record({
	node: fc.nat(2),
	cpu: fc.integer({ min: 0, max: 2 }),
	priority: fc.integer({ min: 1, max: 4 }),
	app: fc.constantFrom(...apps, "none"),
	port: fc.option(fc.constantFrom(80, 443), { nil: undefined }),
	/** Hours after midnight. */
	start: fc.integer({ min: 1, max: 9 }),
});
const anyPreemptor = fc.record({
	cpu: fc.integer({ min: 0, max: 4 }),
	priority: fc.integer({ min: 1, max: 5 }),
	port: fc.option(fc.constantFrom(80, 443), { nil: undefined }),
	avoids: fc.option(fc.constantFrom(...apps), { nil: undefined }),
});

type VictimShape = typeof anyVictim extends fc.Arbitrary<infer T> ? T : never;
type PreemptorShape = typeof anyPreemptor extends fc.Arbitrary<infer T> ? T : never;

function nodeOf(cpu: number, index: number): Node {
	return { metadata: { name: `n${index}`, labels: { host: `n${index}` } }, status: { allocatable: { cpu: String(cpu), pods: "10" } } };
}

function containerOf(cpu: number, port: number | undefined) {
	const ports = port === undefined ? [] : [{ containerPort: port, hostPort: port }];
	return { name: "c", resources: { requests: { cpu: String(cpu) } }, ports };
}

function victimOf({ node, cpu, priority, app, port, start }: VictimShape, index: number, nodes: number): Pod {
	return {
		metadata: { namespace: "default", name: `v${index}`, uid: `v${index}`, labels: { app } },
		spec: { nodeName: `n${node % nodes}`, priority, containers: [containerOf(cpu, port)] },
		status: { startTime: `2026-01-01T0${start}:00:00Z` },
	};
}

function preemptorOf({ cpu, priority, port, avoids }: PreemptorShape): Pod {
	const term = { topologyKey: "host", labelSelector: { matchLabels: { app: avoids ?? "" } } };
	const podAntiAffinity = avoids === undefined ? {} : { requiredDuringSchedulingIgnoredDuringExecution: [term] };
	return {
		metadata: { namespace: "default", name: "vip", uid: "vip", labels: { app: "vip" } },
		spec: { priority, containers: [containerOf(cpu, port)], affinity: { podAntiAffinity } },
	};
}

const budgetOf = (app: string, disruptionsAllowed: number): PodDisruptionBudget => ({
	metadata: { namespace: "default", name: app },
	spec: { selector: { matchLabels: { app } } },
	status: { disruptionsAllowed, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
});

interface Choice {
	readonly node: string;
	readonly victims: readonly string[];
	/** What it weighs: the first figure in which two choices differ decides. */
	readonly weights: readonly number[];
}

const startOf = ({ status }: Pod) => Date.parse(status?.startTime ?? "");
const importance = (a: Pod, b: Pod) => priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b);

/** By trying every set. */
function bestOn(node: Node, preemptor: Pod, pods: readonly Pod[], budgets: Readonly<Record<string, number>>): Choice | undefined {
	const name = node.metadata?.name ?? "";
	const lower = pods.filter((pod) => pod.spec?.nodeName === name && priorityOf(pod) < priorityOf(preemptor)).sort(importance);
	const left = { ...budgets };
	const isViolated = lower.map(({ metadata }) => {
		const app = metadata?.labels?.app ?? "";
		const allowed = left[app];
		if (allowed === undefined) return false;
		left[app] = allowed - 1;
		return allowed <= 0;
	});
	const order = [...lower.keys()].sort((a, b) => Number(isViolated[b]) - Number(isViolated[a]) || a - b);
	// The first number's first digit says whether the pod that matters most may stay, and so on: the greatest is the best.
	for (let stays = 2 ** lower.length - 2; stays >= 0; stays--) {
		const gone = order.filter((_, place) => (stays & (1 << (lower.length - 1 - place))) === 0).sort((a, b) => a - b);
		const victims = gone.flatMap((index) => lower[index] ?? []);
		const world = { nodes: [node], pods: pods.filter((pod) => !victims.includes(pod)), ...nothingElse };
		if (brokenRules(preemptor, node, world).length > 0) continue;
		const top = priorityOf(victims[0] ?? {});
		const weights = [
			gone.filter((index) => isViolated[index]).length,
			top,
			victims.reduce((sum, pod) => sum + priorityOf(pod) + 2 ** 31, 0),
			victims.length,
			-Math.min(...victims.filter((pod) => priorityOf(pod) === top).map(startOf)),
		];
		return { node: name, victims: victims.map(({ metadata }) => metadata?.name ?? ""), weights };
	}
	return undefined;
}

const nothingElse = { namespaces: [], claims: [], volumes: [], classes: [], csiNodes: [] };

function compare({ weights: a }: Choice, { weights: b }: Choice): number {
	const at = a.findIndex((weight, index) => weight !== b[index]);
	return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function preemptionOf(preemptor: Pod, nodes: readonly Node[], pods: readonly Pod[], budgets: Readonly<Record<string, number>>) {
	const random = new SeededRandom("preemption");
	const preemptions: Preemption[] = [];
	const profile = createDefaultProfile({
		namespaceLabels: () => undefined,
		ownSelectors: () => [],
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () =>
			createDefaultPreemption({
				random,
				disruptionBudgets: () => Object.entries(budgets).map(([app, allowed]) => budgetOf(app, allowed)),
				evict: (preemption) => preemptions.push(preemption),
				isEvicting: () => false,
			}),
	});
	const cache = new SchedulerCache();
	for (const node of nodes) cache.addNode(node);
	for (const pod of pods) cache.addPod(pod);
	const context = { framework: new Framework(profile, { isEmpty: true, forNode: () => [] }), random, startIndex: 0 };
	const outcome = scheduleOne(new PodInfo(preemptor), cache.snapshot(), context);
	return { outcome, preemption: preemptions[0] };
}

test("preemption takes the node that loses least, and no more there than it must", () => {
	let preempted = 0;
	let violated = 0;
	fc.assert(
		fc.property(
			fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
			fc.array(anyVictim, { maxLength: 9, size: "max" }),
			anyPreemptor,
			fc.record({ web: fc.nat(2), db: fc.nat(2) }),
			(cpus, shapes, shape, budgets) => {
				const nodes = cpus.map(nodeOf);
				const pods = shapes.map((each, index) => victimOf(each, index, nodes.length));
				const preemptor = preemptorOf(shape);
				const { outcome, preemption } = preemptionOf(preemptor, nodes, pods, budgets);
				const isFree = nodes.some((node) => brokenRules(preemptor, node, { nodes, pods, ...nothingElse }).length === 0);
				expect(outcome.kind === "scheduled").toBe(isFree);
				if (isFree) return;
				const choices = nodes.flatMap((node) => bestOn(node, preemptor, pods, budgets) ?? []).sort(compare);
				const [best] = choices;
				expect(preemption === undefined).toBe(best === undefined);
				if (best === undefined || preemption === undefined) return;
				preempted++;
				const found = choices.find(({ node }) => node === preemption.nodeName);
				expect(preemption.victims.map(({ name }) => name).sort()).toEqual([...(found?.victims ?? [])].sort());
				expect(found?.weights).toEqual(best.weights);
				expect(preemption.budgetViolations).toBe(best.weights[0]);
				if (preemption.budgetViolations > 0) violated++;
			},
		),
		{ numRuns: runs },
	);
	// Clusters in which nobody has to go would prove little.
	expect(preempted).toBeGreaterThan(runs / 10);
	expect(violated).toBeGreaterThan(runs / 100);
}, 600_000);
