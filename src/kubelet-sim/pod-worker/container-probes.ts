/** The probes of a container over all its instances: what their verdicts do to its record, its pod's events and itself. */
import type { ActionTarget } from "./action-target.ts";
import type { ContainerRecord } from "./pod-record.ts";
import type { PodScope } from "./pod-scope.ts";
import type { ProbeKind } from "./probe-state.ts";
import { ProbeCounts, Prober } from "./prober.ts";
import { isRestartable } from "./restart-policy.ts";

export class ContainerProbes {
	readonly #scope: PodScope;
	readonly #record: ContainerRecord;
	/** Asks the container to end. */
	readonly #kill: (deadlineMs: number, message: string) => void;
	/** Of the present instance. */
	#prober: Prober | undefined;
	#counts: ProbeCounts | undefined;

	constructor(scope: PodScope, record: ContainerRecord, kill: (deadlineMs: number, message: string) => void) {
		this.#scope = scope;
		this.#record = record;
		this.#kill = kill;
	}

	/** Undefined: they have not run yet. */
	get counts(): ProbeCounts | undefined {
		return this.#counts;
	}

	/** An instance runs. */
	begin(target: ActionTarget): void {
		const record = this.#record;
		this.#prober = new Prober(target, {
			onResult: (kind, outcome) => {
				this.#counts ??= new ProbeCounts();
				this.#counts.count(kind, outcome);
			},
			onStarted: () => {
				record.started = true;
				record.ready = target.spec.readinessProbe === undefined;
				this.#scope.sync();
			},
			onReady: (ready) => {
				if (record.ready === ready) return;
				record.ready = ready;
				this.#scope.sync();
			},
			onUnhealthy: (kind, { terminationGracePeriodSeconds }) => this.#killUnhealthy(kind, terminationGracePeriodSeconds),
			onFailure: (message) => this.#warn("Unhealthy", message),
			onWarning: (message) => this.#warn("ProbeWarning", message),
		});
		this.#prober.start();
	}

	/** The instance has ended. */
	stop(): void {
		this.#prober?.stop();
	}

	/** The instance is to end: it is not killed for its health any more, but still says whether it is ready. */
	stopKilling(): void {
		this.#prober?.stopKilling();
	}

	#killUnhealthy(kind: ProbeKind, graceSeconds: number | undefined): void {
		const { pod, host, graceMs } = this.#scope;
		const intent = isRestartable(pod, this.#record) ? ", will be restarted" : "";
		const deadlineMs = host.clock.now() + (graceSeconds === undefined ? graceMs : graceSeconds * 1000);
		this.#kill(deadlineMs, `Container ${this.#record.name} failed ${kind} probe${intent}`);
		this.#scope.sync();
	}

	#warn(reason: string, message: string): void {
		this.#scope.event("Warning", reason, message, this.#record.name);
	}
}
