/** What systemd knows of one unit while the machine runs. */
import type { UnitDefinition } from "./unit-files.ts";

export type ActiveState = "active" | "reloading" | "inactive" | "failed" | "activating" | "deactivating";

/** Why a unit failed, in systemd's words; `success` if it did not. */
export type UnitResult = "success" | "exit-code" | "signal" | "timeout" | "protocol" | "resources" | "start-limit-hit";

/** How a process of a unit ended. */
export interface ExecOutcome {
	/** `ExecStart`, `ExecStartPre` … */
	readonly key: string;
	readonly pid: number;
	/** As the unit file has it. */
	readonly command: string;
	readonly code: "exited" | "killed";
	/** Exit code, or signal's number. */
	readonly status: number;
	/** `FAILURE`, `EXEC`, `KILL`; "" for success. */
	readonly statusName: string;
	readonly startMs: number;
	readonly endMs: number;
}

/** How a job ended: `refused` before anything was tried. */
export type JobOutcome =
	| { readonly type: "done" }
	| { readonly type: "failed"; readonly result: UnitResult | "dependency" }
	| { readonly type: "refused"; readonly message: string; readonly exitCode: number };

export const jobDone: JobOutcome = { type: "done" };

/** Unix ms of the last time that it came into a state; 0 for never. */
export interface UnitTimes {
	activeEnter: number;
	activeExit: number;
	inactiveEnter: number;
	inactiveExit: number;
}

export class Unit {
	readonly name: string;
	definition: UnitDefinition;
	activeState: ActiveState = "inactive";
	subState = "dead";
	result: UnitResult = "success";
	readonly times: UnitTimes = { activeEnter: 0, activeExit: 0, inactiveEnter: 0, inactiveExit: 0 };
	/** 32 hexadecimal digits, anew with each start. */
	invocationId = "";

	/** Told of each change of its state. */
	readonly followers = new Set<() => void>();

	constructor(definition: UnitDefinition) {
		this.name = definition.name;
		this.definition = definition;
	}

	/** `kubelet.service - kubelet: The Kubernetes Node Agent`, as messages name it. */
	get title(): string {
		const { description } = this;
		return description === this.name ? this.name : `${this.name} - ${description}`;
	}

	get description(): string {
		return this.definition.settings.last("Unit", "Description") ?? sliceDescription(this.name) ?? this.name;
	}

	get isUp(): boolean {
		return this.activeState === "active" || this.activeState === "reloading";
	}

	enter(activeState: ActiveState, subState: string, nowMs: number): void {
		const wasUp = this.isUp;
		const wasDown = isDown(this.activeState);
		this.activeState = activeState;
		this.subState = subState;
		if (!wasUp && this.isUp) this.times.activeEnter = nowMs;
		if (wasUp && !this.isUp) this.times.activeExit = nowMs;
		if (!wasDown && isDown(activeState)) this.times.inactiveEnter = nowMs;
		if (wasDown && !isDown(activeState)) this.times.inactiveExit = nowMs;
		for (const tell of [...this.followers]) tell();
	}

	/** The machine is going down: nothing is started any more. */
	abandon(): void {
		// Most units do nothing by themselves.
	}
}

/** Of slices that no file describes. */
function sliceDescription(name: string): string | undefined {
	if (name.startsWith("kubepods") && name.endsWith(".slice")) return `libcontainer container ${name}`;
	const own: Readonly<Record<string, string>> = {
		"-.slice": "Root Slice",
		"system.slice": "System Slice",
		"user.slice": "User and Session Slice",
	};
	return own[name];
}

export function isDown(state: ActiveState): boolean {
	return state === "inactive" || state === "failed";
}
