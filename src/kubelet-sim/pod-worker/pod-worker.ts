/**
 * Runs one pod on its node: makes the plan, carries it out, reports the status. Level-based: whatever happens, `sync`
 * plans anew from the record. The thin, effectful side of plan.ts and status.ts.
 *
 * Invariants: restart counts never fall; no container outlives its pod; after `close` nothing of the pod is on the
 * node. Where the latency model says 0, steps follow one another without a timer, so that a pod can go from Pending to
 * Running in one status update.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, LifecycleHandler, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";
import { ExecError, type ProcessExit, type SignalName } from "../../host/index.ts";
import { SimContainer, terminationReason } from "../container/container.ts";
import type { LogBuffer } from "../container/log-buffer.ts";
import type { Image } from "../images/image.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../images/reference.ts";
import { findImage, imageIdOf, pullError } from "../images/registry.ts";
import type { PodNetwork } from "../network/cluster-network.ts";
import { OutOfAddressesError } from "../node/addresses.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import { type Environment, specEnvironment } from "../volumes/environment.ts";
import { MissingObjectError } from "../volumes/objects.ts";
import { PodVolumes } from "../volumes/pod-volumes.ts";
import { nextBackoff } from "./backoff.ts";
import { runHook } from "./hooks.ts";
import { type ContainerEvent, decidePull, pulledEvent, pullFailedEvents } from "./image-pull.ts";
import { type PodAction, planPod, shouldRestart } from "./plan.ts";
import {
	adoptPodRecord,
	type ContainerRecord,
	containersOf,
	findContainer,
	newContainerRecord,
	newPodRecord,
	type PodRecord,
} from "./pod-record.ts";
import type { ProbeKind } from "./probe-state.ts";
import { Prober } from "./prober.ts";
import { podStatus } from "./status.ts";
import { StatusReporter } from "./status-reporter.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination */
const defaultGraceSeconds = 30;
/** What a container gets after its preStop hook has used up the grace period. */
const minimumGraceMs = 2_000;
/** The kubelet looks at a pod again so long after an error. */
const resyncMs = 1_000;
const configRetryMs = 10_000;
/** Of a failed mount: doubled up to `maxMountRetryMs`. Source: pkg/util/goroutinemap/exponentialbackoff. */
const firstMountRetryMs = 500;
const maxMountRetryMs = 122_000;
/** Plans one `sync` may carry out before something must be wrong. */
const maxRounds = 1_000;

interface Instance {
	container: SimContainer | undefined;
	prober: Prober | undefined;
	/** SIGKILL at the end of the grace period. */
	killTimer: Timer | undefined;
	previousLog: LogBuffer | undefined;
}

export class PodWorker {
	readonly node: WorkerNode;
	readonly #host: WorkerHost;
	#pod: Pod;
	readonly #record: PodRecord;
	readonly #volumes: PodVolumes;
	readonly #instances = new Map<string, Instance>();
	#network: PodNetwork | undefined;
	#wake: Timer | undefined;
	#mountRetryMs = firstMountRetryMs;
	#syncing = false;
	#syncAgain = false;
	readonly #reporter: StatusReporter;
	#closed = false;
	/** The node is off: nothing is planned or reported. */
	paused = false;

	constructor(host: WorkerHost, node: WorkerNode, pod: Pod) {
		this.#host = host;
		this.node = node;
		this.#pod = pod;
		this.#volumes = new PodVolumes(pod, {
			clock: host.clock,
			lookups: host.lookups,
			downward: () => this.#downward(),
			hostFiles: () => node.hostFiles(),
			claimTree: host.claimTree,
			onTokenError: (error) => host.log.warn("Token request failed", { pod: pod.metadata?.name, error: String(error) }),
		});
		this.#reporter = new StatusReporter({
			host,
			node: node.name,
			pod: () => this.#pod,
			onWritten: (written) => this.#adopt(written),
			status: () =>
				this.#closed || this.paused ? undefined : podStatus(this.#pod, this.#record, { hostIp: node.address, nowMs: host.clock.now() }),
		});
		if (pod.status?.startTime === undefined) {
			this.#record = newPodRecord(pod, host.clock.now());
			return;
		}
		const { record, resumed } = adoptPodRecord(pod, host.clock.now());
		this.#record = record;
		if (record.sandbox === "ready") {
			this.#joinNetwork(record.ip);
			for (const name of resumed) this.#resume(name);
		}
	}

	get pod(): Pod {
		return this.#pod;
	}

	get volumes(): PodVolumes {
		return this.#volumes;
	}

	get network(): PodNetwork | undefined {
		return this.#network;
	}

	/** The record of a container, for who looks into the pod. */
	containerRecord(name: string): ContainerRecord | undefined {
		return this.#record.containers.find((container) => container.name === name);
	}

	container(name: string): SimContainer | undefined {
		return this.#instances.get(name)?.container;
	}

	previousLog(name: string): LogBuffer | undefined {
		return this.#instances.get(name)?.previousLog;
	}

	/** The API object has changed. */
	update(pod: Pod): void {
		if (this.#closed || isOlder(pod, this.#pod)) return;
		this.#adopt(pod);
		for (const [container, kind] of containersOf(pod)) {
			if (kind === "ephemeral" && this.containerRecord(container.name) === undefined)
				this.#record.containers.push(newContainerRecord(container.name, kind));
		}
		this.sync();
	}

	#adopt(pod: Pod): void {
		if (isOlder(pod, this.#pod)) return;
		this.#pod = pod;
		this.#volumes.pod = pod;
	}

	/** Plans and acts until there is nothing to do now; then reports. */
	sync(): void {
		if (this.#closed || this.paused) return;
		if (this.#syncing) {
			this.#syncAgain = true;
			return;
		}
		this.#syncing = true;
		try {
			this.#noticeDeletion();
			let rounds = 0;
			do {
				this.#syncAgain = false;
				const { actions, wakeMs } = planPod(this.#pod, this.#record, this.#host.clock.now());
				for (const action of actions) this.#act(action);
				this.#syncAgain ||= actions.length > 0;
				this.#wakeAt(wakeMs);
			} while (this.#syncAgain && !this.#isClosed() && ++rounds < maxRounds);
		} finally {
			this.#syncing = false;
		}
		this.#reporter.report();
	}

	/** The object is gone from the API, or the node: whatever still runs is killed. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#wake?.cancel();
		for (const instance of this.#instances.values()) {
			instance.prober?.stop();
			instance.killTimer?.cancel();
			instance.container?.finish();
		}
		this.#leaveNetwork();
	}

	#isClosed(): boolean {
		return this.#closed;
	}

	#noticeDeletion(): void {
		const { metadata, spec } = this.#pod;
		if (metadata?.deletionTimestamp === undefined) return;
		const graceSeconds = metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
		const deadlineMs = this.#host.clock.now() + graceSeconds * 1000;
		this.#record.deleting = true;
		const { ending } = this.#record;
		if (ending === undefined) this.#record.ending = { deadlineMs };
		else if (deadlineMs < ending.deadlineMs) {
			// Deleted again with a shorter grace period.
			ending.deadlineMs = deadlineMs;
			for (const container of this.#record.containers) if (container.stopping) this.#killBy(container.name, deadlineMs);
		}
	}

	#act(action: PodAction): void {
		switch (action.type) {
			case "mountVolumes":
				this.#mountVolumes();
				return;
			case "createSandbox":
				this.#createSandbox();
				return;
			case "start":
				this.#pull(action.container);
				return;
			case "backOff":
				this.#backOff(action.container);
				return;
			case "stop":
				this.#stop(
					action.container,
					(this.#record.ending ?? { deadlineMs: this.#host.clock.now() + this.#graceMs() }).deadlineMs,
					`Stopping container ${action.container.name}`,
				);
				return;
			case "exceedDeadline":
				this.#record.ending = {
					failed: { reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" },
					deadlineMs: this.#host.clock.now() + this.#graceMs(),
				};
				this.#event("Normal", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
				return;
			case "stopSandbox":
				this.#record.sandbox = "stopped";
				this.#leaveNetwork();
				return;
			case "removePod":
				this.#record.removed = true;
				this.#reporter.requestRemoval();
				return;
			default:
				action satisfies never;
		}
	}

	// Starting.

	#mountVolumes(): void {
		this.#record.volumes = "mounting";
		try {
			this.#volumes.check();
			this.#record.volumes = "mounted";
		} catch (error) {
			if (!(error instanceof MissingObjectError)) throw error;
			void this.#fetch(error).then((found) => {
				if (found) this.#record.volumes = "absent";
				else this.#mountFailed(error);
				this.sync();
			});
		}
	}

	/** The caches may lag behind the API: what is missing is asked for before that counts as a failure. */
	async #fetch({ object }: MissingObjectError): Promise<boolean> {
		return object !== undefined && (await this.#host.fetch(object));
	}

	#mountFailed(error: MissingObjectError): void {
		this.#event("Warning", "FailedMount", error.message);
		this.#record.volumes = "absent";
		this.#record.retryMs = this.#host.clock.now() + this.#mountRetryMs;
		this.#mountRetryMs = Math.min(this.#mountRetryMs * 2, maxMountRetryMs);
	}

	#createSandbox(): void {
		this.#record.sandbox = "creating";
		this.#after(this.#host.latency.sandboxMs(this.#host.random), () => {
			if (this.#record.ending !== undefined) {
				this.#record.sandbox = "absent";
				return;
			}
			try {
				this.#joinNetwork(this.#pod.spec?.hostNetwork === true ? this.node.address : this.node.allocateAddress());
				this.#record.sandbox = "ready";
			} catch (error) {
				if (!(error instanceof OutOfAddressesError)) throw error;
				this.#event(
					"Warning",
					"FailedCreatePodSandBox",
					`Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin type="ptp" failed (add): failed to allocate for range 0: ${error.message}`,
				);
				this.#after(configRetryMs, () => {
					this.#record.sandbox = "absent";
				});
			}
		});
	}

	#joinNetwork(address: string): void {
		this.#record.ip = address;
		if (address === this.node.address) {
			this.#network = this.node.network;
			return;
		}
		this.node.reserveAddress(address);
		this.#network = this.#host.network.add(address, this.#pod.metadata?.namespace ?? "");
	}

	#leaveNetwork(): void {
		if (this.#network !== undefined && this.#network !== this.node.network) {
			this.#host.network.remove(this.#network);
			this.node.releaseAddress(this.#network.address);
		}
		this.#network = undefined;
	}

	#pull(known: ContainerRecord): void {
		const { clock } = this.#host;
		const spec = findContainer(this.#pod, known.name);
		if (spec === undefined) return;
		const decision = decidePull(spec, known, (reference) => this.node.hasImage(reference), clock.now());
		this.#events(decision.events, known);
		switch (decision.type) {
			case "use":
				this.#create(known, spec, decision.reference);
				return;
			case "wait":
				this.#wait(known, decision.reason, decision.message, decision.retryAfterMs);
				return;
			case "pull":
				this.#pullNow(known, spec, decision.reference, decision.isPresent);
				return;
			default:
				decision satisfies never;
		}
	}

	#pullNow(known: ContainerRecord, spec: Container | EphemeralContainer, reference: ImageReference, isPresent: boolean): void {
		const { clock, latency, random } = this.#host;
		const { sizeBytes } = findImage(reference);
		const failure = pullError(reference);
		const tookMs = isPresent || failure !== undefined ? latency.checkImageMs(random) : latency.pullMs(sizeBytes, random);
		known.phase = "pulling";
		this.#after(tookMs, () => {
			if (this.#isEnding(known)) return;
			if (failure === undefined) {
				this.#events([pulledEvent(spec.image ?? "", tookMs, sizeBytes)], known);
				this.#create(known, spec, reference);
				return;
			}
			known.pullError = failure;
			known.imageBackoff = nextBackoff(known.imageBackoff, known.imageBackoff?.updatedMs ?? clock.now(), clock.now());
			this.#events(pullFailedEvents(spec.image ?? "", failure), known);
			this.#wait(known, "ErrImagePull", failure, resyncMs);
		});
	}

	#create(known: ContainerRecord, spec: Container | EphemeralContainer, reference: ImageReference): void {
		const image = findImage(reference);
		known.imageId = imageIdOf(reference);
		known.image = reference.digest === undefined ? formatImageReference(reference) : (spec.image ?? "");
		known.imageBackoff = undefined;
		this.node.addImage(formatImageReference(reference), known.imageId, image);
		known.phase = "starting";
		let environment: Environment;
		try {
			environment = this.#environment(spec);
		} catch (error) {
			if (!(error instanceof MissingObjectError)) throw error;
			void this.#fetch(error).then((found) => {
				if (this.#closed || this.#isEnding(known)) return;
				if (found) this.#create(known, spec, reference);
				else {
					this.#event("Warning", "Failed", `Error: ${error.message}`, known.name);
					this.#wait(known, "CreateContainerConfigError", error.message, configRetryMs);
				}
				this.sync();
			});
			return;
		}
		this.#after(this.#host.latency.startMs(this.#host.random), () => {
			if (!this.#isEnding(known)) this.#startInstance(known, spec, image, environment);
		});
	}

	#environment(spec: Container | EphemeralContainer): Environment {
		return specEnvironment(this.#pod, spec, this.#services(), this.#host.lookups, this.#downward());
	}

	#startInstance(known: ContainerRecord, spec: Container | EphemeralContainer, image: Image, environment: Environment): void {
		const { clock, random } = this.#host;
		const id = hexId(() => random.uuid());
		if (known.exit !== undefined) {
			known.restartBackoff = nextBackoff(known.restartBackoff, known.exit.finishedMs, clock.now());
			known.previous = known.exit;
			known.exit = undefined;
			known.restartCount++;
		}
		const instance = this.#newInstance(known.name);
		const container = this.#newContainer(id, spec, image, environment);
		known.containerId = `containerd://${id}`;
		known.retryMs = 0;
		this.#event("Normal", "Created", "Container created", known.name);
		try {
			const process = container.start();
			void process.exited.then((exit) => this.#exited(known, instance, container, exit));
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			this.#startFailed(known, error);
			return;
		}
		instance.container = container;
		known.startedMs = clock.now();
		this.#event("Normal", "Started", "Container started", known.name);
		const postStart = spec.lifecycle?.postStart;
		if (postStart === undefined) this.#running(known, instance, spec);
		else void this.#postStart(known, instance, spec, postStart);
	}

	#newInstance(name: string): Instance {
		const before = this.#instances.get(name);
		before?.prober?.stop();
		before?.killTimer?.cancel();
		const instance: Instance = {
			container: undefined,
			prober: undefined,
			killTimer: undefined,
			previousLog: before?.container?.log ?? before?.previousLog,
		};
		this.#instances.set(name, instance);
		return instance;
	}

	#newContainer(id: string, spec: Container | EphemeralContainer, image: Image, environment: Environment): SimContainer {
		const { clock, random, clusterDns } = this.#host;
		const network = this.#network;
		if (network === undefined) throw new Error("a container was started before its sandbox");
		const { metadata, spec: podSpec } = this.#pod;
		const hostname = podSpec?.hostNetwork === true ? this.node.name : (podSpec?.hostname ?? (metadata?.name ?? "").slice(0, 63));
		return new SimContainer({
			id,
			clock,
			random,
			pod: this.#pod,
			spec,
			image,
			imageFiles: this.#host.imageFiles,
			hostname,
			network,
			volumes: this.#volumes,
			environment,
			services: this.#services(),
			clusterDns,
		});
	}

	#startFailed(known: ContainerRecord, error: ExecError): void {
		const nowMs = this.#host.clock.now();
		const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${error.message}`;
		this.#event("Warning", "Failed", `Error: ${message}`, known.name);
		known.exit = { exitCode: 128, reason: "StartError", message, startedMs: 0, finishedMs: nowMs, containerId: known.containerId };
		known.phase = "exited";
		known.waiting = undefined;
		if (shouldRestart(this.#pod, known)) {
			known.waiting = { reason: "RunContainerError", message };
			known.retryMs = nowMs + resyncMs;
		}
	}

	async #postStart(
		known: ContainerRecord,
		instance: Instance,
		spec: Container | EphemeralContainer,
		hook: LifecycleHandler,
	): Promise<void> {
		const failure = await this.#runHook(instance, spec, hook, Number.POSITIVE_INFINITY);
		if (this.#closed || known.phase !== "starting" || this.#instances.get(known.name) !== instance) return;
		this.#running(known, instance, spec);
		if (failure !== undefined) {
			this.#event("Warning", "FailedPostStartHook", "PostStartHook failed", known.name);
			this.#stop(known, this.#host.clock.now() + this.#graceMs(), "FailedPostStartHook");
		}
		this.sync();
	}

	#running(known: ContainerRecord, instance: Instance, spec: Container | EphemeralContainer): void {
		known.phase = "running";
		known.waiting = undefined;
		known.started = spec.startupProbe === undefined;
		known.ready = spec.readinessProbe === undefined && known.started;
		this.#beginProbes(known, instance, spec);
	}

	#beginProbes(known: ContainerRecord, instance: Instance, spec: Container | EphemeralContainer): void {
		const { container } = instance;
		if (container === undefined || known.kind === "init" || known.kind === "ephemeral" || !Prober.isNeeded(spec)) return;
		instance.prober = new Prober(
			{ container, spec, podIp: this.#record.ip, clock: this.#host.clock },
			{
				onStarted: () => {
					known.started = true;
					known.ready = spec.readinessProbe === undefined;
					this.sync();
				},
				onReady: (ready) => {
					if (known.ready === ready) return;
					known.ready = ready;
					this.sync();
				},
				onUnhealthy: (kind, { terminationGracePeriodSeconds }) => this.#killUnhealthy(known, kind, terminationGracePeriodSeconds),
				onFailure: (message) => this.#event("Warning", "Unhealthy", message, known.name),
			},
		);
		instance.prober.start();
	}

	#killUnhealthy(known: ContainerRecord, kind: ProbeKind, graceSeconds: number | undefined): void {
		if (known.stopping) return;
		const graceMs = graceSeconds === undefined ? this.#graceMs() : graceSeconds * 1000;
		this.#stop(known, this.#host.clock.now() + graceMs, `Container ${known.name} failed ${kind} probe, will be restarted`);
		this.sync();
	}

	/** Sets a container of before this process running again. */
	#resume(name: string): void {
		const known = this.containerRecord(name);
		const spec = findContainer(this.#pod, name);
		const reference = parseImageReference(spec?.image ?? "");
		if (known === undefined || spec === undefined || "error" in reference) return;
		const image = findImage(reference);
		this.node.addImage(formatImageReference(reference), known.imageId, image);
		let environment: Environment = [];
		try {
			environment = this.#environment(spec);
		} catch (error) {
			// What it refers to has gone since: a process keeps the environment it has, which nobody knows any more.
			if (!(error instanceof MissingObjectError)) throw error;
		}
		const instance = this.#newInstance(name);
		const container = this.#newContainer(known.containerId.replace("containerd://", ""), spec, image, environment);
		instance.container = container;
		try {
			const process = container.start();
			void process.exited.then((exit) => this.#exited(known, instance, container, exit));
			this.#beginProbes(known, instance, spec);
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			this.#startFailed(known, error);
		}
	}

	// Ending.

	#backOff(known: ContainerRecord): void {
		const { namespace, name, uid } = this.#pod.metadata ?? {};
		const delay = formatGoDuration(known.restartBackoff?.delayMs ?? 0);
		this.#event("Warning", "BackOff", `Back-off restarting failed container ${known.name} in pod ${name}_${namespace}(${uid})`, known.name);
		known.waiting = {
			reason: "CrashLoopBackOff",
			message: `back-off ${delay} restarting failed container=${known.name} pod=${name}_${namespace}(${uid})`,
		};
	}

	/** Asks a container to end: preStop hook, SIGTERM, and SIGKILL at the deadline. */
	#stop(known: ContainerRecord, deadlineMs: number, message: string): void {
		const instance = this.#instances.get(known.name);
		if (instance?.container === undefined || known.stopping) return;
		known.stopping = true;
		this.#event("Normal", "Killing", message, known.name);
		instance.prober?.stop();
		this.#killBy(known.name, deadlineMs);
		const spec = findContainer(this.#pod, known.name);
		const preStop = spec?.lifecycle?.preStop;
		const signal = spec?.lifecycle?.stopSignal?.replace(/^SIG/, "") as SignalName | undefined;
		if (spec === undefined || preStop === undefined) {
			instance.container.signal(signal);
			return;
		}
		void this.#preStop(known, instance, spec, preStop, deadlineMs, signal);
	}

	async #preStop(
		known: ContainerRecord,
		instance: Instance,
		spec: Container | EphemeralContainer,
		hook: LifecycleHandler,
		deadlineMs: number,
		signal: SignalName | undefined,
	): Promise<void> {
		const { clock } = this.#host;
		const failure = await this.#runHook(instance, spec, hook, deadlineMs - clock.now());
		if (this.#closed || known.phase !== "running") return;
		if (failure !== undefined) this.#event("Warning", "FailedPreStopHook", "PreStopHook failed", known.name);
		if (clock.now() >= deadlineMs - minimumGraceMs) this.#killBy(known.name, clock.now() + minimumGraceMs);
		instance.container?.signal(signal);
	}

	#killBy(name: string, deadlineMs: number): void {
		const instance = this.#instances.get(name);
		if (instance === undefined) return;
		instance.killTimer?.cancel();
		const hasHook = findContainer(this.#pod, name)?.lifecycle?.preStop !== undefined;
		const delayMs = Math.max(0, deadlineMs - this.#host.clock.now()) + (hasHook ? minimumGraceMs : 0);
		instance.killTimer = this.#host.clock.setTimeout(() => instance.container?.process?.kill("KILL"), delayMs);
	}

	/** @returns why it failed, or undefined. */
	async #runHook(
		instance: Instance,
		spec: Container | EphemeralContainer,
		hook: LifecycleHandler,
		limitMs: number,
	): Promise<string | undefined> {
		const { container } = instance;
		if (container === undefined) return "container is gone";
		return runHook(hook, { container, spec, podIp: this.#record.ip, clock: this.#host.clock }, limitMs);
	}

	#exited(known: ContainerRecord, instance: Instance, container: SimContainer, exit: ProcessExit): void {
		instance.killTimer?.cancel();
		instance.prober?.stop();
		if (this.#closed) return;
		const finishedMs = this.#host.clock.now();
		const message = terminationMessage(this.#pod, known, container, exit);
		container.finish();
		this.#after(this.#host.latency.noticeMs(this.#host.random), () => {
			if (this.#instances.get(known.name) !== instance) return;
			known.exit = {
				exitCode: exit.exitCode,
				reason: terminationReason(exit),
				...(message === "" ? {} : { message }),
				startedMs: known.startedMs,
				finishedMs,
				containerId: known.containerId,
			};
			known.phase = "exited";
			known.waiting = undefined;
			known.started = false;
			known.ready = false;
			known.stopping = false;
		});
	}

	// Small things.

	#wait(known: ContainerRecord, reason: string, message: string, retryAfterMs: number): void {
		known.phase = known.exit === undefined ? "waiting" : "exited";
		known.waiting = { reason, message };
		known.retryMs = this.#host.clock.now() + retryAfterMs;
	}

	/** Whether a start that was under way has been overtaken by the pod's end. */
	#isEnding(known: ContainerRecord): boolean {
		if (this.#record.ending === undefined && !this.#record.deleting) return false;
		known.phase = known.exit === undefined ? "waiting" : "exited";
		return true;
	}

	/** Does something after a simulated delay, then plans anew. No delay: at once, within the present round. */
	#after(delayMs: number, step: () => void): void {
		const run = () => {
			if (this.#closed) return;
			step();
			this.sync();
		};
		if (delayMs <= 0) run();
		else this.#host.clock.setTimeout(run, delayMs);
	}

	#wakeAt(timeMs: number | undefined): void {
		this.#wake?.cancel();
		this.#wake =
			timeMs === undefined ? undefined : this.#host.clock.setTimeout(() => this.sync(), Math.max(0, timeMs - this.#host.clock.now()));
	}

	#graceMs(): number {
		return (this.#pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
	}

	#services(): ReadonlyMap<string, string> {
		return this.#pod.spec?.enableServiceLinks === false
			? this.#host.serviceEnvironment("default/kubernetes")
			: this.#host.serviceEnvironment(this.#pod.metadata?.namespace ?? "");
	}

	#downward(): DownwardContext {
		return { podIp: this.#record.ip, hostIp: this.node.address, allocatable: this.node.allocatable };
	}

	#events(events: readonly ContainerEvent[], { name }: ContainerRecord): void {
		for (const { type, reason, message } of events) this.#event(type, reason, message, name);
	}

	#event(type: "Normal" | "Warning", reason: string, message: string, container?: string): void {
		this.#host.event(this.node.name, this.#pod, type, reason, message, container);
	}
}

function isOlder(a: Pod, b: Pod): boolean {
	return Number(a.metadata?.resourceVersion ?? 0) < Number(b.metadata?.resourceVersion ?? 0);
}

/** 64 hexadecimal digits. */
function hexId(uuid: () => string): string {
	return `${uuid()}${uuid()}`.replaceAll("-", "");
}

/** https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
function terminationMessage(pod: Pod, known: ContainerRecord, container: SimContainer, { exitCode }: ProcessExit): string {
	const own = container.terminationMessage();
	const policy = findContainer(pod, known.name)?.terminationMessagePolicy;
	if (own !== "" || exitCode === 0 || policy !== "FallbackToLogsOnError") return own;
	const lines = container.log.lines().slice(-80);
	return lines
		.map(({ text }) => `${text}\n`)
		.join("")
		.slice(-2048);
}
