/**
 * The OCI runtime configuration (config.json of a bundle) that containerd makes for a container of a pod.
 * Source: https://github.com/opencontainers/runtime-spec/blob/main/config.md; containerd 2.1, internal/cri/server/container_create.go, pkg/oci/spec.go
 */
import type { JsonObject, JsonValue } from "../../apimachinery/json.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { capabilityNames, defaultCapabilities } from "../../host/index.ts";
import { type CgroupDriver, type LinuxResources, ociCgroupsPath } from "../cgroups/layout.ts";
import { namespaceName } from "../network/machine-view.ts";
import { capabilitiesOf } from "../pod-worker/sandbox-facts.ts";
import type { ContainerDetails, PodSandbox, RuntimeContainer, RuntimeMount } from "./cri.ts";
import { podLogDirectory } from "./labels.ts";

export const ociVersion = "1.2.1";

const maskedPaths = [
	"/proc/asound",
	"/proc/acpi",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export interface SpecOptions {
	readonly pod: Pod;
	readonly spec: Container | EphemeralContainer;
	readonly container: RuntimeContainer;
	readonly args: readonly string[];
	readonly env: ReadonlyMap<string, string>;
	readonly cwd: string;
	readonly mounts: readonly RuntimeMount[];
	readonly resources: ContainerDetails["resources"];
	readonly driver: CgroupDriver;
	/** Of the sandbox's pause process, as the node sees it. */
	readonly sandboxPid: number;
}

export function ociSpec(options: SpecOptions): JsonObject {
	const { pod, spec, args, env, cwd, resources } = options;
	const { securityContext } = spec;
	const own = pod.spec?.securityContext;
	const uid = securityContext?.runAsUser ?? own?.runAsUser ?? 0;
	const gid = securityContext?.runAsGroup ?? own?.runAsGroup ?? 0;
	const isPrivileged = securityContext?.privileged === true;
	const capabilities = capabilityNames(capabilitiesOf(spec));
	const effective = uid === 0 ? capabilities : [];
	return {
		ociVersion,
		process: {
			...(spec.tty === true ? { terminal: true } : {}),
			user: {
				uid,
				gid,
				additionalGids: [...new Set([gid, ...(own?.fsGroup === undefined ? [] : [own.fsGroup]), ...(own?.supplementalGroups ?? [])])],
			},
			args: [...args],
			env: [...env].map(([name, value]) => `${name}=${value}`),
			cwd,
			capabilities: { bounding: capabilities, effective, permitted: effective },
			...(securityContext?.allowPrivilegeEscalation === false ? { noNewPrivileges: true } : {}),
			...(isPrivileged ? {} : { apparmorProfile: "cri-containerd.apparmor.d" }),
			oomScoreAdj: resources.oomScoreAdj,
		},
		root: { path: "rootfs", ...(securityContext?.readOnlyRootFilesystem === true ? { readonly: true } : {}) },
		mounts: mountsOf(options, isPrivileged),
		annotations: annotationsOf(options),
		linux: {
			resources: resourcesOf(resources, isPrivileged),
			cgroupsPath: ociCgroupsPath(pod, options.container.id, options.driver),
			namespaces: namespacesOf(options),
			...(isPrivileged ? {} : { maskedPaths, readonlyPaths }),
		},
	};
}

/** Of a sandbox: its pause container, which holds the pod's namespaces. */
export function sandboxSpec(pod: Pod, { id, namespace, name, uid, ip }: PodSandbox, driver: CgroupDriver): JsonObject {
	const { hostPID, hostIPC, hostNetwork, hostname } = pod.spec ?? {};
	const prefix = "io.kubernetes.cri";
	return {
		ociVersion,
		process: {
			user: { uid: 65_535, gid: 65_535 },
			args: ["/pause"],
			env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
			cwd: "/",
			capabilities: { bounding: capabilityNames(defaultCapabilities), effective: [], permitted: [] },
			noNewPrivileges: true,
			oomScoreAdj: -998,
		},
		root: { path: "rootfs", readonly: true },
		...(hostNetwork === true ? {} : { hostname: hostname ?? name.slice(0, 63) }),
		annotations: {
			[`${prefix}.container-type`]: "sandbox",
			[`${prefix}.sandbox-id`]: id,
			[`${prefix}.sandbox-log-directory`]: podLogDirectory(pod),
			[`${prefix}.sandbox-name`]: name,
			[`${prefix}.sandbox-namespace`]: namespace,
			[`${prefix}.sandbox-uid`]: uid,
		},
		linux: {
			resources: { devices: [{ allow: false, access: "rwm" }], cpu: { shares: 2 } },
			cgroupsPath: ociCgroupsPath(pod, id, driver),
			namespaces: [
				...(hostPID === true ? [] : [{ type: "pid" }]),
				...(hostIPC === true ? [] : [{ type: "ipc" }]),
				{ type: "uts" },
				{ type: "mount" },
				...(hostNetwork === true ? [] : [{ type: "network", path: `/var/run/netns/${namespaceName(ip)}` }]),
			],
			maskedPaths,
			readonlyPaths,
		},
	};
}

function mountsOf({ mounts, container }: SpecOptions, isPrivileged: boolean): JsonValue[] {
	const access = isPrivileged ? "rw" : "ro";
	const standard: readonly (readonly [string, string, string, readonly string[]])[] = [
		["/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]],
		["/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]],
		["/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]],
		["/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]],
		["/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]],
		["/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", access]],
	];
	const sandboxFiles = `/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${container.sandboxId}`;
	const bind = (destination: string, source: string, propagation: string, readonly: boolean): JsonValue => ({
		destination,
		type: "bind",
		source,
		options: ["rbind", propagation, readonly ? "ro" : "rw"],
	});
	return [
		...standard.map(([destination, type, source, options]) => ({ destination, type, source, options: [...options] })),
		...mounts.map(({ containerPath, hostPath, readonly, propagation }) =>
			bind(containerPath, hostPath, ociPropagation[propagation], readonly),
		),
		bind("/etc/hostname", `${sandboxFiles}/hostname`, "rprivate", false),
		bind("/etc/resolv.conf", `${sandboxFiles}/resolv.conf`, "rprivate", false),
		bind("/dev/shm", `/run/containerd/io.containerd.grpc.v1.cri/sandboxes/${container.sandboxId}/shm`, "rprivate", false),
	];
}

const ociPropagation = {
	PROPAGATION_PRIVATE: "rprivate",
	PROPAGATION_HOST_TO_CONTAINER: "rslave",
	PROPAGATION_BIDIRECTIONAL: "rshared",
} as const;

function annotationsOf({ pod, container }: SpecOptions): JsonObject {
	const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
	const prefix = "io.kubernetes.cri";
	return {
		[`${prefix}.container-name`]: container.name,
		[`${prefix}.container-type`]: "container",
		[`${prefix}.image-name`]: container.image,
		[`${prefix}.sandbox-id`]: container.sandboxId,
		[`${prefix}.sandbox-name`]: name,
		[`${prefix}.sandbox-namespace`]: namespace,
		[`${prefix}.sandbox-uid`]: uid,
	};
}

function resourcesOf({ memoryLimitInBytes, cpuShares, cpuQuota, cpuPeriod }: LinuxResources, isPrivileged: boolean): JsonObject {
	return {
		devices: [{ allow: isPrivileged, access: "rwm" }],
		memory: memoryLimitInBytes === 0 ? {} : { limit: memoryLimitInBytes, swap: memoryLimitInBytes },
		cpu: { shares: cpuShares, ...(cpuQuota === 0 ? {} : { quota: cpuQuota }), period: cpuPeriod },
		unified: { "memory.oom.group": "1", "memory.swap.max": "0" },
	};
}

/** A container has its own, or joins those of its pod's sandbox; what the node shares is not named. */
function namespacesOf({ pod, sandboxPid }: SpecOptions): JsonValue[] {
	const { hostPID, hostIPC, hostNetwork, shareProcessNamespace } = pod.spec ?? {};
	const of = (name: string) => `/proc/${sandboxPid}/ns/${name}`;
	return [
		...(hostPID === true ? [] : [shareProcessNamespace === true ? { type: "pid", path: of("pid") } : { type: "pid" }]),
		...(hostIPC === true ? [] : [{ type: "ipc", path: of("ipc") }]),
		{ type: "uts", path: of("uts") },
		{ type: "mount" },
		...(hostNetwork === true ? [] : [{ type: "network", path: of("net") }]),
		{ type: "cgroup" },
	];
}
