/**
 * One container of a pod over all its instances: pulls its image, creates and starts it, probes it, stops it, and
 * writes down how it ended. What is to be done and when is plan.ts's business; this does it.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, LifecycleHandler, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";

import {
	ExecError,
	type Kernel,
	type MachineFacts,
	noThrottling,
	type PidNamespace,
	type Process,
	type ProcessExit,
	type Throttling,
} from "../../host/index.ts";
import { SimContainer, terminationReason } from "../container/container.ts";
import type { ContainerLog } from "../container/container-log.ts";
import { lastText } from "../container/log-reader.ts";
import { podHostname } from "../container/network-files.ts";
import type { Image } from "../images/image.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../images/reference.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import type { PodUsageMeter, UsedContainer } from "../usage/pod-usage.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import { type Environment, specEnvironment } from "../volumes/environment.ts";
import { MissingObjectError } from "../volumes/objects.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { prepareSubPath, subPathOf } from "../volumes/sub-path.ts";
import { nextBackoff } from "./backoff.ts";
import { ContainerEnding } from "./container-ending.ts";
import { containerFacts } from "./container-facts.ts";
import { ContainerImages } from "./container-images.ts";
import { ContainerLimits } from "./container-limits.ts";
import { type HookTarget, runHook } from "./hooks.ts";
import { type ContainerEvent, type ImageNeed, imageNeeds } from "./image-pull.ts";
import { type ContainerRecord, findContainer, type PodRecord } from "./pod-record.ts";
import type { ProbeKind } from "./probe-state.ts";
import { ProbeCounts, Prober } from "./prober.ts";
import { isRestartable, shouldRestart } from "./restart-policy.ts";
import { nonRootProblem } from "./sandbox-facts.ts";
import type { SandboxRuntime } from "./sandboxes.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

type ContainerSpec = Container | EphemeralContainer;

/** How a container ended that did not end by itself. */
export interface ContainerEnd {
	readonly exitCode: number;
	readonly reason: "Unknown" | "Error";
}

/** Nobody saw it, as containerd has it then. */
export const unknownEnd: ContainerEnd = { exitCode: 255, reason: "Unknown" };
/** SIGKILL. */
export const killedEnd: ContainerEnd = { exitCode: 137, reason: "Error" };

/** The kubelet looks at a pod again so long after an error. */
const resyncMs = 1_000;
const configRetryMs = 10_000;
/** Of the log that stands in for a termination message: lines and bytes. */
const fallbackMessageLines = 80;
const fallbackMessageBytes = 2048;

/** The pod around a container. */
export interface PodScope {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	readonly pod: Pod;
	readonly record: PodRecord;
	readonly volumes: PodVolumes;
	readonly network: PodNetwork | undefined;
	/** Beneath its containers: the node's, or that of its virtual machine. */
	readonly kernel: Kernel;
	readonly runtime: SandboxRuntime;
	readonly closed: boolean;
	/** Its machine has no power. */
	readonly isOff: boolean;
	/** The pod's grace period, ms. */
	readonly graceMs: number;
	/** What it uses. */
	readonly usage: PodUsageMeter;
	/** Of a pod whose containers see each other's processes. */
	readonly sharedPids: PidNamespace | undefined;
	/** Plans anew. */
	sync(): void;
	/** Does something after a simulated delay, then plans anew. */
	after(delayMs: number, step: () => void): void;
	event(type: "Normal" | "Warning", reason: string, message: string, container?: string): void;
	/** Whether an object that the caches lack is in the API after all. */
	fetch(error: MissingObjectError): Promise<boolean>;
	/** Another container of the pod. */
	container(name: string): ContainerWorker | undefined;
	downward(): DownwardContext;
	/** A container has started. */
	hasStarted(): void;
	/** A container ends: what it used is kept. */
	usageEnded(container: UsedContainer): void;
	/** When a container will want more memory than its limit lets it have, Unix ms; undefined: never, as things are. */
	memoryExceededMs(container: UsedContainer): number | undefined;
	/** What the pod takes of its node may have become more. */
	usageGrew(): void;
	serviceEnvironment(): ReadonlyMap<string, string>;
	/** What the drivers of the pod's devices set in the container. */
	deviceEnvironment(container: ContainerSpec): Environment;
}

export class ContainerWorker {
	readonly record: ContainerRecord;
	readonly #scope: PodScope;
	#container: SimContainer | undefined;
	#prober: Prober | undefined;
	#probeCounts: ProbeCounts | undefined;
	/** Of the instance that is being stopped. */
	#ending: ContainerEnding | undefined;
	/** Why its postStart hook failed. */
	#hookFailure: string | undefined;
	#previousLog: ContainerLog | undefined;
	/** The kernel's, while the container is to be killed for its memory some day. */
	#memoryTimer: Timer | undefined;
	/** How often its machine has lost its power. */
	#boots = 0;
	/** Id of the instance whose usage is in the counters of pod and node. */
	#usageEnded: string | undefined;

	constructor(scope: PodScope, record: ContainerRecord) {
		this.#scope = scope;
		this.record = record;
	}

	/** Made for who asks. */
	get #limits(): ContainerLimits {
		return new ContainerLimits(this.#scope, this.record);
	}

	/** Made for each start: most containers start once. */
	get #images(): ContainerImages {
		const events = ({ volume }: ImageNeed, all: readonly ContainerEvent[]) => {
			for (const { type, reason, message } of all)
				this.#scope.event(type, reason, message, volume === undefined ? this.record.name : undefined);
		};
		return new ContainerImages({ scope: this.#scope, record: this.record, events });
	}

	/** The present instance, or the one that ended last. */
	get container(): SimContainer | undefined {
		return this.#container;
	}

	/** Undefined: it has no probes, or they have not run yet. */
	get probeCounts(): ProbeCounts | undefined {
		return this.#probeCounts;
	}

	get previousLog(): ContainerLog | undefined {
		return this.#previousLog;
	}

	/** Forgets the files of an instance that has ended. */
	dropDeadFiles(): void {
		if (this.record.phase === "exited") this.#container?.machine.dropFiles();
	}

	/** Its sandbox is gone: whatever ran has ended, as the runtime finds it afterwards. */
	lose(end: ContainerEnd): void {
		const { record } = this;
		this.#boots++;
		this.#endUsage();
		this.#prober?.stop();
		this.#ending?.cancel();
		this.#memoryTimer?.cancel();
		const { startedMs, containerId, phase } = record;
		const finishedMs = this.#scope.host.clock.now();
		if (phase === "running" || (phase === "starting" && this.#container !== undefined)) {
			record.exit = { ...end, startedMs, finishedMs, containerId };
			record.phase = "exited";
		} else if (phase !== "exited") record.phase = record.exit === undefined ? "waiting" : "exited";
		record.started = false;
		record.ready = false;
		record.stopping = "no";
		// Whoever has done its work does it again for the next sandbox.
		if (record.kind === "init" && record.phase === "exited") {
			record.previous = record.exit;
			record.exit = undefined;
			record.restartCount++;
			record.phase = "waiting";
		}
		this.#container?.finish();
	}

	/** Kills whatever runs. */
	close(): void {
		this.#endUsage();
		this.#prober?.stop();
		this.#ending?.cancel();
		this.#memoryTimer?.cancel();
		this.#container?.finish();
	}

	/** What it uses; undefined while it does not run. */
	get used(): UsedContainer | undefined {
		const { record } = this;
		const container = this.#container;
		if (container === undefined || record.phase !== "running" || this.#usageEnded === record.containerId) return undefined;
		const { machine } = container;
		const limits = this.#limits;
		const { memoryBytes: limitBytes } = limits;
		return {
			name: record.name,
			startedMs: record.startedMs,
			image: container.ownUsage,
			cores: limits.cores,
			isCpuLimited: limits.isCpuLimited,
			containerId: record.containerId,
			imageName: record.image,
			memoryLimitBytes: limitBytes === Number.POSITIVE_INFINITY ? undefined : limitBytes,
			workedMs: (atMs) => machine.cpuUsedMs(atMs),
			takenMemoryBytes: machine.takenMemoryBytes,
		};
	}

	/** The kernel kills what takes more memory than it may: now, or at the moment at which it will. Asked again when anything about that changes. */
	guardMemory(): void {
		this.#memoryTimer?.cancel();
		this.#memoryTimer = undefined;
		const process = this.#container?.process;
		if (process === undefined || this.#limits.memoryBytes === Number.POSITIVE_INFINITY) return;
		const { used } = this;
		if (used === undefined) return;
		const atMs = this.#scope.memoryExceededMs(used);
		if (atMs === undefined) return;
		const { clock } = this.#scope.host;
		if (atMs <= clock.now()) this.#killForMemory(process);
		else this.#memoryTimer = clock.setTimeout(() => this.#killForMemory(process), atMs - clock.now());
	}

	/** What the node's kernel knows of it; undefined for one that its pod has no more. */
	facts(): MachineFacts | undefined {
		const spec = this.#spec();
		if (spec === undefined) return undefined;
		const { host, usage } = this.#scope;
		const { used } = this;
		const nowMs = host.clock.now();
		const use =
			used === undefined
				? { cpuMs: 0, memoryBytes: this.ownMemoryBytes }
				: { cpuMs: usage.cpuSeconds(used, nowMs) * 1000, memoryBytes: usage.memoryBytes(used, nowMs) };
		return containerFacts(this.#scope, { id: this.#limits.id, spec, machine: this.#container?.machine, use });
	}

	/** The kernel kills the whole container (memory.oom.group), and says so in its log. */
	#killForMemory(process: Process): void {
		const { node, host, usage } = this.#scope;
		const { used } = this;
		if (used === undefined || process.exit !== undefined) return;
		const limitBytes = this.#limits.memoryBytes;
		const usageBytes = Math.max(limitBytes, usage.memoryBytes(used, host.clock.now()));
		node.kernel.killGroupForMemory(process, { usageBytes, limitBytes }, host.clock.now());
	}

	/** How its quota has held it up: work that waited, and what curves would have liked to use. */
	throttling(usage: PodUsageMeter): Throttling {
		const { used } = this;
		const own = this.#container?.machine.throttling ?? noThrottling;
		if (used === undefined || !used.isCpuLimited) return noThrottling;
		return usage.throttling(used, own, this.#scope.host.clock.now());
	}

	/** Its limits were changed by hand, in the tree of cgroups. */
	limitsChanged(): void {
		if (this.record.phase === "running") this.#used();
	}

	/** The memory of one whose pod says nothing of it. */
	get ownMemoryBytes(): number {
		const container = this.#container;
		if (container === undefined || this.record.phase !== "running") return 0;
		return container.ownUsage.memoryBytes + container.machine.takenMemoryBytes;
	}

	/** What an instance has used by its end stays in the counters of pod and node. */
	#endUsage(): void {
		const { used } = this;
		if (used === undefined || this.#usageEnded === used.containerId) return;
		this.#usageEnded = used.containerId;
		this.#scope.usageEnded(used);
	}

	/** Pulls images if need be, creates the container and starts it. */
	start(): void {
		const spec = this.#spec();
		if (spec === undefined) return;
		this.#ensureImages(spec, imageNeeds(this.#scope.pod, spec), this.#boots);
	}

	/** One after the other, the container's own last. */
	#ensureImages(spec: ContainerSpec, [need, ...rest]: readonly ImageNeed[], boot: number): void {
		if (need === undefined) return;
		this.#images.ensure(
			need,
			() => this.#isOvertaken(boot),
			(outcome) => {
				if (outcome.type === "wait") this.#wait(outcome.reason, outcome.message, outcome.retryAfterMs);
				else if (rest.length > 0) this.#ensureImages(spec, rest, boot);
				else this.#create(spec, outcome.reference, outcome.pulled);
			},
		);
	}

	/** Sets a container of before this process running again, under its old id. */
	resume(): void {
		const { record } = this;
		const spec = this.#spec();
		const reference = parseImageReference(spec?.image ?? "");
		if (spec === undefined || "error" in reference) return;
		const { image } = this.#scope.host.images.known(reference);
		this.#scope.node.addImage(formatImageReference(reference), { image, imageId: record.imageId });
		let environment: Environment = [];
		try {
			environment = this.#environment(spec);
		} catch (error) {
			// What it refers to has gone since: a process keeps the environment it has, which nobody knows any more.
			if (!(error instanceof MissingObjectError)) throw error;
		}
		if (!this.#launch(record.containerId.replace("containerd://", ""), spec, image, environment)) return;
		this.#beginProbes(spec);
		this.#used();
	}

	/** Shows CrashLoopBackOff. */
	backOff(): void {
		const { namespace, name, uid } = this.#scope.pod.metadata ?? {};
		const subject = `${name}_${namespace}(${uid})`;
		const delay = formatGoDuration(this.record.restartBackoff?.delayMs ?? 0);
		this.#event("Warning", "BackOff", `Back-off restarting failed container ${this.record.name} in pod ${subject}`);
		this.record.waiting = {
			reason: "CrashLoopBackOff",
			message: `back-off ${delay} restarting failed container=${this.record.name} pod=${subject}`,
		};
	}

	/**
	 * Asks the container to end: preStop hook, SIGTERM, and SIGKILL at the deadline.
	 * @param isOrdered it waits for others between the hook and SIGTERM: `signal` is then for the plan to say
	 * @param message of the Killing event
	 */
	stop(deadlineMs: number, { message = `Stopping container ${this.record.name}`, isOrdered = false } = {}): void {
		const container = this.#container;
		const spec = this.#spec();
		if (container === undefined || spec === undefined || this.record.stopping !== "no") return;
		this.#event("Normal", "Killing", message);
		this.#prober?.stopKilling();
		this.#ending = this.#newEnding(container, spec);
		this.#ending.begin(deadlineMs, isOrdered);
	}

	/** It is its turn to be told to end. */
	signal(deadlineMs: number): void {
		this.#ending?.signal(deadlineMs);
	}

	/** Ends to start again with all others of its pod: without a hook, and without time to spare. */
	interrupt(): void {
		const container = this.#container;
		const spec = this.#spec();
		if (container === undefined || spec === undefined) return;
		this.#event("Normal", "Killing", `Stopping container ${this.record.name}`);
		this.#prober?.stopKilling();
		this.#ending = this.#newEnding(container, spec);
		this.#ending.signal(this.#scope.host.clock.now());
	}

	/** The end of the grace period is another one now. */
	endBy(deadlineMs: number): void {
		this.#ending?.endBy(deadlineMs);
	}

	#newEnding(container: SimContainer, spec: ContainerSpec): ContainerEnding {
		this.#ending?.cancel();
		return new ContainerEnding({
			record: this.record,
			container,
			spec,
			target: this.#hookTarget(container, spec),
			isCurrent: () => this.#container === container && !this.#scope.closed,
			event: (type, reason, message) => this.#event(type, reason, message),
			onSignal: () => this.#scope.node.counters.count("runtime_operations_total", "stop_container"),
			onTurn: () => this.#scope.sync(),
		});
	}

	/**
	 * Somebody tells the runtime to stop it; the kubelet finds that it has ended, and does what the restart policy says.
	 * @param graceMs until SIGKILL; 0: at once
	 * @returns when it has ended
	 */
	async halt(graceMs: number): Promise<void> {
		const container = this.#container;
		const process = container?.process;
		if (container === undefined || process === undefined || process.exit !== undefined) return;
		if (graceMs <= 0) {
			process.kill("KILL");
			return;
		}
		const timer = this.#scope.host.clock.setTimeout(() => process.kill("KILL"), graceMs);
		container.signal();
		await process.exited;
		timer.cancel();
	}

	/** The runtime has forgotten the instance that ended: the kubelet does not know of a crash that it has to wait for. */
	forgetExit(): void {
		const { record } = this;
		if (record.phase !== "exited") return;
		record.restartBackoff = undefined;
		record.retryMs = 0;
	}

	/**
	 * Restarts the container if its spec names another image than before, and forgets failures of the old one.
	 * Source: containerChanged and computePodActions of pkg/kubelet/kuberuntime; KEP-753 for sidecars.
	 */
	followSpec(): void {
		const { record } = this;
		const { kind, name, phase } = record;
		const image = this.#spec()?.image;
		if (image === record.specImage || record.restartsForSpec || (kind !== "main" && kind !== "sidecar")) return;
		if (phase === "waiting" || phase === "exited") {
			record.specImage = image;
			record.restartBackoff = undefined;
			record.imageBackoff = undefined;
			record.retryMs = 0;
		} else if (phase === "running" && record.stopping === "no") {
			record.restartsForSpec = true;
			record.restartBackoff = undefined;
			const message =
				kind === "main" ? `Container ${name} definition changed, will be restarted` : `Init container ${name} definition changed`;
			this.stop(this.#scope.host.clock.now() + this.#scope.graceMs, { message });
		}
	}

	/** Gives the container what it was promised: while it runs, or by a restart. */
	resize(restart: boolean): void {
		const { record } = this;
		const { host, graceMs } = this.#scope;
		if (restart) {
			record.restartsForSpec = true;
			this.stop(host.clock.now() + graceMs, { message: `Container ${record.name} resize requires restart` });
			return;
		}
		const { allocated, containerId } = record;
		if (record.actuating === allocated) return;
		record.actuating = allocated;
		this.#scope.after(host.latency.noticeMs(host.random), () => {
			if (record.actuating !== allocated) return;
			record.actuating = undefined;
			if (record.containerId !== containerId) return;
			record.actuated = allocated;
			this.guardMemory();
		});
	}

	/** The pod is to end while a postStart hook runs: the container counts as running, so that it can be stopped. */
	abandonHook(): void {
		if (this.record.phase === "starting" && this.#container?.process !== undefined && this.#container.process.exit === undefined) {
			this.record.phase = "running";
			this.#scope.usageGrew();
		}
	}

	#spec(): ContainerSpec | undefined {
		return findContainer(this.#scope.pod, this.record.name);
	}

	#create(spec: ContainerSpec, reference: ImageReference, pulled: PulledImage): void {
		const { record } = this;
		const { host } = this.#scope;
		record.specImage = spec.image;
		record.imageBackoff = undefined;
		record.phase = "starting";
		let environment: Environment;
		try {
			environment = this.#environment(spec);
			this.#checkSubPaths(spec, environment);
			const problem = nonRootProblem(this.#scope.pod, spec, pulled.image);
			if (problem !== undefined) throw new MissingObjectError(problem);
		} catch (error) {
			if (!(error instanceof MissingObjectError)) throw error;
			void this.#createLater(spec, reference, pulled, error);
			return;
		}
		const boot = this.#boots;
		this.#scope.after(host.latency.startMs(host.random), () => {
			if (!this.#isOvertaken(boot)) this.#startInstance(spec, reference, pulled, environment);
		});
	}

	async #createLater(spec: ContainerSpec, reference: ImageReference, pulled: PulledImage, error: MissingObjectError): Promise<void> {
		const boot = this.#boots;
		const found = await this.#scope.fetch(error);
		if (this.#scope.closed) return;
		if (!this.#isOvertaken(boot)) {
			if (found) this.#create(spec, reference, pulled);
			else {
				this.#event("Warning", "Failed", `Error: ${error.message}`);
				this.#wait("CreateContainerConfigError", error.message, configRetryMs);
			}
		}
		this.#scope.sync();
	}

	#environment(spec: ContainerSpec): Environment {
		const { pod, host } = this.#scope;
		const own = specEnvironment(pod, spec, this.#scope.serviceEnvironment(), host.lookups, this.#scope.downward());
		const ofDevices = this.#scope.deviceEnvironment(spec);
		return ofDevices.length === 0 ? own : [...own, ...ofDevices];
	}

	/** Throws `MissingObjectError`. Volumes of which a part is mounted are made here, others when somebody looks. */
	#checkSubPaths(spec: ContainerSpec, environment: Environment): void {
		const mounts = (spec.volumeMounts ?? []).filter(({ subPath = "", subPathExpr = "" }) => `${subPath}${subPathExpr}` !== "");
		if (mounts.length === 0) return;
		const variables = new Map([...this.#scope.serviceEnvironment(), ...environment]);
		for (const mount of mounts) {
			const path = subPathOf(mount, (name) => variables.get(name));
			if (path !== "") prepareSubPath(this.#scope.volumes.open(mount.name), path, mount, spec.name);
		}
	}

	#startInstance(spec: ContainerSpec, reference: ImageReference, { image, imageId }: PulledImage, environment: Environment): void {
		const { record } = this;
		const { clock, random } = this.#scope.host;
		if (record.exit !== undefined) {
			if (!record.restartsForSpec) record.restartBackoff = nextBackoff(record.restartBackoff, record.exit.finishedMs, clock.now());
			record.previous = record.exit;
			record.exit = undefined;
			record.restartCount++;
		}
		const id = `${random.uuid()}${random.uuid()}`.replaceAll("-", "");
		record.containerId = `containerd://${id}`;
		record.imageId = imageId;
		record.image = reference.digest === undefined ? formatImageReference(reference) : (spec.image ?? "");
		record.retryMs = 0;
		record.restartsForSpec = false;
		record.restartsWithAll = false;
		record.actuated = record.allocated;
		this.#event("Normal", "Created", "Container created");
		this.#countStart();
		if (!this.#launch(id, spec, image, environment)) return;
		record.startedMs = clock.now();
		this.#event("Normal", "Started", "Container started");
		const postStart = spec.lifecycle?.postStart;
		if (postStart === undefined) this.#running(spec);
		else void this.#postStart(spec, postStart);
	}

	#countStart(): void {
		const { counters } = this.#scope.node;
		counters.count("started_containers_total", containerType(this.record));
		for (const operation of ["create_container", "start_container"]) counters.count("runtime_operations_total", operation);
	}

	/** Makes a new instance and starts its process; a failure to do so is how it ended. */
	#launch(id: string, spec: ContainerSpec, image: Image, environment: Environment): boolean {
		this.#prober?.stop();
		this.#ending?.cancel();
		this.#previousLog = this.#container?.log ?? this.#previousLog;
		this.#container = undefined;
		const container = this.#newContainer(id, spec, image, environment);
		try {
			const process = container.start();
			void process.exited.then((exit) => this.#exited(container, exit));
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			this.#startFailed(error);
			return false;
		}
		this.#container = container;
		return true;
	}

	#newContainer(id: string, spec: ContainerSpec, image: Image, environment: Environment): SimContainer {
		const { host, pod, network, node, volumes } = this.#scope;
		const { clock, random, clusterDns, imageFiles } = host;
		if (network === undefined) throw new Error("a container was started before its sandbox");
		const hostname = podHostname(pod, node.name);
		const services = this.#scope.serviceEnvironment();
		return new SimContainer({
			id,
			clock,
			random,
			pod: lastingParts(pod),
			spec,
			image,
			imageFiles,
			hostname,
			network,
			volumes,
			environment,
			services,
			clusterDns,
			cores: () => this.#limits.cores,
			memoryLimitBytes: () => this.#limits.memoryBytes,
			onMemoryTaken: () => this.#used(),
			onWrite: () => host.filesGrew(node.name),
			kernel: this.#scope.kernel,
			runsWasm: this.#scope.runtime.kind === "wasm",
			writeFault: () => node.writeFault,
			disk: node.disk,
			facts: () => this.facts(),
			pidNamespace: this.#scope.sharedPids,
			logPolicy: node.logPolicy,
			onLogGrow: (bytes) => {
				host.logGrew(bytes);
				host.filesGrew(node.name);
			},
			target: "targetContainerName" in spec ? this.#scope.container(spec.targetContainerName ?? "")?.container : undefined,
		});
	}

	#startFailed(error: ExecError): void {
		const { record } = this;
		const nowMs = this.#scope.host.clock.now();
		const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${error.message}`;
		this.#event("Warning", "Failed", `Error: ${message}`);
		this.#scope.node.counters.count("runtime_operations_errors_total", "start_container");
		this.#scope.node.counters.count("started_containers_errors_total", `RunContainerError ${containerType(record)}`);
		record.exit = { exitCode: 128, reason: "StartError", message, startedMs: 0, finishedMs: nowMs, containerId: record.containerId };
		record.phase = "exited";
		record.waiting = undefined;
		if (shouldRestart(this.#scope.pod, record)) {
			record.waiting = { reason: "RunContainerError", message };
			record.retryMs = nowMs + resyncMs;
		}
	}

	async #postStart(spec: ContainerSpec, hook: LifecycleHandler): Promise<void> {
		const container = this.#container;
		if (container === undefined) return;
		const failure = await runHook(hook, this.#hookTarget(container, spec), Number.POSITIVE_INFINITY);
		if (this.#scope.closed || this.record.phase !== "starting" || this.#container !== container) return;
		this.#running(spec);
		if (failure !== undefined) {
			this.#event("Warning", "FailedPostStartHook", "PostStartHook failed");
			this.#hookFailure = failure;
			this.stop(this.#scope.host.clock.now() + this.#scope.graceMs, { message: "FailedPostStartHook" });
		}
		this.#scope.sync();
	}

	/** A container that ended because of its postStart hook says so until it starts again. */
	#showHookFailure(): void {
		const { record } = this;
		const message = this.#hookFailure;
		this.#hookFailure = undefined;
		if (message === undefined || !shouldRestart(this.#scope.pod, record)) return;
		this.#wait("PostStartHookError", message, resyncMs);
	}

	#running(spec: ContainerSpec): void {
		this.record.phase = "running";
		this.record.waiting = undefined;
		this.#scope.hasStarted();
		this.record.started = spec.startupProbe === undefined;
		this.record.ready = spec.readinessProbe === undefined && this.record.started;
		this.#beginProbes(spec);
		this.#used();
	}

	#used(): void {
		this.guardMemory();
		this.#scope.usageGrew();
	}

	#beginProbes(spec: ContainerSpec): void {
		const { record } = this;
		const container = this.#container;
		if (container === undefined || record.kind === "init" || record.kind === "ephemeral" || !Prober.isNeeded(spec)) return;
		this.#prober = new Prober(this.#hookTarget(container, spec), {
			onResult: (kind, outcome) => {
				this.#probeCounts ??= new ProbeCounts();
				this.#probeCounts.count(kind, outcome);
			},
			onStarted: () => {
				record.started = true;
				record.ready = spec.readinessProbe === undefined;
				this.#scope.sync();
			},
			onReady: (ready) => {
				if (record.ready === ready) return;
				record.ready = ready;
				this.#scope.sync();
			},
			onUnhealthy: (kind, { terminationGracePeriodSeconds }) => this.#killUnhealthy(kind, terminationGracePeriodSeconds),
			onFailure: (message) => this.#event("Warning", "Unhealthy", message),
			onWarning: (message) => this.#event("Warning", "ProbeWarning", message),
		});
		this.#prober.start();
	}

	#killUnhealthy(kind: ProbeKind, graceSeconds: number | undefined): void {
		const graceMs = graceSeconds === undefined ? this.#scope.graceMs : graceSeconds * 1000;
		const intent = isRestartable(this.#scope.pod, this.record) ? ", will be restarted" : "";
		this.stop(this.#scope.host.clock.now() + graceMs, { message: `Container ${this.record.name} failed ${kind} probe${intent}` });
		this.#scope.sync();
	}

	#hookTarget(container: SimContainer, spec: ContainerSpec): HookTarget {
		const { pod, record, host, node } = this.#scope;
		const onHttpFallback = (server: string) => {
			node.counters.count("lifecycle_handler_http_fallbacks_total");
			const message = `request to HTTPS lifecycle hook ${server} got HTTP response, retry with HTTP succeeded`;
			this.#scope.event("Warning", "LifecycleHTTPFallback", message);
		};
		return { container, spec, pod, podIp: record.ip, clock: host.clock, onHttpFallback };
	}

	#exited(container: SimContainer, exit: ProcessExit): void {
		const { record } = this;
		const { clock, latency, random } = this.#scope.host;
		if (this.#scope.closed || this.#container !== container || record.phase === "exited" || record.phase === "waiting") return;
		this.#endUsage();
		this.#ending?.cancel();
		this.#memoryTimer?.cancel();
		this.#prober?.stop();
		const finishedMs = clock.now();
		container.finish();
		const message = terminationMessage(this.#spec(), container, exit);
		this.#scope.after(latency.noticeMs(random), () => {
			if (this.#container !== container) return;
			const { startedMs, containerId } = record;
			const reason = terminationReason(exit);
			record.exit = { exitCode: exit.exitCode, reason, ...(message === "" ? {} : { message }), startedMs, finishedMs, containerId };
			record.phase = "exited";
			record.waiting = undefined;
			record.started = false;
			record.ready = false;
			record.stopping = "no";
			this.#showHookFailure();
		});
	}

	#wait(reason: string, message: string, retryAfterMs: number): void {
		this.record.phase = this.record.exit === undefined ? "waiting" : "exited";
		this.record.waiting = { reason, message };
		this.record.retryMs = this.#scope.host.clock.now() + retryAfterMs;
	}

	/** Whether a start that was under way has been overtaken by the pod's end, or by that of its machine's power. */
	#isOvertaken(boot: number): boolean {
		const { ending, deleting } = this.#scope.record;
		if (boot !== this.#boots || this.#scope.isOff) return true;
		if (ending === undefined && !deleting) return false;
		this.record.phase = this.record.exit === undefined ? "waiting" : "exited";
		return true;
	}

	#event(type: "Normal" | "Warning", reason: string, message: string): void {
		this.#scope.event(type, reason, message, this.record.name);
	}
}

/** As metrics call it; sidecars are init containers. */
function containerType({ kind }: ContainerRecord): string {
	return kind === "main" ? "container" : kind === "ephemeral" ? "ephemeral_container" : "init_container";
}

/** https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
function terminationMessage(spec: ContainerSpec | undefined, container: SimContainer, { exitCode }: ProcessExit): string {
	const own = container.terminationMessage();
	if (own !== "" || exitCode === 0 || spec?.terminationMessagePolicy !== "FallbackToLogsOnError") return own;
	return lastText(container.log, fallbackMessageLines).slice(-fallbackMessageBytes);
}

/** What containers ask of their pod, which does not change: with all of it, a version would be kept beside the one that there is. */
function lastingParts({ metadata: { namespace = "default" } = {}, spec = { containers: [] } }: Pod): Pod {
	return { metadata: { namespace }, spec };
}
