/**
 * Whatever happens to its pods, its user and its API server, a StatefulSet keeps its promises: each request that the
 * controller makes is held against the API's state at that moment, and when the trouble is over the set is as it should be.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Pod, StatefulSet, StatefulSetSpec } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { controllerRevisions, pods, statefulSets } from "../../client/resources.ts";
import { isBeingDeleted, isPodReady, isPodTerminal } from "../pod-state.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { isInRange, ordinalOf, revisionOf, startOrdinal, wantedReplicas } from "./identity.ts";
import { statefulSetController } from "./statefulset-controller.ts";

/** Holds every pod back that is deleted, as a kubelet does that has containers to stop. */
const finalizer = "test/containers-run";
const ref = { namespace: "default", name: "web" };

type Command =
	| { readonly type: "run" | "fail" | "break" | "end" | "delete"; readonly pod: number }
	| { readonly type: "scale" | "start" | "partition"; readonly count: number }
	| { readonly type: "image"; readonly version: number }
	| { readonly type: "refuse"; readonly requests: number }
	| { readonly type: "wait" };

const command: fc.Arbitrary<Command> = fc.oneof(
	{ weight: 10, arbitrary: fc.record({ type: fc.constantFrom("run", "end"), pod: fc.nat(7) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constantFrom("fail", "break", "delete"), pod: fc.nat(7) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constant("scale"), count: fc.nat(5) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constantFrom("start", "partition"), count: fc.nat(3) }) },
	{ weight: 3, arbitrary: fc.record({ type: fc.constant("image"), version: fc.nat(2) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("refuse"), requests: fc.integer({ min: 1, max: 3 }) }) },
	{ weight: 2, arbitrary: fc.record({ type: fc.constant("wait") }) },
) as fc.Arbitrary<Command>;

function templateOf(version: number) {
	return { metadata: { labels: { app: "web" }, finalizers: [finalizer] }, spec: { containers: [{ name: "c", image: `v${version}` }] } };
}

/** For a write that wins over whatever was written meanwhile. */
function withoutVersion(pod: Pod): Pod {
	const { resourceVersion: _, ...metadata } = pod.metadata ?? {};
	return { ...pod, metadata };
}

class World {
	readonly fixture = new ControllerFixture();
	readonly broken: string[] = [];
	readonly #isParallel: boolean;
	readonly #maxUnavailable: number;
	/** Requests that the server still refuses. */
	#refusals = 0;
	/** What the server has, kept from its own answers. */
	readonly #pods = new Map<string, Pod>();
	#set: StatefulSet | undefined;

	constructor(isParallel: boolean, maxUnavailable: number) {
		this.#isParallel = isParallel;
		this.#maxUnavailable = maxUnavailable;
	}

	async start(replicas: number): Promise<void> {
		const { fixture } = this;
		const stop = new AbortController();
		await fixture.start(statefulSetController);
		await fixture.client.resource(pods).watch(
			undefined,
			{},
			{
				onEvent: ({ type, object }) =>
					void (type === "DELETED" ? this.#pods.delete(objectKey(object)) : this.#pods.set(objectKey(object), object)),
				onEnd: () => stop.abort(),
			},
		);
		await fixture.client.resource(statefulSets).create({
			metadata: ref,
			spec: {
				replicas,
				podManagementPolicy: this.#isParallel ? "Parallel" : "OrderedReady",
				selector: { matchLabels: { app: "web" } },
				template: templateOf(0),
				ordinals: { start: 0 },
				revisionHistoryLimit: 2,
				updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: this.#maxUnavailable } },
			},
		});
		fixture.api.intercept = (request) => this.#judge(request);
		await this.#settle();
	}

	async #settle(): Promise<void> {
		this.#set = await this.fixture.client.resource(statefulSets).get(ref);
		await this.fixture.settle();
	}

	// ── What the controller may do ──

	#judge(request: ApiRequest): void {
		const isOwn =
			request.resource === "pods" &&
			(request.verb === "create" || (request.verb === "delete" && request.deleteOptions?.preconditions?.uid !== undefined));
		const set = this.#set;
		if (!isOwn || set === undefined) return;
		if (this.#refusals > 0) {
			this.#refusals--;
			throw newInternalError("refused");
		}
		if (request.verb === "create") this.#judgeCreation(set, request.body as Pod);
		else this.#judgeDeletion(set, this.#pods.get(`default/${request.name}`));
	}

	#judgeCreation(set: StatefulSet, pod: Pod): void {
		const ordinal = ordinalOf(pod) ?? -1;
		if (!isInRange(set, ordinal)) this.broken.push(`${pod.metadata?.name} is created out of range`);
		if (this.#pods.has(`default/${pod.metadata?.name}`)) this.broken.push(`${pod.metadata?.name} is created twice`);
		if (this.#isParallel) return;
		for (let below = startOrdinal(set); below < ordinal; below++) {
			if (!this.#isSound(this.#pods.get(`default/web-${below}`)))
				this.broken.push(`${pod.metadata?.name} is created before web-${below} is ready`);
		}
	}

	#judgeDeletion(set: StatefulSet, pod: Pod | undefined): void {
		if (pod === undefined || isBeingDeleted(pod)) {
			this.broken.push(`${pod?.metadata?.name} is deleted twice`);
			return;
		}
		if (isPodTerminal(pod)) return;
		const start = startOrdinal(set);
		const wanted = Array.from({ length: wantedReplicas(set) }, (_, index) => this.#pods.get(`default/web-${start + index}`));
		const unavailable = wanted.filter((other) => !this.#isSound(other)).length;
		const ordinal = ordinalOf(pod) ?? -1;
		if (!isInRange(set, ordinal)) {
			if (!this.#isParallel && unavailable > 0) this.broken.push(`${pod.metadata?.name} is scaled down while wanted pods are not ready`);
			const above = [...this.#pods.values()].filter(
				(other) => !isInRange(set, ordinalOf(other) ?? -1) && (ordinalOf(other) ?? -1) > ordinal,
			);
			if (!this.#isParallel && above.length > 0) this.broken.push(`${pod.metadata?.name} is scaled down before those above it`);
			return;
		}
		if (revisionOf(pod) === this.#updateRevision()) this.broken.push(`${pod.metadata?.name} is deleted though it is up to date`);
		if (ordinal < start + (set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0))
			this.broken.push(`${pod.metadata?.name} is updated below the partition`);
		if (this.#isSound(pod) && unavailable >= this.#maxUnavailable)
			this.broken.push(`${pod.metadata?.name} is updated while ${unavailable} are unavailable`);
	}

	/** The name in the status may be that of the template before; the pods of the set's own image tell. */
	#updateRevision(): string | undefined {
		const image = this.#set?.spec?.template.spec?.containers[0]?.image;
		const upToDate = [...this.#pods.values()].find(({ spec }) => spec?.containers[0]?.image === image);
		return upToDate === undefined ? undefined : revisionOf(upToDate);
	}

	#isSound(pod: Pod | undefined): boolean {
		return pod !== undefined && !isBeingDeleted(pod) && pod.status?.phase === "Running" && isPodReady(pod);
	}

	// ── What happens to it ──

	async apply(command: Command): Promise<void> {
		switch (command.type) {
			case "run":
				await this.#status(command.pod, (pod) => runningPod(pod, this.fixture.clock.now()));
				break;
			case "fail":
				await this.#status(command.pod, (pod) => ({ ...pod, status: { phase: "Failed" } }));
				break;
			case "break":
				await this.#status(command.pod, (pod) => ({ ...pod, status: { ...pod.status, conditions: [{ type: "Ready", status: "False" }] } }));
				break;
			case "end":
				await this.#end(command.pod);
				break;
			case "delete":
				await this.#pick(command.pod, (pod) => this.fixture.client.resource(pods).delete({ ...ref, name: pod.metadata?.name ?? "" }));
				break;
			case "scale":
				await this.#spec({ replicas: command.count });
				break;
			case "start":
				await this.#spec({ ordinals: { start: command.count } });
				break;
			case "partition":
				await this.#spec({
					updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: command.count, maxUnavailable: this.#maxUnavailable } },
				});
				break;
			case "image":
				await this.#spec({ template: templateOf(command.version) });
				break;
			case "refuse":
				this.#refusals = command.requests;
				break;
			case "wait":
				await this.fixture.clock.advance(2_000);
		}
		await this.#settle();
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

	/** Nobody brings back what ended beyond the set's size, and in order nothing above it goes: that is left to the user. */
	#clear(index: number): Promise<void> {
		return this.#pick(index, async (pod) => {
			const isLeft = this.#set !== undefined && !isInRange(this.#set, ordinalOf(pod) ?? -1);
			if (isLeft && isPodTerminal(pod)) await this.fixture.client.resource(pods).delete({ ...ref, name: pod.metadata?.name ?? "" });
		});
	}

	async #spec(change: Partial<StatefulSetSpec>): Promise<void> {
		const client = this.fixture.client.resource(statefulSets);
		const set = await client.get(ref);
		// The judge goes by the new spec from the moment the controller can know of it.
		this.#set = { ...set, spec: { ...(set.spec as StatefulSetSpec), ...change } };
		await client.update(this.#set);
	}

	/** Everything runs that can, and ends that should, until nothing changes any more. */
	async heal(): Promise<void> {
		this.#refusals = 0;
		await this.#spec({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: this.#maxUnavailable } } });
		for (let round = 0; round < 60; round++) {
			await this.fixture.clock.advance(1_000);
			for (let index = 0; index < this.#pods.size; index++) {
				await this.#end(index);
				await this.#clear(index);
				await this.#status(index, (pod) => (this.#isSound(pod) ? pod : runningPod(pod, this.fixture.clock.now())));
			}
		}
	}

	async summary() {
		const set = await this.fixture.client.resource(statefulSets).get(ref);
		const image = set.spec?.template.spec?.containers[0]?.image;
		const start = startOrdinal(set);
		const replicas = wantedReplicas(set);
		const { observedGeneration, collisionCount, currentRevision, updateRevision, ...counts } = set.status ?? {};
		return {
			pods: [...this.#pods.values()].map((pod) => `${pod.metadata?.name}=${pod.spec?.containers[0]?.image}`).sort(),
			wanted: Array.from({ length: replicas }, (_, index) => `web-${start + index}=${image}`).sort(),
			counts,
			wantedCounts: {
				replicas,
				availableReplicas: replicas,
				...(replicas > 0 ? { readyReplicas: replicas, currentReplicas: replicas, updatedReplicas: replicas } : {}),
			},
			isSettled: currentRevision === updateRevision && observedGeneration === set.metadata?.generation,
			revisions: (await this.fixture.list(controllerRevisions)).length,
		};
	}
}

test.each([
	["OrderedReady", false, 1],
	["OrderedReady, two may be unavailable", false, 2],
	["Parallel", true, 1],
	["Parallel, two may be unavailable", true, 2],
])("%s keeps its promises", async (_name, isParallel, maxUnavailable) => {
	await fc.assert(
		fc.asyncProperty(fc.nat(4), fc.array(command, { minLength: 5, maxLength: 40 }), async (replicas, commands) => {
			const world = new World(isParallel, maxUnavailable);
			await world.start(replicas);
			for (const command of commands) await world.apply(command);
			await world.heal();
			await world.fixture.stop();
			const { pods, wanted, counts, wantedCounts, isSettled, revisions } = await world.summary();
			expect(world.broken).toEqual([]);
			expect(pods).toEqual(wanted);
			expect(counts).toEqual(wantedCounts);
			expect(isSettled).toBe(true);
			expect(revisions).toBeLessThanOrEqual(3);
		}),
		{ numRuns: 25 },
	);
});
