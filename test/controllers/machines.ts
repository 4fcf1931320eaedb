/**
 * The simplest scheduler and kubelets there can be: a pod is bound, becomes ready, ends as its image says, and is gone some time
 * after its deletion. Nothing goes wrong on their way to the server, so that what goes wrong is the controller's.
 */

import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { Pod } from "../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../src/apimachinery/status-error.ts";
import { formatTime } from "../../src/apimachinery/time.ts";
import { pods } from "../../src/client/resources.ts";
import type { TestCluster } from "../../src/testbench/test-cluster.ts";

/** Containers of these images end by themselves; all others run. */
export const images = { succeeds: "succeeds", fails: "fails" } as const;
/** What empties a volume. */
const recyclerImage = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.4";

const startWithinMs = 2_000;
const stopWithinMs = 4_000;
const runWithinMs = 10_000;

export class Machines {
	readonly #cluster: TestCluster;
	readonly #random: SeededRandom;
	/** By uid: what has been begun, so that it is begun once. */
	readonly #begun = new Map<string, "start" | "stop">();

	constructor(cluster: TestCluster, seed: string | number) {
		this.#cluster = cluster;
		this.#random = new SeededRandom(`${seed} machines`);
	}

	start(): void {
		this.#cluster.timeline.onEntry(({ kind, type, object }) => {
			if (kind === "Pod" && type !== "DELETED") this.#see(object as Pod);
		});
	}

	#see(pod: Pod): void {
		const uid = pod.metadata?.uid ?? "";
		const begun = this.#begun.get(uid);
		if (pod.metadata?.deletionTimestamp !== undefined) {
			if (begun === "stop") return;
			this.#begun.set(uid, "stop");
			this.#later(stopWithinMs, () => this.#stop(pod));
		} else if (begun === undefined) {
			this.#begun.set(uid, "start");
			this.#later(startWithinMs, () => this.#run(pod));
		}
	}

	#later(withinMs: number, action: () => Promise<unknown>): void {
		const ignore = (error: unknown) => {
			// Somebody else was first: the pod is gone, or ends.
			if (!(error instanceof StatusError)) throw error;
		};
		this.#cluster.clock.setTimeout(() => void action().catch(ignore), this.#random.next() * withinMs);
	}

	async #run(pod: Pod): Promise<void> {
		const { namespace, name = "", uid = "" } = pod.metadata ?? {};
		const client = this.#cluster.client.resource(pods);
		if ((pod.spec?.nodeName ?? "") === "") {
			const target = { apiVersion: "v1", kind: "Node", name: nodeFor(pod) };
			const binding = { apiVersion: "v1", kind: "Binding", metadata: { namespace, name, uid }, target };
			await client.createSubresource({ namespace, name }, "binding", binding as Parameters<typeof client.createSubresource>[2]);
		}
		const now = formatTime(this.#cluster.clock.now());
		await this.#status(pod, {
			phase: "Running",
			startTime: now,
			podIP: addressOf(uid),
			podIPs: [{ ip: addressOf(uid) }],
			...ready("True", now),
		});
		const image = pod.spec?.containers[0]?.image;
		if (image === images.succeeds || image === recyclerImage)
			this.#later(runWithinMs, () => this.#status(pod, { phase: "Succeeded", ...this.#ended(pod, 0) }));
		if (image === images.fails) this.#later(runWithinMs, () => this.#status(pod, { phase: "Failed", ...this.#ended(pod, 1) }));
	}

	/** What is deleted has failed, unless it ended before; it goes when nothing holds it. */
	async #stop(pod: Pod): Promise<void> {
		const { namespace, name = "", uid = "" } = pod.metadata ?? {};
		const client = this.#cluster.client.resource(pods);
		const now = await client.get({ namespace, name });
		const isOver = now.status?.phase === "Succeeded" || now.status?.phase === "Failed";
		if (!isOver && (now.metadata?.finalizers ?? []).length > 0) await this.#status(pod, { phase: "Failed", ...this.#ended(pod, 137) });
		await client.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
	}

	#ended({ spec }: Pod, exitCode: number): object {
		const finishedAt = formatTime(this.#cluster.clock.now());
		const state = { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt: finishedAt, finishedAt } };
		const status = (name: string) => ({ name, image: "i", imageID: "i", ready: false, restartCount: 0, state });
		return { ...ready("False", finishedAt), containerStatuses: spec?.containers.map(({ name }) => status(name)) };
	}

	#status({ metadata }: Pod, status: object): Promise<unknown> {
		const ref = { namespace: metadata?.namespace, name: metadata?.name ?? "" };
		const body = { metadata: { uid: metadata?.uid }, status };
		return this.#cluster.client.resource(pods).patch(ref, "application/strategic-merge-patch+json", body, { subresource: "status" });
	}
}

function ready(status: "True" | "False", lastTransitionTime: string): { readonly conditions: readonly object[] } {
	return { conditions: [{ type: "Ready", status, lastTransitionTime }] };
}

/** Where a DaemonSet's pod has to run, or anywhere. */
function nodeFor({ spec }: Pod): string {
	const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
	return terms[0]?.matchFields?.[0]?.values?.[0] ?? "node-1";
}

/** Of the pod network; the same for the same pod. */
function addressOf(uid: string): string {
	const [a = 0, b = 0] = [uid.slice(0, 2), uid.slice(2, 4)].map((text) => Number.parseInt(text, 16));
	return `10.244.${a}.${1 + (b % 254)}`;
}
