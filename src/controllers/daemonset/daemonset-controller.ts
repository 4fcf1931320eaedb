/**
 * daemonset-controller: keeps one pod on every node that its template fits.
 *
 * Watches  DaemonSets, nodes, pods (for owners and orphans), ControllerRevisions
 * Reads    the set; all nodes; its pods and revisions
 * Writes   pods (create, delete, adopt, release), ControllerRevisions (create, renumber, adopt, release, delete beyond
 *          the history limit), the set's status; events on the set
 *
 * A pod is made for its node: a node affinity to the node's name lets the scheduler bind it there and nowhere else.
 *
 * Invariant: as long as the cache does not show what an earlier reconcile created or deleted (expectations), only the
 * status is written, so that no pod is made or deleted twice.
 * Source of behaviour: pkg/controller/daemon.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { ControllerRevision, DaemonSet, Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, requeueAfter, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { Expectations } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects, controllerOf } from "../../client/owner.ts";
import { daemonSets, nodes, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { templateHash } from "../deployment/template-hash.ts";
import { gatherMsFor, ownerIn, watchOwnedPods } from "../owned-pods.ts";
import { addControllerIndex, isBeingDeleted, managedBy, orphansIn } from "../pod-state.ts";
import { isNamespaceTerminating, PodControl } from "../replicaset/pod-control.ts";
import { daemonSetRevision, revisionHashLabel } from "../revisions/controller-revision.ts";
import { RevisionHistory } from "../revisions/revision-history.ts";
import { slowStart } from "../slow-start.ts";
import { planStatus } from "./daemon-set-status.ts";
import { FailedPodsBackoff } from "./failed-pods-backoff.ts";
import { placementOf, templateFor } from "./placement.ts";
import { type Plan, type PodsPlan, planPods, planRollingUpdate, type Survey, survey } from "./plan.ts";
import { hashOf, planHistoryCleanup, sortRevisions } from "./set-revisions.ts";
import { isRollingUpdate } from "./strategy.ts";

const name = "daemonset-controller";
/** kube-controller-manager's --concurrent-daemonset-syncs. */
const concurrency = 2;
/** Most pods created, and most deleted, at once. */
const burstReplicas = 250;

export const daemonSetController: Controller = {
	name,
	run: (context, signal) => new DaemonSetController(context, signal).run(signal),
};

/** The present revision's hash, and the revisions before it. */
interface History {
	readonly hash: string;
	readonly old: readonly ControllerRevision[];
}

class DaemonSetController {
	readonly #context: ControllerContext;
	readonly #sets: Informer<DaemonSet>;
	readonly #nodes: Informer<Node>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #expectations: Expectations;
	readonly #client: ResourceClient<DaemonSet>;
	readonly #podClient: ResourceClient<Pod>;
	readonly #recorder: EventRecorder;
	readonly #podControl: PodControl;
	readonly #history: RevisionHistory;
	readonly #backoff: FailedPodsBackoff;
	readonly #ownWrites = new OwnWrites<DaemonSet>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#sets = context.informers.informer(daemonSets);
		this.#nodes = context.informers.informer(nodes);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "daemonset");
		this.#expectations = new Expectations(context.clock);
		this.#client = context.client.resource(daemonSets);
		this.#podClient = context.client.resource(pods);
		this.#recorder = recorderOf(context, name, signal);
		this.#podControl = new PodControl(this.#podClient, this.#recorder);
		this.#history = new RevisionHistory(context);
		this.#backoff = new FailedPodsBackoff(context.clock);
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#pods.cache);
		const informers = [this.#sets, this.#nodes, this.#pods, this.#history];
		await Promise.all(informers.map((informer: { whenSynced(): Promise<void> }) => informer.whenSynced()));
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		const enqueue = (set: DaemonSet) => this.#queue.add(objectKey(set));
		const deleted = (set: DaemonSet) => {
			this.#expectations.delete(objectKey(set));
			enqueue(set);
		};
		this.#sets.onChange({ added: enqueue, updated: (_old, set) => enqueue(set), deleted }, signal);
		this.#nodes.onChange({ added: (node) => this.#nodeAdded(node), updated: (old, node) => this.#nodeUpdated(old, node) }, signal);
		watchOwnedPods(
			{
				kind: daemonSets,
				owners: this.#sets.cache,
				pods: this.#pods,
				queue: this.#queue,
				expectations: this.#expectations,
				wouldAdopt: selects,
				minReadySeconds: ({ spec }) => spec?.minReadySeconds ?? 0,
				gatherMs: () => this.#gatherMs,
			},
			signal,
		);
		this.#history.watch((revision) => this.#revisionChanged(revision), signal);
	}

	#nodeAdded(node: Node): void {
		for (const set of this.#sets.cache.list()) {
			if (placementOf(set)(node).shouldRun) this.#wakeLater(set);
		}
	}

	#nodeUpdated(old: Node, node: Node): void {
		// What a heartbeat changes decides nothing.
		if (jsonEqual(old.metadata?.labels, node.metadata?.labels) && jsonEqual(old.spec?.taints, node.spec?.taints)) return;
		for (const set of this.#sets.cache.list()) {
			const placement = placementOf(set);
			if (!jsonEqual(placement(old), placement(node))) this.#wakeLater(set);
		}
	}

	/** A sync looks at all nodes. */
	get #gatherMs(): number {
		return gatherMsFor(this.#nodes.cache.size);
	}

	#wakeLater(set: DaemonSet): void {
		if (this.#gatherMs > 0) this.#queue.addAfter(objectKey(set), this.#gatherMs);
		else this.#queue.add(objectKey(set));
	}

	#revisionChanged(revision: ControllerRevision): void {
		const { cache } = this.#sets;
		const owner = ownerIn(cache, daemonSets, revision);
		const siblings = controllerOf(revision) === undefined ? cache.listNamespace(revision.metadata?.namespace ?? "") : [];
		const woken = owner === undefined ? siblings.filter((set) => selects(set, revision)) : [owner];
		for (const set of woken) this.#queue.add(objectKey(set));
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
		if (labelSelectorFromObject(set.spec?.selector).empty) {
			const message = "This daemon set is selecting all pods. A non-empty selector is required.";
			this.#recorder.event(set, "Warning", "SelectingAll", message);
			return undefined;
		}
		// What belongs to a set that is going may be gone or orphaned: nothing could be told of it.
		if (isBeingDeleted(set)) return undefined;
		const history = await this.#syncHistory(set);
		const { hash } = history;
		// Asked before the cache is looked at: what it has not seen then must not count as seen.
		const hasCaughtUp = this.#expectations.satisfied(key);
		let seen: Survey | undefined = await this.#survey(set, hash);
		if (!hasCaughtUp) return requeueAfter(await this.#writeStatus(seen, false), this.#expectations.expireInMs(key));
		let failure: unknown;
		let retryMs: number | undefined;
		try {
			const plan = this.#planPods(seen);
			retryMs = plan.nextFailedMs;
			seen = await this.#carryOut(key, seen, plan);
			if (this.#expectations.satisfied(key) && isRollingUpdate(set)) {
				seen ??= await this.#survey(set, hash);
				seen = await this.#carryOut(key, seen, planRollingUpdate(seen));
			}
			seen ??= await this.#survey(set, hash);
			for (const revision of planHistoryCleanup(set, history.old, seen.pods)) await this.#history.delete(revision);
		} catch (error) {
			failure = error;
			seen = undefined;
		}
		const nextAvailableMs = await this.#writeStatus(seen ?? (await this.#survey(set, hash)), true);
		if (failure !== undefined) throw failure;
		return requeueAfter(nextAvailableMs, retryMs, this.#expectations.expireInMs(key));
	}

	async #survey(set: DaemonSet, hash: string): Promise<Survey> {
		const claimed = await this.#claimPods(set);
		return survey({ set, hash, nodes: this.#nodes.cache.list(), pods: claimed, nowMs: this.#context.clock.now() });
	}

	#claimPods(set: DaemonSet): Promise<readonly Pod[]> {
		const { namespace, uid } = set.metadata ?? {};
		return claimObjects({
			owner: set,
			selector: labelSelectorFromObject(set.spec?.selector),
			candidates: [...managedBy(this.#pods.cache, uid), ...orphansIn(this.#pods.cache, namespace)],
			client: this.#podClient,
			readOwner: () => this.#readSet(set),
		});
	}

	#readSet({ metadata }: DaemonSet): Promise<DaemonSet> {
		return this.#client.get({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
	}

	/** Every node is to have the pods it should have; tells what has come to an end. */
	#planPods(seen: Survey): PodsPlan {
		const { set } = seen;
		const backoffKey = (nodeName: string) => `${set.metadata?.uid}/${set.status?.observedGeneration ?? 0}/${nodeName}`;
		const plan = planPods(seen, (nodeName) => this.#backoff.waitMs(backoffKey(nodeName)));
		for (const nodeName of plan.failed) this.#backoff.replaced(backoffKey(nodeName));
		for (const { type, reason, message } of plan.notices) this.#recorder.event(set, type, reason, message);
		return plan;
	}

	/**
	 * Creates and deletes as far as one burst goes. Resolves to the survey if it still holds, as it does when there was nothing
	 * to do. Rejects with the first failure, after all was tried.
	 */
	async #carryOut(key: string, seen: Survey, plan: Plan): Promise<Survey | undefined> {
		const { set, hash } = seen;
		const nodeNames = plan.create.slice(0, burstReplicas);
		const victims = plan.delete.slice(0, burstReplicas);
		this.#expectations.delete(key);
		this.#expectations.raise(key, { creations: nodeNames.length, deletions: victims.map(objectKey) });
		const created = await slowStart(nodeNames.length, (index) => this.#create(key, set, hash, nodeNames[index] ?? ""));
		const notMade = nodeNames.length - created.succeeded;
		if (notMade > 0) this.#expectations.creationObserved(key, notMade);
		const deleted = await Promise.allSettled(victims.map((pod) => this.#delete(key, set, pod)));
		const failures = deleted.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
		if (created.error !== undefined) throw created.error;
		if (failures.length > 0) throw failures[0];
		return nodeNames.length + victims.length === 0 ? seen : undefined;
	}

	async #create(key: string, set: DaemonSet, hash: string, nodeName: string): Promise<void> {
		try {
			await this.#podControl.create(set, templateFor(set, nodeName, hash));
		} catch (error) {
			if (!isNamespaceTerminating(error)) throw error;
			// The pods will not come, nor be wanted for long.
			this.#expectations.creationObserved(key);
		}
	}

	async #delete(key: string, set: DaemonSet, pod: Pod): Promise<void> {
		try {
			if (!(await this.#podControl.delete(set, pod))) this.#expectations.deletionObserved(key, objectKey(pod));
		} catch (error) {
			this.#expectations.deletionObserved(key, objectKey(pod));
			throw error;
		}
	}

	async #writeStatus(seen: Survey, hasActed: boolean): Promise<number | undefined> {
		const { set } = seen;
		const { status, nextAvailableMs } = planStatus(seen, hasActed);
		if (!jsonEqual(status, set.status)) await this.#ownWrites.updateStatus(this.#client, { ...set, status });
		return nextAvailableMs;
	}

	// ── Its revisions ──

	async #syncHistory(set: DaemonSet): Promise<History> {
		const selector = labelSelectorFromObject(set.spec?.selector);
		const known = await this.#history.claim(set, selector, () => this.#readSet(set));
		const { current, old, number } = sortRevisions(set, await Promise.all(known.map((revision) => this.#withHash(revision))));
		const newest = current.at(-1);
		if (newest === undefined) return { hash: hashOf(await this.#createRevision(set, number)), old };
		if (current.length > 1) await this.#mergeDuplicates(set, newest, current);
		if (newest.revision < number) await this.#history.update({ ...newest, revision: number });
		return { hash: hashOf(newest), old };
	}

	/** A revision that somebody took the label from goes by its name. */
	async #withHash(revision: ControllerRevision): Promise<ControllerRevision> {
		if (revision.metadata?.labels?.[revisionHashLabel] !== undefined) return revision;
		const labels = { ...revision.metadata?.labels, [revisionHashLabel]: revision.metadata?.name ?? "" };
		return this.#history.update({ ...revision, metadata: { ...revision.metadata, labels } });
	}

	async #createRevision(set: DaemonSet, number: number): Promise<ControllerRevision> {
		const { template } = set.spec ?? {};
		const wanted = daemonSetRevision({
			owner: set,
			template,
			hash: templateHash(template, set.status?.collisionCount),
			revision: number,
		});
		const made = await this.#history.create(wanted);
		if (made !== undefined) return made;
		// Another template has the name: count it, and the next hash is another one.
		const collisionCount = (set.status?.collisionCount ?? 0) + 1;
		const { currentNumberScheduled = 0, desiredNumberScheduled = 0, numberMisscheduled = 0, numberReady = 0 } = set.status ?? {};
		const counts = { currentNumberScheduled, desiredNumberScheduled, numberMisscheduled, numberReady };
		this.#ownWrites.note(await this.#client.updateStatus({ ...set, status: { ...counts, ...set.status, collisionCount } }));
		throw new Error(`controllerrevisions.apps "${wanted.metadata?.name}" already exists`);
	}

	/** The newest stays, and the pods of the others go by it. */
	async #mergeDuplicates(set: DaemonSet, newest: ControllerRevision, all: readonly ControllerRevision[]): Promise<void> {
		const hash = hashOf(newest);
		const duplicates = new Set(all.filter((revision) => revision !== newest).map(hashOf));
		for (const { metadata } of await this.#claimPods(set)) {
			if (!duplicates.has(metadata?.labels?.[revisionHashLabel] ?? "")) continue;
			const ref = { namespace: metadata?.namespace, name: metadata?.name ?? "" };
			await this.#podClient.patch(ref, "application/merge-patch+json", { metadata: { labels: { [revisionHashLabel]: hash } } });
		}
		for (const revision of all) if (revision !== newest) await this.#history.delete(revision);
	}
}

/** An orphan may be adopted by any set whose selector matches it. */
function selects({ spec }: DaemonSet, { metadata }: Pod | ControllerRevision): boolean {
	const selector = labelSelectorFromObject(spec?.selector);
	return !selector.empty && selector.matches(metadata?.labels);
}
