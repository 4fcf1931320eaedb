/**
 * How one instance of a container is stopped: its preStop hook, SIGTERM when the hook is over and it is its turn, SIGKILL when the grace
 * period is over. What is to be done and when is plan.ts's business; this does it.
 * Source of behaviour: killContainer of pkg/kubelet/kuberuntime/kuberuntime_container.go.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer } from "../../apimachinery/schema/generated/types.ts";
import type { SignalName } from "../../host/index.ts";
import type { SimContainer } from "../container/container.ts";

import { type HookTarget, runHook } from "./hooks.ts";
import type { ContainerRecord } from "./pod-record.ts";

/** What a container has at least between SIGTERM and SIGKILL. Source: minimumGracePeriodInSeconds of pkg/kubelet/kuberuntime. */
const minimumGraceMs = 2_000;

export interface EndingOptions {
	readonly record: ContainerRecord;
	readonly container: SimContainer;
	readonly spec: Container | EphemeralContainer;
	readonly target: HookTarget;
	/** It is still this instance that is to end, and its pod is there. */
	readonly isCurrent: () => boolean;
	readonly event: (type: "Normal" | "Warning", reason: string, message: string) => void;
	/** It gets SIGTERM. */
	readonly onSignal: () => void;
	/** Its hook is over, and it waits for its turn: plans anew. */
	readonly onTurn: () => void;
}

export class ContainerEnding {
	readonly #options: EndingOptions;
	/** The end of the grace period: of the hook's, then, after SIGTERM, SIGKILL. */
	#timer: Timer | undefined;
	/** When it got SIGTERM, Unix ms. */
	#signalledMs = 0;

	constructor(options: EndingOptions) {
		this.#options = options;
	}

	/** @param isOrdered it waits for others between the hook and SIGTERM: `signal` is then for the plan to say */
	begin(deadlineMs: number, isOrdered: boolean): void {
		const { record, spec, target, onTurn, isCurrent } = this.#options;
		const { clock } = target;
		record.stopping = "hook";
		const over = () => {
			if (!isCurrent() || record.stopping !== "hook") return;
			record.stopping = "turn";
			if (isOrdered) onTurn();
			else this.signal(deadlineMs);
		};
		if (spec.lifecycle?.preStop === undefined || deadlineMs <= clock.now()) {
			over();
			return;
		}
		this.#timer = clock.setTimeout(over, deadlineMs - clock.now());
		void this.#runHook(deadlineMs).then(over);
	}

	/** SIGTERM now, SIGKILL at the deadline, or a little later if that is near. */
	signal(deadlineMs: number): void {
		const { record, spec, target, container, onSignal } = this.#options;
		const stopSignal = spec.lifecycle?.stopSignal?.replace(/^SIG/, "") as SignalName | undefined;
		record.stopping = "signalled";
		this.#signalledMs = target.clock.now();
		onSignal();
		this.endBy(deadlineMs);
		container.signal(stopSignal);
	}

	/** The end of the grace period is another one now. */
	endBy(deadlineMs: number): void {
		const { record, target, container } = this.#options;
		const { clock } = target;
		const after = (atMs: number, step: () => void) => {
			this.#timer?.cancel();
			this.#timer = clock.setTimeout(step, Math.max(0, atMs - clock.now()));
		};
		if (record.stopping === "hook") after(deadlineMs, () => this.#cutHook(deadlineMs));
		else if (record.stopping === "signalled")
			after(Math.max(deadlineMs, this.#signalledMs + minimumGraceMs), () => container.process?.kill("KILL"));
	}

	/** It has ended. */
	cancel(): void {
		this.#timer?.cancel();
	}

	#cutHook(deadlineMs: number): void {
		if (this.#options.isCurrent() && this.#options.record.stopping === "hook") this.signal(deadlineMs);
	}

	/** Resolves when the hook is over, however it ends. */
	async #runHook(deadlineMs: number): Promise<void> {
		const { spec, target, event, isCurrent } = this.#options;
		const { preStop } = spec.lifecycle ?? {};
		if (preStop === undefined) return;
		const failure = await runHook(preStop, target, deadlineMs - target.clock.now());
		if (failure !== undefined && isCurrent()) event("Warning", "FailedPreStopHook", "PreStopHook failed");
	}
}
