/**
 * resourcequota-controller: counts anew what the objects of a namespace use of its ResourceQuotas, when one of them is new or
 * changed, when objects go or take less, and every five minutes.
 *
 * Watches  ResourceQuotas; whatever some quota counts, from then on
 * Reads    the quota first, then the objects that it counts, both as they are in the store
 * Writes   the quota's status.hard and status.used, only if nobody has written it since it was read
 *
 * The API server stores what uses more together with the new status.used (apiserver/admission/quota). So a count of objects
 * that is newer than the quota that it is written to leaves nobody out, and usage is never reported too low.
 * Source of behaviour: pkg/controller/resourcequota; https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { formatGroupResource, type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import {
	type Amounts,
	addAmounts,
	formatAmounts,
	noAmounts,
	parseAmounts,
	sameAmounts,
	subtractAmounts,
	withoutZeros,
} from "../../apimachinery/quota/amounts.ts";
import { chargedUntilMs, evaluatorOf, isCharged, type QuotaEvaluator, resourceCountedBy } from "../../apimachinery/quota/evaluators.ts";
import { usageOf } from "../../apimachinery/quota/quota.ts";
import type { Pod, ResourceQuota } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { Informer } from "../../client/informer.ts";
import { resourceQuotas } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import type { DeletableResource } from "../deletable-resources.ts";

const name = "resourcequota-controller";
/** --resource-quota-sync-period */
const resyncMs = 5 * 60_000;

/** @param resources whose objects quotas can count */
export function resourceQuotaController(resources: readonly DeletableResource[]): Controller {
	return { name, run: (context, signal) => new ResourceQuotaController(context, resources, signal).run() };
}

class ResourceQuotaController {
	readonly #context: ControllerContext;
	/** By `deployments.apps`. */
	readonly #resources: ReadonlyMap<string, DeletableResource>;
	readonly #signal: AbortSignal;
	readonly #quotas: Informer<ResourceQuota>;
	readonly #queue: WorkQueue;
	/** Resources that are watched because a quota counts them, or counted them once. */
	readonly #watched = new Map<string, Informer<KubeObject>>();

	constructor(context: ControllerContext, resources: readonly DeletableResource[], signal: AbortSignal) {
		this.#context = context;
		this.#resources = new Map(
			resources.filter(({ namespaced }) => namespaced).map((resource) => [formatGroupResource(resource), resource]),
		);
		this.#signal = signal;
		this.#quotas = context.informers.informer(resourceQuotas);
		this.#queue = queueOf(context, "resourcequota_primary");
	}

	async run(): Promise<void> {
		const { clock, log } = this.#context;
		const signal = this.#signal;
		await this.#quotas.whenSynced();
		const enqueue = (quota: ResourceQuota) => this.#queue.add(objectKey(quota));
		this.#quotas.onChange(
			{
				added: enqueue,
				// The status is this controller's and the API server's own.
				updated: (old, quota) => {
					if (!jsonEqual(old.spec ?? {}, quota.spec ?? {})) enqueue(quota);
				},
			},
			signal,
		);
		const timer = clock.setInterval(() => {
			for (const quota of this.#quotas.cache.list()) enqueue(quota);
		}, resyncMs);
		await runController({ name, queue: this.#queue, concurrency: 5, reconcile: (key) => this.#reconcile(key), log, signal });
		timer.cancel();
	}

	async #reconcile(key: string): Promise<ReconcileResult> {
		const known = this.#quotas.cache.get(key);
		if (known === undefined) return;
		const counted = this.#countedBy(known);
		// What goes while it is counted is heard of.
		await Promise.all(counted.map(({ ref, evaluator }) => this.#watch(ref, evaluator).whenSynced()));
		const { namespace } = known.metadata ?? {};
		const { client, clock } = this.#context;
		const quota = (await client.resource(resourceQuotas).list(namespace)).items.find((item) => objectKey(item) === key);
		if (quota === undefined) return;
		let used: Amounts = noAmounts;
		for (const { ref, evaluator } of this.#countedBy(quota)) {
			const { items } = await client.resource(ref).list(namespace);
			used = addAmounts(used, usageOf(quota, evaluator, items, clock.now()));
		}
		await this.#write(quota, used);
	}

	/** What nobody can count has no usage. */
	#countedBy({ spec }: ResourceQuota): readonly { readonly ref: DeletableResource; readonly evaluator: QuotaEvaluator }[] {
		const counted = Object.keys(spec?.hard ?? {}).flatMap((resource) => {
			const which = resourceCountedBy(resource);
			return which === undefined ? [] : formatGroupResource(which);
		});
		return [...new Set(counted)].flatMap((which) => {
			const ref = this.#resources.get(which);
			const evaluator = ref === undefined ? undefined : evaluatorOf(ref.group, ref.resource);
			return ref === undefined || evaluator === undefined ? [] : { ref, evaluator };
		});
	}

	async #write(quota: ResourceQuota, used: Amounts): Promise<void> {
		const hard = quota.spec?.hard ?? {};
		const { hard: oldHard = {}, used: oldUsed } = quota.status ?? {};
		if (jsonEqual(hard, oldHard) && oldUsed !== undefined && sameAmounts(parseAmounts(oldUsed), used)) return;
		try {
			await this.#context.client.resource(resourceQuotas).updateStatus({ ...quota, status: { hard, used: formatAmounts(used) } });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	#watch(ref: DeletableResource, evaluator: QuotaEvaluator): Informer<KubeObject> {
		const resource = formatGroupResource(ref);
		const known = this.#watched.get(resource);
		if (known !== undefined) return known;
		const informer: Informer<KubeObject> = this.#context.informers.informer(ref);
		this.#watched.set(resource, informer);
		informer.onChange(
			{
				added: (object) => this.#lookAgainAtEnd(object, evaluator),
				updated: (old, object) => {
					this.#lookAgainAtEnd(object, evaluator);
					if (takesLess(evaluator, old, object, this.#context.clock.now())) this.#replenish(evaluator, object);
				},
				deleted: (object) => this.#replenish(evaluator, object),
			},
			this.#signal,
		);
		return informer;
	}

	/** Quotas of the object's namespace that count such objects. */
	#concerned(evaluator: QuotaEvaluator, { metadata }: KubeObject): readonly ResourceQuota[] {
		const quotas = this.#quotas.cache.listNamespace(metadata?.namespace ?? "");
		return quotas.filter(({ spec }) => Object.keys(spec?.hard ?? {}).some((resource) => evaluator.isCounted(resource)));
	}

	#replenish(evaluator: QuotaEvaluator, object: KubeObject): void {
		for (const quota of this.#concerned(evaluator, object)) this.#queue.add(objectKey(quota));
	}

	/** A pod that should be gone by then takes nothing any more, even if it is still there. */
	#lookAgainAtEnd(object: KubeObject, evaluator: QuotaEvaluator): void {
		if (evaluator.resource !== "pods" || object.metadata?.deletionTimestamp === undefined) return;
		const pod: Pod = object as Pod;
		const nowMs = this.#context.clock.now();
		const endMs = chargedUntilMs(pod);
		if (endMs === undefined || !isCharged(pod, nowMs)) return;
		for (const quota of this.#concerned(evaluator, pod)) this.#queue.addAfter(objectKey(quota), endMs - nowMs + 1);
	}
}

/** Whether something is given back: usage of some resource went down. Scopes that an object moved out of count as well. */
function takesLess(evaluator: QuotaEvaluator, old: KubeObject, object: KubeObject, nowMs: number): boolean {
	if (evaluator.handles("UPDATE", "") || evaluator.resource === "pods") {
		const [before, after] = [evaluator.usage(old, nowMs), evaluator.usage(object, nowMs)];
		const hasMoved =
			evaluator.resource === "pods" && (old as Pod).spec?.activeDeadlineSeconds !== (object as Pod).spec?.activeDeadlineSeconds;
		return hasMoved || withoutZeros(subtractAmounts(before, after)).size > 0;
	}
	return false;
}
