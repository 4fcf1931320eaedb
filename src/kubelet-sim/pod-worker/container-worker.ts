/**
 * One container of a pod over all its instances: pulls its image, creates and starts it, has it probed, stops it. What is to be
 * done and when is plan.ts's business; this does it. What it means for the record is in container-life.ts.
 */
import type { LifecycleHandler } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";
import { ExecError, type ProcessExit } from "../../host/index.ts";
import { type SimContainer, terminationReason } from "../container/container.ts";
import type { ContainerLog } from "../container/container-log.ts";
import { lastText } from "../container/log-reader.ts";
import type { Image } from "../images/image.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../images/reference.ts";
import type { Environment } from "../volumes/environment.ts";
import { MissingObjectError } from "../volumes/objects.ts";
import { checkedEnvironment, containerEnvironment, newInstance } from "./container-config.ts";
import { ContainerEnding } from "./container-ending.ts";
import { ContainerImages } from "./container-images.ts";
import {
	type ContainerEnd,
	forgetFailures,
	instanceCreated,
	instanceEnded,
	instanceFailed,
	instanceLost,
	instanceRuns,
	notStarted,
	resyncMs,
	waitFor,
} from "./container-life.ts";
import { ContainerProbes } from "./container-probes.ts";
import { ContainerUsage } from "./container-usage.ts";
import { type HookTarget, runHook } from "./hooks.ts";
import { type ContainerEvent, type ImageNeed, imageNeeds } from "./image-pull.ts";
import { type ContainerRecord, findContainer } from "./pod-record.ts";
import type { ContainerSpec, PodScope } from "./pod-scope.ts";
import { type ProbeCounts, Prober } from "./prober.ts";
import { shouldRestart } from "./restart-policy.ts";

const configRetryMs = 10_000;
/** Of the log that stands in for a termination message: lines and bytes. */
const fallbackMessageLines = 80;
const fallbackMessageBytes = 2048;

export class ContainerWorker {
	readonly record: ContainerRecord;
	readonly usage: ContainerUsage;
	readonly #scope: PodScope;
	#container: SimContainer | undefined;
	/** Of a container that has probes. */
	#probes: ContainerProbes | undefined;
	/** Of the instance that is being stopped. */
	#ending: ContainerEnding | undefined;
	/** Why its postStart hook failed. */
	#hookFailure: string | undefined;
	#previousLog: ContainerLog | undefined;
	/** How often its machine has lost its power. */
	#boots = 0;

	constructor(scope: PodScope, record: ContainerRecord) {
		this.#scope = scope;
		this.record = record;
		this.usage = new ContainerUsage(scope, this);
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
		return this.#probes?.counts;
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
		this.#leave();
		instanceLost(record, end, this.#container !== undefined, this.#scope.host.clock.now());
		this.#container?.finish();
	}

	/** Kills whatever runs. */
	close(): void {
		this.#leave();
		this.#container?.finish();
	}

	/** The present instance ends. */
	#leave(): void {
		this.usage.end();
		this.#probes?.stop();
		this.#ending?.cancel();
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
			environment = containerEnvironment(this.#scope, spec);
		} catch (error) {
			// What it refers to has gone since: a process keeps the environment it has, which nobody knows any more.
			if (!(error instanceof MissingObjectError)) throw error;
		}
		if (!this.#launch(record.containerId.replace("containerd://", ""), spec, image, environment)) return;
		this.#beginProbes(spec);
		this.usage.changed();
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
		this.#probes?.stopKilling();
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
		this.#probes?.stopKilling();
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

	/**
	 * Restarts the container if its spec names another image than before, and forgets failures of the old one.
	 * Source: containerChanged and computePodActions of pkg/kubelet/kuberuntime; KEP-753 for sidecars.
	 */
	followSpec(): void {
		const { record } = this;
		const { kind, name, phase } = record;
		const image = this.#spec()?.image;
		if (image === record.specImage || record.restartsForSpec || (kind !== "main" && kind !== "sidecar")) return;
		if (phase === "waiting" || phase === "exited") forgetFailures(record, image);
		else if (phase === "running" && record.stopping === "no") {
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
			this.usage.guardMemory();
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
			environment = checkedEnvironment(this.#scope, spec, pulled.image);
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

	#startInstance(spec: ContainerSpec, reference: ImageReference, { image, imageId }: PulledImage, environment: Environment): void {
		const { record } = this;
		const { clock, random } = this.#scope.host;
		const id = `${random.uuid()}${random.uuid()}`.replaceAll("-", "");
		const name = reference.digest === undefined ? formatImageReference(reference) : (spec.image ?? "");
		instanceCreated(record, { containerId: `containerd://${id}`, image: name, imageId }, clock.now());
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
		this.#probes?.stop();
		this.#ending?.cancel();
		this.#previousLog = this.#container?.log ?? this.#previousLog;
		this.#container = undefined;
		const container = newInstance(this.#scope, this.usage, { id, spec, image, environment });
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

	#startFailed(error: ExecError): void {
		const { record } = this;
		const nowMs = this.#scope.host.clock.now();
		const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${error.message}`;
		this.#event("Warning", "Failed", `Error: ${message}`);
		this.#scope.node.counters.count("runtime_operations_errors_total", "start_container");
		this.#scope.node.counters.count("started_containers_errors_total", `RunContainerError ${containerType(record)}`);
		instanceFailed(record, message, shouldRestart(this.#scope.pod, record), nowMs);
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
		instanceRuns(this.record, spec);
		this.#scope.hasStarted();
		this.#beginProbes(spec);
		this.usage.changed();
	}

	#beginProbes(spec: ContainerSpec): void {
		const { record } = this;
		const container = this.#container;
		if (container === undefined || record.kind === "init" || record.kind === "ephemeral" || !Prober.isNeeded(spec)) return;
		this.#probes ??= new ContainerProbes(this.#scope, record, (deadlineMs, message) => this.stop(deadlineMs, { message }));
		this.#probes.begin(this.#hookTarget(container, spec));
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
		this.#leave();
		const finishedMs = clock.now();
		container.finish();
		const message = terminationMessage(this.#spec(), container, exit);
		this.#scope.after(latency.noticeMs(random), () => {
			if (this.#container !== container) return;
			const { exitCode } = exit;
			instanceEnded(record, { exitCode, reason: terminationReason(exit), ...(message === "" ? {} : { message }), finishedMs });
			this.#showHookFailure();
		});
	}

	#wait(reason: string, message: string, retryAfterMs: number): void {
		waitFor(this.record, { reason, message }, this.#scope.host.clock.now() + retryAfterMs);
	}

	/** Whether a start that was under way has been overtaken by the pod's end, or by that of its machine's power. */
	#isOvertaken(boot: number): boolean {
		const { ending, deleting } = this.#scope.record;
		if (boot !== this.#boots || this.#scope.node.isOff) return true;
		if (ending === undefined && !deleting) return false;
		notStarted(this.record);
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
