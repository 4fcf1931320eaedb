/**
 * Whatever happens to nodes, pods and its API server, a DaemonSet keeps its promises: each request that the controller
 * makes is held against the API's state at that moment, and when the trouble is over every node has what it should have.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { DaemonSet, DaemonSetSpec, Node, Pod, PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { controllerRevisions, daemonSets, nodes, pods } from "../../client/resources.ts";
import { isBeingDeleted, isPodReady, isPodTerminal } from "../pod-state.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { daemonSetController } from "./daemonset-controller.ts";
import { placementOf, targetNode } from "./placement.ts";

/** Holds every pod back that is deleted, as a kubelet does that has containers to stop. */
const finalizer = "test/containers-run";
const ref = { namespace: "default", name: "agent" };
const nodeNames = ["node-0", "node-1", "node-2", "node-3"];

type Command =
	| { readonly type: "run" | "fail" | "break" | "end" | "delete"; readonly pod: number }
	| { readonly type: "taint"; readonly node: number; readonly effect: string | undefined }
	| { readonly type: "add"; readonly node: number }
	| { readonly type: "image"; readonly version: number }
	| { readonly type: "refuse"; readonly requests: number }
	| { readonly type: "wait"; readonly seconds: number };

const command: fc.Arbitrary<Command> = fc.oneof(
	{ weight: 10, arbitrary: fc.record({ type: fc.constantFrom("run", "end"), pod: fc.nat(7) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constantFrom("fail", "break", "delete"), pod: fc.nat(7) }) },
	{
		weight: 2,
		arbitrary: fc.record({ type: fc.constant("taint"), node: fc.nat(3), effect: fc.constantFrom(undefined, "NoSchedule", "NoExecute") }),
	},
	{ weight: 2, arbitrary: fc.record({ type: fc.constant("add"), node: fc.nat(3) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constant("image"), version: fc.nat(2) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("refuse"), requests: fc.integer({ min: 1, max: 3 }) }) },
	{ weight: 2, arbitrary: fc.record({ type: fc.constant("wait"), seconds: fc.integer({ min: 1, max: 20 }) }) },
) as fc.Arbitrary<Command>;

function templateOf(version: number): PodTemplateSpec {
	return { metadata: { labels: { app: "agent" }, finalizers: [finalizer] }, spec: { containers: [{ name: "c", image: `v${version}` }] } };
}

/** For a write that wins over whatever was written meanwhile. */
function withoutVersion<T extends Pod | Node>(object: T): T {
	const { resourceVersion: _, ...metadata } = object.metadata ?? {};
	return { ...object, metadata };
}

interface Limits {
	readonly maxUnavailable: number;
	readonly maxSurge: number;
}

class World {
	readonly fixture = new ControllerFixture();
	readonly broken: string[] = [];
	readonly #limits: Limits;
	/** Requests that the server still refuses. */
	#refusals = 0;
	/** What the server has, kept from its own answers. */
	readonly #pods = new Map<string, Pod>();
	readonly #nodes = new Map<string, Node>();
	#set: DaemonSet | undefined;
	/** The user's own requests are not judged. */
	#isUser = false;

	constructor(limits: Limits) {
		this.#limits = limits;
	}

	async start(): Promise<void> {
		const { fixture } = this;
		await fixture.start(daemonSetController);
		await this.#follow(pods, this.#pods);
		await this.#follow(nodes, this.#nodes);
		await this.#addNode("node-0");
		this.#set = await fixture.client.resource(daemonSets).create({
			metadata: ref,
			spec: {
				selector: { matchLabels: { app: "agent" } },
				template: templateOf(0),
				revisionHistoryLimit: 2,
				updateStrategy: { type: "RollingUpdate", rollingUpdate: this.#limits },
			},
		});
		fixture.api.intercept = (request) => this.#judge(request);
		await fixture.settle();
	}

	async #follow<T extends Pod | Node>(resource: { group: string; version: string; resource: string; kind: string }, into: Map<string, T>) {
		await this.fixture.client.resource<T>(resource).watch(
			undefined,
			{},
			{
				onEvent: ({ type, object }) => void (type === "DELETED" ? into.delete(objectKey(object)) : into.set(objectKey(object), object)),
				onEnd: () => undefined,
			},
		);
	}

	async #addNode(name: string): Promise<void> {
		if (!this.#nodes.has(name)) await this.fixture.client.resource(nodes).create({ metadata: { name } });
	}

	// ── What the controller may do ──

	#judge({ resource, verb, body, name }: ApiRequest): void {
		if (resource !== "pods" || this.#isUser || (verb !== "create" && verb !== "delete")) return;
		if (this.#refusals > 0) {
			this.#refusals--;
			throw newInternalError("refused");
		}
		if (verb === "create") this.#judgeCreation(body as Pod);
		else this.#judgeDeletion(this.#pods.get(`default/${name}`));
	}

	#on(nodeName: string | undefined): readonly Pod[] {
		return [...this.#pods.values()].filter((pod) => targetNode(pod) === nodeName && !(isPodTerminal(pod) && isBeingDeleted(pod)));
	}

	#placement(nodeName: string | undefined) {
		const node = this.#nodes.get(nodeName ?? "");
		return node === undefined || this.#set === undefined ? undefined : placementOf(this.#set)(node);
	}

	#isSound(pod: Pod): boolean {
		return !isBeingDeleted(pod) && pod.status?.phase === "Running" && isPodReady(pod);
	}

	#isNew({ spec }: Pod): boolean {
		return spec?.containers[0]?.image === this.#set?.spec?.template.spec?.containers[0]?.image;
	}

	/** Nodes that should have a pod. */
	#wanted(): readonly string[] {
		return [...this.#nodes.keys()].filter((nodeName) => this.#placement(nodeName)?.shouldRun === true);
	}

	#judgeCreation(pod: Pod): void {
		const nodeName = targetNode(pod);
		const there = this.#on(nodeName);
		const active = there.filter((other) => !isBeingDeleted(other) && !isPodTerminal(other));
		if (this.#placement(nodeName)?.shouldRun !== true) this.broken.push(`a pod is created for ${nodeName}, which should have none`);
		if (active.length > (this.#limits.maxSurge > 0 ? 1 : 0)) this.broken.push(`${nodeName} gets more pods than it may have`);
		if (active.some((other) => this.#isNew(other))) this.broken.push(`${nodeName} gets a second pod of the new template`);
		if (this.#limits.maxSurge === 0 && there.length > 0) this.broken.push(`${nodeName} gets a pod while the one before is there`);
		if (!active.some((other) => this.#isSound(other))) return;
		// A new pod beside an old one that does not serve costs nothing, nor does one that serves: the old one goes then.
		const isSurging = (present: readonly Pod[]) =>
			present.some((other) => !this.#isNew(other) && this.#isSound(other)) &&
			present.some((other) => this.#isNew(other) && !this.#isSound(other));
		const surging = this.#wanted().filter((name) => isSurging(this.#on(name).filter((other) => !isBeingDeleted(other)))).length;
		if (surging >= this.#limits.maxSurge) this.broken.push(`${nodeName} surges while ${surging} others do`);
	}

	#judgeDeletion(pod: Pod | undefined): void {
		if (pod === undefined || isBeingDeleted(pod)) {
			this.broken.push(`${pod?.metadata?.name} is deleted twice`);
			return;
		}
		const nodeName = targetNode(pod);
		if (!this.#isSound(pod) || this.#placement(nodeName)?.shouldContinue !== true) return;
		const others = this.#on(nodeName).filter((other) => other !== pod);
		if (others.some((other) => this.#isSound(other))) return;
		if (this.#isNew(pod)) this.broken.push(`${pod.metadata?.name} is deleted though it is up to date`);
		const isServed = (name: string) => this.#on(name).some((other) => this.#isSound(other));
		const unavailable = this.#wanted().filter((name) => !isServed(name)).length;
		if (this.#limits.maxSurge > 0) {
			// Only where it should not be, and not needed, may it go without a successor.
			const served = [...this.#nodes.keys()].filter(isServed).length;
			const isSpare = !this.#wanted().includes(nodeName ?? "") && served > this.#wanted().length;
			if (!isSpare) this.broken.push(`${pod.metadata?.name} is deleted before its successor is ready`);
			return;
		}
		if (unavailable >= this.#limits.maxUnavailable)
			this.broken.push(`${pod.metadata?.name} is deleted while ${unavailable} are unavailable`);
	}

	// ── What happens to it ──

	async apply(command: Command): Promise<void> {
		// Pods of one second have no age to tell them apart.
		await this.fixture.clock.advance(1_000);
		this.#isUser = true;
		await this.#act(command);
		this.#isUser = false;
		await this.fixture.settle();
	}

	async #act(command: Command): Promise<void> {
		switch (command.type) {
			case "run":
				return this.#status(command.pod, (pod) => runningPod(pod, this.fixture.clock.now()));
			case "fail":
				return this.#status(command.pod, (pod) => ({ ...pod, status: { phase: "Failed" } }));
			case "break":
				return this.#status(command.pod, (pod) => ({
					...pod,
					status: { ...pod.status, conditions: [{ type: "Ready", status: "False" }] },
				}));
			case "end":
				return this.#end(command.pod);
			case "delete":
				return this.#pick(command.pod, (pod) => this.fixture.client.resource(pods).delete({ ...ref, name: pod.metadata?.name ?? "" }));
			case "taint":
				return this.#taint(nodeNames[command.node], command.effect);
			case "add":
				return this.#addNode(nodeNames[command.node] ?? "");
			case "image":
				return this.#spec({ template: templateOf(command.version) });
			case "refuse":
				this.#refusals = command.requests;
				return;
			case "wait":
				// What the controller does meanwhile is its own.
				this.#isUser = false;
				return this.fixture.clock.advance(command.seconds * 1000);
		}
	}

	/** The pod as the server has it now; our own view of it may be a write behind. */
	async #pick(index: number, act: (pod: Pod) => Promise<unknown>): Promise<void> {
		const all = await this.fixture.list(pods);
		const pod = all[index % Math.max(1, all.length)];
		if (pod !== undefined) await act(withoutVersion(pod));
	}

	/** What has ended stays as it is. */
	#status(index: number, change: (pod: Pod) => Pod): Promise<void> {
		return this.#pick(index, async (pod) => {
			if (!isPodTerminal(pod)) await this.fixture.client.resource(pods).updateStatus(change(pod));
		});
	}

	/** The containers of a pod that is going have stopped. */
	#end(index: number): Promise<void> {
		return this.#pick(index, async (pod) => {
			if (isBeingDeleted(pod)) await this.fixture.client.resource(pods).update({ ...pod, metadata: { ...pod.metadata, finalizers: [] } });
		});
	}

	async #taint(nodeName: string | undefined, effect: string | undefined): Promise<void> {
		const node = this.#nodes.get(nodeName ?? "");
		if (node === undefined) return;
		const spec = { ...node.spec, taints: effect === undefined ? [] : [{ key: "k", effect }] };
		await this.fixture.client.resource(nodes).update(withoutVersion({ ...node, spec }));
	}

	async #spec(change: Partial<DaemonSetSpec>): Promise<void> {
		const client = this.fixture.client.resource(daemonSets);
		const set = await client.get(ref);
		this.#set = { ...set, spec: { ...(set.spec as DaemonSetSpec), ...change } };
		await client.update(this.#set);
	}

	/** Everything runs that can, and ends that should, until nothing changes any more. */
	async heal(): Promise<void> {
		this.#refusals = 0;
		for (let round = 0; round < 60; round++) {
			await this.fixture.clock.advance(10_000);
			for (let index = 0; index < this.#pods.size; index++) {
				await this.#end(index);
				await this.#status(index, (pod) => (this.#isSound(pod) ? pod : runningPod(pod, this.fixture.clock.now())));
			}
		}
	}

	async summary() {
		const set = await this.fixture.client.resource(daemonSets).get(ref);
		const wanted = this.#wanted();
		const stay = [...this.#nodes.keys()].filter((name) => this.#placement(name)?.shouldContinue === true && !wanted.includes(name));
		const onWanted = [...this.#pods.values()].filter((pod) => wanted.includes(targetNode(pod) ?? ""));
		const elsewhere = [...this.#pods.values()].filter(
			(pod) => !wanted.includes(targetNode(pod) ?? "") && !stay.includes(targetNode(pod) ?? ""),
		);
		const { numberMisscheduled: _, observedGeneration, collisionCount, ...counts } = set.status ?? {};
		const count = wanted.length;
		return {
			pods: onWanted.map((pod) => `${targetNode(pod)}=${this.#isNew(pod) ? "new" : "old"}`).sort(),
			wanted: wanted.map((name) => `${name}=new`).sort(),
			elsewhere: elsewhere.length,
			counts,
			wantedCounts: {
				desiredNumberScheduled: count,
				currentNumberScheduled: count,
				numberReady: count,
				...(count > 0 ? { updatedNumberScheduled: count, numberAvailable: count } : {}),
			},
			isObserved: observedGeneration === set.metadata?.generation,
			revisions: (await this.fixture.list(controllerRevisions)).length,
		};
	}
}

test.each([
	["maxUnavailable 1", { maxUnavailable: 1, maxSurge: 0 }],
	["maxUnavailable 2", { maxUnavailable: 2, maxSurge: 0 }],
	["maxSurge 1", { maxUnavailable: 0, maxSurge: 1 }],
	["maxSurge 2", { maxUnavailable: 0, maxSurge: 2 }],
])("with %s it keeps its promises", async (_name, limits) => {
	await fc.assert(
		fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
			const world = new World(limits);
			await world.start();
			for (const command of commands) await world.apply(command);
			await world.heal();
			await world.fixture.stop();
			const { pods, wanted, elsewhere, counts, wantedCounts, isObserved, revisions } = await world.summary();
			expect(world.broken).toEqual([]);
			expect(pods).toEqual(wanted);
			expect(elsewhere).toBe(0);
			expect(counts).toEqual(wantedCounts);
			expect(isObserved).toBe(true);
			expect(revisions).toBeLessThanOrEqual(4);
		}),
		{ numRuns: 25 },
	);
});
