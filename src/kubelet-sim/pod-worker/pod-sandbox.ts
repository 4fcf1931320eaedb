/**
 * The sandbox around a pod's containers: what runs it, its devices, its network and what its containers share. A pod has one at a
 * time; the sandboxes of before are in its record (sandboxes.ts).
 *
 *   absent ── create: devices, RuntimeClass, address ──> ready ── stop ──> stopped
 *      ^ └─────────── fails: again later ───────────────┘ │
 *      └───────────────── lose: power, or by hand ────────┘
 *
 * Source of behaviour: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go.
 */
import { Kernel, PidNamespace } from "../../host/index.ts";
import { podDns } from "../container/network-files.ts";
import { deviceEnvironment, type PodDevices, prepareDevices, usesDevices } from "../devices/pod-devices.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import { OutOfAddressesError } from "../node/addresses.ts";
import type { Environment } from "../volumes/environment.ts";
import type { ContainerSpec, PodOnNode } from "./pod-scope.ts";
import { guestKernelRelease, type SandboxRuntime, sandboxEnded, sandboxOpened, usualRuntime } from "./sandboxes.ts";

/** Until one that could not be made is tried again. */
const retryMs = 10_000;

export class PodSandbox {
	readonly #scope: PodOnNode;
	#network: PodNetwork | undefined;
	#runtime: SandboxRuntime = usualRuntime;
	/** Of its virtual machine, once something runs there. */
	#guest: Kernel | undefined;
	/** Of the pod's claims, once they are prepared; of a pod without claims never. */
	#devices: PodDevices | undefined;
	#sharedPids: PidNamespace | undefined;
	/** The one that the pod had is gone before its time. */
	#isLost = false;

	constructor(scope: PodOnNode) {
		this.#scope = scope;
	}

	/** Undefined while there is no sandbox. */
	get network(): PodNetwork | undefined {
		return this.#network;
	}

	get runtime(): SandboxRuntime {
		return this.#runtime;
	}

	/** Beneath its containers: the node's, or that of its virtual machine. */
	get kernel(): Kernel {
		if (this.#runtime.kind !== "kata") return this.#scope.node.kernel;
		if (this.#guest === undefined) {
			this.#guest = new Kernel();
			this.#guest.release = guestKernelRelease;
		}
		return this.#guest;
	}

	/** Of a pod whose containers see each other's processes. */
	get sharedPids(): PidNamespace | undefined {
		return this.#sharedPids;
	}

	/** What the drivers of the pod's devices set in the container. */
	deviceEnvironment(container: ContainerSpec): Environment {
		return deviceEnvironment(this.#devices, this.#scope.pod, container);
	}

	/** Makes one, which takes its time. */
	create(): void {
		const { pod, record } = this.#scope;
		if (this.#isLost) this.#scope.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
		this.#isLost = false;
		record.sandbox = "creating";
		if (usesDevices(pod) && this.#devices === undefined) {
			void this.#prepareDevices();
			return;
		}
		const { runtimeClassName } = pod.spec ?? {};
		if (runtimeClassName !== undefined) void this.#findRuntime(runtimeClassName);
		else this.#openSoon();
	}

	/**
	 * The pod has one from before this process, at the address of its record.
	 * @param onOpen its containers can be set running
	 */
	resume(onOpen: () => void): void {
		const { pod, record } = this.#scope;
		this.#joinNetwork(record.ip);
		if (usesDevices(pod) || pod.spec?.runtimeClassName !== undefined) void this.#recall(onOpen);
		else this.#resumed(onOpen);
	}

	/** The pod has ended. */
	stop(): void {
		const { record, node, host } = this.#scope;
		if (record.sandbox === "ready") node.counters.count("runtime_operations_total", "stop_podsandbox");
		record.sandbox = "stopped";
		sandboxEnded(record, host.clock.now());
		this.leaveNetwork();
	}

	/** It is gone with its machine's power, or was stopped behind the kubelet's back: another one is needed if there is still something to run. */
	lose(): void {
		const { record, host } = this.#scope;
		this.leaveNetwork();
		record.ip = "";
		sandboxEnded(record, host.clock.now());
		if (record.sandbox === "stopped" || record.sandbox === "absent") return;
		record.sandbox = "absent";
		if (record.ending === undefined && !record.deleting) this.#isLost = true;
	}

	/** There is no sandbox without them. Never rejects. */
	async #prepareDevices(): Promise<void> {
		const scope = this.#scope;
		const again = () => {
			scope.record.sandbox = "absent";
		};
		try {
			this.#devices = await this.#claimedDevices();
			scope.after(0, again);
		} catch (error) {
			const why = `prepare dynamic resources: ${error instanceof Error ? error.message : String(error)}`;
			if (!scope.closed) scope.event("Warning", "FailedPrepareDynamicResources", `Failed to prepare dynamic resources: ${why}`);
			scope.after(retryMs, again);
		}
	}

	#claimedDevices(): Promise<PodDevices> {
		const { host, node, pod } = this.#scope;
		const namespace = pod.metadata?.namespace ?? "";
		return prepareDevices(pod, (name) => host.resourceClaim(node.name, namespace, name));
	}

	/** Each sandbox asks anew: the class and the node's runtime may have changed. Never rejects. */
	async #findRuntime(runtimeClass: string): Promise<void> {
		const scope = this.#scope;
		const { host, node, record } = scope;
		try {
			this.#runtime = await host.sandboxRuntime(node.name, runtimeClass);
		} catch (error) {
			if (scope.closed || record.sandbox !== "creating") return;
			this.#failed(error instanceof Error ? error.message : String(error));
			scope.sync();
			return;
		}
		if (scope.closed || record.sandbox !== "creating") return;
		this.#openSoon();
		scope.sync();
	}

	/** After a restart of the kubelet: the pod runs, and has its devices and its runtime. Never rejects. */
	async #recall(onOpen: () => void): Promise<void> {
		const scope = this.#scope;
		const { host, node, pod } = scope;
		const { metadata, spec } = pod;
		try {
			if (spec?.runtimeClassName !== undefined) this.#runtime = await host.sandboxRuntime(node.name, spec.runtimeClassName);
			if (usesDevices(scope.pod)) this.#devices = await this.#claimedDevices();
		} catch (error) {
			host.log.warn("Failed to recall devices or the runtime of a pod", { pod: metadata?.name, error: String(error) });
		}
		if (!scope.closed) this.#resumed(onOpen);
	}

	#resumed(onOpen: () => void): void {
		this.#opened(this.#scope.record.startMs);
		onOpen();
	}

	#openSoon(): void {
		const { host, record } = this.#scope;
		this.#scope.after(host.latency.sandboxMs(host.random), () => {
			if (record.sandbox !== "creating") return;
			if (record.ending !== undefined) record.sandbox = "absent";
			else this.#open();
		});
	}

	#open(): void {
		const { host, node, pod, record } = this.#scope;
		if (node.sandboxError !== undefined) {
			this.#failed(node.sandboxError);
			return;
		}
		try {
			this.#joinNetwork(pod.spec?.hostNetwork === true ? node.address : node.allocateAddress());
			record.sandbox = "ready";
			node.counters.count("runtime_operations_total", "run_podsandbox");
			node.counters.count("started_pods_total");
			this.#opened(host.clock.now());
			for (const warning of podDns(pod, host.clusterDns).warnings) this.#scope.event("Warning", "DNSConfigForming", warning);
		} catch (error) {
			if (!(error instanceof OutOfAddressesError)) throw error;
			const why = `plugin type="ptp" failed (add): failed to allocate for range 0: ${error.message}`;
			this.#failed(`rpc error: code = Unknown desc = failed to setup network for sandbox: ${why}`);
		}
	}

	#failed(why: string): void {
		const { host, record } = this.#scope;
		this.#scope.event("Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${why}`);
		record.sandbox = "absent";
		record.retryMs = host.clock.now() + retryMs;
	}

	#opened(createdMs: number): void {
		const { node, pod, record } = this.#scope;
		const ip = record.ip === node.address ? "" : record.ip;
		this.#guest = undefined;
		const { shareProcessNamespace, hostPID } = pod.spec ?? {};
		this.#sharedPids = shareProcessNamespace === true && hostPID !== true ? new PidNamespace(this.kernel, 1) : undefined;
		sandboxOpened(record, { runtime: this.#runtime, createdMs, ip, shimPid: node.kernel.reservePids(2) });
	}

	/** It begins: with an address. */
	#joinNetwork(address: string): void {
		const { host, node, record } = this.#scope;
		record.ip = address;
		if (address === node.address) {
			this.#network = node.network;
			return;
		}
		node.reserveAddress(address);
		this.#network = host.network.add(address, node, this.#scope);
	}

	/** Its address is free again. */
	leaveNetwork(): void {
		const { host, node } = this.#scope;
		const network = this.#network;
		this.#network = undefined;
		if (network === undefined || network === node.network) return;
		host.network.remove(network);
		node.releaseAddress(network.address);
	}
}
