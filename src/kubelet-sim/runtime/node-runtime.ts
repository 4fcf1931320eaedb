/**
 * The container runtime of one node: a view of what its pod workers hold, and what may be done behind the kubelet's back. The kubelet
 * notices by its pod lifecycle event generator, and does what restart policies say.
 * Source of texts: containerd 2.1, internal/cri/server.
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import { defaultPath, ExecError, FsError, type Process } from "../../host/index.ts";
import type { ContainerLog } from "../container/container-log.ts";
import { addDisk, noDisk } from "../eviction/pod-stats.ts";
import { imageBuiltMs } from "../images/base.ts";
import { pauseImage } from "../images/plain.ts";
import { formatImageReference, parseImageReference } from "../images/reference.ts";
import { type RegistryAccount, registryHostOf } from "../images/registry-options.ts";
import type { SimNode } from "../node/sim-node.ts";
import { forgetExit } from "../pod-worker/container-life.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { SandboxRuntime } from "../pod-worker/sandboxes.ts";
import type { WorkerHost } from "../pod-worker/worker-host.ts";
import {
	type ContainerdConfig,
	containerdConfigPath,
	containerdVersion,
	type RuntimeHandler,
	readContainerdConfig,
	shimName,
	shippedConfig,
} from "./containerd-config.ts";
import {
	type ContainerDetails,
	type ContainerRuntime,
	type ContainerStats,
	CriError,
	type ExecProcess,
	type PodSandbox,
	type RuntimeContainer,
	type RuntimeImage,
	type RuntimeStatus,
	type SandboxDetails,
} from "./cri.ts";
import { containerDetails, sandboxConfig } from "./details.ts";
import { describeImages, findImage, imageConfigId } from "./image-view.ts";
import { sandboxSpec } from "./oci-spec.ts";
import { type ContainerEntry, containersOfPod, type SandboxEntry, sandboxesOfPod } from "./runtime-view.ts";

/** Over which the present use of the processor is taken. */
const usageWindowMs = 10_000;

export interface NodeRuntimeOptions {
	readonly node: SimNode;
	readonly host: Pick<WorkerHost, "clock" | "random" | "latency" | "images" | "clusterDns">;
	readonly workers: () => Iterable<PodWorker>;
}

export class NodeRuntime implements ContainerRuntime {
	readonly node: SimNode;
	readonly #host: NodeRuntimeOptions["host"];
	readonly #workers: () => Iterable<PodWorker>;
	/** Ids of sandboxes and containers that somebody removed and that workers still know of. */
	#removed = new Set<string>();
	#config: ContainerdConfig | undefined;
	/** When the machine had booted whose containerd read it, Unix ms. */
	#configuredMs: number;
	readonly version = containerdVersion;

	constructor({ node, host, workers }: NodeRuntimeOptions) {
		this.node = node;
		this.#host = host;
		this.#workers = workers;
		this.#configuredMs = node.startedMs;
	}

	/** Whether containerd runs. Containers go on without it; nobody can ask for anything. */
	get isServing(): boolean {
		return this.node.outage === undefined;
	}

	/** containerd starts anew: what its configuration says by now counts from here on. */
	restart(): void {
		this.#configuredMs = this.node.startedMs;
		this.#config = readContainerdConfig(this.#configFile());
	}

	get config(): ContainerdConfig {
		if (this.#configuredMs !== this.node.startedMs) this.restart();
		this.#config ??= readContainerdConfig(shippedConfig);
		return this.#config;
	}

	#configFile(): string {
		try {
			return this.node.hostFiles().readText(containerdConfigPath);
		} catch (error) {
			if (error instanceof FsError) return "";
			throw error;
		}
	}

	handler(name: string): RuntimeHandler {
		const { handlers, defaultHandler } = this.config;
		return handlers.get(name === "" ? defaultHandler : name) ?? { name, type: "", kind: undefined, options: {} };
	}

	/** For a new sandbox of a handler. Throws `CriError`. */
	sandboxRuntime(name: string): SandboxRuntime {
		const { handlers, defaultHandler } = this.config;
		const wanted = name === "" ? defaultHandler : name;
		const handler = handlers.get(wanted);
		if (handler === undefined)
			throw new CriError("Unknown", `failed to get sandbox runtime: no runtime for ${JSON.stringify(wanted)} is configured`);
		if (handler.kind !== undefined) return { handler: name, kind: handler.kind };
		const why = `runtime ${JSON.stringify(handler.type)} binary not installed ${JSON.stringify(shimName(handler.type))}: file does not exist`;
		throw new CriError(
			"Unknown",
			`failed to start sandbox: failed to create containerd task: failed to start shim: failed to resolve runtime path: ${why}`,
		);
	}

	status(): RuntimeStatus {
		const of = (type: string) => ({ type, isTrue: true, reason: "", message: "" });
		const { handlers, defaultHandler } = this.config;
		const runtimes = Object.fromEntries(
			[...handlers.values()].map(({ name, type, options }) => [
				name,
				{ runtimeType: type, runtimePath: "", options, sandboxer: "podsandbox", snapshotter: "" },
			]),
		);
		return {
			conditions: ["RuntimeReady", "NetworkReady", "ContainerdHasNoDeprecationWarnings"].map(of),
			handlers: ["", ...handlers.keys()],
			config: {
				containerd: { defaultRuntimeName: defaultHandler, runtimes },
				cni: { binDirs: ["/opt/cni/bin"], confDir: "/etc/cni/net.d", maxConfNum: 1 },
				containerdEndpoint: "/run/containerd/containerd.sock",
				containerdRootDir: "/var/lib/containerd",
				rootDir: "/var/lib/containerd/io.containerd.grpc.v1.cri",
				stateDir: "/run/containerd/io.containerd.grpc.v1.cri",
				enableSelinux: false,
				maxContainerLogLineSize: 16_384,
			},
			cniConfig: {
				PluginDirs: ["/opt/cni/bin"],
				PluginConfDir: "/etc/cni/net.d",
				PluginMaxConfNum: 1,
				Prefix: "eth",
				Networks: [
					{ Config: { Name: "cni-loopback", CNIVersion: "0.3.1", Plugins: [{ Network: { type: "loopback" } }] }, IFName: "lo" },
					{
						Config: { Name: "kindnet", CNIVersion: "0.3.1", Plugins: [{ Network: { type: "ptp" } }, { Network: { type: "portmap" } }] },
						IFName: "eth0",
					},
				],
			},
		};
	}

	sandboxes(): readonly PodSandbox[] {
		return this.#look().sandboxes.map(({ sandbox }) => sandbox);
	}

	sandbox(id: string): PodSandbox {
		return this.#sandboxEntry(id).sandbox;
	}

	containers(): readonly RuntimeContainer[] {
		return this.#look().containers.map(({ container }) => container);
	}

	container(id: string): RuntimeContainer {
		return this.containerEntry(id).container;
	}

	details(id: string): ContainerDetails {
		const entry = this.containerEntry(id);
		return containerDetails(entry, this.node.allocatable.memory ?? "0", this.sandbox(entry.container.sandboxId).pid);
	}

	sandboxDetails(id: string): SandboxDetails {
		const { sandbox, worker } = this.#sandboxEntry(id);
		const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = worker.pod.spec ?? {};
		const of = (isNode: boolean | undefined, other: string) => (isNode === true ? "NODE" : other);
		return {
			config: sandboxConfig(
				worker.pod,
				{ ...sandbox, labels: { ...sandbox.labels }, annotations: { ...sandbox.annotations } },
				this.#host.clusterDns,
				this.node.cgroupDriver,
			),
			spec: sandboxSpec(worker.pod, sandbox, this.node.cgroupDriver),
			namespaces: {
				network: of(hostNetwork, "POD"),
				pid: of(hostPID, shareProcessNamespace === true ? "POD" : "CONTAINER"),
				ipc: of(hostIPC, "POD"),
			},
		};
	}

	stats(): readonly ContainerStats[] {
		return this.#look().containers.flatMap((entry) => this.#statsOf(entry) ?? []);
	}

	log(id: string): ContainerLog {
		const { log, container } = this.containerEntry(id);
		if (log === undefined)
			throw new Error(`failed to open log file ${JSON.stringify(container.logPath)}: open ${container.logPath}: no such file or directory`);
		return log;
	}

	async stopContainer(id: string, graceMs: number): Promise<void> {
		const entry = this.#findContainer(id);
		if (entry?.isCurrent === true) await entry.worker.halt(graceMs);
	}

	async removeContainer(id: string): Promise<void> {
		const entry = this.#findContainer(id);
		if (entry === undefined) return;
		if (entry.isCurrent) {
			await entry.worker.halt(0);
			// The kubelet may look at it only later: it finds nothing then.
			forgetExit(entry.worker.record);
		}
		this.#removed.add(entry.container.id);
		entry.pod.sync();
	}

	stopSandbox(id: string): void {
		const entry = this.#findSandbox(id);
		if (entry?.isCurrent === true) entry.worker.stopSandbox();
	}

	removeSandbox(id: string): void {
		const entry = this.#findSandbox(id);
		if (entry === undefined) return;
		if (entry.isCurrent) entry.worker.stopSandbox();
		for (const { container } of containersOfPod(entry.worker))
			if (container.sandboxId === entry.sandbox.id) this.#removed.add(container.id);
		this.#removed.add(entry.sandbox.id);
	}

	async exec(id: string, process: ExecProcess): Promise<Process> {
		const { worker, container, isCurrent } = this.containerEntry(id);
		const instance = isCurrent ? worker.container : undefined;
		if (instance === undefined || container.state !== "CONTAINER_RUNNING")
			throw new CriError("Unknown", `failed to exec in container: container is in ${container.state} state`);
		try {
			return await instance.join(process);
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			const execId = JSON.stringify(hexDigits(this.#host.random));
			const why = `OCI runtime exec failed: exec failed: unable to start container process: ${error.message}`;
			throw new CriError("Unknown", `failed to exec in container: failed to start exec ${execId}: ${why}`);
		}
	}

	images(): readonly RuntimeImage[] {
		const firstMs = Math.min(...[...this.#workers()].flatMap(({ record }) => record.sandboxes[0]?.createdMs ?? []));
		return describeImages(this.node.storedImages, Number.isFinite(firstMs) ? firstMs : undefined);
	}

	image(name: string): RuntimeImage | undefined {
		return findImage(this.images(), name);
	}

	imageSpec(id: string): JsonObject {
		const stored = [...this.node.storedImages.values()].find(({ imageId }) => imageConfigId(imageId) === id);
		const { entrypoint, cmd, env = {}, workingDir, stopSignal } = (stored?.image ?? pauseImage).config;
		const layer = imageConfigId(`layer ${id}`);
		return {
			architecture: "amd64",
			os: "linux",
			created: new Date(imageBuiltMs).toISOString().replace(".000Z", "Z"),
			config: {
				...(entrypoint === undefined ? {} : { Entrypoint: [...entrypoint] }),
				...(cmd === undefined ? {} : { Cmd: [...cmd] }),
				Env: Object.entries({ PATH: defaultPath, ...env }).map(([key, value]) => `${key}=${value}`),
				...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
				...(stopSignal === undefined ? {} : { StopSignal: `SIG${stopSignal}` }),
			},
			rootfs: { type: "layers", diff_ids: [layer] },
			history: [{ created: new Date(imageBuiltMs).toISOString().replace(".000Z", "Z"), created_by: "kubesim" }],
		};
	}

	async pull(name: string, account: RegistryAccount | undefined): Promise<string> {
		const { clock, images, latency, random } = this.#host;
		const reference = parseImageReference(name);
		if ("error" in reference) throw new CriError("Unknown", `failed to parse image reference ${JSON.stringify(name)}: ${reference.error}`);
		const registryHost = registryHostOf(reference.repository);
		const answer = images.pull({
			reference,
			accounts: account === undefined ? [] : [account],
			allowsPlainHttp: images.registry(registryHost)?.scheme === "http" && this.node.allowsPlainHttp(registryHost),
		});
		const isThere = !("error" in answer) && this.node.image(formatImageReference(reference))?.imageId === answer.imageId;
		const tookMs = "error" in answer || isThere ? latency.checkImageMs(random) : images.pullMs(reference, answer.image, latency, random);
		if (tookMs > 0) await sleep(clock, tookMs);
		if ("error" in answer) throw new PullError(answer.error);
		this.node.addImage(formatImageReference(reference), answer);
		const pulled = this.image(formatImageReference(reference));
		return pulled?.id ?? "";
	}

	removeImage(name: string): void {
		const image = this.image(name);
		if (image === undefined) return;
		for (const [reference, { imageId }] of [...this.node.storedImages])
			if (image.repoDigests.includes(imageId)) this.node.removeImage(reference);
	}

	/** With the worker behind it. Throws `CriError`. */
	containerEntry(id: string): ContainerEntry {
		const entry = this.#findContainer(id);
		if (entry === undefined)
			throw new CriError("NotFound", `an error occurred when try to find container ${JSON.stringify(id)}: not found`);
		return entry;
	}

	#sandboxEntry(id: string): SandboxEntry {
		const entry = this.#findSandbox(id);
		if (entry === undefined) throw new CriError("NotFound", "an error occurred when try to find sandbox: not found");
		return entry;
	}

	#findContainer(id: string): ContainerEntry | undefined {
		return unique(
			this.#look().containers,
			id,
			({ container }) => container.id,
			`an error occurred when try to find container ${JSON.stringify(id)}`,
		);
	}

	#findSandbox(id: string): SandboxEntry | undefined {
		return unique(this.#look().sandboxes, id, ({ sandbox }) => sandbox.id, "an error occurred when try to find sandbox");
	}

	#look(): { readonly sandboxes: readonly SandboxEntry[]; readonly containers: readonly ContainerEntry[] } {
		const nowMs = this.#host.clock.now();
		const containers: ContainerEntry[] = [];
		const sandboxes: SandboxEntry[] = [];
		const seen = new Set<string>();
		const isThere = (id: string) => {
			if (this.#removed.has(id)) seen.add(id);
			return !this.#removed.has(id);
		};
		for (const worker of this.#workers()) {
			const own = containersOfPod(worker).filter(({ container }) => isThere(container.id));
			containers.push(...own);
			sandboxes.push(...sandboxesOfPod(worker, own, nowMs).filter(({ sandbox }) => isThere(sandbox.id)));
		}
		this.#removed = seen;
		containers.sort((a, b) => b.container.createdMs - a.container.createdMs);
		sandboxes.sort((a, b) => b.sandbox.createdMs - a.sandbox.createdMs);
		return { sandboxes, containers };
	}

	#statsOf({ container, worker, pod, isCurrent }: ContainerEntry): ContainerStats | undefined {
		const { used } = worker.usage;
		if (!isCurrent || container.state !== "CONTAINER_RUNNING" || used === undefined) return undefined;
		const atMs = this.#host.clock.now();
		const { usage } = pod;
		const machine = worker.container?.machine;
		const files = machine?.hasFiles === true ? machine.files.rootTree.written() : noDisk;
		const disk = addDisk(files, { bytes: usage.diskBytes(container.name, atMs), inodes: 0 });
		return {
			container,
			atMs,
			cpuSeconds: usage.cpuSeconds(used, atMs),
			cores: atMs > used.startedMs ? usage.cores(used, Math.max(used.startedMs, atMs - usageWindowMs), atMs) : 0,
			workingSetBytes: usage.memoryBytes(used, atMs),
			diskBytes: disk.bytes,
			inodes: disk.inodes,
		};
	}
}

function hexDigits(random: Random): string {
	return Array.from({ length: 64 }, () => random.int(16).toString(16)).join("");
}

/** What a registry said, which comes with its code. */
class PullError extends Error {}

/** The one whose id begins so; undefined if there is none. Throws `CriError` if there are several. */
function unique<T>(entries: readonly T[], prefix: string, idOf: (entry: T) => string, trying: string): T | undefined {
	const found = prefix === "" ? [] : entries.filter((entry) => idOf(entry).startsWith(prefix));
	if (found.length > 1) throw new CriError("Unknown", `${trying}: multiple IDs found with provided prefix: ${prefix}`);
	return found[0];
}
