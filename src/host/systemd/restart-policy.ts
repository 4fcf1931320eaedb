/** Whether a service that has ended is started again, and whether it may be started yet another time. Source: systemd.service(5), systemd.unit(5) */

import type { ExecOutcome, UnitResult } from "./unit.ts";
import type { UnitSettings } from "./unit-file.ts";

/** Source: systemd.service(5), table "Exit causes and the effect of the Restart= settings". @param outcome of the main process, if it had begun */
export function wantsRestart(settings: UnitSettings, result: UnitResult, outcome: ExecOutcome | undefined): boolean {
	const code = outcome?.code === "exited" ? String(outcome.status) : outcome?.statusName;
	const listed = (key: string) =>
		code !== undefined &&
		settings
			.words("Service", key)
			.map((word) => word.replace(/^SIG/, ""))
			.includes(code);
	if (listed("RestartPreventExitStatus")) return false;
	if (listed("RestartForceExitStatus")) return true;
	const isSignal = result === "signal";
	switch (settings.last("Service", "Restart") ?? "no") {
		case "always":
			return true;
		case "on-success":
			return result === "success";
		case "on-failure":
			return result !== "success";
		case "on-abnormal":
			return isSignal || result === "timeout";
		case "on-abort":
			return isSignal;
		default:
			return false;
	}
}

const [defaultLimitMs, defaultBurst] = [10_000, 5];

/** StartLimitIntervalSec= and StartLimitBurst=: five starts in ten seconds. */
export class StartLimit {
	/** Unix ms. */
	#starts: number[] = [];

	/** Whether there may be another start now; then it is counted. */
	admit(settings: UnitSettings, nowMs: number): boolean {
		// The names of before still count, wherever they stand.
		const section = (key: string) => (settings.last("Unit", key) === undefined ? "Service" : "Unit");
		const isSet = (key: string) => settings.last(section(key), key) !== undefined;
		const key = isSet("StartLimitInterval") ? "StartLimitInterval" : "StartLimitIntervalSec";
		const limitMs = settings.spanMs(section(key), key, defaultLimitMs);
		if (limitMs === 0) return true;
		this.#starts = this.#starts.filter((startMs) => startMs > nowMs - limitMs);
		const burst = settings.last(section("StartLimitBurst"), "StartLimitBurst") ?? String(defaultBurst);
		if (this.#starts.length >= Number(burst)) return false;
		this.#starts.push(nowMs);
		return true;
	}

	forget(): void {
		this.#starts = [];
	}
}
