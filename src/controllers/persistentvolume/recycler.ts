/**
 * Empties a volume for the next claim by a pod that deletes its files.
 * Source of behaviour: pkg/volume/util/recyclerclient, and the pod templates of kube-controller-manager's --pv-recycler-… flags.
 */
import type { PersistentVolume, Pod } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import { pods } from "../../client/resources.ts";
import type { ControllerContext } from "../controller.ts";
import { isPodTerminal } from "../pod-state.ts";

const namespace = "default";
/** A recycler that takes longer has failed. */
const minimumDeadlineSeconds = 60;
const pollMs = 1_000;
const inUseMs = 15_000;
const scrub = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1';

export type RecycleOutcome =
	| { readonly kind: "done" }
	| { readonly kind: "waiting"; readonly forMs: number }
	| { readonly kind: "inUse"; readonly forMs: number; readonly pods: readonly string[] }
	| { readonly kind: "failed"; readonly message: string };

export class Recycler {
	readonly #context: ControllerContext;
	readonly #pods: ObjectCache<Pod>;
	/** Uid of the pod that empties a volume, by the uids of volume and claim: another one of its name emptied it some other time. */
	readonly #started = new Map<string, string>();

	constructor(context: ControllerContext) {
		this.#context = context;
		this.#pods = context.informers.informer(pods).cache;
	}

	/** One step: starts the pod, or sees how it does. Called again until it is done. */
	async recycle(volume: PersistentVolume): Promise<RecycleOutcome> {
		const client = this.#context.client.resource(pods);
		const name = `recycler-for-${volume.metadata?.name}`;
		const users = this.#usersOf(volume);
		if (users.length > 0) return { kind: "inUse", forMs: inUseMs, pods: users };
		const running = await client.get({ namespace, name }).catch((error: unknown) => {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		});
		const occasion = `${volume.metadata?.uid}/${volume.spec?.claimRef?.uid}`;
		if (running === undefined) {
			const started = await client.create(recyclerPod(name, volume));
			this.#started.set(occasion, started.metadata?.uid ?? "");
			return { kind: "waiting", forMs: pollMs };
		}
		const isOld = running.metadata?.uid !== this.#started.get(occasion);
		if (!isOld && !isPodTerminal(running)) return { kind: "waiting", forMs: pollMs };
		await client.delete({ namespace, name });
		if (isOld) return { kind: "waiting", forMs: pollMs };
		this.#started.delete(occasion);
		return running.status?.phase === "Succeeded"
			? { kind: "done" }
			: { kind: "failed", message: running.status?.message ?? "pod failed, pod.Status.Message unknown." };
	}

	/** Pods that still run on a claim that is gone. */
	#usersOf({ spec }: PersistentVolume): readonly string[] {
		const { namespace: of = "", name } = spec?.claimRef ?? {};
		return this.#pods
			.listNamespace(of)
			.filter((pod) => !isPodTerminal(pod) && podClaims(pod).some(({ claim }) => claim === name))
			.map((pod) => `${of}/${pod.metadata?.name}`);
	}
}

function recyclerPod(name: string, { spec }: PersistentVolume): Pod {
	const source = spec?.nfs !== undefined ? { nfs: spec.nfs } : { hostPath: { path: spec?.hostPath?.path ?? "" } };
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name, namespace },
		spec: {
			restartPolicy: "Never",
			activeDeadlineSeconds: minimumDeadlineSeconds,
			volumes: [{ name: "vol", ...source }],
			containers: [
				{
					name: "pv-recycler",
					image: "registry.k8s.io/build-image/debian-base:bookworm-v1.0.4",
					command: ["/bin/sh"],
					args: ["-c", scrub],
					volumeMounts: [{ name: "vol", mountPath: "/scrub" }],
				},
			],
		},
	};
}
