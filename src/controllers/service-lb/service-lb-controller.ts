/**
 * service-lb-controller: the load balancers of Services, which a cloud would have. Here a load balancer is an address out of a pool,
 * at which the simulated network has the Service.
 *
 * Watches  Services of type LoadBalancer without a loadBalancerClass (others' load balancers are left alone), nodes
 * Writes   the finalizer service.kubernetes.io/load-balancer-cleanup and status.loadBalancer, both through the status; events
 *
 * Which addresses are taken is what the Services' statuses say, so nothing is lost with this process. One Service is looked at at a
 * time, as upstream does by default: no two are given one address.
 *
 * Events, order and conditions are those of k8s.io/cloud-provider/controllers/service, of a cloud whose load balancers are there at once.
 * A Service that finds the pool empty is tried again when another gives its address back, not only after its back-off.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { LoadBalancerIngress, Node, Service, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { nodes, services } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isBeingDeleted } from "../pod-state.ts";
import type { AddressPool } from "./address-pool.ts";

const name = "service-lb-controller";
/** Keeps the Service until its load balancer is gone. */
const finalizer = "service.kubernetes.io/load-balancer-cleanup";
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";
const autoscalerTaint = "ToBeDeletedByClusterAutoscaler";
/** Upstream's minRetryDelay and maxRetryDelay. */
const retries = { baseDelayMs: 5_000, maxDelayMs: 300_000, retryBurst: Number.POSITIVE_INFINITY };

/** @param pool undefined: Services of type LoadBalancer wait for somebody else */
export function serviceLoadBalancerController(pool: AddressPool | undefined): Controller {
	return {
		name,
		run: async (context, signal) => {
			if (pool !== undefined) await new LoadBalancerController(context, pool, signal).run(signal);
		},
	};
}

class LoadBalancerController {
	readonly #context: ControllerContext;
	readonly #pool: AddressPool;
	readonly #services: Informer<Service>;
	readonly #nodes: Informer<Node>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<Service>();
	/** The nodes behind each load balancer when it was last looked at, by the Service's key. */
	readonly #hosts = new Map<string, string>();
	/** On their way into a status, by the Service's key: a write whose answer is lost may have been carried out. */
	readonly #promised = new Map<string, string>();
	/** Services that found no address, by key. */
	readonly #waiting = new Set<string>();

	constructor(context: ControllerContext, pool: AddressPool, signal: AbortSignal) {
		this.#context = context;
		this.#pool = pool;
		this.#services = context.informers.informer(services);
		this.#nodes = context.informers.informer(nodes);
		this.#queue = queueOf(context, "service", retries);
		this.#recorder = recorderOf(context, "service-controller", signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#services.whenSynced(), this.#nodes.whenSynced()]);
		this.#services.onChange(
			{
				added: (service) => {
					if (wantsLoadBalancer(service) || needsCleanup(service)) this.#queue.add(objectKey(service));
				},
				updated: (old, service) => {
					this.#ownWrites.observed(service);
					if (this.#needsUpdate(old, service) || needsCleanup(service)) this.#queue.add(objectKey(service));
				},
				deleted: (service) => this.#released(service),
			},
			signal,
		);
		const hostsChanged = () => this.#hostsChanged();
		this.#nodes.onChange(
			{
				added: hostsChanged,
				updated: (old, node) => {
					if (isHost(old) !== isHost(node)) hostsChanged();
				},
				deleted: hostsChanged,
			},
			signal,
		);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency: 1, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	/** Whether the change concerns the load balancer; says which change it was, as upstream does. */
	#needsUpdate(old: Service, service: Service): boolean {
		const [had, wants] = [wantsLoadBalancer(old), wantsLoadBalancer(service)];
		if (!had && !wants) return false;
		const say = (reason: string, message: string) => this.#recorder.event(service, "Normal", reason, message);
		const [before, after] = [old.spec ?? {}, service.spec ?? {}];
		if (had !== wants) {
			say("Type", `${before.type} -> ${after.type}`);
			return true;
		}
		const ranges = ({ loadBalancerSourceRanges = [] }: ServiceSpec) => `[${loadBalancerSourceRanges.join(" ")}]`;
		if (ranges(before) !== ranges(after)) {
			say("LoadBalancerSourceRanges", `${ranges(before)} -> ${ranges(after)}`);
			return true;
		}
		const quiet: readonly (keyof ServiceSpec)[] = ["ports", "sessionAffinity", "sessionAffinityConfig"];
		if (quiet.some((field) => !jsonEqual(before[field], after[field]))) return true;
		if (before.loadBalancerIP !== after.loadBalancerIP) {
			say("LoadbalancerIP", `${before.loadBalancerIP ?? ""} -> ${after.loadBalancerIP ?? ""}`);
			return true;
		}
		const [oldIps, newIps] = [before.externalIPs ?? [], after.externalIPs ?? []];
		if (oldIps.length !== newIps.length) {
			say("ExternalIP", `Count: ${oldIps.length} -> ${newIps.length}`);
			return true;
		}
		const added = newIps.find((address, index) => address !== oldIps[index]);
		if (added !== undefined) {
			say("ExternalIP", `Added: ${added}`);
			return true;
		}
		if (!jsonEqual(old.metadata?.annotations ?? {}, service.metadata?.annotations ?? {})) return true;
		if (old.metadata?.uid !== service.metadata?.uid) {
			say("UID", `${old.metadata?.uid} -> ${service.metadata?.uid}`);
			return true;
		}
		if (before.externalTrafficPolicy !== after.externalTrafficPolicy) {
			say("ExternalTrafficPolicy", `${before.externalTrafficPolicy ?? ""} -> ${after.externalTrafficPolicy ?? ""}`);
			return true;
		}
		if (before.healthCheckNodePort !== after.healthCheckNodePort) {
			say("HealthCheckNodePort", `${before.healthCheckNodePort ?? 0} -> ${after.healthCheckNodePort ?? 0}`);
			return true;
		}
		// Level-based: a status that somebody emptied is filled again. Upstream's cloud would not notice.
		return wants && ingressOf(old).length > 0 && ingressOf(service).length === 0;
	}

	/** A load balancer points to the nodes: it is told of those that come and go. */
	#hostsChanged(): void {
		// Most clusters have none, and thousands of nodes may come one after the other.
		if (this.#hosts.size === 0) return;
		const hosts = this.#hostNames();
		for (const [key, known] of this.#hosts) {
			const service = this.#services.cache.get(key);
			if (known === hosts || service === undefined || !wantsLoadBalancer(service)) continue;
			this.#hosts.set(key, hosts);
			if (hosts === "") this.#warnOfNoHosts(service);
			else this.#recorder.event(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts");
		}
	}

	#hostNames(): string {
		const hosts = this.#nodes.cache.list().filter(isHost);
		return hosts
			.map(({ metadata }) => metadata?.name)
			.sort()
			.join(",");
	}

	#warnOfNoHosts(service: Service): void {
		this.#recorder.event(service, "Warning", "UnAvailableLoadBalancer", "There are no available nodes for LoadBalancer");
	}

	/** Its address is free again. */
	#released(service: Service): void {
		const key = objectKey(service);
		this.#ownWrites.delete(key);
		this.#hosts.delete(key);
		this.#promised.delete(key);
		this.#waiting.delete(key);
		for (const waiting of this.#waiting) this.#queue.add(waiting);
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<void> {
		const cached = this.#services.cache.get(key);
		if (cached === undefined) return;
		const service = this.#ownWrites.freshest(cached);
		try {
			if (needsCleanup(service)) await this.#cleanUp(service);
			else if (wantsLoadBalancer(service) && !isBeingDeleted(service)) await this.#ensure(service);
		} catch (error) {
			// What changed meanwhile, or went, is looked at again; whoever is gone keeps no address.
			if (isStatusError(error, "NotFound")) {
				this.#promised.delete(key);
				return;
			}
			const message = error instanceof Error ? error.message : String(error);
			this.#recorder.event(service, "Warning", "SyncLoadBalancerFailed", `Error syncing load balancer: ${message}`);
			throw error;
		}
	}

	async #cleanUp(service: Service): Promise<void> {
		this.#recorder.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer");
		// Without it a Service that is being deleted goes at once: the address is taken away first.
		const freed = ingressOf(service).length === 0 ? service : await this.#patch(service, { status: { loadBalancer: { ingress: null } } });
		await failedTo(
			"remove load balancer cleanup finalizer",
			this.#patch(freed, { metadata: { "$deleteFromPrimitiveList/finalizers": [finalizer] } }),
		);
		this.#recorder.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer");
		this.#released(service);
	}

	async #ensure(service: Service): Promise<void> {
		this.#recorder.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer");
		const kept =
			service.metadata?.finalizers?.includes(finalizer) === true
				? service
				: await failedTo("add load balancer cleanup finalizer", this.#patch(service, { metadata: { finalizers: [finalizer] } }));
		const hosts = this.#hostNames();
		if (hosts === "") this.#warnOfNoHosts(service);
		const key = objectKey(kept);
		const address = this.#addressFor(kept);
		const ingress: readonly LoadBalancerIngress[] = [{ ip: address, ipMode: "VIP" }];
		this.#hosts.set(key, hosts);
		this.#recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
		const former = ingressOf(kept);
		if (jsonEqual(former, ingress)) return;
		this.#promised.set(key, address);
		await failedTo("update load balancer status", this.#patch(kept, { status: { loadBalancer: { ingress } } }));
		this.#promised.delete(key);
		if (former.length > 0) for (const waiting of this.#waiting) this.#queue.add(waiting);
	}

	/** The one it asks for, else the one it has, else the first that is free. Throws when there is none. */
	#addressFor(service: Service): string {
		const key = objectKey(service);
		const owners = new Map<string, string>();
		for (const cached of this.#services.cache.list()) {
			if (cached.spec?.type !== "LoadBalancer" || objectKey(cached) === key) continue;
			for (const { ip } of ingressOf(this.#ownWrites.freshest(cached))) if (ip !== undefined) owners.set(ip, objectKey(cached));
		}
		for (const [other, address] of this.#promised) if (other !== key) owners.set(address, other);
		this.#waiting.add(key);
		const asked = service.spec?.loadBalancerIP ?? "";
		if (asked !== "") {
			if (!this.#pool.contains(asked)) throw new Error(`failed to ensure load balancer: ${asked} is not in the pool ${this.#pool.text}`);
			const owner = owners.get(asked);
			if (owner !== undefined) throw new Error(`failed to ensure load balancer: ${asked} is in use by service ${owner}`);
		}
		const current = ingressOf(service).find(({ ip }) => ip !== undefined && this.#pool.contains(ip) && !owners.has(ip))?.ip;
		const address = asked !== "" ? asked : (current ?? this.#pool.firstFree(owners));
		if (address === undefined) throw new Error(`failed to ensure load balancer: no address is free in the pool ${this.#pool.text}`);
		this.#waiting.delete(key);
		return address;
	}

	/** Metadata and status both go through the status, as upstream's patches do: the controller's role allows no more. */
	async #patch(service: Service, body: { readonly metadata?: object; readonly status?: object }): Promise<Service> {
		const { namespace = "", name: serviceName = "", uid } = service.metadata ?? {};
		const client = this.#context.client.resource(services);
		const patch = { ...body, metadata: { uid, ...body.metadata } };
		const ref = { namespace, name: serviceName };
		return this.#ownWrites.note(await client.patch(ref, "application/strategic-merge-patch+json", patch, { subresource: "status" }));
	}
}

/** Puts what was tried before an error's message; errors of the API stay what they are. */
async function failedTo<T>(what: string, doing: Promise<T>): Promise<T> {
	try {
		return await doing;
	} catch (error) {
		if (isStatusError(error, "NotFound")) throw error;
		throw new Error(`failed to ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
}

function ingressOf({ status }: Service): readonly LoadBalancerIngress[] {
	return status?.loadBalancer?.ingress ?? [];
}

/** Who sets a class does not want the cluster's own. */
function wantsLoadBalancer({ spec }: Service): boolean {
	return spec?.type === "LoadBalancer" && spec.loadBalancerClass === undefined;
}

function needsCleanup(service: Service): boolean {
	if (service.metadata?.finalizers?.includes(finalizer) !== true) return false;
	// A class of its own cannot be given to a Service of this type later: the finalizer is of whoever that class names.
	if (service.spec?.type === "LoadBalancer" && service.spec.loadBalancerClass !== undefined) return false;
	return isBeingDeleted(service) || service.spec?.type !== "LoadBalancer";
}

/** Whether load balancers lead to it. Source: stableNodeSetPredicates; readiness is for health checks to find out. */
function isHost({ metadata, spec }: Node): boolean {
	if (metadata?.deletionTimestamp !== undefined || metadata?.labels?.[excludeLabel] !== undefined) return false;
	return spec?.taints?.some(({ key }) => key === autoscalerTaint) !== true;
}
