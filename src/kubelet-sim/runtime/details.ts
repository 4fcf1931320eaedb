/** What the runtime says of a container or sandbox when it is asked for everything: how it was made, and what runs it. */
import type { JsonObject } from "../../apimachinery/json.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type CgroupDriver, linuxResources, oomScoreAdjOf, podCgroup } from "../cgroups/layout.ts";
import { terminationFile } from "../node/pod-directories.ts";
import { findContainer } from "../pod-worker/pod-record.ts";
import type { PodVolumes, VolumePlace } from "../volumes/pod-volumes.ts";
import { podDirectory } from "../volumes/volume-directory.ts";
import type { ContainerDetails, RuntimeMount } from "./cri.ts";
import { podLogDirectory } from "./labels.ts";
import { ociSpec } from "./oci-spec.ts";
import type { ContainerEntry } from "./runtime-view.ts";

export function containerDetails(entry: ContainerEntry, nodeMemory: string, sandboxPid: number): ContainerDetails {
	const { container, pod: worker, worker: own } = entry;
	const { pod } = worker;
	const spec = findContainer(pod, container.name) ?? { name: container.name };
	const instance = own.container;
	const mounts = mountsOf(pod, spec, container.id, worker.volumes);
	const oomScoreAdj = oomScoreAdjOf(pod, spec, quantityToNumber(nodeMemory));
	const resources = { ...linuxResources(own.record.actuated ?? own.record.allocated), oomScoreAdj };
	const { cgroupDriver: driver } = worker.node;
	const securityContext = pod.spec?.securityContext;
	const uid = spec.securityContext?.runAsUser ?? securityContext?.runAsUser ?? 0;
	const gid = spec.securityContext?.runAsGroup ?? securityContext?.runAsGroup ?? 0;
	const env = instance?.env() ?? new Map<string, string>();
	const args = instance?.argv ?? [];
	const cwd = instance?.workingDir ?? "/";
	return {
		mounts,
		resources,
		user: { uid, gid, supplementalGroups: [gid, ...(securityContext?.supplementalGroups ?? [])] },
		stopSignal: instance?.stopSignal ?? "SIGTERM",
		config: configOf(entry, spec, mounts, resources, env),
		spec: ociSpec({ pod, spec, container, args, env, cwd, mounts, resources, sandboxPid, driver }),
	};
}

function configOf(
	{ container }: ContainerEntry,
	spec: Container | EphemeralContainer,
	mounts: readonly RuntimeMount[],
	{ cpuPeriod, cpuQuota, cpuShares, memoryLimitInBytes, oomScoreAdj }: ContainerDetails["resources"],
	env: ReadonlyMap<string, string>,
): JsonObject {
	return {
		metadata: { name: container.name, ...(container.attempt === 0 ? {} : { attempt: container.attempt }) },
		image: { image: container.imageId, user_specified_image: container.image },
		...(spec.command === undefined ? {} : { command: [...spec.command] }),
		...(spec.args === undefined ? {} : { args: [...spec.args] }),
		...(spec.workingDir === undefined ? {} : { working_dir: spec.workingDir }),
		envs: [...env].map(([key, value]) => ({ key, value })),
		mounts: mounts.map(({ containerPath, hostPath, readonly }) => ({
			container_path: containerPath,
			host_path: hostPath,
			...(readonly ? { readonly } : {}),
		})),
		labels: { ...container.labels },
		annotations: { ...container.annotations },
		log_path: `${container.name}/${container.attempt}.log`,
		...(spec.stdin === true ? { stdin: true } : {}),
		...(spec.tty === true ? { tty: true } : {}),
		linux: {
			resources: {
				cpu_period: cpuPeriod,
				...(cpuQuota === 0 ? {} : { cpu_quota: cpuQuota }),
				cpu_shares: cpuShares,
				...(memoryLimitInBytes === 0 ? {} : { memory_limit_in_bytes: memoryLimitInBytes }),
				oom_score_adj: oomScoreAdj,
			},
			security_context: { namespace_options: { pid: 1 }, run_as_user: {} },
		},
	};
}

/** With the files that the kubelet adds. Source: pkg/kubelet/kubelet_pods.go, makeMounts. */
function mountsOf(pod: Pod, spec: Container | EphemeralContainer, id: string, volumes: PodVolumes): readonly RuntimeMount[] {
	const directory = podDirectory(pod);
	const places = volumes.places();
	const own = (spec.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly, mountPropagation }): RuntimeMount => {
		const place = places.find(({ volume }) => volume.name === name);
		const hostPath = place === undefined ? "" : hostPathOf(pod, place);
		return {
			containerPath: mountPath,
			hostPath: subPath === undefined || subPath === "" ? hostPath : `${hostPath}/${subPath}`,
			readonly: readOnly === true,
			propagation:
				mountPropagation === "Bidirectional"
					? "PROPAGATION_BIDIRECTIONAL"
					: mountPropagation === "HostToContainer"
						? "PROPAGATION_HOST_TO_CONTAINER"
						: "PROPAGATION_PRIVATE",
		};
	});
	const file = (containerPath: string, hostPath: string): RuntimeMount => ({
		containerPath,
		hostPath,
		readonly: false,
		propagation: "PROPAGATION_PRIVATE",
	});
	return [
		...own,
		file("/etc/hosts", `${directory}/etc-hosts`),
		file(spec.terminationMessagePath ?? "/dev/termination-log", `${directory}/containers/${spec.name}/${terminationFile(id)}`),
	];
}

/** On the node: below the pod's directory, or, of what has no directory of its own, the node's own path. */
function hostPathOf(pod: Pod, { volume, claimed, directory }: VolumePlace): string {
	if (directory === undefined) return volume.hostPath?.path ?? claimed?.spec?.hostPath?.path ?? "";
	const { plugin, name, isInner } = directory;
	return `${podDirectory(pod)}/volumes/${plugin}/${name}${isInner ? "/mount" : ""}`;
}

/** How the kubelet asked for a pod's sandbox. */
export function sandboxConfig(
	pod: Pod,
	sandbox: { readonly labels: JsonObject; readonly annotations: JsonObject; readonly attempt: number },
	dnsServer: string,
	driver: CgroupDriver,
): JsonObject {
	const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
	const { attempt, labels, annotations } = sandbox;
	const isOfNode = pod.spec?.hostNetwork === true;
	const options = {
		...(isOfNode ? { network: 2 } : {}),
		pid: pod.spec?.hostPID === true ? 2 : pod.spec?.shareProcessNamespace === true ? 0 : 1,
		...(pod.spec?.hostIPC === true ? { ipc: 2 } : {}),
	};
	return {
		metadata: { name, uid, namespace, ...(attempt === 0 ? {} : { attempt }) },
		...(isOfNode ? {} : { hostname: pod.spec?.hostname ?? name.slice(0, 63) }),
		log_directory: podLogDirectory(pod),
		dns_config: {
			servers: [dnsServer],
			searches: [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"],
			options: ["ndots:5"],
		},
		labels,
		annotations,
		linux: { cgroup_parent: podCgroup(pod, driver), security_context: { namespace_options: options, seccomp: { profile_type: 1 } } },
	};
}
