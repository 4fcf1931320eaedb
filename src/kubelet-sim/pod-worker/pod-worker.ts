/**
 * Runs one pod on its node: makes the plan, carries it out, reports the status. Level-based: whatever happens, `sync`
 * plans anew from the record. The thin, effectful side of plan.ts and status.ts; what concerns one container is in
 * container-worker.ts.
 *
 * Invariants: restart counts never fall; no container outlives its pod; after `close` nothing of the pod is on the
 * node. Where the latency model says 0, steps follow one another without a timer, so that a pod can go from Pending to
 * Running in one status update.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";

import { Kernel, PidNamespace, Tree } from "../../host/index.ts";

import type { Rejection } from "../admission/admission.ts";
import { isStaticPod } from "../admission/critical-pods.ts";
import type { AdmissionCandidate } from "../admission/node-admission.ts";
import { podDns } from "../container/network-files.ts";
import { deviceEnvironment, type PodDevices, prepareDevices, usesDevices } from "../devices/pod-devices.ts";
import { formatImageReference, parseImageReference } from "../images/reference.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import { OutOfAddressesError } from "../node/addresses.ts";
import { PodUsageMeter, saysDisk, saysMemory, type UsedContainer, usageDiffers } from "../usage/pod-usage.ts";
import type { VolumeSeeker } from "../volumes/claim-volumes.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import type { Environment } from "../volumes/environment.ts";
import { MissingObjectError } from "../volumes/objects.ts";
import { PodVolumes } from "../volumes/pod-volumes.ts";
import type { MountedVolume } from "../volumes/volume-backing.ts";
import { type ContainerEnd, killedEnd, restartWithAll, unknownEnd } from "./container-life.ts";
import { ContainerWorker } from "./container-worker.ts";
import { type Footprint, noFootprint, podFootprint, podRequests, type ResourceAmounts } from "./footprint.ts";
import { type PodAction, planPod } from "./plan.ts";
import { adoptPodRecord, containersOf, newContainerRecord, newPodRecord, type PodEnding, type PodRecord } from "./pod-record.ts";
import type { PodScope } from "./pod-scope.ts";
import type { ProbeCounts } from "./prober.ts";
import { allocate, decideResize, needsRestart, resizeMessage, unactuated } from "./resize.ts";
import { guestKernelRelease, type SandboxRuntime, sandboxEnded, sandboxOpened, usualRuntime } from "./sandboxes.ts";
import { podStatus } from "./status.ts";
import { StatusReporter } from "./status-reporter.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination */
const defaultGraceSeconds = 30;
/** Of a failed mount: doubled up to `maxMountRetryMs`. Source: pkg/util/goroutinemap/exponentialbackoff. */
const firstMountRetryMs = 500;
const maxMountRetryMs = 122_000;
/** How long volumes may take before that is worth an event. Source: podAttachAndMountTimeout of the kubelet's volume manager. */
const mountTimeoutMs = 123_000;
const sandboxRetryMs = 10_000;
/** Plans one `sync` may carry out before something must be wrong. */
const maxRounds = 1_000;

const deadlineExceeded = {
	reason: "DeadlineExceeded",
	message: "Pod was active on the node longer than the specified deadline",
} as const;

export class PodWorker implements PodScope, VolumeSeeker, AdmissionCandidate {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	readonly record: PodRecord;
	readonly volumes: PodVolumes;
	readonly #containers = new Map<string, ContainerWorker>();
	readonly #reporter: StatusReporter;
	#pod: Pod;
	/** Made when somebody asks, or when there is something to remember. */
	#usage: PodUsageMeter | undefined;
	#endedCpuSeconds = 0;
	/** Worked out when somebody asks, for as long as it stays the same. */
	#requests: ResourceAmounts | undefined;
	#network: PodNetwork | undefined;
	/** Of its present sandbox. */
	#runtime: SandboxRuntime = usualRuntime;
	/** Of its virtual machine, once something runs there. */
	#guest: Kernel | undefined;
	/** Of its claims, once they are prepared; of a pod without claims never. */
	#devices: PodDevices | undefined;
	sharedPids: PidNamespace | undefined;
	#wake: Timer | undefined;
	#mountRetryMs = firstMountRetryMs;
	/** Runs while a volume is waited for. */
	#mountTimeout: Timer | undefined;
	#syncing = false;
	#syncAgain = false;
	#closed = false;
	/** The sandbox that it had is gone with its machine's power. */
	#hasLostSandbox = false;
	#hasStarted = false;
	/** The node's kubelet is stopped: nothing is planned or reported. */
	paused = false;

	constructor(host: WorkerHost, node: WorkerNode, pod: Pod) {
		this.host = host;
		this.node = node;
		this.#pod = pod;
		this.volumes = new PodVolumes(pod, {
			clock: host.clock,
			lookups: host.lookups,
			downward: () => this.downward(),
			hostFiles: () => node.hostFiles(),
			openNfs: (source) => host.claims.openNfs(source),
			openImage: (reference) => this.#openImage(reference),
			claimedVolume: (of, claim) => host.claims.volumeOf(of, claim),
			openClaim: (of, claim) => host.claims.open(of, claim, () => node.hostFiles()),
			onWrite: () => host.filesGrew(node.name),
			writeFault: () => node.writeFault,
			disk: node.disk,
			// Not `pod`, which would keep its first version for as long as the pod lives.
			onTokenError: (error) => host.log.warn("Token request failed", { pod: this.#pod.metadata?.name, error: String(error) }),
		});
		this.#reporter = new StatusReporter({
			host,
			node: node.name,
			pod: () => this.#pod,
			onWritten: (written) => this.#written(written),
			status: () =>
				this.#closed || this.paused ? undefined : podStatus(this.#pod, this.record, { hostIp: node.address, nowMs: host.clock.now() }),
		});
		const isNew = pod.status?.startTime === undefined;
		const { record, resumed } = isNew
			? { record: newPodRecord(pod, host.clock.now()), resumed: [] }
			: adoptPodRecord(pod, host.clock.now());
		this.record = record;
		for (const container of record.containers) this.#containers.set(container.name, new ContainerWorker(this, container));
		if (record.volumes === "mounted") host.claims.adopt(node.name, pod);
		if (record.sandbox !== "ready") return;
		this.#joinNetwork(record.ip);
		if (usesDevices(pod) || pod.spec?.runtimeClassName !== undefined) void this.#recall(resumed);
		else this.#resume(resumed);
	}

	get pod(): Pod {
		return this.#pod;
	}

	get network(): PodNetwork | undefined {
		return this.#network;
	}

	get closed(): boolean {
		return this.#closed;
	}

	get graceMs(): number {
		return (this.#pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
	}

	container(name: string): ContainerWorker | undefined {
		return this.#containers.get(name);
	}

	/** The API object has changed. */
	update(pod: Pod): void {
		if (this.#closed || isOlder(pod, this.#pod)) return;
		this.#take(pod);
		for (const [spec, kind] of containersOf(pod)) {
			if (kind !== "ephemeral" || this.#containers.has(spec.name)) continue;
			const record = newContainerRecord(spec, kind);
			this.record.containers.push(record);
			this.#containers.set(spec.name, new ContainerWorker(this, record));
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
			if (!this.#isDecided()) return;
			for (let round = 0; round < maxRounds && !this.closed; round++) {
				this.#syncAgain = false;
				this.#followSpec();
				this.#resize();
				const { actions, wakeMs } = planPod(this.#pod, this.record, this.host.clock.now());
				for (const action of actions) this.#act(action);
				this.#wakeAt(wakeMs);
				if (actions.length === 0 && !this.#syncAgain) break;
			}
		} finally {
			this.#syncing = false;
		}
		this.#reporter.report();
	}

	/** Whether there is anything to plan: the node has taken the pod, or will not, or it is to go. */
	#isDecided(): boolean {
		const { record } = this;
		if (record.isAdmitted || record.isOver || record.ending !== undefined) return true;
		const answer = this.host.admit(this.node, this);
		if (answer.type === "undecided") return false;
		if (answer.type === "admitted") {
			record.isAdmitted = true;
			return true;
		}
		const { reason, message } = answer.rejection;
		this.event("Warning", reason, message);
		record.ending = {
			failed: { reason, message: `Pod was rejected: ${message}` },
			isRejection: true,
			deadlineMs: this.host.clock.now(),
		};
		return true;
	}

	/**
	 * The node ends the pod, to have what it has: it fails, for that reason.
	 * @param graceMs less than the pod's own grace period; default that
	 */
	evict(why: Rejection, graceMs = this.graceMs): void {
		const { record } = this;
		if (this.#closed || record.isOver || record.ending?.failed !== undefined) return;
		this.event("Warning", why.reason, why.message);
		this.fail(why, graceMs);
	}

	/** The pod fails for that reason, which is its node's, and has so long to end. */
	fail(why: Rejection, graceMs: number): void {
		if (this.#closed || this.record.isOver || this.record.ending?.failed !== undefined) return;
		this.end({ failed: why, isDisruption: true, deadlineMs: this.host.clock.now() + Math.min(graceMs, this.graceMs) });
	}

	/** Its machine goes off: containers and network are gone; volumes are there when it comes on again. */
	powerCut(): void {
		this.#loseSandbox(unknownEnd);
	}

	/**
	 * Its sandbox was stopped behind the kubelet's back: containers are killed, the network is gone. The kubelet notices, and makes
	 * another one if the pod still has something to run.
	 */
	stopSandbox(): void {
		if (this.record.sandbox !== "ready") return;
		this.#loseSandbox(killedEnd);
		const { latency, random } = this.host;
		this.after(latency.noticeMs(random), () => undefined);
	}

	#loseSandbox(end: ContainerEnd): void {
		const { record } = this;
		for (const container of this.#containers.values()) container.lose(end);
		this.#wake?.cancel();
		this.#leaveNetwork();
		record.ip = "";
		sandboxEnded(record, this.host.clock.now());
		if (record.sandbox === "stopped" || record.sandbox === "absent") return;
		record.sandbox = "absent";
		if (record.ending === undefined && !record.deleting) this.#hasLostSandbox = true;
	}

	get isOff(): boolean {
		return this.node.isOff;
	}

	/** The pod ends now, in an orderly way; whatever ended it before decides about no more than when. */
	end(ending: PodEnding): void {
		const { record } = this;
		const before = record.ending;
		record.ending = before === undefined ? ending : { ...ending, deadlineMs: Math.min(before.deadlineMs, ending.deadlineMs) };
		for (const container of this.#containers.values()) {
			if (before === undefined) container.abandonHook();
			container.endBy(record.ending.deadlineMs);
		}
		this.sync();
	}

	/** The object is gone from the API, or the node: whatever still runs is killed. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#wake?.cancel();
		for (const container of this.#containers.values()) container.close();
		this.#unmountVolumes();
		this.#leaveNetwork();
		this.host.roomFreed(this.node.name);
	}

	/** What the pod uses. */
	get usage(): PodUsageMeter {
		this.#usage ??= new PodUsageMeter({
			pod: this.#pod,
			startMs: this.record.startMs,
			containers: () => [...this.#containers.values()].flatMap(({ usage }) => usage.used ?? []),
			onError: (message) => this.event("Warning", "InvalidUsage", message),
		});
		return this.#usage;
	}

	/** CPU seconds of containers that have ended. */
	get endedCpuSeconds(): number {
		return this.#endedCpuSeconds;
	}

	hasStarted(): void {
		if (this.#hasStarted) return;
		this.#hasStarted = true;
		this.node.counters.podStarted(this.host.clock.now() - this.record.startMs);
	}

	usageEnded(container: UsedContainer): void {
		const seconds = this.usage.cpuSeconds(container, this.host.clock.now());
		this.#endedCpuSeconds += seconds;
		this.node.endedCpuSeconds += seconds;
	}

	memoryExceededMs(container: UsedContainer): number | undefined {
		const nowMs = this.host.clock.now();
		if (saysMemory(this.#pod) || container.image.memoryCurve !== undefined) return this.usage.memoryExceededMs(container, nowMs);
		const { image, takenMemoryBytes, memoryLimitBytes = Number.POSITIVE_INFINITY } = container;
		const ownBytes = image.isGuess === true ? 0 : image.memoryBytes;
		return ownBytes + takenMemoryBytes > memoryLimitBytes ? nowMs : undefined;
	}

	/** Forgets the files of containers that have ended. */
	dropDeadFiles(): void {
		for (const container of this.#containers.values()) container.dropDeadFiles();
	}

	/** By container; of those without probes there are none. */
	get probeCounts(): ReadonlyMap<string, ProbeCounts> {
		return new Map(
			[...this.#containers].flatMap(([name, { probeCounts }]) => (probeCounts === undefined ? [] : [[name, probeCounts] as const])),
		);
	}

	containerWorkers(): Iterable<ContainerWorker> {
		return this.#containers.values();
	}

	/** What its memory may come to, as things are. */
	get peakMemoryBytes(): number {
		const isSaid = saysMemory(this.#pod);
		let sum = 0;
		for (const container of this.#containers.values()) {
			const used = isSaid ? container.usage.used : undefined;
			sum += used === undefined ? container.usage.ownMemoryBytes : this.usage.peakMemoryBytes(used);
		}
		return sum;
	}

	/** What it may say to have on disk, as things are. */
	get peakDiskBytes(): number {
		if (!saysDisk(this.#pod)) return 0;
		let sum = 0;
		for (const { record } of this.#containers.values()) sum += this.usage.peakDiskBytes(record.name);
		return sum;
	}

	/** Whether annotations say what it takes. */
	get saysUsage(): boolean {
		return saysMemory(this.#pod) || saysDisk(this.#pod);
	}

	usageGrew(): void {
		this.host.usageGrew(this.node.name, this);
	}

	/** What the node has promised the pod; nothing once it is over. */
	get footprint(): Footprint {
		if (!this.holdsRoom) return noFootprint;
		return podFootprint(this.#pod, (name) => this.#containers.get(name)?.record.allocated);
	}

	get requests(): ResourceAmounts {
		this.#requests ??= podRequests(this.#pod, (name) => this.#containers.get(name)?.record.allocated);
		return this.#requests;
	}

	get holdsRoom(): boolean {
		return this.record.isAdmitted && this.record.sandbox !== "stopped";
	}

	/** Does something after a simulated delay, then plans anew. No delay: at once, within the present round. */
	after(delayMs: number, step: () => void): void {
		const run = () => {
			if (this.#closed) return;
			step();
			this.sync();
		};
		if (delayMs <= 0) run();
		else this.host.clock.setTimeout(run, delayMs);
	}

	event(type: "Normal" | "Warning", reason: string, message: string, container?: string): void {
		this.host.event(this.node.name, this.#pod, type, reason, message, container);
	}

	/** The caches may lag behind the API: what is missing is asked for before that counts as a failure. */
	async fetch({ object }: MissingObjectError): Promise<boolean> {
		return object !== undefined && (await this.host.fetch(this.node.name, object));
	}

	deviceEnvironment(container: Container | EphemeralContainer): Environment {
		return deviceEnvironment(this.#devices, this.#pod, container);
	}

	serviceEnvironment(): ReadonlyMap<string, string> {
		const { metadata, spec } = this.#pod;
		return this.host.serviceEnvironment(spec?.enableServiceLinks === false ? "default/kubernetes" : (metadata?.namespace ?? ""));
	}

	downward(): DownwardContext {
		return { podIp: this.record.ip, hostIp: this.node.address, allocatable: this.node.allocatable };
	}

	/** A static pod is ended by its node. */
	terminate(): void {
		this.record.deleting = true;
		this.end({ deadlineMs: this.host.clock.now() + this.graceMs });
	}

	reportAnew(): void {
		this.#reporter.reportAnew();
	}

	/** What is written of a static pod is its mirror's, of which no more than the status is the pod's. */
	#written(pod: Pod): void {
		if (!isStaticPod(this.#pod)) this.#take(pod);
		else if (pod.status !== undefined) this.#pod = { ...this.#pod, status: pod.status };
	}

	/** Answers to writes and watch events come by different ways: an older state never replaces a newer one. */
	#take(pod: Pod): void {
		if (isOlder(pod, this.#pod)) return;
		const before = this.#pod;
		const isDifferent = usageDiffers(before, pod);
		if (isDifferent) this.usage.podChanged(pod, this.host.clock.now());
		this.#pod = pod;
		this.volumes.pod = pod;
		// Labels and annotations are in downward API volumes: the kubelet mounts anew what a pod's update may have changed.
		if (this.volumes.hasOpened && pod.metadata !== before.metadata) this.volumes.refresh();
		if (!isDifferent) return;
		for (const container of this.#containers.values()) container.usage.guardMemory();
		this.usageGrew();
	}

	#noticeDeletion(): void {
		const { metadata } = this.#pod;
		if (metadata?.deletionTimestamp === undefined) return;
		const { record } = this;
		const graceMs = metadata.deletionGracePeriodSeconds === undefined ? this.graceMs : metadata.deletionGracePeriodSeconds * 1000;
		const deadlineMs = this.host.clock.now() + graceMs;
		record.deleting = true;
		if (record.ending === undefined) {
			record.ending = { deadlineMs };
			for (const container of this.#containers.values()) container.abandonHook();
		} else if (deadlineMs < record.ending.deadlineMs) {
			// Deleted again with a shorter grace period.
			record.ending.deadlineMs = deadlineMs;
			for (const container of this.#containers.values()) container.endBy(deadlineMs);
		}
	}

	/** Containers whose image was changed are restarted. */
	#followSpec(): void {
		if (this.record.ending !== undefined || this.record.deleting || this.record.isOver) return;
		for (const container of this.#containers.values()) container.followSpec();
	}

	/** In-place resize: promises what the spec wants if the node has room, and brings it to the containers. */
	#resize(): void {
		const { record, host, node } = this;
		if (record.ending !== undefined || record.deleting) return;
		const room = () => ({ allocatable: node.allocatable, others: host.promisedToOthers(node.name, this) });
		const decision = decideResize(this.#pod, record, room);
		const { pending, inProgress } = record.resize ?? {};
		if (decision.type === "pending") this.#postponeResize(decision);
		else if (decision.type === "fits") this.#startResize();
		else if (pending !== undefined) record.resize = inProgress === undefined ? undefined : { inProgress };
		if (record.resize?.inProgress === undefined) return;
		const behind = unactuated(record);
		for (const container of behind) this.#containers.get(container.name)?.resize(needsRestart(this.#pod, container));
		if (behind.length > 0 || record.containers.some(({ restartsForSpec }) => restartsForSpec)) return;
		record.resize = record.resize.pending === undefined ? undefined : { pending: record.resize.pending };
		this.event("Normal", "ResizeCompleted", resizeMessage("Pod resize completed", this.#pod));
	}

	#startResize(): void {
		const before = this.footprint;
		allocate(this.#pod, this.record);
		this.#requests = undefined;
		this.record.resize = { inProgress: { generation: this.#generation } };
		this.event("Normal", "ResizeStarted", resizeMessage("Pod resize started", this.#pod));
		const { milliCpu, memoryBytes } = this.footprint;
		if (milliCpu < before.milliCpu || memoryBytes < before.memoryBytes) this.host.roomFreed(this.node.name);
	}

	#postponeResize({ reason, message }: { readonly reason: "Deferred" | "Infeasible"; readonly message: string }): void {
		const { record } = this;
		const { pending } = record.resize ?? {};
		if (reason === "Deferred") this.host.awaitRoom(this.node.name, this);
		if (pending?.reason === reason && pending.message === message && pending.generation === this.#generation) return;
		record.resize = { ...record.resize, pending: { reason, message, generation: this.#generation } };
		this.event("Warning", `Resize${reason}`, resizeMessage(`Pod resize ${reason}`, this.#pod, message));
	}

	get #generation(): number {
		return this.#pod.metadata?.generation ?? 0;
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
				this.#containers.get(action.container.name)?.start();
				return;
			case "backOff":
				this.#containers.get(action.container.name)?.backOff();
				return;
			case "stop":
				this.#containers.get(action.container.name)?.stop(this.#deadlineMs, { isOrdered: true });
				return;
			case "signal":
				this.#containers.get(action.container.name)?.signal(this.#deadlineMs);
				return;
			case "restartAll":
				this.record.restartingAll = true;
				return;
			case "interrupt":
				this.#containers.get(action.container.name)?.interrupt();
				return;
			case "startAllAnew":
				this.record.restartingAll = false;
				for (const container of this.record.containers) if (container.kind !== "ephemeral") restartWithAll(container);
				return;
			case "exceedDeadline":
				this.record.ending = { failed: deadlineExceeded, deadlineMs: this.host.clock.now() + this.graceMs };
				this.event("Normal", deadlineExceeded.reason, deadlineExceeded.message);
				return;
			case "stopSandbox":
				if (this.record.sandbox === "ready") this.node.counters.count("runtime_operations_total", "stop_podsandbox");
				this.record.sandbox = "stopped";
				sandboxEnded(this.record, this.host.clock.now());
				this.#unmountVolumes();
				this.#leaveNetwork();
				this.host.roomFreed(this.node.name);
				return;
			case "removePod":
				this.record.removed = true;
				this.#reporter.requestRemoval();
				return;
			default:
				action satisfies never;
		}
	}

	/** The end of the grace period; of a pod whose main containers have ended by themselves, a grace period from now. */
	get #deadlineMs(): number {
		return this.record.ending?.deadlineMs ?? this.host.clock.now() + this.graceMs;
	}

	#mountVolumes(): void {
		const { host, node } = this;
		this.record.volumes = "mounting";
		try {
			this.volumes.check();
			if (host.claims.mount(node.name, this.#pod, () => node.hostFiles(), this) === "mounted") {
				this.record.volumes = "mounted";
				this.#mountTimeout?.cancel();
			} else this.#mountTimeout ??= this.#warnOfWait();
		} catch (error) {
			if (!(error instanceof MissingObjectError)) throw error;
			void this.#mountLater(error);
		}
	}

	/** A volume may have been attached. */
	mountAgain(): void {
		if (this.record.volumes !== "mounting") return;
		this.record.volumes = "absent";
		this.sync();
	}

	/** Whoever waits long for a volume says so, again and again. */
	#warnOfWait(): Timer {
		return this.host.clock.setInterval(() => {
			if (this.paused) return;
			const names = podClaims(this.#pod)
				.map(({ volume }) => volume)
				.join(" ");
			const why = "context deadline exceeded";
			this.event(
				"Warning",
				"FailedMount",
				`Unable to attach or mount volumes: unmounted volumes=[${names}], unattached volumes=[], failed to process volumes=[]: ${why}`,
			);
		}, mountTimeoutMs);
	}

	/** An image volume: the files of an image, as they are. */
	#openImage(text: string): MountedVolume {
		const reference = parseImageReference(text);
		const pulled = "error" in reference ? undefined : this.node.image(formatImageReference(reference));
		if (pulled === undefined) throw new Error(`the image ${text} of a volume is not on the node`);
		return { tree: new Tree({ clock: this.host.clock, lower: pulled.image.files() }), readOnly: true };
	}

	#unmountVolumes(): void {
		this.volumes.close();
		this.#mountTimeout?.cancel();
		this.host.claims.unmount(this.node.name, this.#pod, this);
	}

	async #mountLater(error: MissingObjectError): Promise<void> {
		const found = await this.fetch(error);
		this.record.volumes = "absent";
		if (!found) {
			this.event("Warning", "FailedMount", error.message);
			this.record.retryMs = this.host.clock.now() + this.#mountRetryMs;
			this.#mountRetryMs = Math.min(this.#mountRetryMs * 2, maxMountRetryMs);
		}
		this.sync();
	}

	#createSandbox(): void {
		if (this.#hasLostSandbox) this.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
		this.#hasLostSandbox = false;
		this.record.sandbox = "creating";
		if (usesDevices(this.#pod) && this.#devices === undefined) {
			void this.#prepareDevices();
			return;
		}
		const { runtimeClassName } = this.#pod.spec ?? {};
		if (runtimeClassName !== undefined) void this.#findRuntime(runtimeClassName);
		else this.#openSandboxSoon();
	}

	/** Each sandbox asks anew: the class and the node's runtime may have changed. Never rejects. */
	async #findRuntime(runtimeClass: string): Promise<void> {
		const { host, node } = this;
		try {
			this.#runtime = await host.sandboxRuntime(node.name, runtimeClass);
		} catch (error) {
			if (this.#closed || this.record.sandbox !== "creating") return;
			this.#sandboxFailed(error instanceof Error ? error.message : String(error));
			this.sync();
			return;
		}
		if (this.#closed || this.record.sandbox !== "creating") return;
		this.#openSandboxSoon();
		this.sync();
	}

	#openSandboxSoon(): void {
		const { latency, random } = this.host;
		this.after(latency.sandboxMs(random), () => {
			if (this.record.sandbox !== "creating") return;
			if (this.record.ending !== undefined) this.record.sandbox = "absent";
			else this.#openSandbox();
		});
	}

	/** There is no sandbox without them. Never rejects. */
	async #prepareDevices(): Promise<void> {
		const { host, node, record } = this;
		const again = () => {
			record.sandbox = "absent";
		};
		try {
			const namespace = this.#pod.metadata?.namespace ?? "";
			this.#devices = await prepareDevices(this.#pod, (name) => host.resourceClaim(node.name, namespace, name));
			this.after(0, again);
		} catch (error) {
			const why = `prepare dynamic resources: ${error instanceof Error ? error.message : String(error)}`;
			if (!this.#closed) this.event("Warning", "FailedPrepareDynamicResources", `Failed to prepare dynamic resources: ${why}`);
			this.after(sandboxRetryMs, again);
		}
	}

	/** After a restart of the kubelet: the pod runs, and has its devices and its runtime. Never rejects. */
	async #recall(resumed: readonly string[]): Promise<void> {
		const { host, node } = this;
		const { metadata, spec } = this.#pod;
		const namespace = metadata?.namespace ?? "";
		try {
			if (spec?.runtimeClassName !== undefined) this.#runtime = await host.sandboxRuntime(node.name, spec.runtimeClassName);
			if (usesDevices(this.#pod)) this.#devices = await prepareDevices(this.#pod, (name) => host.resourceClaim(node.name, namespace, name));
		} catch (error) {
			host.log.warn("Failed to recall devices or the runtime of a pod", { pod: metadata?.name, error: String(error) });
		}
		if (!this.#closed) this.#resume(resumed);
	}

	#resume(containers: readonly string[]): void {
		this.#openedSandbox(this.record.startMs);
		for (const name of containers) this.#containers.get(name)?.resume();
	}

	#openSandbox(): void {
		const { sandboxError } = this.node;
		if (sandboxError !== undefined) {
			this.#sandboxFailed(sandboxError);
			return;
		}
		try {
			this.#joinNetwork(this.#pod.spec?.hostNetwork === true ? this.node.address : this.node.allocateAddress());
			this.record.sandbox = "ready";
			this.node.counters.count("runtime_operations_total", "run_podsandbox");
			this.node.counters.count("started_pods_total");
			this.#openedSandbox(this.host.clock.now());
			for (const warning of podDns(this.#pod, this.host.clusterDns).warnings) this.event("Warning", "DNSConfigForming", warning);
		} catch (error) {
			if (!(error instanceof OutOfAddressesError)) throw error;
			const why = `plugin type="ptp" failed (add): failed to allocate for range 0: ${error.message}`;
			this.#sandboxFailed(`rpc error: code = Unknown desc = failed to setup network for sandbox: ${why}`);
		}
	}

	#sandboxFailed(why: string): void {
		this.event("Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${why}`);
		this.record.sandbox = "absent";
		this.record.retryMs = this.host.clock.now() + sandboxRetryMs;
	}

	get runtime(): SandboxRuntime {
		return this.#runtime;
	}

	get kernel(): Kernel {
		if (this.#runtime.kind !== "kata") return this.node.kernel;
		if (this.#guest === undefined) {
			this.#guest = new Kernel();
			this.#guest.release = guestKernelRelease;
		}
		return this.#guest;
	}

	#openedSandbox(createdMs: number): void {
		const ip = this.record.ip === this.node.address ? "" : this.record.ip;
		this.#guest = undefined;
		const { shareProcessNamespace, hostPID } = this.#pod.spec ?? {};
		this.sharedPids = shareProcessNamespace === true && hostPID !== true ? new PidNamespace(this.kernel, 1) : undefined;
		sandboxOpened(this.record, { runtime: this.#runtime, createdMs, ip, shimPid: this.node.kernel.reservePids(2) });
	}

	/** Its sandbox begins: with an address. */
	#joinNetwork(address: string): void {
		this.record.ip = address;
		if (address === this.node.address) {
			this.#network = this.node.network;
			return;
		}
		this.node.reserveAddress(address);
		this.#network = this.host.network.add(address, this.node, this);
	}

	#leaveNetwork(): void {
		const network = this.#network;
		this.#network = undefined;
		if (network === undefined || network === this.node.network) return;
		this.host.network.remove(network);
		this.node.releaseAddress(network.address);
	}

	#wakeAt(timeMs: number | undefined): void {
		const { clock } = this.host;
		this.#wake?.cancel();
		this.#wake = timeMs === undefined ? undefined : clock.setTimeout(() => this.sync(), Math.max(0, timeMs - clock.now()));
	}
}

function isOlder(a: Pod, b: Pod): boolean {
	return Number(a.metadata?.resourceVersion ?? 0) < Number(b.metadata?.resourceVersion ?? 0);
}
