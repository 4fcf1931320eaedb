/**
 * The sandboxes that a pod has had on its node: the present one, and those before it for as long as the runtime keeps them. What a
 * container runtime knows of a sandbox beyond its pod is no more than this.
 */
/** What runs a sandbox's containers. */
export interface SandboxRuntime {
	/** As containerd's configuration names it; "" is its default. */
	readonly handler: string;
	/** runc: processes of the node. kata: a virtual machine with a kernel of its own. wasm: modules, and nothing else. */
	readonly kind: "runc" | "kata" | "wasm";
}

/** Of a virtual machine of Kata Containers 3, as its versions.yaml has it. */
export const guestKernelRelease = "6.18.5";
/** Processors of such a machine, without a limit: default_vcpus of its configuration. */
export const guestCpus = "1";

/** Of pods without a RuntimeClass. */
export const usualRuntime: SandboxRuntime = { handler: "", kind: "runc" };

export interface SandboxInstance {
	/** 0 for the pod's first one. */
	readonly attempt: number;
	readonly runtime: SandboxRuntime;
	/** Unix ms. */
	readonly createdMs: number;
	/** On the node, of its shim; its pause process has the next one. */
	readonly shimPid: number;
	/** "" with the node's network. */
	readonly ip: string;
	/** When it was stopped, Unix ms; absent: it is ready. */
	readonly endedMs?: number;
}

/** Of a pod: the present one, or the one that ended last, behind those before it. */
interface SandboxHistory {
	sandboxes: readonly SandboxInstance[];
}

/** Before there is one: shared by all pods. */
export const noSandboxes: readonly SandboxInstance[] = [];

/** One before the present one is kept as long as dead containers may be in it. */
const maxKept = 3;

export function sandboxOpened(record: SandboxHistory, instance: Omit<SandboxInstance, "attempt">): void {
	const attempt = (record.sandboxes.at(-1)?.attempt ?? -1) + 1;
	record.sandboxes = record.sandboxes.slice(1 - maxKept).concat({ attempt, ...instance });
}

export function sandboxEnded(record: SandboxHistory, endedMs: number): void {
	const last = record.sandboxes.at(-1);
	if (last !== undefined && last.endedMs === undefined) record.sandboxes = [...record.sandboxes.slice(0, -1), { ...last, endedMs }];
}

/** The one in which an instance of a container was started. */
export function sandboxAt(record: SandboxHistory, startedMs: number): SandboxInstance | undefined {
	return record.sandboxes.findLast(({ createdMs }) => createdMs <= startedMs) ?? record.sandboxes[0];
}
