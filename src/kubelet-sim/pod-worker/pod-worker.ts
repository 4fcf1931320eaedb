/**
 * Runs one pod on its node: makes the plan, carries it out, reports the status. Level-based: whatever happens, `sync`
 * plans anew from the record. The thin, effectful side of plan.ts and status.ts.
 *
 * Invariants: restart counts never fall; no container outlives its pod; after `close` nothing of the pod is on the
 * node. Where the latency model says 0, steps follow one another without a timer, so that a pod can go from Pending to
 * Running in one status update.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import { fnv1a32 } from "../../apimachinery/hash.ts";
import type { Container, EphemeralContainer, LifecycleHandler, Pod, PodStatus } from "../../apimachinery/schema/generated/types.ts";
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
import { backoffUntil, nextBackoff } from "./backoff.ts";
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
import { runProbe } from "./probe-action.ts";
import type { ProbeKind } from "./probe-state.ts";
import { Prober } from "./prober.ts";
import { podStatus } from "./status.ts";
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
/** Of a status or deletion that could not be written. */
const writeRetryMs = 1_000;
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
	/** fnv1a of the status last sent; 0: none. */
	#sentHash = 0;
	#writing = false;
	#removing = false;
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
		this.#pod = pod;
		this.#volumes.pod = pod;
		for (const [container, kind] of containersOf(pod)) {
			if (kind === "ephemeral" && this.containerRecord(container.name) === undefined)
				this.#record.containers.push(newContainerRecord(container.name, kind));
		}
		this.sync();
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
		this.#report();
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
				this.#removing = true;
				this.#record.removed = true;
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
		const spec = findContainer(this.#pod, known.name);
		const name = spec?.image ?? "";
		const reference = parseImageReference(name);
		if (spec === undefined || "error" in reference) {
			const why = `couldn't parse image name ${JSON.stringify(name)}: ${"error" in reference ? reference.error : ""}`;
			this.#event("Warning", "InspectFailed", `Failed to apply default image tag ${JSON.stringify(name)}: ${why}`, known.name);
			this.#event("Warning", "Failed", "Error: InvalidImageName", known.name);
			this.#wait(known, "InvalidImageName", `Failed to apply default image tag ${JSON.stringify(name)}: ${why}`, configRetryMs);
			return;
		}
		const full = formatImageReference(reference);
		const isPresent = this.node.hasImage(full);
		const policy = spec.imagePullPolicy ?? (reference.tag === "latest" ? "Always" : "IfNotPresent");
		if (isPresent && policy !== "Always") {
			this.#event(
				"Normal",
				"Pulled",
				`Container image ${JSON.stringify(name)} already present on machine and can be accessed by the pod`,
				known.name,
			);
			this.#create(known, spec, reference);
		} else if (policy === "Never") {
			const message = `Container image ${JSON.stringify(name)} is not present with pull policy of Never`;
			this.#event("Warning", "ErrImageNeverPull", message, known.name);
			this.#event("Warning", "Failed", "Error: ErrImageNeverPull", known.name);
			this.#wait(known, "ErrImageNeverPull", message, configRetryMs);
		} else this.#pullNow(known, spec, reference, isPresent);
	}

	#pullNow(known: ContainerRecord, spec: Container | EphemeralContainer, reference: ImageReference, isPresent: boolean): void {
		const { clock, latency, random } = this.#host;
		const image = JSON.stringify(spec.image);
		const untilMs =
			known.imageBackoff === undefined ? undefined : backoffUntil(known.imageBackoff, known.imageBackoff.updatedMs, clock.now());
		if (untilMs !== undefined) {
			this.#event("Normal", "BackOff", `Back-off pulling image ${image}`, known.name);
			this.#event("Warning", "Failed", "Error: ImagePullBackOff", known.name);
			this.#wait(
				known,
				"ImagePullBackOff",
				`Back-off pulling image ${image}: ErrImagePull: ${known.pullError ?? ""}`,
				untilMs - clock.now(),
			);
			return;
		}
		this.#event("Normal", "Pulling", `Pulling image ${image}`, known.name);
		known.phase = "pulling";
		const found = findImage(reference);
		const failure = pullError(reference);
		const tookMs = isPresent || failure !== undefined ? latency.checkImageMs(random) : latency.pullMs(found.sizeBytes, random);
		this.#after(tookMs, () => {
			if (this.#isEnding(known)) return;
			if (failure !== undefined) {
				known.pullError = failure;
				known.imageBackoff = nextBackoff(known.imageBackoff, known.imageBackoff?.updatedMs ?? clock.now(), clock.now());
				this.#event("Warning", "Failed", `Failed to pull image ${image}: ${failure}`, known.name);
				this.#event("Warning", "Failed", "Error: ErrImagePull", known.name);
				this.#wait(known, "ErrImagePull", failure, resyncMs);
				return;
			}
			const took = formatGoDuration(Math.max(1, tookMs));
			this.#event(
				"Normal",
				"Pulled",
				`Successfully pulled image ${image} in ${took} (${took} including waiting). Image size: ${found.sizeBytes} bytes.`,
				known.name,
			);
			this.#create(known, spec, reference);
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
		{ exec, httpGet, tcpSocket, sleep }: LifecycleHandler,
		limitMs: number,
	): Promise<string | undefined> {
		const { clock } = this.#host;
		if (sleep !== undefined) {
			await new Promise<void>((resolve) => clock.setTimeout(resolve, Math.min(sleep.seconds * 1000, limitMs)));
			return undefined;
		}
		const { container } = instance;
		if (container === undefined) return "container is gone";
		const timeoutSeconds = Math.min(limitMs, 86_400_000) / 1000;
		const action = {
			timeoutSeconds,
			...(exec === undefined ? {} : { exec }),
			...(httpGet === undefined ? {} : { httpGet }),
			...(tcpSocket === undefined ? {} : { tcpSocket }),
		};
		const result = await runProbe(action, { container, spec, podIp: this.#record.ip, clock });
		return result.outcome === "success" ? undefined : result.output;
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

	// Reporting.

	#report(): void {
		if (this.#closed || this.#writing || this.paused) return;
		const status = podStatus(this.#pod, this.#record, { hostIp: this.node.address, nowMs: this.#host.clock.now() });
		const hash = fnv1a32(JSON.stringify(status)) || 1;
		if (hash !== this.#sentHash) {
			this.#sentHash = hash;
			void this.#write(() => this.#sendStatus(status));
		} else if (this.#removing) void this.#write(() => this.#remove());
	}

	async #sendStatus(status: PodStatus): Promise<void> {
		const pod = await this.#host.patchStatus(this.node.name, this.#pod, status);
		if (pod !== undefined && !isOlder(pod, this.#pod)) {
			this.#pod = pod;
			this.#volumes.pod = pod;
		}
	}

	async #remove(): Promise<void> {
		this.#removing = false;
		try {
			await this.#host.removePod(this.node.name, this.#pod);
		} catch (error) {
			this.#removing = true;
			throw error;
		}
	}

	/** One write at a time; what changed meanwhile is reported after it. */
	async #write(send: () => Promise<void>): Promise<void> {
		this.#writing = true;
		try {
			await send();
		} catch (error) {
			this.#sentHash = 0;
			this.#host.log.warn("Failed to update status for pod", { pod: this.#pod.metadata?.name, node: this.node.name, error: String(error) });
			if (!this.#closed) await new Promise<void>((resolve) => this.#host.clock.setTimeout(resolve, writeRetryMs));
		}
		this.#writing = false;
		this.#report();
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
