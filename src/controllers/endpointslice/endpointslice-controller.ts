/**
 * endpointslice-controller: EndpointSlices for each Service with a selector, up to 100 endpoints in each.
 *
 * Watches  Services, pods, the slices it manages, nodes (their zones)
 * Writes   EndpointSlices; events on the Service when that fails
 *
 * Slices that others made (no managed-by label of this controller) are left alone. When a Service goes, the garbage
 * collector takes its slices, which it owns. The annotation last-change-trigger-time, a measuring aid, is not written.
 * Source of behaviour: pkg/controller/endpointslice and k8s.io/endpointslice.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Family, Value } from "../../apimachinery/metrics/registry.ts";
import type { EndpointSlice, Node, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { controllerReference } from "../../client/owner.ts";
import { endpointSlices, nodes, pods, services } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { hasPods, headlessLabel, isHeadless, podHandler, selectedPods } from "../endpoints/service-pods.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { isNamespaceTerminating, messageOf } from "../replicaset/pod-control.ts";
import { planGroups } from "./endpoint-groups.ts";
import { type EndpointGroup, planSlices, type WantedSlice } from "./slice-plan.ts";
import { topologyChanged, wantsTopologyHints, withTopologyHints, zoneRatios } from "./topology-hints.ts";

const name = "endpointslice-controller";
/** kube-controller-manager's --concurrent-service-endpoint-syncs. */
const concurrency = 5;

const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const serviceIndex = "endpointslice-controller/service";
const zoneLabel = "topology.kubernetes.io/zone";

export const endpointSliceController: Controller = {
	name,
	run: (context, signal) => new EndpointSliceController(context, signal).run(signal),
};

class EndpointSliceController {
	readonly #context: ControllerContext;
	readonly #services: Informer<Service>;
	readonly #pods: Informer<Pod>;
	readonly #nodes: Informer<Node>;
	readonly #slices: Informer<EndpointSlice>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<EndpointSlice>();
	/** Of Services with a topology mode, by key and address type: why there are no hints; empty if there are some. */
	readonly #hints = new Map<string, ReadonlyMap<string, string>>();
	/** By `operation` and `result`. Source of names and texts: k8s.io/endpointslice/metrics. */
	readonly #changes: Family<Value> | undefined;
	readonly #syncs: Family<Value> | undefined;

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#services = context.informers.informer(services);
		this.#pods = context.informers.informer(pods);
		this.#nodes = context.informers.informer(nodes);
		this.#slices = context.informers.informer(endpointSlices);
		// Upstream's defaultSyncBackOff and maxSyncBackOff.
		this.#queue = queueOf(context, "endpoint_slice", { baseDelayMs: 1_000, maxDelayMs: 1_000_000 });
		this.#recorder = recorderOf(context, "endpoint-slice-controller", signal);
		const counter = (key: string, help: string, label: string) =>
			context.metrics?.counter({ name: `endpoint_slice_controller_${key}`, help, labels: [label], stability: "ALPHA" });
		this.#changes = counter("changes", "Number of EndpointSlice changes", "operation");
		this.#syncs = counter("syncs", "Number of EndpointSlice syncs", "result");
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#slices.cache.addIndex(serviceIndex, sliceIndexValues);
		const informers = [this.#services, this.#pods, this.#nodes, this.#slices];
		await Promise.all(informers.map((informer) => informer.whenSynced()));
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	#watch(signal: AbortSignal): void {
		const enqueue = (service: Service) => this.#queue.add(objectKey(service));
		this.#services.onChange({ added: enqueue, updated: (_old, service) => enqueue(service), deleted: enqueue }, signal);
		this.#pods.onChange(podHandler(this.#services.cache, this.#queue), signal);
		this.#nodes.onChange(
			{
				added: () => this.#topologyChanged(),
				updated: (old, node) => {
					if (old.metadata?.labels?.[zoneLabel] !== node.metadata?.labels?.[zoneLabel]) this.#services.cache.list().forEach(enqueue);
					else if (topologyChanged(old, node)) this.#topologyChanged();
				},
				deleted: () => this.#topologyChanged(),
			},
			signal,
		);
		this.#slices.onChange(
			{
				// One that we do not know is of a request whose answer was lost: it may be one too many.
				added: (slice) => (this.#ownWrites.has(slice) ? this.#ownWrites.observed(slice) : this.#sliceTouched(slice)),
				updated: (_old, slice) => this.#sliceTouched(slice),
				deleted: (slice) => this.#sliceTouched(slice),
			},
			signal,
		);
	}

	#topologyChanged(): void {
		for (const key of this.#hints.keys()) this.#queue.add(key);
	}

	/** By ourselves, or by somebody else: only then there is something to put right. */
	#sliceTouched(slice: EndpointSlice): void {
		this.#ownWrites.observed(slice);
		for (const key of sliceIndexValues(slice)) this.#queue.add(key);
	}

	async #reconcile(key: string): Promise<void> {
		const service = this.#services.cache.get(key);
		if (service === undefined) this.#hints.delete(key);
		if (service === undefined || !hasPods(service)) return;
		const { groups: plain, podsWithoutNode } = planGroups(service, selectedPods(service, this.#pods.cache), (node) =>
			this.#nodes.cache.get(node),
		);
		const { groups, tell } = this.#withHints(key, service, plain);
		// Those of a Service of this name that is gone are not this one's, whoever removes them first.
		const { own = [], others = [] } = Object.groupBy(this.#existing(key), (slice) =>
			slice.metadata?.ownerReferences?.some(({ uid }) => uid === service.metadata?.uid) === true ? "own" : "others",
		);
		const { wanted, remove: superfluous } = planSlices(groups, own);
		const remove = [...superfluous, ...others];
		try {
			await Promise.all([...wanted.map((slice) => this.#write(service, slice)), ...remove.map((slice) => this.#delete(slice))]);
			this.#syncs?.of("success").add();
			tell();
		} catch (error) {
			this.#syncs?.of("error").add();
			const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(error)}`;
			this.#recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message);
			throw error;
		}
		const [lost] = podsWithoutNode;
		if (lost !== undefined) {
			throw new Error(`skipping Pod ${lost.metadata?.name} for Service ${key}: Node ${lost.spec?.nodeName} Not Found`);
		}
	}

	/** The groups with the hints of the Service's topology mode, if it has one, and the events that go with them. */
	#withHints(key: string, service: Service, plain: readonly EndpointGroup[]): { readonly groups: readonly EndpointGroup[]; tell(): void } {
		const before = this.#hints.get(key) ?? new Map<string, string>();
		const disabled = (text: string, type: string) =>
			this.#recorder.event(service, "Warning", "TopologyAwareHintsDisabled", `${text}, addressType: ${type}`);
		if (!wantsTopologyHints(service)) {
			this.#hints.delete(key);
			const were = [...before].filter(([, problem]) => problem === "").map(([type]) => type);
			const tell = () => {
				for (const type of were) disabled("Topology Aware Hints has been disabled", type);
			};
			return { groups: plain, tell };
		}
		const { groups, problems } = withTopologyHints(plain, zoneRatios(this.#nodes.cache.list()));
		const now = new Map(groups.map(({ addressType }) => [addressType, problems.get(addressType) ?? ""]));
		const news = [...now].filter(([type, problem]) => before.get(type) !== problem);
		this.#hints.set(key, now);
		const tell = () => {
			for (const [type, problem] of news) {
				if (problem !== "") disabled(problem, type);
				else
					this.#recorder.event(
						service,
						"Normal",
						"TopologyAwareHintsEnabled",
						`Topology Aware Hints has been enabled, addressType: ${type}`,
					);
			}
		};
		return { groups, tell };
	}

	/** The Service's slices in their newest version, those we just made included. */
	#existing(key: string): readonly EndpointSlice[] {
		const cached = this.#slices.cache.byIndex(serviceIndex, key).map((slice) => this.#ownWrites.freshest(slice));
		const made = this.#ownWrites.unseen(this.#slices.cache).filter((slice) => sliceIndexValues(slice).includes(key));
		return [...cached, ...made].filter((slice) => !isBeingDeleted(slice));
	}

	async #write(service: Service, wanted: WantedSlice): Promise<void> {
		const slice = sliceFor(service, wanted);
		const client = this.#context.client.resource(endpointSlices);
		if (wanted.current === undefined) {
			if (isBeingDeleted(service)) return;
			try {
				this.#ownWrites.note(await client.create(slice));
				this.#changes?.of("create").add();
			} catch (error) {
				if (!isNamespaceTerminating(error)) throw error;
			}
		} else if (!jsonEqual(slice, wanted.current)) {
			this.#ownWrites.note(await client.update(slice));
			this.#changes?.of("update").add();
		}
	}

	async #delete({ metadata }: EndpointSlice): Promise<void> {
		try {
			await this.#context.client.resource(endpointSlices).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
			this.#changes?.of("delete").add();
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}
}

/** The key of the Service whose slice this is, if this controller manages it. */
function sliceIndexValues({ metadata }: EndpointSlice): readonly string[] {
	const service = metadata?.labels?.[serviceNameLabel];
	if (service === undefined || metadata?.labels?.[managedByLabel] !== manager) return [];
	return [`${metadata.namespace}/${service}`];
}

function sliceFor(service: Service, { current, addressType, ports, endpoints }: WantedSlice): EndpointSlice {
	const { namespace = "", name: serviceName = "", labels = {} } = service.metadata ?? {};
	const { [headlessLabel]: _headless, ...ownLabels } = labels;
	const sliceLabels = {
		...ownLabels,
		...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
		[serviceNameLabel]: serviceName,
		[managedByLabel]: manager,
	};
	const metadata = current?.metadata ?? {
		namespace,
		generateName: `${serviceName}-`,
		ownerReferences: [controllerReference(service)],
	};
	return {
		...(current ?? { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" }),
		metadata: { ...metadata, labels: sliceLabels },
		addressType,
		endpoints,
		ports,
	};
}
