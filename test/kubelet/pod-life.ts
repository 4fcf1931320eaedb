/**
 * Two nodes whose user does anything with pods of every shape, and to whom everything happens: requests fail, what is watched comes late,
 * nodes are lost and come back, lose their power, are shut down, and all kubelets start anew. A life is played in virtual time, against the
 * real API server.
 *
 * What must hold at every moment:
 *   phase      never goes back, and what is over stays as it is
 *   restarts   their counts never fall
 *   ids        no two containers have one, and what has ended under one does not run again under it
 *   addresses  no two pods that run on one network have one
 *   ready      is only a pod that runs
 * and once nothing goes wrong any more:
 *   settles    each pod is as its shape says, and what was deleted is gone
 *   instances  of one container run one after the other
 *   outlives   nothing runs whose pod is gone or over
 *   sums       what a node says it has and uses is what its images and pods have and use
 *   quiet      nobody writes any more of what does not change
 */
import fc from "fast-check";
import { silentLog } from "../../src/apimachinery/log.ts";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { ContainerStatus, Pod } from "../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../src/apimachinery/status-error.ts";
import { Client } from "../../src/client/client.ts";
import { InformerFactory } from "../../src/client/informer.ts";
import { namespaces, pods } from "../../src/client/resources.ts";
import { openCluster } from "../../src/cluster/index.ts";
import type { TimelineEntry } from "../../src/cluster/timeline/timeline.ts";
import type { FileSystem } from "../../src/host/index.ts";
import { Fleet } from "../../src/kubelet-sim/fleet.ts";
import type { FaultPlan } from "../../src/testbench/faults.ts";
import { faultPlans } from "../../src/testbench/schedules.ts";
import { createTestCluster, type TestCluster } from "../../src/testbench/test-cluster.ts";
import { shapes } from "./pod-shapes.ts";

const nodeNames = ["n1", "n2"] as const;
/** Longer than the longest back-off that a life comes to, and than any grace period. */
const settleMs = 600_000;

// ── What happens ──

type Act =
	| { readonly do: "create"; readonly shape: number; readonly node: number }
	/** @property pod counts the pods that there are */
	| { readonly do: "delete"; readonly pod: number; readonly graceSeconds: number | undefined }
	| { readonly do: "lose" | "return" | "cut" | "shut"; readonly node: number }
	| { readonly do: "restart" };

interface Step {
	readonly afterMs: number;
	readonly act: Act;
}

const node = fc.nat(nodeNames.length - 1);
const acts: fc.Arbitrary<Act> = fc.oneof(
	{ weight: 8, arbitrary: fc.record({ do: fc.constant("create" as const), shape: fc.nat(shapes.length - 1), node }) },
	{
		weight: 3,
		arbitrary: fc.record({
			do: fc.constant("delete" as const),
			pod: fc.nat(20),
			graceSeconds: fc.constantFrom(undefined, undefined, 0, 1, 30),
		}),
	},
	{ weight: 4, arbitrary: fc.record({ do: fc.constantFrom("lose" as const, "return", "cut", "shut"), node }) },
	{ weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
);
const lives = fc.record({
	seed: fc.nat(1_000_000),
	faults: faultPlans(),
	steps: fc.array(fc.record({ afterMs: fc.oneof(fc.constant(0), fc.nat(2_000), fc.nat(40_000)), act: acts }), {
		minLength: 4,
		maxLength: 14,
	}),
});

// ── A life ──

export interface LifeResult {
	readonly created: number;
	readonly restarts: number;
	readonly gone: number;
}

export async function live({
	seed,
	faults,
	steps,
}: {
	readonly seed: number;
	readonly faults: FaultPlan;
	readonly steps: readonly Step[];
}): Promise<LifeResult> {
	await using cluster = await createTestCluster({ clock: "virtual", seed, admission: { disable: ["ServiceAccount"] } }, openCluster);
	await cluster.client.resource(namespaces).create({ metadata: { name: "default" } });
	const watch = new Watch(cluster);
	const world = new World(cluster, seed);
	await world.start();
	cluster.faults.set(faults);
	for (const { afterMs, act } of steps) {
		await cluster.advance(afterMs);
		await world.act(act);
		watch.check();
	}
	await cluster.advance(20_000);
	cluster.faults.heal();
	for (const name of nodeNames) world.fleet.startNode(name);
	await cluster.advance(settleMs);
	watch.check();
	world.checkSettled();
	world.checkInstances();
	await world.checkQuiet();
	watch.check();
	return { created: world.created, restarts: watch.restarts, gone: watch.gone };
}

/** The machines, and whoever does something with them. */
class World {
	readonly #cluster: TestCluster;
	readonly #seed: number;
	#fleet: Fleet | undefined;
	#ending = new AbortController();
	#generation = 0;
	/** Disks of fleets that are no more. */
	readonly #oldDisks: FileSystem[] = [];
	created = 0;

	constructor(cluster: TestCluster, seed: number) {
		this.#cluster = cluster;
		this.#seed = seed;
	}

	get fleet(): Fleet {
		if (this.#fleet === undefined) throw new Error("there is no fleet yet");
		return this.#fleet;
	}

	async start(): Promise<void> {
		const { clock, inner } = this.#cluster;
		const generation = this.#generation++;
		this.#ending = new AbortController();
		const client = new Client(inner.wayFor({ name: "kubelets", groups: ["system:masters", "system:authenticated"] }));
		const informers = new InformerFactory({ client, clock });
		const random = new SeededRandom(`${this.#seed} fleet ${generation}`);
		this.#fleet = new Fleet({ clientFor: () => client, remover: client, informers, clock, random, log: silentLog, leaseRenewMs: 600_000 });
		await Fleet.preload();
		void informers.start(this.#ending.signal);
		const { fleet } = this;
		let isUp = false;
		const up = async () => {
			await fleet.start(this.#ending.signal);
			for (const name of nodeNames) await fleet.addNode({ name });
			isUp = true;
		};
		void up();
		// Requests may fail for a while, and are tried again.
		await this.#cluster.passes(() => isUp, "10m");
		if (!isUp) throw new Error("settles: the nodes do not come up");
	}

	async act(act: Act): Promise<void> {
		switch (act.do) {
			case "create":
				return this.#create(act.shape, nodeNames[act.node] ?? "n1");
			case "delete":
				return this.#delete(act.pod, act.graceSeconds);
			case "lose":
				return this.fleet.stopNode(nodeNames[act.node] ?? "n1");
			case "return":
				return this.fleet.startNode(nodeNames[act.node] ?? "n1");
			case "cut":
				return this.fleet.powerOffNode(nodeNames[act.node] ?? "n1");
			case "shut":
				void this.fleet.shutDownNode(nodeNames[act.node] ?? "n1", { graceMs: 12_000, criticalMs: 2_000 });
				return undefined;
			case "restart":
				for (const disk of this.#disks()) this.#oldDisks.push(disk);
				this.#ending.abort();
				return this.start();
			default:
				return act satisfies never;
		}
	}

	async #create(index: number, nodeName: string): Promise<void> {
		const { name, spec } = shapes[index] as (typeof shapes)[number];
		this.created++;
		await this.#cluster.client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name: `p${this.created}`, namespace: "default", labels: { shape: name } },
			spec: { ...spec, nodeName },
		});
	}

	async #delete(index: number, gracePeriodSeconds: number | undefined): Promise<void> {
		const all = podsOf(this.#cluster);
		const pod = all[index % Math.max(1, all.length)];
		if (pod === undefined) return;
		const place = { namespace: "default", name: pod.metadata?.name ?? "" };
		await this.#cluster.client
			.resource(pods)
			.delete(place, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds })
			.catch(unlessRefused);
	}

	#disks(): FileSystem[] {
		return nodeNames.flatMap((name) => this.fleet.filesOf(name) ?? []);
	}

	checkSettled(): void {
		for (const pod of podsOf(this.#cluster)) {
			const { name, deletionTimestamp, labels } = pod.metadata ?? {};
			if (deletionTimestamp !== undefined) throw new Error(`settles: ${name} is not gone`);
			const shape = shapes.find((each) => each.name === labels?.shape);
			// A node that is shut down ends its pods for good.
			if (pod.status?.reason === "Terminated" || pod.status?.reason === "NodeShutdown") continue;
			if (shape?.isSettled(pod) !== true) throw new Error(`settles: ${name}, ${shape?.name}, is ${JSON.stringify(pod.status)}`);
		}
		for (const name of nodeNames) this.#checkSums(name);
	}

	#checkSums(name: string): void {
		const used = this.fleet.usage.nodeUsage(name);
		const own = podsOf(this.#cluster).filter(({ spec }) => spec?.nodeName === name);
		const ofPods = own.flatMap(({ metadata }) => this.fleet.usage.podUsage("default", metadata?.name ?? "") ?? []);
		const [sum, all = 0] = [
			ofPods.flatMap(({ containers }) => containers).reduce((bytes, { memoryBytes }) => bytes + memoryBytes, 0),
			used?.memoryBytes,
		];
		if (sum > all) throw new Error(`sums: pods of ${name} use ${sum} bytes, and it uses ${all}`);
		const running = own.filter(({ status }) => status?.phase === "Running").map(({ metadata }) => metadata?.uid);
		const known = this.fleet.runningPods(name).map(({ metadata }) => metadata?.uid);
		const unknown = known.filter((uid) => !own.some(({ metadata }) => metadata?.uid === uid));
		if (unknown.length > 0) throw new Error(`outlives: ${unknown.length} pods run on ${name} that are no more`);
		if (known.length > running.length) throw new Error(`outlives: ${known.length} pods run on ${name}, and ${running.length} say so`);
	}

	/** A container of a pod has never had two instances at once. */
	checkInstances(): void {
		for (const disk of [...this.#disks(), ...this.#oldDisks])
			for (const [file, text] of filesOf(disk)) {
				const lines = text.trimEnd().split("\n");
				const changes = lines.filter((line, index) => line !== lines[index - 1]);
				if (new Set(changes).size < changes.length) throw new Error(`instances: two of ${file} ran at once: ${changes.join(" ")}`);
			}
	}

	/** Nothing is written by whoever is gone or over, and nothing of who stays as it is. */
	async checkQuiet(): Promise<void> {
		const sizes = () =>
			new Map(
				[...this.#disks(), ...this.#oldDisks].flatMap((disk, at) =>
					filesOf(disk).map(([file, text]) => [`${at} ${file}`, text.length] as const),
				),
			);
		const before = sizes();
		const resting = podsOf(this.#cluster).filter(
			({ metadata }) => !["retry", "unhealthy", "no-image"].includes(metadata?.labels?.shape ?? ""),
		);
		const versions = new Map(resting.map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]));
		await this.#cluster.advance(60_000);
		const alive = new Set(
			podsOf(this.#cluster)
				.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending")
				.map(({ metadata }) => metadata?.uid),
		);
		for (const [key, size] of sizes()) {
			const uid = key.split(" ")[1]?.split(".")[0] ?? "";
			if (size !== before.get(key) && !alive.has(uid)) throw new Error(`outlives: ${key} goes on writing`);
			if (size !== before.get(key) && Number(key.split(" ")[0]) >= nodeNames.length) throw new Error(`outlives: ${key} goes on writing`);
		}
		for (const { metadata } of podsOf(this.#cluster)) {
			const known = versions.get(metadata?.name);
			if (known !== undefined && known !== metadata?.resourceVersion)
				throw new Error(`quiet: ${metadata?.name} is written again and again`);
		}
	}
}

function filesOf(disk: FileSystem): (readonly [name: string, text: string])[] {
	if (!disk.exists("/life")) return [];
	return disk
		.readdir("/life")
		.filter((name) => !name.endsWith(".done"))
		.map((name) => [name, disk.readText(`/life/${name}`)] as const);
}

function podsOf(cluster: TestCluster): readonly Pod[] {
	const present = new Map<string, Pod>();
	for (const { kind, type, name, object } of cluster.timeline.entries) {
		if (kind !== "Pod") continue;
		if (type === "DELETED") present.delete(name);
		else present.set(name, object as Pod);
	}
	return [...present.values()];
}

/** What a user is refused is the server's business. */
function unlessRefused(error: unknown): void {
	if (!(error instanceof StatusError)) throw error;
}

// ── At every moment ──

const ranks: Readonly<Record<string, number>> = { Pending: 0, Running: 1, Succeeded: 2, Failed: 2 };

/** Looks at every change, and remembers the first that breaks a property: listeners may not throw. */
class Watch {
	#failure: string | undefined;
	restarts = 0;
	gone = 0;
	/** By container id: whose it is, and how it ended. */
	readonly #containers = new Map<string, { readonly owner: string; exitCode: number | undefined }>();
	readonly #present = new Map<string, Pod>();

	constructor(cluster: TestCluster) {
		cluster.timeline.onEntry((entry) => this.#see(entry));
	}

	check(): void {
		if (this.#failure !== undefined) throw new Error(this.#failure);
	}

	#see({ kind, type, object, previous, name }: TimelineEntry): void {
		if (kind !== "Pod" || this.#failure !== undefined) return;
		const pod = object as Pod;
		if (type === "DELETED") {
			this.gone++;
			this.#present.delete(name);
			return;
		}
		this.#present.set(name, pod);
		this.#failure = this.#broken(pod, type === "ADDED" ? undefined : (previous as Pod | undefined));
	}

	#broken(pod: Pod, before: Pod | undefined): string | undefined {
		const name = pod.metadata?.name;
		const [phase = "Pending", was = "Pending"] = [pod.status?.phase, before?.status?.phase];
		if ((ranks[phase] ?? 0) < (ranks[was] ?? 0) || (ranks[was] === 2 && phase !== was))
			return `phase: ${name} goes from ${was} to ${phase}`;
		const ready = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
		const all = statusesOf(pod);
		if (ready && (phase !== "Running" || pod.status?.containerStatuses?.some(({ state }) => state?.running === undefined)))
			return `ready: ${name} is ready, and does not run`;
		for (const status of all) {
			const old = before === undefined ? undefined : statusesOf(before).find((each) => each.name === status.name);
			if (old !== undefined && status.restartCount < old.restartCount)
				return `restarts: of ${name}/${status.name} fall from ${old.restartCount} to ${status.restartCount}`;
			if (old !== undefined && status.restartCount > old.restartCount) this.restarts++;
			const broken = this.#brokenId(`${pod.metadata?.uid}/${status.name}`, status);
			if (broken !== undefined) return `ids: ${name}/${status.name} ${broken}`;
		}
		const address = pod.status?.podIP;
		if (address === undefined || phase !== "Running") return undefined;
		for (const [other, { status, metadata }] of this.#present)
			if (other !== name && metadata?.deletionTimestamp === undefined && status?.phase === "Running" && status.podIP === address)
				return `addresses: ${name} and ${other} have ${address}`;
		return undefined;
	}

	#brokenId(owner: string, { state, containerID = "" }: ContainerStatus): string | undefined {
		if (containerID === "") return undefined;
		const known = this.#containers.get(containerID) ?? { owner, exitCode: undefined };
		this.#containers.set(containerID, known);
		if (known.owner !== owner) return `has the id of ${known.owner}`;
		if (state?.running !== undefined && known.exitCode !== undefined) return `runs again under an id that ended with ${known.exitCode}`;
		const { exitCode, containerID: ended } = state?.terminated ?? {};
		if (exitCode === undefined || ended !== containerID) return undefined;
		if (known.exitCode !== undefined && known.exitCode !== exitCode) return `ended with ${known.exitCode}, and then with ${exitCode}`;
		known.exitCode = exitCode;
		return undefined;
	}
}

function statusesOf({ status }: Pod): readonly ContainerStatus[] {
	return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

// ── Many lives ──

export interface LifeOptions {
	readonly runs: number;
	readonly seed?: number;
	readonly shrink?: boolean;
}

/** Rejects with the property that does not hold, and the smallest life in which it does not. */
export async function checkLives({ runs, seed, shrink = true }: LifeOptions): Promise<LifeResult> {
	const totals = { created: 0, restarts: 0, gone: 0 };
	const life = fc.asyncProperty(lives, async (given) => {
		const { created, restarts, gone } = await live(given);
		totals.created += created;
		totals.restarts += restarts;
		totals.gone += gone;
	});
	await fc.assert(life, { numRuns: runs, endOnFailure: !shrink, ...(seed === undefined ? {} : { seed }) });
	return totals;
}
