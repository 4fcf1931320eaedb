/**
 * What the kubelet writes on sandboxes and containers, by which it and others find them again.
 * Source: pkg/kubelet/kuberuntime/labels.go, pkg/kubelet/types/constants.go
 */
import { createHash } from "node:crypto";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { ContainerKind } from "../pod-worker/pod-record.ts";

type Texts = Readonly<Record<string, string>>;

function podLabels({ metadata }: Pod): Texts {
	return {
		"io.kubernetes.pod.name": metadata?.name ?? "",
		"io.kubernetes.pod.namespace": metadata?.namespace ?? "",
		"io.kubernetes.pod.uid": metadata?.uid ?? "",
	};
}

export function sandboxLabels(pod: Pod): Texts {
	return { ...pod.metadata?.labels, ...podLabels(pod) };
}

/** @param seenMs when the kubelet first saw the pod, Unix ms */
export function sandboxAnnotations({ metadata }: Pod, seenMs: number): Texts {
	const seen = formatTime(seenMs).replace("Z", ".000000000Z");
	return { "kubernetes.io/config.seen": seen, "kubernetes.io/config.source": "api", ...metadata?.annotations };
}

export function containerLabels(pod: Pod, name: string): Texts {
	return { "io.kubernetes.container.name": name, ...podLabels(pod) };
}

export function containerAnnotations(pod: Pod, spec: Container | EphemeralContainer, kind: ContainerKind, restarts: number): Texts {
	const { terminationGracePeriodSeconds } = pod.spec ?? {};
	const grace = terminationGracePeriodSeconds === undefined ? undefined : String(terminationGracePeriodSeconds);
	const preStop = spec.lifecycle?.preStop;
	const ports = "ports" in spec && (spec.ports ?? []).length > 0 ? spec.ports : undefined;
	return {
		"io.kubernetes.container.hash": createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 8),
		...(ports === undefined ? {} : { "io.kubernetes.container.ports": JSON.stringify(ports) }),
		...(preStop === undefined ? {} : { "io.kubernetes.container.preStopHandler": JSON.stringify(preStop) }),
		"io.kubernetes.container.restartCount": String(restarts),
		"io.kubernetes.container.terminationMessagePath": spec.terminationMessagePath ?? "/dev/termination-log",
		"io.kubernetes.container.terminationMessagePolicy": spec.terminationMessagePolicy ?? "File",
		"io.kubernetes.container.type": kind === "ephemeral" ? "ephemeral" : kind === "main" ? "container" : "init",
		...(grace === undefined ? {} : { "io.kubernetes.pod.terminationGracePeriod": grace }),
	};
}

/** https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location-node */
export function podLogDirectory({ metadata }: Pod): string {
	return `/var/log/pods/${metadata?.namespace}_${metadata?.name}_${metadata?.uid}`;
}
