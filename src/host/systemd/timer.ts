/**
 * One timer: starts another unit, a service of its name mostly, at moments of the calendar or some time after something.
 *
 *   inactive (dead) ── start ──> active (waiting) ── its moment ──> active (running) ── the other unit has ended ──> active (waiting)
 *                                      └── none is left ──> active (elapsed), or inactive without RemainAfterElapse=
 *
 * It is on time: AccuracySec= delays nothing. Source: systemd.timer(5), src/core/timer.c. Not simulated: OnClockChange=,
 * OnTimezoneChange=, WakeSystem=, FixedRandomDelay=.
 */
import type { Clock, Timer as ClockTimer } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { nextElapse } from "./calendar.ts";
import { type Trigger, triggersOf } from "./timer-triggers.ts";
import { isDown, type JobOutcome, jobDone, Unit } from "./unit.ts";
import type { UnitDefinition } from "./unit-files.ts";

const stampDirectory = "/var/lib/systemd/timers";
export function triggeredUnit({ name, settings }: UnitDefinition): string {
	return settings.last("Timer", "Unit") ?? name.replace(/\.timer$/, ".service");
}

export interface TimerHost {
	readonly clock: Clock;
	readonly random: Random;
	/** Unix ms. */
	readonly bootMs: () => number;
	readonly files: () => FileSystem;
	readonly unit: (name: string) => Unit;
	/** Starts a unit. */
	readonly trigger: (name: string) => Promise<JobOutcome>;
	readonly say: (message: string, priority?: number) => void;
	newInvocationId(): string;
}

export class Timer extends Unit {
	/** Unix ms; undefined: it is not waiting. */
	nextMs: number | undefined;
	/** Unix ms; 0 for never. */
	lastTriggerMs = 0;
	readonly #host: TimerHost;
	#waiting: ClockTimer | undefined;
	#triggers: readonly Trigger[] = [];
	#followed: Unit | undefined;
	readonly #onChange = () => this.#otherChanged();

	constructor(definition: UnitDefinition, host: TimerHost) {
		super(definition);
		this.#host = host;
	}

	/** What it starts. */
	get target(): string {
		return triggeredUnit(this.definition);
	}

	start(): JobOutcome {
		const { clock, say, unit } = this.#host;
		if (unit(this.target).definition.loadState !== "loaded") {
			say(`${this.name}: Refusing to start, unit ${this.target} to trigger not loaded.`, 3);
			say(`Failed to start ${this.title}.`, 3);
			return { type: "failed", result: "resources" };
		}
		this.invocationId = this.#host.newInvocationId();
		this.result = "success";
		this.#triggers = triggersOf(this.definition.settings);
		this.#follow(unit(this.target));
		this.#readStamp();
		this.enter("active", "waiting", clock.now());
		say(`Started ${this.title}.`);
		this.#wait(true);
		return jobDone;
	}

	stop(): JobOutcome {
		if (!this.isUp) return jobDone;
		this.abandon();
		this.#host.say(`${this.name}: Deactivated successfully.`);
		this.enter("inactive", "dead", this.#host.clock.now());
		this.#host.say(`Stopped ${this.title}.`);
		return jobDone;
	}

	/** Its files were read anew. */
	reread(): void {
		this.#triggers = triggersOf(this.definition.settings);
		if (this.subState === "waiting" || this.subState === "elapsed") this.#wait(false);
	}

	/** Nothing is started any more. */
	override abandon(): void {
		this.#waiting?.cancel();
		this.#waiting = undefined;
		this.nextMs = undefined;
		this.#followed?.followers.delete(this.#onChange);
		this.#followed = undefined;
	}

	#follow(other: Unit): void {
		this.#followed?.followers.delete(this.#onChange);
		other.followers.add(this.#onChange);
		this.#followed = other;
	}

	#otherChanged(): void {
		const other = this.#followed;
		if (other === undefined || !this.isUp) return;
		if (this.subState !== "running" || isDown(other.activeState)) this.#wait(false);
	}

	/** @param isInitial it has just been started: what is over counts, at once */
	#wait(isInitial: boolean): void {
		const { clock } = this.#host;
		const nowMs = clock.now();
		this.#waiting?.cancel();
		const moments = this.#triggers.flatMap((trigger) => {
			const atMs = this.#momentOf(trigger);
			const isOnce = trigger.base === "OnActiveSec" || trigger.base === "OnBootSec" || trigger.base === "OnStartupSec";
			return atMs === undefined || (!isInitial && isOnce && atMs <= nowMs) ? [] : [atMs];
		});
		if (moments.length === 0) {
			this.#elapse();
			return;
		}
		const delayMs = this.definition.settings.spanMs("Timer", "RandomizedDelaySec", 0);
		this.nextMs = Math.min(...moments) + (delayMs > 0 ? this.#host.random.int(delayMs) : 0);
		if (this.subState !== "waiting") this.enter("active", "waiting", nowMs);
		// Not in the same instant: what takes no time would never end.
		this.#waiting = clock.setTimeout(() => void this.#fire(), Math.max(1, this.nextMs - nowMs));
	}

	/** Unix ms; undefined: never. */
	#momentOf(trigger: Trigger): number | undefined {
		const { lastTriggerMs, times } = this;
		if (trigger.base === "OnCalendar") {
			const atMs = nextElapse(trigger.spec, lastTriggerMs > 0 ? lastTriggerMs : times.inactiveExit);
			return atMs === undefined ? undefined : Math.max(atMs, this.#host.bootMs());
		}
		const other = this.#followed?.times;
		const fromMs = {
			OnActiveSec: times.inactiveExit,
			OnBootSec: this.#host.bootMs(),
			OnStartupSec: this.#host.bootMs(),
			OnUnitActiveSec: Math.max(other?.inactiveExit ?? 0, lastTriggerMs),
			OnUnitInactiveSec: Math.max(other?.inactiveEnter ?? 0, lastTriggerMs),
		}[trigger.base];
		return fromMs > 0 && Number.isFinite(trigger.spanMs) ? fromMs + trigger.spanMs : undefined;
	}

	async #fire(): Promise<void> {
		const { clock, trigger } = this.#host;
		this.#waiting = undefined;
		this.nextMs = undefined;
		this.lastTriggerMs = clock.now();
		this.#writeStamp();
		this.enter("active", "running", clock.now());
		await trigger(this.target);
		// What could not be started has changed nothing.
		if (this.subState === "running") this.#otherChanged();
	}

	#elapse(): void {
		this.nextMs = undefined;
		const nowMs = this.#host.clock.now();
		const { settings } = this.definition;
		const isLeft = this.#triggers.some(({ base }) => base === "OnUnitActiveSec" || base === "OnUnitInactiveSec");
		if (isLeft || settings.flag("Timer", "RemainAfterElapse", true)) {
			if (this.subState !== "elapsed") this.enter("active", "elapsed", nowMs);
			return;
		}
		this.abandon();
		this.#host.say(`${this.name}: Deactivated successfully.`);
		this.enter("inactive", "dead", nowMs);
	}

	get #isPersistent(): boolean {
		return this.definition.settings.flag("Timer", "Persistent");
	}

	/** Persistent=: what was missed while the machine was off is made up for. */
	#readStamp(): void {
		if (!this.#isPersistent) return;
		const path = `${stampDirectory}/stamp-${this.name}`;
		const files = this.#host.files();
		if (files.exists(path)) this.lastTriggerMs = files.stat(path).mtimeMs;
		else this.#writeStamp();
	}

	#writeStamp(): void {
		if (!this.#isPersistent) return;
		const files = this.#host.files();
		files.mkdir(stampDirectory, { recursive: true });
		files.writeFile(`${stampDirectory}/stamp-${this.name}`, "");
	}
}
