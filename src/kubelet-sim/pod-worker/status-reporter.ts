/**
 * Brings a pod's status to the API: one write at a time, only what has changed, and in the end the deletion of the
 * object. What changes while a write is under way goes with the next one.
 */
import { fnv1a32 } from "../../apimachinery/hash.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Pod, PodStatus } from "../../apimachinery/schema/generated/types.ts";
import type { WorkerHost } from "./worker-host.ts";

/** Between a write that failed and the next try. */
const retryMs = 1_000;

export interface ReporterOptions {
	readonly host: WorkerHost;
	readonly node: string;
	readonly pod: () => Pod;
	/** The pod as the API has it after a write. */
	readonly onWritten: (pod: Pod) => void;
	/** What is to be reported now; undefined: nothing, as the pod is being left alone. */
	readonly status: () => PodStatus | undefined;
}

export class StatusReporter {
	readonly #options: ReporterOptions;
	/** fnv1a of the status last sent, which itself would cost kilobytes; 0: none was sent. */
	#sentHash = 0;
	#writing = false;
	#removalWanted = false;
	/** Whatever the pod is known to say. */
	#mustSend = false;

	constructor(options: ReporterOptions) {
		this.#options = options;
	}

	/** The object is to go, after the last status has been written. */
	requestRemoval(): void {
		this.#removalWanted = true;
	}

	/** Whoever had the status is another one now: it is written once more. */
	reportAnew(): void {
		this.#sentHash = 0;
		this.#mustSend = true;
		this.report();
	}

	/** Writes what is not written yet. */
	report(): void {
		if (this.#writing) return;
		const status = this.#options.status();
		if (status === undefined) return;
		const hash = fnv1a32(JSON.stringify(status)) || 1;
		const isKnown = this.#sentHash === 0 && !this.#mustSend && isReported(this.#options.pod().status, status);
		if (hash !== this.#sentHash && !isKnown) void this.#write(() => this.#send(status, hash));
		else if (this.#removalWanted) void this.#write(() => this.#remove());
	}

	async #send(status: PodStatus, hash: number): Promise<void> {
		const { host, node, pod, onWritten } = this.#options;
		this.#sentHash = hash;
		this.#mustSend = false;
		const written = await host.patchStatus(node, pod(), status);
		if (written !== undefined) onWritten(written);
	}

	async #remove(): Promise<void> {
		const { host, node, pod } = this.#options;
		await host.removePod(node, pod());
		this.#removalWanted = false;
	}

	async #write(send: () => Promise<void>): Promise<void> {
		const { host, node, pod } = this.#options;
		this.#writing = true;
		try {
			await send();
		} catch (error) {
			this.#sentHash = 0;
			host.log.warn("Failed to update status for pod", { pod: pod().metadata?.name, node, error: String(error) });
			await new Promise<void>((resolve) => host.clock.setTimeout(resolve, retryMs));
		}
		this.#writing = false;
		this.report();
	}
}

/** Whether the API has this status already: so after a restart of the cluster, when nothing has changed. */
function isReported(before: PodStatus | undefined, status: PodStatus): boolean {
	return before !== undefined && jsonEqual({ ...before, ...status }, before);
}
