/**
 * endpointslice-mirroring-controller: EndpointSlices for Endpoints that somebody writes by hand, of Services without a selector.
 *
 * Watches  Endpoints, Services, the slices it manages
 * Writes   EndpointSlices owned by the Endpoints, one for each address type and set of ports, of at most 1,000 endpoints; events on the
 *          Endpoints when addresses are left out
 *
 * Left alone: Endpoints with the label endpointslice.kubernetes.io/skip-mirror=true or a lock of leader election, and those of Services
 * that have a selector. When Endpoints, Service or the reason to mirror go, so do the slices.
 * Source of behaviour: pkg/controller/endpointslicemirroring and
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpointslice-mirroring
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { EndpointSlice, Endpoints, Service } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { controllerReference } from "../../client/owner.ts";
import { endpointSlices, endpoints, services } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { planSlices, type WantedSlice } from "../endpointslice/slice-plan.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { isNamespaceTerminating } from "../replicaset/pod-control.ts";
import { maxEndpointsPerSubset, planMirror } from "./mirrored-groups.ts";

const name = "endpointslice-mirroring-controller";
/** kube-controller-manager's --mirroring-concurrent-service-endpoint-syncs. */
const concurrency = 5;

const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
/** What a slice does not take over. */
const ownAnnotations = new Set(["endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration"]);
const endpointsIndex = "endpointslice-mirroring-controller/endpoints";

export const endpointSliceMirroringController: Controller = {
	name,
	run: (context, signal) => new MirroringController(context, signal).run(signal),
};

class MirroringController {
	readonly #context: ControllerContext;
	readonly #endpoints: Informer<Endpoints>;
	readonly #services: Informer<Service>;
	readonly #slices: Informer<EndpointSlice>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<EndpointSlice>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#endpoints = context.informers.informer(endpoints);
		this.#services = context.informers.informer(services);
		this.#slices = context.informers.informer(endpointSlices);
		// Upstream's defaultSyncBackOff and maxSyncBackOff.
		this.#queue = queueOf(context, "endpoint_slice_mirroring", { baseDelayMs: 1_000, maxDelayMs: 100_000 });
		this.#recorder = recorderOf(context, "endpoint-slice-mirroring-controller", signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#slices.cache.addIndex(endpointsIndex, keysOf);
		await Promise.all([this.#endpoints.whenSynced(), this.#services.whenSynced(), this.#slices.whenSynced()]);
		const enqueue = (object: Endpoints | Service) => this.#queue.add(objectKey(object));
		const ifMirrored = (object: Endpoints) => {
			if (isMirrored(object)) enqueue(object);
		};
		this.#endpoints.onChange(
			{
				added: ifMirrored,
				updated: (old, object) => {
					if (isMirrored(old) || isMirrored(object)) enqueue(object);
				},
				deleted: ifMirrored,
			},
			signal,
		);
		const ifWithoutSelector = (service: Service) => {
			if (!hasSelector(service)) enqueue(service);
		};
		this.#services.onChange(
			{
				added: ifWithoutSelector,
				updated: (old, service) => {
					if (hasSelector(old) !== hasSelector(service)) enqueue(service);
				},
				deleted: ifWithoutSelector,
			},
			signal,
		);
		const touched = (...versions: readonly EndpointSlice[]) => {
			for (const slice of versions) {
				this.#ownWrites.observed(slice);
				for (const key of keysOf(slice)) this.#queue.add(key);
			}
		};
		// At the start, those whose Endpoints went while nobody was looking.
		this.#slices.onChange({ added: (slice) => touched(slice), updated: touched, deleted: (slice) => touched(slice) }, signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	async #reconcile(key: string): Promise<void> {
		const object = this.#endpoints.cache.get(key);
		const service = this.#services.cache.get(key);
		const existing = this.#existing(key);
		if (object === undefined || service === undefined || !isMirrored(object) || hasSelector(service)) {
			await Promise.all(existing.map((slice) => this.#delete(slice)));
			return;
		}
		const { groups, skipped } = planMirror(object);
		const { wanted, remove } = planSlices(groups, existing, maxEndpointsPerSubset);
		const written = await Promise.all(wanted.map((slice) => this.#write(object, slice)));
		await Promise.all(remove.map((slice) => this.#delete(slice)));
		// Not again when it only sees its own write.
		if (skipped > 0 && written.includes(true)) {
			const what = `A max of ${maxEndpointsPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
			this.#recorder.event(object, "Warning", "TooManyAddressesToMirror", what);
		}
	}

	/** The mirrors in their newest version, those we just made included. */
	#existing(key: string): readonly EndpointSlice[] {
		const cached = this.#slices.cache.byIndex(endpointsIndex, key).map((slice) => this.#ownWrites.freshest(slice));
		const made = this.#ownWrites.unseen(this.#slices.cache).filter((slice) => keysOf(slice).includes(key));
		return [...cached, ...made].filter((slice) => !isBeingDeleted(slice));
	}

	/** Whether there was something to write. */
	async #write(object: Endpoints, wanted: WantedSlice): Promise<boolean> {
		const slice = mirrorOf(object, wanted);
		const client = this.#context.client.resource(endpointSlices);
		if (wanted.current !== undefined) {
			if (jsonEqual(slice, wanted.current)) return false;
			this.#ownWrites.note(await client.update(slice));
			return true;
		}
		if (isBeingDeleted(object)) return false;
		try {
			this.#ownWrites.note(await client.create(slice));
			return true;
		} catch (error) {
			if (isNamespaceTerminating(error)) return false;
			throw error;
		}
	}

	async #delete(slice: EndpointSlice): Promise<void> {
		const { namespace, name: sliceName = "" } = slice.metadata ?? {};
		try {
			await this.#context.client.resource(endpointSlices).delete({ namespace, name: sliceName });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
		this.#ownWrites.delete(objectKey(slice));
	}
}

function isMirrored({ metadata }: Endpoints): boolean {
	return metadata?.labels?.[skipLabel] !== "true" && metadata?.annotations?.[leaderAnnotation] === undefined;
}

function hasSelector({ spec }: Service): boolean {
	return spec?.selector !== undefined;
}

/** The key of the Endpoints that the slice mirrors, if it is one of this controller's. */
function keysOf({ metadata }: EndpointSlice): readonly string[] {
	const service = metadata?.labels?.[serviceNameLabel];
	if (service === undefined || metadata?.labels?.[managedByLabel] !== manager) return [];
	return [`${metadata.namespace}/${service}`];
}

function mirrorOf(object: Endpoints, { current, addressType, ports, endpoints: list }: WantedSlice): EndpointSlice {
	const { namespace = "", name: serviceName = "", labels = {}, annotations = {} } = object.metadata ?? {};
	const taken = Object.fromEntries(Object.entries(annotations).filter(([key]) => !ownAnnotations.has(key)));
	const { annotations: _former, ...kept } = current?.metadata ?? { namespace, generateName: `${serviceName}-` };
	const metadata = {
		...kept,
		ownerReferences: [controllerReference({ ...object, apiVersion: "v1", kind: "Endpoints" })],
		labels: { ...labels, [serviceNameLabel]: serviceName, [managedByLabel]: manager },
		...(Object.keys(taken).length === 0 ? {} : { annotations: taken }),
	};
	return {
		...(current ?? { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" }),
		metadata,
		addressType,
		endpoints: list,
		ports,
	};
}
