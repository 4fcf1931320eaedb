/**
 * How a cluster's time passes: when told to (virtual), with the machine's, or faster than it. What waits for something in the
 * cluster is written once for all three.
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { parseGoDuration } from "../apimachinery/time.ts";

/** `speed`: cluster seconds a real second. */
export type ClockOption = "virtual" | "wall" | { readonly speed: number } | Clock;

/** Milliseconds of cluster time, or Go's way to write a duration: `5m`, `1h30m`, `250ms`. */
export type Duration = number | string;

/** Real milliseconds between two looks at a condition where time passes by itself. */
const lookEveryMs = 20;

/** @param startMs when virtual time begins, Unix ms */
export function clockOf(option: ClockOption, startMs?: number): Clock {
	if (option === "virtual") return new VirtualClock(startMs);
	if (option === "wall") return new WallClock();
	return "speed" in option ? new WallClock({ speed: option.speed }) : option;
}

/** @throws TimeError for a text that is no duration, RangeError for one that is negative */
export function durationMs(duration: Duration): number {
	const ms = typeof duration === "number" ? duration : parseGoDuration(duration);
	if (!(ms >= 0)) throw new RangeError(`time does not go back: ${duration}`);
	return ms;
}

/**
 * Lets everything happen that is due at this instant. Where time passes by itself there is no such instant.
 * @throws Error unless time is virtual
 */
export async function settle(clock: Clock, check?: () => void): Promise<void> {
	if (!(clock instanceof VirtualClock)) throw new Error('only a cluster in virtual time settles: createCluster({ clock: "virtual" })');
	await clock.advance(0, check);
}

/** Resolves when so much cluster time has passed, and in virtual time all that was due in it has happened. */
export async function advance(clock: Clock, duration: Duration, check?: () => void): Promise<void> {
	const ms = durationMs(duration);
	if (clock instanceof VirtualClock) await clock.advance(ms, check);
	else await sleep(clock, ms);
}

/**
 * Resolves to whether the condition came to hold within this much cluster time. In virtual time it is looked at after every timer
 * that fires.
 */
export async function passUntil(
	clock: Clock,
	condition: () => boolean | Promise<boolean>,
	within: Duration,
	check?: () => void,
): Promise<boolean> {
	const limitMs = durationMs(within);
	if (clock instanceof VirtualClock) return clock.advanceUntil(condition, limitMs, check);
	const endMs = clock.now() + limitMs;
	const pace = new WallClock();
	while (!(await condition())) {
		if (clock.now() >= endMs) return false;
		await sleep(pace, lookEveryMs);
	}
	return true;
}
