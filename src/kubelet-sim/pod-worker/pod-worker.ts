/**
 * Runs one pod on its node: makes the plan, carries it out, reports the status. Level-based: whatever happens, `sync`
 * plans anew from the record. The thin, effectful side of plan.ts and status.ts; what concerns one container is in
 * container-worker.ts, the sandbox in pod-sandbox.ts, volumes in pod-mounts.ts, resizes in pod-resize.ts.
 *
 * Invariants: restart counts never fall; no container outlives its pod; after `close` nothing of the pod is on the
 * node. Where the latency model says 0, steps follow one another without a timer, so that a pod can go from Pending to
 * Running in one status update.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Kernel, PidNamespace } from "../../host/index.ts";
import type { Rejection } from "../admission/admission.ts";
import { isStaticPod } from "../admission/critical-pods.ts";
import type { AdmissionCandidate } from "../admission/node-admission.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import { PodUsageMeter, saysDisk, saysMemory, type UsedContainer, usageDiffers } from "../usage/pod-usage.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import type { Environment } from "../volumes/environment.ts";
import type { MissingObjectError } from "../volumes/objects.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { type ContainerEnd, killedEnd, restartWithAll, unknownEnd } from "./container-life.ts";
import { ContainerWorker } from "./container-worker.ts";
import { type Footprint, noFootprint, podFootprint, podRequests, type ResourceAmounts } from "./footprint.ts";
import { type PodAction, planPod } from "./plan.ts";
import { PodMounts } from "./pod-mounts.ts";
import { adoptPodRecord, containersOf, newContainerRecord, newPodRecord, type PodEnding, type PodRecord } from "./pod-record.ts";
import { type ResizedPod, resizePod } from "./pod-resize.ts";
import { PodSandbox } from "./pod-sandbox.ts";
import type { ContainerSpec, PodScope } from "./pod-scope.ts";
import type { ProbeCounts } from "./prober.ts";
import type { SandboxRuntime } from "./sandboxes.ts";
import { podStatus } from "./status.ts";
import { StatusReporter } from "./status-reporter.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination */
const defaultGraceSeconds = 30;
/** Plans one `sync` may carry out before something must be wrong. */
const maxRounds = 1_000;

const deadlineExceeded = {
	reason: "DeadlineExceeded",
	message: "Pod was active on the node longer than the specified deadline",
} as const;

export class PodWorker implements PodScope, ResizedPod, AdmissionCandidate {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	readonly record: PodRecord;
	readonly #containers = new Map<string, ContainerWorker>();
	readonly #mounts: PodMounts;
	readonly #sandbox: PodSandbox;
	readonly #reporter: StatusReporter;
	#pod: Pod;
	/** Made when somebody asks, or when there is something to remember. */
	#usage: PodUsageMeter | undefined;
	#endedCpuSeconds = 0;
	/** Worked out when somebody asks, for as long as it stays the same. */
	#requests: ResourceAmounts | undefined;
	#wake: Timer | undefined;
	#syncing = false;
	#syncAgain = false;
	#closed = false;
	#hasStarted = false;
	/** The node's kubelet is stopped: nothing is planned or reported. */
	paused = false;

	constructor(host: WorkerHost, node: WorkerNode, pod: Pod) {
		this.host = host;
		this.node = node;
		this.#pod = pod;
		this.#mounts = new PodMounts(this);
		this.#sandbox = new PodSandbox(this);
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
		if (record.sandbox === "ready") this.#resume(resumed);
	}

	/** What ran before this process runs again. */
	#resume(containers: readonly string[]): void {
		this.#sandbox.resume(() => {
			for (const name of containers) this.#containers.get(name)?.resume();
		});
	}

	get pod(): Pod {
		return this.#pod;
	}

	get volumes(): PodVolumes {
		return this.#mounts.volumes;
	}

	get network(): PodNetwork | undefined {
		return this.#sandbox.network;
	}

	get runtime(): SandboxRuntime {
		return this.#sandbox.runtime;
	}

	get kernel(): Kernel {
		return this.#sandbox.kernel;
	}

	get sharedPids(): PidNamespace | undefined {
		return this.#sandbox.sharedPids;
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
				resizePod(this);
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
		for (const container of this.#containers.values()) container.lose(end);
		this.#wake?.cancel();
		this.#sandbox.lose();
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
		this.#mounts.unmount();
		this.#sandbox.leaveNetwork();
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

	/** It has been promised something else. */
	allocationChanged(): void {
		this.#requests = undefined;
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

	deviceEnvironment(container: ContainerSpec): Environment {
		return this.#sandbox.deviceEnvironment(container);
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

	#act(action: PodAction): void {
		switch (action.type) {
			case "mountVolumes":
				this.#mounts.mount();
				return;
			case "createSandbox":
				this.#sandbox.create();
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
				this.#sandbox.stop();
				this.#mounts.unmount();
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

	#wakeAt(timeMs: number | undefined): void {
		const { clock } = this.host;
		this.#wake?.cancel();
		this.#wake = timeMs === undefined ? undefined : clock.setTimeout(() => this.sync(), Math.max(0, timeMs - clock.now()));
	}
}

function isOlder(a: Pod, b: Pod): boolean {
	return Number(a.metadata?.resourceVersion ?? 0) < Number(b.metadata?.resourceVersion ?? 0);
}
