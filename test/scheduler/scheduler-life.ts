/**
 * The scheduler in a small cluster whose user does anything: nodes come, change and go, pods, claims, volumes and namespaces too. A life
 * is played in virtual time, with the real API server, the binder of volumes, and machines that do nothing but let deleted pods go.
 *
 * What must hold:
 *   allowed      a pod is bound only to a node on which it breaks no rule (rules.ts), so that no node is over-committed
 *   placed       once the cluster is quiet, no pod waits that could go to a node, or that could have one by preemption
 *   preemption   only pods of lower priority are evicted, and only for a pod whose policy lets it
 *   repeatable   equal seeds give equal placements
 *
 * An action is carried out while the ones before it, of the same step, are still being noticed. Requests of the scheduler fail for a
 * while, and what it watches comes late. Then there is more time until the next step than the longest back-off, and in a whole life less than the five minutes after which a pod that was overlooked is tried all the same: that
 * net must not be needed.
 */
import fc from "fast-check";
import { silentLog } from "../../src/apimachinery/log.ts";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { Node, Pod } from "../../src/apimachinery/schema/generated/types.ts";
import { Client } from "../../src/client/client.ts";
import { InformerFactory } from "../../src/client/informer.ts";
import {
	csiNodes,
	namespaces,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	pods,
	priorityClasses,
	storageClasses,
} from "../../src/client/resources.ts";
import { openCluster } from "../../src/cluster/index.ts";
import type { TimelineEntry } from "../../src/cluster/timeline/timeline.ts";
import { persistentVolumeBinder } from "../../src/controllers/persistentvolume/binder-controller.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import type { FaultPlan } from "../../src/testbench/faults.ts";
import { createTestCluster, type TestCluster } from "../../src/testbench/test-cluster.ts";
import { brokenRules, isOver, isPlaced, priorityOf, type World } from "./rules.ts";
import { all, anySteps, place, type Step, unlessRefused } from "./user-actions.ts";

/** How long things go wrong after each step, and how long they do not until the next: longer than any back-off. */
const faultyMs = 4_000;
const calmMs = 16_000;

// ── A life ──

export interface LifeResult {
	/** How many pods were bound, and evicted for others. */
	readonly bound: number;
	readonly evicted: number;
	/** How often a quiet cluster had a pod that fits nowhere. */
	readonly waiting: number;
	/** Each pod with its node, as the store has them in the end. */
	readonly placements: string;
}

/** Rejects with the property that does not hold. */
export async function live(steps: readonly Step[], seed: number, faults: FaultPlan): Promise<LifeResult> {
	const disable = ["ServiceAccount", "TaintNodesByCondition", "StorageObjectInUseProtection", "DefaultTolerationSeconds"];
	await using cluster = await createTestCluster({ clock: "virtual", seed, admission: { disable } }, openCluster);
	await furnish(cluster);
	const watch = new Watch(cluster);
	using _ = startScheduler(cluster, seed);
	cluster.run(persistentVolumeBinder);
	letGo(cluster);
	let waiting = 0;
	for (const step of steps) {
		watch.begin();
		await Promise.all(step.map(({ run }) => run(cluster).catch(unlessRefused)));
		cluster.faults.set(faults);
		await cluster.advance(faultyMs);
		cluster.faults.heal();
		await cluster.advance(calmMs);
		watch.check();
		waiting += checkPlaced(worldOf(cluster));
	}
	const placements = all(cluster, pods).map(({ metadata, spec }) => `${metadata?.name} ${metadata?.uid} ${spec?.nodeName}`);
	return { bound: watch.bound, evicted: watch.evicted, waiting, placements: placements.join("\n") };
}

async function furnish({ client }: TestCluster): Promise<void> {
	await Promise.all(["default", "other"].map((name) => client.resource(namespaces).create({ metadata: { name } })));
	const values = { low: 1, high: 1000 };
	for (const [name, value] of Object.entries(values)) {
		await client.resource(priorityClasses).create({ metadata: { name }, value });
		await client.resource(priorityClasses).create({ metadata: { name: `${name}-never` }, value, preemptionPolicy: "Never" });
	}
	const provisioner = "kubernetes.io/no-provisioner";
	await client.resource(storageClasses).create({ metadata: { name: "late" }, provisioner, volumeBindingMode: "WaitForFirstConsumer" });
	await client.resource(storageClasses).create({ metadata: { name: "now" }, provisioner, volumeBindingMode: "Immediate" });
}

function startScheduler({ clock, inner }: TestCluster, seed: number): Disposable {
	const client = new Client(inner.wayFor({ name: "system:kube-scheduler", groups: ["system:masters", "system:authenticated"] }));
	const informers = new InformerFactory({ client, clock });
	const scheduler = new Scheduler({ client, clock, random: new SeededRandom(`${seed} scheduler`), informers, log: silentLog });
	const ending = new AbortController();
	scheduler.start(ending.signal);
	void informers.start(ending.signal);
	return { [Symbol.dispose]: () => ending.abort() };
}

/** The kubelets' part: a pod that is deleted is gone a second later. */
function letGo({ client, clock, timeline }: TestCluster): void {
	const asked = new Set<string>();
	timeline.onEntry(({ kind, type, object }) => {
		const { uid = "", deletionTimestamp } = object.metadata ?? {};
		if (kind !== "Pod" || type === "DELETED" || deletionTimestamp === undefined || asked.has(uid)) return;
		asked.add(uid);
		clock.setTimeout(() => void client.resource(pods).delete(place(object), { gracePeriodSeconds: 0 }).catch(unlessRefused), 1_000);
	});
}

function worldOf(cluster: TestCluster): World {
	return {
		nodes: all(cluster, nodes),
		pods: all(cluster, pods),
		namespaces: all(cluster, namespaces),
		claims: all(cluster, persistentVolumeClaims),
		volumes: all(cluster, persistentVolumes),
		classes: all(cluster, storageClasses),
		csiNodes: all(cluster, csiNodes),
	};
}

/** Looks at every binding and eviction. */
class Watch {
	bound = 0;
	evicted = 0;
	readonly #cluster: TestCluster;
	/** How the cluster was since the step began: a decision may be of any of these moments, but knows all placements. */
	#moments: World[] = [];
	/** What a listener must not throw, which the API server calls. */
	#failure: string | undefined;

	constructor(cluster: TestCluster) {
		this.#cluster = cluster;
		cluster.timeline.onEntry((entry) => this.#see(entry));
	}

	begin(): void {
		this.#moments = [worldOf(this.#cluster)];
	}

	check(): void {
		if (this.#failure !== undefined) throw new Error(this.#failure);
	}

	#see({ kind, type, object, previous }: TimelineEntry): void {
		if (kind === "Event" || kind === "Lease") return;
		this.#moments.push(worldOf(this.#cluster));
		if (kind !== "Pod" || type !== "MODIFIED") return;
		const [before, after] = [previous as Pod, object as Pod];
		if (!isPlaced(before) && isPlaced(after)) this.#seeBinding(after);
		const reason = ({ status }: Pod) => status?.conditions?.find((each) => each.type === "DisruptionTarget")?.reason;
		if (reason(before) === undefined && reason(after) === "PreemptionByScheduler") this.#seeEviction(after);
	}

	#seeBinding(pod: Pod): void {
		this.bound++;
		const nodeName = pod.spec?.nodeName ?? "";
		const present = new Map(all(this.#cluster, pods).map((each) => [each.metadata?.uid, each]));
		const reasons = this.#moments.map((moment) => {
			const node = moment.nodes.find(({ metadata }) => metadata?.name === nodeName);
			if (node === undefined) return ["there is such a node"];
			// The scheduler knows where it has put the others, whatever else it does not know yet.
			const placed = moment.pods.map((each) => {
				const now = present.get(each.metadata?.uid);
				return now !== undefined && isPlaced(now) && !isPlaced(each) && !isOver(each)
					? { ...each, spec: now.spec ?? { containers: [] } }
					: each;
			});
			return brokenRules(pod, node, { ...moment, pods: placed });
		});
		if (reasons.some((broken) => broken.length === 0)) return;
		this.#failure ??= `allowed: ${pod.metadata?.name} is bound to ${nodeName} against ${reasons.at(-1)?.join(", ")}`;
	}

	#seeEviction(victim: Pod): void {
		this.evicted++;
		const preemptors = this.#moments.flatMap(({ pods: there }) =>
			there.filter((each) => !isPlaced(each) && priorityOf(each) > priorityOf(victim) && each.spec?.preemptionPolicy !== "Never"),
		);
		if (preemptors.length === 0) this.#failure ??= `preemption: ${victim.metadata?.name} is evicted, and nobody may do that`;
	}
}

/** Nothing is on its way any more. @returns how many pods wait */
function checkPlaced(world: World): number {
	let count = 0;
	for (const pod of world.pods) {
		const isWaiting = !isPlaced(pod) && !isOver(pod) && pod.metadata?.deletionTimestamp === undefined;
		if (!isWaiting || (pod.spec?.schedulingGates?.length ?? 0) > 0) continue;
		count++;
		const fitting = world.nodes.find((node) => brokenRules(pod, node, world).length === 0);
		if (fitting !== undefined) throw new Error(`placed: ${pod.metadata?.name} waits, and fits on ${fitting.metadata?.name}`);
		if (pod.spec?.preemptionPolicy === "Never") continue;
		const free = world.nodes.find((node) => couldPreempt(pod, node, world));
		if (free !== undefined) throw new Error(`placed: ${pod.metadata?.name} waits, and could preempt on ${free.metadata?.name}`);
	}
	return count;
}

/** Whether it would fit without the pods of lower priority on the node. */
function couldPreempt(pod: Pod, node: Node, world: World): boolean {
	const isLower = (each: Pod) => each.spec?.nodeName === node.metadata?.name && priorityOf(each) < priorityOf(pod);
	return brokenRules(pod, node, { ...world, pods: world.pods.filter((each) => !isLower(each)) }).length === 0;
}

/** Some lives know no faults: what goes wrong in those is simpler to see. */
const anyFaults: fc.Arbitrary<FaultPlan> = fc.oneof(
	fc.constant({}),
	fc.record({
		conflict: fc.constantFrom(0, 0.2),
		tooManyRequests: fc.constantFrom(0, 0.2),
		internalError: fc.constantFrom(0, 0.2),
		eventDelayMs: fc.constantFrom(0, 500),
		watchBreak: fc.constantFrom(0, 0.1),
		watchExpired: fc.constantFrom(0, 0.1),
	}),
);

export interface LifeOptions {
	readonly runs: number;
	readonly seed?: number;
	readonly shrink?: boolean;
}

/** Fails with the smallest life for which a property does not hold. @returns all lives together */
export async function checkLives({ runs, seed, shrink = true }: LifeOptions): Promise<Omit<LifeResult, "placements">> {
	const totals = { bound: 0, evicted: 0, waiting: 0 };
	const life = fc.asyncProperty(anySteps, fc.nat(), anyFaults, async (steps, lifeSeed, faults) => {
		const { bound, evicted, waiting } = await live(steps, lifeSeed, faults);
		totals.bound += bound;
		totals.evicted += evicted;
		totals.waiting += waiting;
	});
	await fc.assert(life, { numRuns: runs, endOnFailure: !shrink, ...(seed === undefined ? {} : { seed }) });
	return totals;
}

/** Each life twice. */
export async function checkRepeatable({ runs, seed, shrink = true }: LifeOptions): Promise<void> {
	const twice = fc.asyncProperty(anySteps, fc.nat(), async (steps, lifeSeed) => {
		const [first, second] = [await live(steps, lifeSeed, {}), await live(steps, lifeSeed, {})];
		if (first.placements !== second.placements) throw new Error(`repeatable: ${first.placements}\nand then ${second.placements}`);
	});
	await fc.assert(twice, { numRuns: runs, endOnFailure: !shrink, ...(seed === undefined ? {} : { seed }) });
}
