/**
 * One service: started, watched over, started again, stopped.
 *
 *   inactive ── start ──> activating (start-pre, start) ──> active (running, exited) ── stop ──> deactivating (stop-sigterm) ──> inactive
 *      ^                      │ fails                           │ ends by itself
 *      │                      v                                 v
 *      └── may not start ── failed <── no restart ──── ended ── Restart= ──> activating (auto-restart) ── RestartSec ──> start
 *
 * Source: systemd.service(5). Not simulated: sockets, watchdogs, resource limits, users' permissions; Type=dbus is taken for simple.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { Process, ProcessExit } from "../process.ts";
import { parseSignal, type SignalName } from "../signals.ts";
import { commandsOf, EnvironmentError, type ExecOptions, isClean, outcomeOf, type Started, startCommand } from "./exec.ts";
import { StartLimit, wantsRestart } from "./restart-policy.ts";
import { type ExecOutcome, type JobOutcome, jobDone, Unit, type UnitResult } from "./unit.ts";
import type { ExecCommand } from "./unit-file.ts";
import type { UnitDefinition } from "./unit-files.ts";

/** Source: systemd-system.conf(5) */
const defaults = { restartMs: 100, stopMs: 90_000, startMs: 90_000 } as const;

export interface ServiceHost extends Omit<ExecOptions, "unit" | "extra"> {
	readonly clock: Clock;
	newInvocationId(): string;
}

export class Service extends Unit {
	mainPid = 0;
	/** `running` for as long as it runs; else how it ended. */
	main: Process | undefined;
	/** Of processes that have ended since the last start, those of ExecStart= last. */
	outcomes: readonly ExecOutcome[] = [];
	restarts = 0;
	readonly #host: ServiceHost;
	readonly #ours = new Set<Process>();
	readonly #limit = new StartLimit();
	#restart: Timer | undefined;
	/** Somebody wants it stopped: what ends is not started again. */
	#isStopping = false;
	#ready: (() => void) | undefined;
	/** One thing at a time. */
	#job: Promise<unknown> = Promise.resolve();

	constructor(definition: UnitDefinition, host: ServiceHost) {
		super(definition);
		this.#host = host;
	}

	get #settings() {
		return this.definition.settings;
	}

	#of(key: string): string | undefined {
		return this.#settings.last("Service", key);
	}

	get type(): string {
		return this.#of("Type") ?? "simple";
	}

	/** Its processes: what it started, and their children. */
	processes(): readonly Process[] {
		if (this.#ours.size === 0) return [];
		const isOurs = (process: Process | undefined): boolean => process !== undefined && (this.#ours.has(process) || isOurs(process.parent));
		return this.#host.machine.processes().filter(isOurs);
	}

	/** It runs since the machine booted, or that was over long ago. */
	adopt(pid: number, atMs: number): void {
		this.invocationId = this.#host.newInvocationId();
		this.enter("activating", "start", atMs);
		const [command] = commandsOf(this, "ExecStart", this.#host.machine.hostname);
		if (this.type === "oneshot" || command === undefined) {
			const stays = this.#settings.flag("Service", "RemainAfterExit");
			this.enter(stays ? "active" : "inactive", stays ? "exited" : "dead", atMs);
			return;
		}
		const started = startCommand({ ...this.#host, unit: this, extra: new Map(), since: { pid, atMs } }, command);
		if (started.process === undefined) {
			this.enter("failed", "failed", atMs);
			return;
		}
		this.#follow(started.process);
		this.enter("active", "running", atMs);
		this.#host.journal.append({ unit: this.name, identifier: "systemd", pid: 1, atMs, message: `Started ${this.title}.` });
		void this.#watch(started.process, command, atMs);
	}

	/** sd_notify(3)'s READY=1. */
	notifyReady(process: Process): boolean {
		if (process !== this.main) return false;
		this.#ready?.();
		return true;
	}

	start(): Promise<JobOutcome> {
		return this.#inTurn(() => this.#start());
	}

	stop(): Promise<JobOutcome> {
		this.#isStopping = true;
		this.#restart?.cancel();
		this.#restart = undefined;
		// A start that waits for readiness is given up.
		if (this.activeState === "activating" && this.main !== undefined) this.main.kill("TERM");
		return this.#inTurn(() => this.#stop());
	}

	async reload(): Promise<JobOutcome> {
		const { clock } = this.#host;
		this.enter("reloading", "reload", clock.now());
		this.#say(`Reloading ${this.title}...`);
		const failed = await this.#runAll("ExecReload", new Map([["MAINPID", String(this.mainPid)]]));
		this.enter("active", this.main === undefined ? "exited" : "running", clock.now());
		if (failed !== undefined) return { type: "failed", result: failed };
		this.#say(`Reloaded ${this.title}.`);
		return jobDone;
	}

	kill(signal: SignalName, who: "main" | "all"): void {
		if (who === "main") this.main?.kill(signal);
		else for (const process of this.processes()) process.kill(signal);
	}

	/** Forgets that it failed, and how often it was started. */
	resetFailed(): void {
		this.#limit.forget();
		this.restarts = 0;
		if (this.activeState !== "failed") return;
		this.result = "success";
		this.enter("inactive", "dead", this.#host.clock.now());
	}

	get canReload(): boolean {
		return this.#settings.all("Service", "ExecReload").length > 0;
	}

	override abandon(): void {
		this.#isStopping = true;
		this.#restart?.cancel();
	}

	#inTurn(step: () => Promise<JobOutcome>): Promise<JobOutcome> {
		const job = this.#job.then(step);
		this.#job = job;
		return job;
	}

	async #start(isAutomatic = false): Promise<JobOutcome> {
		if (this.isUp) return jobDone;
		this.#restart?.cancel();
		this.#restart = undefined;
		if (!isAutomatic) this.restarts = 0;
		if (!this.#limit.admit(this.#settings, this.#host.clock.now())) {
			this.#say(`${this.name}: Start request repeated too quickly.`, 4);
			if (this.result === "success") this.result = "start-limit-hit";
			this.#failToStart();
			return { type: "failed", result: "start-limit-hit" };
		}
		const { clock } = this.#host;
		this.#isStopping = false;
		this.result = "success";
		this.outcomes = [];
		this.invocationId = this.#host.newInvocationId();
		const hasSteps = this.type !== "simple" || this.#settings.all("Service", "ExecStartPre").length > 0;
		this.enter("activating", hasSteps ? "start-pre" : "start", clock.now());
		if (hasSteps) this.#say(`Starting ${this.title}...`);
		const failed = (await this.#runAll("ExecStartPre")) ?? (this.type === "oneshot" ? await this.#runOnce() : await this.#runMain());
		if (failed === undefined) return jobDone;
		if (failed === "stopped") return { type: "failed", result: "signal" };
		return { type: "failed", result: failed };
	}

	async #runOnce(): Promise<UnitResult | undefined> {
		const { clock } = this.#host;
		this.enter("activating", "start", clock.now());
		const failed = await this.#runAll("ExecStart");
		if (failed !== undefined) return failed;
		if (this.#settings.flag("Service", "RemainAfterExit")) this.enter("active", "exited", clock.now());
		else {
			this.enter("inactive", "dead", clock.now());
			this.#say(`${this.name}: Deactivated successfully.`);
		}
		this.#say(`Finished ${this.title}.`);
		return undefined;
	}

	async #runMain(): Promise<UnitResult | "stopped" | undefined> {
		const { clock, machine } = this.#host;
		const [command] = commandsOf(this, "ExecStart", machine.hostname);
		if (command === undefined) return this.#fail("resources");
		const startMs = clock.now();
		const started = this.#startOrTell(command);
		if (started === undefined) return this.#fail("resources");
		this.enter("activating", "start", startMs);
		const { process } = started;
		this.mainPid = started.pid;
		if (process === undefined) {
			// systemd's child has ended before it became the program: a simple service counts as started all the same.
			const outcome = outcomeOf("ExecStart", command, started, undefined, startMs, clock.now());
			if (this.type !== "simple") return this.#endedInStart(outcome);
			this.#hasStarted();
			this.#ended(outcome);
			return undefined;
		}
		this.#follow(process);
		if (this.type.startsWith("notify")) {
			const isReady = await this.#whenReady(process);
			if (!isReady) return this.#gaveUp(process, command, started, startMs);
		} else if (this.type === "forking") {
			const exit = await process.exited;
			const outcome = outcomeOf("ExecStart", command, started, exit, startMs, clock.now());
			this.main = undefined;
			if (!isClean(outcome, this.#settings)) return this.#endedInStart(outcome);
			this.#hasStarted();
			return undefined;
		}
		this.#hasStarted();
		void this.#watch(process, command, startMs);
		return undefined;
	}

	#hasStarted(): void {
		this.enter("active", "running", this.#host.clock.now());
		this.#say(`Started ${this.title}.`);
	}

	/** Whether it said so in time. */
	async #whenReady(process: Process): Promise<boolean> {
		const { clock } = this.#host;
		const limit = new AbortController();
		const ready = new Promise<boolean>((resolve) => {
			this.#ready = () => resolve(true);
		});
		const timeoutMs = this.#settings.spanMs("Service", "TimeoutStartSec", this.#settings.spanMs("Service", "TimeoutSec", defaults.startMs));
		const isBounded = timeoutMs > 0 && Number.isFinite(timeoutMs);
		const late = isBounded
			? sleep(clock, timeoutMs, limit.signal).then(
					() => false,
					() => false,
				)
			: new Promise<boolean>(() => undefined);
		const isReady = await Promise.race([ready, process.exited.then(() => false), late]);
		limit.abort();
		this.#ready = undefined;
		return isReady;
	}

	/** It ended, or did not get ready in time. */
	async #gaveUp(process: Process, command: ExecCommand, started: Started, startMs: number): Promise<UnitResult> {
		const { clock } = this.#host;
		if (process.exit === undefined) {
			this.#say(`${this.name}: start operation timed out. Terminating.`, 4);
			process.kill("KILL");
			await process.exited;
			this.main = undefined;
			return this.#fail("timeout");
		}
		this.main = undefined;
		return this.#endedInStart(outcomeOf("ExecStart", command, started, process.exit, startMs, clock.now()));
	}

	#endedInStart(outcome: ExecOutcome): UnitResult {
		this.outcomes = [...this.outcomes, outcome];
		this.#sayEnded(outcome);
		return this.#fail(isClean(outcome, this.#settings) ? "protocol" : resultOf(outcome));
	}

	/** The start has failed. */
	#fail(result: UnitResult): UnitResult {
		this.result = result;
		this.#killRest();
		this.#failToStart();
		this.#considerRestart(result, undefined);
		return result;
	}

	#failToStart(): void {
		this.#say(`${this.name}: Failed with result '${this.result}'.`, 4);
		this.enter("failed", "failed", this.#host.clock.now());
		this.#say(`Failed to start ${this.title}.`, 3);
	}

	#follow(process: Process): void {
		this.main = process;
		this.mainPid = process.hostPid;
		this.#ours.add(process);
		void process.exited.then(() => this.#forgetWhenAlone(process));
	}

	/** Children of what has ended are still the service's. */
	#forgetWhenAlone(process: Process): void {
		if (!this.#host.machine.processes().some(({ parent }) => parent === process)) this.#ours.delete(process);
	}

	async #watch(process: Process, command: ExecCommand, startMs: number): Promise<void> {
		const exit = await process.exited;
		if (this.main !== process) return;
		this.main = undefined;
		const started = { process, pid: process.hostPid };
		this.#ended(outcomeOf("ExecStart", command, started, exit, startMs, this.#host.clock.now()));
	}

	/** The main process of a service that was up is no more. */
	#ended(outcome: ExecOutcome): void {
		this.outcomes = [...this.outcomes, outcome];
		if (this.#isStopping) return;
		const isFine = isClean(outcome, this.#settings);
		if (!isFine) this.#sayEnded(outcome);
		this.#killRest();
		this.result = isFine ? "success" : resultOf(outcome);
		if (isFine) this.#say(`${this.name}: Deactivated successfully.`);
		else this.#say(`${this.name}: Failed with result '${this.result}'.`, 4);
		this.enter(isFine ? "inactive" : "failed", isFine ? "dead" : "failed", this.#host.clock.now());
		this.#considerRestart(this.result, outcome);
		void this.#runAll("ExecStopPost");
	}

	#considerRestart(result: UnitResult, outcome: ExecOutcome | undefined): void {
		if (this.#isStopping || !wantsRestart(this.#settings, result, outcome)) return;
		const { clock } = this.#host;
		this.enter("activating", "auto-restart", clock.now());
		const restart = () =>
			this.#inTurn(async () => {
				if (this.#isStopping || this.subState !== "auto-restart") return jobDone;
				this.restarts++;
				this.#say(`${this.name}: Scheduled restart job, restart counter is at ${this.restarts}.`);
				return this.#start(true);
			});
		this.#restart = clock.setTimeout(() => void restart(), this.#settings.spanMs("Service", "RestartSec", defaults.restartMs));
	}

	async #stop(): Promise<JobOutcome> {
		const { clock } = this.#host;
		if (this.activeState === "activating") {
			// It waited for its restart.
			this.enter("inactive", "dead", clock.now());
			this.result = "success";
			this.#say(`Stopped ${this.title}.`);
			return jobDone;
		}
		if (!this.isUp) return jobDone;
		this.enter("deactivating", "stop", clock.now());
		this.#say(`Stopping ${this.title}...`);
		await this.#runAll("ExecStop", new Map([["MAINPID", String(this.mainPid)]]));
		const isInTime = await this.#terminate();
		this.main = undefined;
		await this.#runAll("ExecStopPost");
		const last = this.outcomes.findLast(({ key }) => key === "ExecStart");
		this.result = isInTime ? (last === undefined || isClean(last, this.#settings) ? "success" : resultOf(last)) : "timeout";
		if (this.result === "success") this.#say(`${this.name}: Deactivated successfully.`);
		else {
			if (last !== undefined) this.#sayEnded(last);
			this.#say(`${this.name}: Failed with result '${this.result}'.`, 4);
		}
		this.enter(this.result === "success" ? "inactive" : "failed", this.result === "success" ? "dead" : "failed", clock.now());
		this.#say(`Stopped ${this.title}.`);
		return jobDone;
	}

	/** Whether nothing had to be killed. */
	async #terminate(): Promise<boolean> {
		const { clock } = this.#host;
		const mode = this.#of("KillMode") ?? "control-group";
		const targets = mode === "none" ? [] : mode === "process" ? this.#mainOnly() : this.processes();
		if (targets.length === 0) return true;
		this.enter("deactivating", "stop-sigterm", clock.now());
		const signal = parseSignal(this.#of("KillSignal") ?? "TERM") ?? "TERM";
		const others: SignalName = mode === "mixed" ? "KILL" : signal;
		for (const process of targets) process.kill(process === this.main ? signal : others);
		const timeoutMs = this.#settings.spanMs("Service", "TimeoutStopSec", this.#settings.spanMs("Service", "TimeoutSec", defaults.stopMs));
		const limit = new AbortController();
		const all = Promise.all(targets.map(({ exited }) => exited)).then(() => true);
		const late = sleep(clock, Number.isFinite(timeoutMs) ? timeoutMs : defaults.stopMs, limit.signal).then(
			() => false,
			() => false,
		);
		const isInTime = await Promise.race([all, late]);
		limit.abort();
		if (isInTime) return true;
		this.#say(`${this.name}: State 'stop-sigterm' timed out. Killing.`, 4);
		for (const process of targets) {
			if (process.exit !== undefined) continue;
			this.#say(`${this.name}: Killing process ${process.hostPid} (${commandName(process)}) with signal SIGKILL.`, 5);
			process.kill("KILL");
		}
		await Promise.all(targets.map(({ exited }) => exited));
		return false;
	}

	#mainOnly(): readonly Process[] {
		return this.main === undefined ? [] : [this.main];
	}

	/** What is left of its processes when the main one has ended. */
	#killRest(): void {
		const mode = this.#of("KillMode") ?? "control-group";
		if (mode === "process" || mode === "none") return;
		for (const process of this.processes()) process.kill("KILL");
		this.#ours.clear();
	}

	/** One after the other. @returns why it failed; undefined if it did not. */
	async #runAll(key: string, extra?: ReadonlyMap<string, string>): Promise<UnitResult | undefined> {
		const { clock, machine } = this.#host;
		for (const command of commandsOf(this, key, machine.hostname)) {
			const startMs = clock.now();
			const started = this.#startOrTell(command, extra);
			if (started === undefined) return this.#stepFailed(key, "resources");
			let exit: ProcessExit | undefined;
			if (started.process !== undefined) {
				this.#ours.add(started.process);
				if (key === "ExecStart") this.mainPid = started.pid;
				exit = await started.process.exited;
				this.#forgetWhenAlone(started.process);
			}
			const outcome = outcomeOf(key, command, started, exit, startMs, clock.now());
			this.outcomes = [...this.outcomes, outcome];
			if (isClean(outcome, this.#settings) || command.ignoresFailure) continue;
			this.#sayEnded(outcome);
			return this.#stepFailed(key, resultOf(outcome));
		}
		return undefined;
	}

	#stepFailed(key: string, result: UnitResult): UnitResult {
		return key.startsWith("ExecStart") ? this.#fail(result) : result;
	}

	#startOrTell(command: ExecCommand, extra: ReadonlyMap<string, string> = new Map()): Started | undefined {
		try {
			return startCommand({ ...this.#host, unit: this, extra }, command);
		} catch (error) {
			if (!(error instanceof EnvironmentError)) throw error;
			this.#say(`${this.name}: Failed to load environment files: ${error.message}`, 3);
			this.#say(`${this.name}: Failed to spawn 'start' task: ${error.message}`, 4);
			return undefined;
		}
	}

	#sayEnded({ key, code, status, statusName }: ExecOutcome): void {
		const who = key === "ExecStart" ? "Main process" : "Control process";
		this.#say(`${this.name}: ${who} exited, code=${code}, status=${status}/${statusName}`, key === "ExecStart" ? 5 : 5);
	}

	/** systemd's own words. */
	#say(message: string, priority = 6): void {
		this.#host.journal.append({ unit: this.name, identifier: "systemd", pid: 1, priority, message });
	}
}

/** The kernel's name of a process: 15 characters. */
export function commandName(process: Process): string {
	const [path = ""] = process.argv;
	return path.slice(path.lastIndexOf("/") + 1).slice(0, 15);
}

function resultOf({ code }: ExecOutcome): UnitResult {
	return code === "killed" ? "signal" : "exit-code";
}
