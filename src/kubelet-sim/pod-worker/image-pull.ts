/**
 * Whether and how a container's image is to be pulled, with the kubelet's events. Pure.
 * Source of behaviour: pkg/kubelet/images/image_manager.go.
 */
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";
import type { PullAnswer, PulledImage } from "../images/image-catalog.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../images/reference.ts";
import { backoffUntil } from "./backoff.ts";
import type { ContainerRecord } from "./pod-record.ts";
import type { WorkerNode } from "./worker-host.ts";

/** Until a name or policy that cannot work is looked at again. */
const hopelessRetryMs = 10_000;

export interface ContainerEvent {
	readonly type: "Normal" | "Warning";
	readonly reason: string;
	readonly message: string;
}

export type PullDecision =
	/** The node has the image. */
	| { readonly type: "use"; readonly reference: ImageReference; readonly pulled: PulledImage; readonly events: readonly ContainerEvent[] }
	| { readonly type: "pull"; readonly reference: ImageReference; readonly events: readonly ContainerEvent[] }
	| {
			readonly type: "wait";
			readonly reason: string;
			readonly message: string;
			readonly retryAfterMs: number;
			readonly events: readonly ContainerEvent[];
	  };

/** An image that a container needs: its own, or that of a volume. */
export interface ImageNeed {
	/** As the pod names it. */
	readonly image: string;
	readonly policy: string | undefined;
	/** The volume that it is for; absent: the container runs it. */
	readonly volume?: string;
}

/** Those of the volumes that it mounts, and its own. */
export function imageNeeds(
	{ spec }: Pod,
	{ image = "", imagePullPolicy, volumeMounts = [] }: Container | EphemeralContainer,
): readonly ImageNeed[] {
	const own: ImageNeed = { image, policy: imagePullPolicy };
	if (spec?.volumes?.some((volume) => volume.image !== undefined) !== true) return [own];
	const mounted = spec.volumes.filter(({ name }) => volumeMounts.some((mount) => mount.name === name));
	const ofVolumes = mounted.flatMap(({ name, image: source }) =>
		source === undefined ? [] : [{ image: source.reference ?? "", policy: source.pullPolicy, volume: name }],
	);
	return [...ofVolumes, own];
}

export interface ImageView {
	readonly imageOf: (reference: string) => PulledImage | undefined;
	/** Whether the pod has to pull what is there all the same: it has not shown that it may have it. */
	readonly mustPull: (reference: ImageReference, pulled: PulledImage) => boolean;
	readonly nowMs: number;
}

export function decidePull(need: ImageNeed, known: ContainerRecord, { imageOf, mustPull, nowMs }: ImageView): PullDecision {
	const name = JSON.stringify(need.image);
	const reference = parseImageReference(need.image);
	if ("error" in reference) {
		const message = `Failed to apply default image tag ${name}: couldn't parse image name ${name}: ${reference.error}`;
		return waitFor("InvalidImageName", message, hopelessRetryMs, { type: "Warning", reason: "InspectFailed", message });
	}
	const pulled = imageOf(formatImageReference(reference));
	const policy = need.policy ?? (reference.tag === "latest" ? "Always" : "IfNotPresent");
	if (pulled !== undefined && policy !== "Always" && !mustPull(reference, pulled)) {
		const message = `Container image ${name} already present on machine and can be accessed by the pod`;
		return { type: "use", reference, pulled, events: [{ type: "Normal", reason: "Pulled", message }] };
	}
	// Who may not have an image does not learn that it is there.
	if (policy === "Never") {
		const message = `Container image ${name} is not present with pull policy of Never`;
		return waitFor("ErrImageNeverPull", message, hopelessRetryMs, { type: "Warning", reason: "ErrImageNeverPull", message });
	}
	const { imageBackoff, pullError = "" } = known;
	const untilMs = imageBackoff === undefined ? undefined : backoffUntil(imageBackoff, imageBackoff.updatedMs, nowMs);
	if (untilMs !== undefined) {
		const message = `Back-off pulling image ${name}`;
		const event = { type: "Normal", reason: "BackOff", message } as const;
		return waitFor("ImagePullBackOff", `${message}: ErrImagePull: ${pullError}`, untilMs - nowMs, event);
	}
	return { type: "pull", reference, events: [{ type: "Normal", reason: "Pulling", message: `Pulling image ${name}` }] };
}

function waitFor(reason: string, message: string, retryAfterMs: number, event: ContainerEvent): PullDecision {
	return {
		type: "wait",
		reason,
		message,
		retryAfterMs,
		events: [event, { type: "Warning", reason: "Failed", message: `Error: ${reason}` }],
	};
}

/** The event of a pull that took so long, after others that it waited for. */
export function pulledEvent(image: string, tookMs: number, withWaitingMs: number, sizeBytes: number): ContainerEvent {
	const took = formatGoDuration(Math.max(1, tookMs));
	const inAll = formatGoDuration(Math.max(1, withWaitingMs));
	const message = `Successfully pulled image ${JSON.stringify(image)} in ${took} (${inAll} including waiting). Image size: ${sizeBytes} bytes.`;
	return { type: "Normal", reason: "Pulled", message };
}

export function pullFailedEvents(image: string, error: string): readonly ContainerEvent[] {
	return [
		{ type: "Warning", reason: "Failed", message: `Failed to pull image ${JSON.stringify(image)}: ${error}` },
		{ type: "Warning", reason: "Failed", message: "Error: ErrImagePull" },
	];
}

/** What a registry gave, unless the node's disk can't keep it: containerd's error then. */
export function storedOn(node: Pick<WorkerNode, "pullError" | "image">, reference: ImageReference, answer: PullAnswer): PullAnswer {
	if ("error" in answer) return answer;
	const full = formatImageReference(reference);
	const isThere = node.image(full)?.imageId === answer.imageId;
	const pullError = node.pullError(isThere ? 0 : answer.image.sizeBytes);
	if (pullError === undefined) return answer;
	return { error: `rpc error: code = Unknown desc = failed to pull and unpack image "${full}": failed to copy: ${pullError}` };
}
