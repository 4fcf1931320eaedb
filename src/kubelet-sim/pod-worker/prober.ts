/** The probes of one running container: when they run, and what their verdicts lead to. */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Probe } from "../../apimachinery/schema/generated/types.ts";
import type { ActionTarget } from "./action-target.ts";
import { runProbe } from "./probe-action.ts";
import { initialProbeState, observeProbe, type ProbeKind, type ProbeState } from "./probe-state.ts";

export interface ProberHooks {
	/** The startup probe has succeeded. */
	onStarted(): void;
	onReady(ready: boolean): void;
	/** Liveness or startup has failed for good: the container is to be killed. */
	onUnhealthy(kind: ProbeKind, probe: Probe): void;
	/** One failed execution: the Unhealthy event. */
	onFailure(message: string): void;
	/** One that counts as a success, and is worth a word: the ProbeWarning event. */
	onWarning(message: string): void;
}

const titles: Readonly<Record<ProbeKind, string>> = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" };

export class Prober {
	readonly #target: ActionTarget;
	readonly #hooks: ProberHooks;
	readonly #clock: Clock;
	readonly #timers = new Map<ProbeKind, Timer>();
	#stopped = false;
	#isEnding = false;
	#started: boolean;

	constructor(target: ActionTarget, hooks: ProberHooks) {
		this.#target = target;
		this.#hooks = hooks;
		this.#clock = target.clock;
		this.#started = target.spec.startupProbe === undefined;
	}

	/** Whether a container has any probe at all: most have none, and need no prober. */
	static isNeeded({ startupProbe, livenessProbe, readinessProbe }: Container | EphemeralContainer): boolean {
		return startupProbe !== undefined || livenessProbe !== undefined || readinessProbe !== undefined;
	}

	start(): void {
		if (!this.#started) this.#begin("startup", this.#target.spec.startupProbe);
		else this.#beginOthers();
	}

	stop(): void {
		this.#stopped = true;
		for (const timer of this.#timers.values()) timer.cancel();
		this.#timers.clear();
	}

	/** The container is to end: it is not killed for its health any more, but still says whether it is ready. */
	stopKilling(): void {
		this.#isEnding = true;
		for (const kind of ["startup", "liveness"] as const) {
			this.#timers.get(kind)?.cancel();
			this.#timers.delete(kind);
		}
	}

	/** Liveness and readiness wait until the startup probe has succeeded. */
	#beginOthers(): void {
		this.#begin("liveness", this.#target.spec.livenessProbe);
		this.#begin("readiness", this.#target.spec.readinessProbe);
	}

	#begin(kind: ProbeKind, probe: Probe | undefined): void {
		if (probe === undefined) return;
		this.#schedule(kind, probe, initialProbeState(kind), (probe.initialDelaySeconds ?? 0) * 1000);
	}

	#schedule(kind: ProbeKind, probe: Probe, state: ProbeState, delayMs: number): void {
		if (this.#stopped || (this.#isEnding && kind !== "readiness")) return;
		this.#timers.set(
			kind,
			this.#clock.setTimeout(() => void this.#run(kind, probe, state), delayMs),
		);
	}

	async #run(kind: ProbeKind, probe: Probe, before: ProbeState): Promise<void> {
		const startMs = this.#clock.now();
		const result = await runProbe(probe, this.#target);
		if (this.#stopped || (this.#isEnding && kind !== "readiness")) return;
		const { state, decided } = observeProbe(before, probe, result);
		if (result.outcome !== "success") {
			const how = result.outcome === "failure" ? "failed" : "errored and resulted in unknown state";
			this.#hooks.onFailure(`${titles[kind]} probe ${how}: ${result.output}`);
		}
		if (result.outcome === "success" && result.warning !== undefined)
			this.#hooks.onWarning(`${titles[kind]} probe warning: ${result.warning}`);
		if (decided) this.#decide(kind, probe, state);
		if (kind === "startup" && this.#started) return;
		const elapsedMs = this.#clock.now() - startMs;
		this.#schedule(kind, probe, state, Math.max(0, (probe.periodSeconds ?? 10) * 1000 - elapsedMs));
	}

	#decide(kind: ProbeKind, probe: Probe, { verdict }: ProbeState): void {
		if (kind === "readiness") this.#hooks.onReady(verdict === "success");
		else if (verdict === "failure") this.#hooks.onUnhealthy(kind, probe);
		else if (kind === "startup") {
			this.#started = true;
			this.#timers.delete("startup");
			this.#hooks.onStarted();
			this.#beginOthers();
		}
	}
}
