/** What kubelets write of their pods and nodes: status, deletions, events. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Pod, PodStatus } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { Client } from "../client/client.ts";
import { EventRecorder } from "../client/event-recorder.ts";
import { pods } from "../client/resources.ts";
import { Semaphore } from "./semaphore.ts";
import { statusPatch } from "./status-patch.ts";

/** Status writes and deletions under way at once, of the whole fleet. */
const maxWrites = 64;

export interface KubeletWritesOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly clientFor: (node: string) => Client;
	/** Whether nodes write events of their own. */
	readonly nodeEvents: boolean;
	/** Ends what is under way; undefined before the fleet starts. */
	readonly signal: () => AbortSignal | undefined;
}

export class KubeletWrites {
	readonly #options: KubeletWritesOptions;
	readonly #writes = new Semaphore(maxWrites);
	readonly #recorders = new Map<string, EventRecorder>();

	constructor(options: KubeletWritesOptions) {
		this.#options = options;
	}

	/** The node is gone for good. */
	forget(node: string): void {
		this.#recorders.delete(node);
	}

	/** Resolves to the pod as the API has it now; undefined if it is gone. Rejects with a `StatusError` or transport error. */
	patchStatus(node: string, pod: Pod, status: PodStatus): Promise<Pod | undefined> {
		return this.#writes.run(() => this.#patchStatus(node, pod, status));
	}

	/** Removes the object of a pod whose containers are gone. Rejects like patchStatus. */
	removePod(node: string, pod: Pod): Promise<void> {
		return this.#writes.run(() => this.#removePod(node, pod));
	}

	async #patchStatus(node: string, pod: Pod, status: PodStatus): Promise<Pod | undefined> {
		const { namespace, name = "" } = pod.metadata ?? {};
		try {
			return await this.#options
				.clientFor(node)
				.resource(pods)
				.patch({ namespace, name }, "application/strategic-merge-patch+json", statusPatch(pod, status), { subresource: "status" });
		} catch (error) {
			// There is nobody left to report on.
			if (await this.#isGone(node, pod, error)) return undefined;
			throw error;
		}
	}

	async #removePod(node: string, pod: Pod): Promise<void> {
		const { namespace, name = "", uid } = pod.metadata ?? {};
		try {
			await this.#options
				.clientFor(node)
				.resource(pods)
				.delete({ namespace, name }, { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) });
		} catch (error) {
			if (!(await this.#isGone(node, pod, error))) throw error;
		}
	}

	/** Whether a write failed because the pod is gone, or another one has its name; a conflict may also be a write of somebody else. */
	async #isGone(node: string, { metadata }: Pod, error: unknown): Promise<boolean> {
		if (isStatusError(error, "NotFound")) return true;
		if (!isStatusError(error, "Conflict")) return false;
		const { namespace, name = "", uid } = metadata ?? {};
		const found = await this.#options
			.clientFor(node)
			.resource(pods)
			.get({ namespace, name })
			.catch((failure: unknown) => {
				if (isStatusError(failure, "NotFound")) return undefined;
				throw failure;
			});
		return found?.metadata?.uid !== uid;
	}

	podEvent(node: string, pod: Pod, type: "Normal" | "Warning", reason: string, message: string, container: string | undefined): void {
		const details = container === undefined ? {} : { fieldPath: fieldPathOf(pod, container) };
		this.recorder(node).event({ apiVersion: "v1", kind: "Pod", metadata: pod.metadata ?? {} }, type, reason, message, details);
	}

	nodeEvent(node: string, reason: string, message: string, type: "Normal" | "Warning" = "Normal"): void {
		if (!this.#options.nodeEvents) return;
		// The kubelet knows no uid of its Node when it starts: it uses the name.
		this.recorder(node).event({ apiVersion: "v1", kind: "Node", metadata: { name: node, uid: node } }, type, reason, message);
	}

	/** Of a node's kubelet. */
	recorder(node: string): EventRecorder {
		const known = this.#recorders.get(node);
		if (known !== undefined) return known;
		const signal = this.#options.signal();
		const made = new EventRecorder({
			client: this.#options.clientFor(node),
			clock: this.#options.clock,
			random: this.#options.random,
			component: "kubelet",
			host: node,
			log: this.#options.log,
			...(signal === undefined ? {} : { signal }),
		});
		this.#recorders.set(node, made);
		return made;
	}
}

function fieldPathOf({ spec }: Pod, container: string): string {
	if (spec?.initContainers?.some(({ name }) => name === container)) return `spec.initContainers{${container}}`;
	if (spec?.ephemeralContainers?.some(({ name }) => name === container)) return `spec.ephemeralContainers{${container}}`;
	return `spec.containers{${container}}`;
}
