/**
 * What nodes tell the API about themselves: they register, renew their leases every ten seconds, and write their status
 * every five minutes or when it changes. One wheel for each duty serves all nodes.
 * Source: https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Node } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatMicroTime } from "../../apimachinery/time.ts";
import type { Client } from "../../client/client.ts";
import { csiNodes, leases, nodes } from "../../client/resources.ts";
import { csiNodeObject, leaseNamespace, leaseObject, nodeObject, nodeStatus, olderCgroupsWarning } from "./node-object.ts";
import type { SimNode } from "./sim-node.ts";
import { TimerWheel } from "./timer-wheel.ts";

export const defaultLeaseRenewMs = 10_000;
export const defaultStatusReportMs = 300_000;
/** Of a registration that failed. */
const registerRetryMs = 1_000;
const slots = 50;
/** How often the kubelet tries at once: nodeStatusUpdateRetry, and maxUpdateRetries of its lease controller. */
const maxTries = 5;

export interface HeartbeatOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly clientFor: (node: string) => Client;
	/** The Node as the caches have it. */
	readonly cachedNode: (name: string) => Node | undefined;
	readonly event: (node: SimNode, reason: string, message: string, type?: "Warning") => void;
	readonly leaseRenewMs: number;
	readonly statusReportMs: number;
}

export class Heartbeats {
	readonly #options: HeartbeatOptions;
	readonly #leases: TimerWheel<SimNode>;
	readonly #statuses: TimerWheel<SimNode>;
	#stopped = false;

	constructor(options: HeartbeatOptions) {
		this.#options = options;
		const { clock, random, leaseRenewMs, statusReportMs } = options;
		this.#leases = new TimerWheel({
			clock,
			random,
			slots,
			periodMs: leaseRenewMs,
			onDue: (due) => due.forEach((node) => void this.#renew(node)),
		});
		this.#statuses = new TimerWheel({
			clock,
			random,
			slots,
			periodMs: statusReportMs,
			onDue: (due) => due.forEach((node) => void this.reportStatus(node)),
		});
	}

	/** Registers the node if it is not yet, then keeps it alive. Rejects only when the fleet has stopped. */
	async begin(node: SimNode): Promise<void> {
		if (!node.registered) await this.#register(node);
		if (this.#stopped || !node.running) return;
		await this.#renew(node);
		this.#leases.add(node);
		this.#statuses.add(node);
	}

	end(node: SimNode): void {
		this.#leases.remove(node);
		this.#statuses.remove(node);
	}

	stop(): void {
		this.#stopped = true;
		this.#leases.stop();
		this.#statuses.stop();
	}

	/** Writes the node's status now. */
	async reportStatus(node: SimNode): Promise<void> {
		const { log } = this.#options;
		if (this.#stopped || !node.running) return;
		for (let tries = 1; !(await this.#tryReportStatus(node)); tries++) {
			if (tries < maxTries) continue;
			log.warn("Unable to update node status", { node: node.name, error: "update node status exceeds retry count" });
			return;
		}
	}

	/** Whether it came through, or there is nothing to try any more. */
	async #tryReportStatus(node: SimNode): Promise<boolean> {
		const { clock, log, clientFor } = this.#options;
		const before = this.#options.cachedNode(node.name)?.status?.conditions ?? node.conditions;
		const status = nodeStatus(node.description, node.images(), before, clock.now(), node.health);
		node.conditions = status.conditions;
		try {
			await clientFor(node.name)
				.resource(nodes)
				.patch({ name: node.name }, "application/strategic-merge-patch+json", { status }, { subresource: "status" });
			return true;
		} catch (error) {
			log.warn("Error updating node status, will retry", { node: node.name, error: String(error) });
			if (!isStatusError(error, "NotFound")) return false;
			node.registered = false;
			return true;
		}
	}

	async #register(node: SimNode): Promise<void> {
		const { clock, log, clientFor, event } = this.#options;
		const object = nodeObject(node.description, clock.now());
		while (!this.#stopped) {
			try {
				const client = clientFor(node.name).resource(nodes);
				event(node, "Starting", "Starting kubelet.");
				const created = await client.create(object).catch((error: unknown) => {
					if (isStatusError(error, "AlreadyExists")) return undefined;
					throw error;
				});
				node.registered = true;
				node.conditions = object.status?.conditions;
				if (created === undefined) await this.reportStatus(node);
				await this.#registerDrivers(node, created ?? this.#options.cachedNode(node.name));
				if (node.description.cgroupVersion === 1) event(node, "CgroupV1", olderCgroupsWarning, "Warning");
				for (const reason of ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"])
					event(node, reason, `Node ${node.name} status is now: ${reason}`);
				event(node, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
				event(node, "NodeReady", `Node ${node.name} status is now: NodeReady`);
				return;
			} catch (error) {
				log.warn("Unable to register node with API server", { node: node.name, error: String(error) });
				await new Promise<void>((resolve) => clock.setTimeout(resolve, registerRetryMs));
			}
		}
	}

	/** The node's CSI drivers, in an object that goes with the node. */
	async #registerDrivers({ name }: SimNode, object: Node | undefined): Promise<void> {
		if (object === undefined) return;
		try {
			await this.#options.clientFor(name).resource(csiNodes).create(csiNodeObject(object));
		} catch (error) {
			if (!isStatusError(error, "AlreadyExists")) throw error;
		}
	}

	async #renew(node: SimNode): Promise<void> {
		for (let tries = 1; tries <= maxTries; tries++) {
			if (this.#stopped || !node.running || (await this.#tryRenew(node))) return;
		}
	}

	/** Whether it came through. */
	async #tryRenew(node: SimNode): Promise<boolean> {
		const { clock, log, clientFor, cachedNode } = this.#options;
		const client = clientFor(node.name).resource(leases);
		try {
			if (!node.registered) {
				await this.#register(node);
				return true;
			}
			if (node.lease === undefined) {
				node.lease = await client.get({ namespace: leaseNamespace, name: node.name }).catch((error: unknown) => {
					if (isStatusError(error, "NotFound")) return undefined;
					throw error;
				});
			}
			if (node.lease === undefined) {
				const owner = cachedNode(node.name) ?? (await clientFor(node.name).resource(nodes).get({ name: node.name }));
				node.lease = await client.create(leaseObject(owner, clock.now()));
				return true;
			}
			node.lease = await client.update({
				...node.lease,
				spec: { ...node.lease.spec, holderIdentity: node.name, renewTime: formatMicroTime(clock.now()) },
			});
			return true;
		} catch (error) {
			// Somebody else wrote it, or it is gone: read it anew.
			node.lease = undefined;
			log.warn("Failed to update lease", { node: node.name, error: String(error) });
			return false;
		}
	}
}
