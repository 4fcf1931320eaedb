/**
 * statefulset-controller: keeps pods that have names, in order.
 *
 * Watches  StatefulSets, pods (for owners and orphans), ControllerRevisions; claims (one that goes makes room for a pod)
 * Reads    the set; its pods, claims and revisions
 * Writes   pods (create, delete, adopt, release, repair), claims (create, set owners), ControllerRevisions (create,
 *          renumber, adopt, delete beyond the history limit), the set's status; events on the set
 *
 * Each reconcile finds the revisions of the set's present template and of its last finished rollout, plans what the
 * pods allow next (plan.ts), does it, and writes the status once.
 *
 * Invariant: nothing is planned as long as the cache does not show the pods that an earlier reconcile created or
 * deleted (expectations), so that no pod is made or deleted twice.
 * Source of behaviour: pkg/controller/statefulset.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, requeueAfter, runController } from "../../client/controller.ts";
import { Expectations } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects } from "../../client/owner.ts";
import { pods, statefulSets } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { watchOwnedPods } from "../owned-pods.ts";
import { addControllerIndex, isBeingDeleted, managedBy, orphansIn } from "../pod-state.ts";
import { revisionData, revisionHash, statefulSetRevision, templateOf } from "../revisions/controller-revision.ts";
import { RevisionHistory } from "../revisions/revision-history.ts";
import { slowStart } from "../slow-start.ts";
import { isMember, ownsClaimName } from "./identity.ts";
import { type Action, type Plan, plan, type Revision } from "./plan.ts";
import { planHistoryCleanup, planUpdateRevision } from "./set-revisions.ts";
import { StatefulPodControl } from "./stateful-pod-control.ts";
import { planStatus } from "./stateful-set-status.ts";

const name = "statefulset-controller";
/** kube-controller-manager's --concurrent-statefulset-syncs. */
const concurrency = 5;

export const statefulSetController: Controller = {
	name,
	run: (context, signal) => new StatefulSetController(context, signal).run(signal),
};

/** The revisions of a set, found or made. */
interface Revisions {
	/** All there are, oldest first, without one that was made just now. */
	readonly known: readonly ControllerRevision[];
	readonly current: ControllerRevision;
	readonly update: ControllerRevision;
	readonly collisionCount: number;
}

/** How far a plan came. */
interface Outcome {
	readonly updating: number;
	/** The first failure; what the plan had after it was not done. */
	readonly error?: unknown;
}

class StatefulSetController {
	readonly #context: ControllerContext;
	readonly #sets: Informer<StatefulSet>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #expectations: Expectations;
	readonly #client: ResourceClient<StatefulSet>;
	readonly #podClient: ResourceClient<Pod>;
	readonly #history: RevisionHistory;
	readonly #control: StatefulPodControl;
	readonly #ownWrites = new OwnWrites<StatefulSet>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#sets = context.informers.informer(statefulSets);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "statefulset");
		this.#expectations = new Expectations(context.clock);
		this.#client = context.client.resource(statefulSets);
		this.#podClient = context.client.resource(pods);
		this.#history = new RevisionHistory(context);
		this.#control = new StatefulPodControl(context, recorderOf(context, name, signal));
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#pods.cache);
		const informers = [this.#sets, this.#pods, this.#history, this.#control];
		await Promise.all(informers.map((informer: { whenSynced(): Promise<void> }) => informer.whenSynced()));
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		const enqueue = (set: StatefulSet) => this.#queue.add(objectKey(set));
		this.#sets.onChange({ added: enqueue, updated: (_old, set) => enqueue(set), deleted: enqueue }, signal);
		watchOwnedPods(
			{
				kind: statefulSets,
				owners: this.#sets.cache,
				pods: this.#pods,
				queue: this.#queue,
				expectations: this.#expectations,
				wouldAdopt: claimsPod,
				minReadySeconds: ({ spec }) => spec?.minReadySeconds ?? 0,
			},
			signal,
		);
		this.#history.watch(() => undefined, signal);
		this.#control.watchClaims((claim) => this.#claimDeleted(claim), signal);
	}

	/** A pod may have waited for the claim of its predecessor to go. */
	#claimDeleted({ metadata }: PersistentVolumeClaim): void {
		for (const set of this.#sets.cache.listNamespace(metadata?.namespace ?? "")) {
			if (ownsClaimName(set, metadata?.name ?? "")) this.#queue.add(objectKey(set));
		}
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<ReconcileResult> {
		const cached = this.#sets.cache.get(key);
		if (cached === undefined) {
			this.#expectations.delete(key);
			this.#ownWrites.delete(key);
			return undefined;
		}
		const set = this.#ownWrites.freshest(cached);
		if (!this.#expectations.satisfied(key)) return requeueAfter(this.#expectations.expireInMs(key));
		this.#expectations.delete(key);
		const revisions = await this.#syncRevisions(set);
		if (revisions === undefined) return undefined;
		const owned = await this.#claimPods(set);
		const { namespace } = set.metadata ?? {};
		const planned = plan({
			set,
			current: revisionOf(revisions.current),
			update: revisionOf(revisions.update),
			pods: owned,
			claim: (name) => this.#control.claim(namespace, name),
			nowMs: this.#context.clock.now(),
		});
		const outcome = await this.#carryOut(key, set, planned);
		const nextAvailableMs = await this.#writeStatus(set, revisions, owned, outcome.updating);
		if (outcome.error !== undefined) throw outcome.error;
		await this.#cleanUp(set, revisions, owned);
		return requeueAfter(nextAvailableMs, this.#expectations.expireInMs(key));
	}

	/** Undefined: the set is going, and so are its revisions. */
	async #syncRevisions(set: StatefulSet): Promise<Revisions | undefined> {
		const known = await this.#history.claim(set, labelSelectorFromObject(set.spec?.selector), () => this.#readSet(set));
		if (isBeingDeleted(set) && planUpdateRevision(set, known).type !== "keep") return undefined;
		const { update, collisionCount } = await this.#updateRevision(set, known);
		const current = known.find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? update;
		return { known, current, update, collisionCount };
	}

	async #updateRevision(set: StatefulSet, known: readonly ControllerRevision[]) {
		let collisionCount = set.status?.collisionCount ?? 0;
		const { template } = set.spec ?? {};
		const wanted = planUpdateRevision(set, known);
		switch (wanted.type) {
			case "keep":
				return { update: wanted.revision, collisionCount };
			case "renumber":
				return { update: await this.#history.update({ ...wanted.revision, revision: wanted.number }), collisionCount };
			case "create":
				for (; ; collisionCount++) {
					const hash = revisionHash(revisionData(template), collisionCount);
					const update = await this.#history.create(statefulSetRevision({ owner: set, template, hash, revision: wanted.number }));
					if (update !== undefined) return { update, collisionCount };
				}
		}
	}

	#readSet({ metadata }: StatefulSet): Promise<StatefulSet> {
		return this.#client.get({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
	}

	#claimPods(set: StatefulSet): Promise<readonly Pod[]> {
		const { namespace, uid } = set.metadata ?? {};
		const selector = labelSelectorFromObject(set.spec?.selector);
		// What is not called after the set is none of its pods, whatever its labels say.
		const orphans = orphansIn(this.#pods.cache, namespace).filter((pod) => isMember(set, pod));
		const candidates = [...managedBy(this.#pods.cache, uid), ...orphans];
		return claimObjects({ owner: set, selector, candidates, client: this.#podClient, readOwner: () => this.#readSet(set) });
	}

	async #carryOut(key: string, set: StatefulSet, { phases, isParallel }: Plan): Promise<Outcome> {
		let updating = 0;
		const act = async (action: Action) => {
			await this.#act(key, set, action);
			if (action.type === "delete" && action.why === "Update") updating++;
		};
		for (const phase of phases) {
			const error = isParallel ? await inBatches(phase, act) : await oneByOne(phase, act);
			if (error !== undefined) return { updating, error };
		}
		return { updating };
	}

	async #act(key: string, set: StatefulSet, { type, pod }: Action): Promise<void> {
		switch (type) {
			case "create":
				this.#expectations.raise(key, { creations: 1 });
				return this.#orNotExpect(this.#control.create(set, pod), () => this.#expectations.creationObserved(key));
			case "delete":
				this.#expectations.raise(key, { deletions: [objectKey(pod)] });
				return this.#orNotExpect(this.#control.delete(set, pod), () => this.#expectations.deletionObserved(key, objectKey(pod)));
			case "claim":
				return this.#control.claimFor(set, pod);
			case "repair":
				return this.#control.repair(set, pod);
			case "own":
				return this.#control.updateClaimOwners(set, pod);
		}
	}

	/** What did not happen will not show up in the cache. */
	async #orNotExpect(act: Promise<boolean>, notExpect: () => void): Promise<void> {
		try {
			if (!(await act)) notExpect();
		} catch (error) {
			notExpect();
			throw error;
		}
	}

	async #writeStatus(set: StatefulSet, revisions: Revisions, owned: readonly Pod[], updating: number): Promise<number | undefined> {
		const { status, nextAvailableMs } = planStatus(set, {
			currentRevision: revisions.current.metadata?.name ?? "",
			updateRevision: revisions.update.metadata?.name ?? "",
			collisionCount: revisions.collisionCount,
			pods: owned,
			updating,
			nowMs: this.#context.clock.now(),
		});
		if (!jsonEqual(status, set.status)) await this.#ownWrites.updateStatus(this.#client, { ...set, status });
		return nextAvailableMs;
	}

	async #cleanUp(set: StatefulSet, { known, current, update }: Revisions, owned: readonly Pod[]): Promise<void> {
		const inUse = [current, update].map(({ metadata }) => metadata?.name ?? "");
		for (const revision of planHistoryCleanup(set, known, inUse, owned)) await this.#history.delete(revision);
	}
}

/** An orphan is adopted by the set that it is called after. */
function claimsPod(set: StatefulSet, pod: Pod): boolean {
	const selector = labelSelectorFromObject(set.spec?.selector);
	return isMember(set, pod) && !selector.empty && selector.matches(pod.metadata?.labels);
}

function revisionOf(revision: ControllerRevision): Revision {
	return { name: revision.metadata?.name ?? "", template: templateOf(revision) };
}

/** The first failure, if any. */
async function inBatches(actions: readonly Action[], act: (action: Action) => Promise<void>): Promise<unknown> {
	const { error } = await slowStart(actions.length, (index) => {
		const action = actions[index];
		return action === undefined ? Promise.resolve() : act(action);
	});
	return error;
}

/** The failure that ended it, if any. */
async function oneByOne(actions: readonly Action[], act: (action: Action) => Promise<void>): Promise<unknown> {
	for (const action of actions) {
		try {
			await act(action);
		} catch (error) {
			return error;
		}
	}
	return undefined;
}
