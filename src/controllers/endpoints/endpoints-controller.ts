/**
 * endpoints-controller: an Endpoints object for each Service with a selector, of the Service's name.
 *
 * Watches  Services, pods, Endpoints (somebody may delete or change one)
 * Writes   Endpoints; events on them when that fails
 *
 * Endpoints are deprecated in favour of EndpointSlices, which have a controller of their own; kept as in Kubernetes.
 * Source of behaviour: pkg/controller/endpoint/endpoints_controller.go.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Endpoints, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { endpoints, pods, services } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isNamespaceTerminating, messageOf } from "../replicaset/pod-control.ts";
import { planSubsets, type SubsetsPlan } from "./endpoint-subsets.ts";
import { hasPods, headlessLabel, isHeadless, podHandler, selectedPods } from "./service-pods.ts";

const name = "endpoints-controller";
/** kube-controller-manager's --concurrent-endpoint-syncs. */
const concurrency = 5;

const capacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const managedByLabel = "endpoints.kubernetes.io/managed-by";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const manager = "endpoint-controller";

export const endpointsController: Controller = {
	name,
	run: (context, signal) => new EndpointsController(context, signal).run(signal),
};

class EndpointsController {
	readonly #context: ControllerContext;
	readonly #services: Informer<Service>;
	readonly #pods: Informer<Pod>;
	readonly #endpoints: Informer<Endpoints>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<Endpoints>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#services = context.informers.informer(services);
		this.#pods = context.informers.informer(pods);
		this.#endpoints = context.informers.informer(endpoints);
		this.#queue = queueOf(context, "endpoint");
		this.#recorder = recorderOf(context, "endpoint-controller", signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#services.whenSynced(), this.#pods.whenSynced(), this.#endpoints.whenSynced()]);
		const enqueue = (object: Service | Endpoints) => this.#queue.add(objectKey(object));
		this.#services.onChange({ added: enqueue, updated: (_old, service) => enqueue(service), deleted: enqueue }, signal);
		this.#pods.onChange(podHandler(this.#services.cache, this.#queue), signal);
		this.#endpoints.onChange(
			{
				// At the start, those whose Service went while nobody was looking. Locks of old leader elections are none.
				added: (object, initial) => {
					this.#ownWrites.observed(object);
					if (initial && object.metadata?.annotations?.[leaderAnnotation] === undefined) enqueue(object);
				},
				updated: (_old, object) => this.#ownWrites.observed(object),
				deleted: (object) => {
					this.#ownWrites.observed(object);
					enqueue(object);
				},
			},
			signal,
		);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	async #reconcile(key: string): Promise<void> {
		const service = this.#services.cache.get(key);
		const cached = this.#endpoints.cache.get(key);
		const current =
			cached === undefined
				? this.#ownWrites.unseen(this.#endpoints.cache).find((object) => objectKey(object) === key)
				: this.#ownWrites.freshest(cached);
		if (service === undefined) {
			if (current !== undefined) await this.#delete(current);
			return;
		}
		if (!hasPods(service)) return;
		const wanted = endpointsFor(service, current, planSubsets(service, selectedPods(service, this.#pods.cache)));
		if (current !== undefined && isSame(current, wanted)) return;
		await this.#write(service, current, wanted);
	}

	async #delete({ metadata }: Endpoints): Promise<void> {
		try {
			await this.#context.client.resource(endpoints).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	async #write(service: Service, current: Endpoints | undefined, wanted: Endpoints): Promise<void> {
		const client = this.#context.client.resource(endpoints);
		try {
			this.#ownWrites.note(current === undefined ? await client.create(wanted) : await client.update(wanted));
		} catch (error) {
			if (isNamespaceTerminating(error)) return;
			const [reason, what] =
				current === undefined
					? ["FailedToCreateEndpoint", "Failed to create endpoint for service"]
					: ["FailedToUpdateEndpoint", "Failed to update endpoint"];
			this.#recorder.event(wanted, "Warning", reason, `${what} ${objectKey(service)}: ${messageOf(error)}`);
			throw error;
		}
	}
}

function endpointsFor(service: Service, current: Endpoints | undefined, { subsets, truncated }: SubsetsPlan): Endpoints {
	const { namespace = "", name: serviceName = "", labels = {} } = service.metadata ?? {};
	const { [headlessLabel]: _headless, ...ownLabels } = labels;
	const { [capacityAnnotation]: _capacity, ...ownAnnotations } = current?.metadata?.annotations ?? {};
	const annotations = { ...ownAnnotations, ...(truncated ? { [capacityAnnotation]: "truncated" } : {}) };
	const metadata = {
		...current?.metadata,
		namespace,
		name: serviceName,
		labels: { ...ownLabels, ...(isHeadless(service) ? { [headlessLabel]: "" } : {}), [managedByLabel]: manager },
	};
	const { annotations: _annotations, ...rest } = metadata;
	return {
		apiVersion: "v1",
		kind: "Endpoints",
		metadata: Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest,
		...(subsets.length > 0 ? { subsets } : {}),
	};
}

function isSame(current: Endpoints, wanted: Endpoints): boolean {
	return (
		jsonEqual(current.subsets ?? [], wanted.subsets ?? []) &&
		jsonEqual(current.metadata?.labels ?? {}, wanted.metadata?.labels ?? {}) &&
		jsonEqual(current.metadata?.annotations ?? {}, wanted.metadata?.annotations ?? {})
	);
}
