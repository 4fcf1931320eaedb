/**
 * systemd of one machine: its units, what they need of each other, and what is done with them. Units are services, timers, targets
 * and slices; others are read and shown, and can't be started.
 * Source: systemd(1), systemd.unit(5)
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Machine } from "../machine.ts";
import type { Process } from "../process.ts";
import type { Journal } from "./journal.ts";
import { Service } from "./service.ts";
import { Timer, type TimerHost } from "./timer.ts";
import { type JobOutcome, jobDone, Unit } from "./unit.ts";
import { UnitFiles } from "./unit-files.ts";

export const defaultTarget = "multi-user.target";

export type PowerAction = "poweroff" | "reboot" | "halt";

/** Slices are made by whoever puts processes into them: the kubelet, for its pods. */
export interface Slices {
	/** Those that there are, beside systemd's own. */
	names(): readonly string[];
	/** Ends whatever runs in it. Resolves when it has. */
	stop(name: string): Promise<void>;
}

export interface SystemManagerOptions {
	readonly machine: Machine;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly random: Random;
	readonly onPower: (action: PowerAction) => void;
	readonly slices?: Slices;
}

const ownSlices: readonly string[] = ["-.slice", "system.slice", "user.slice"];

export class SystemManager {
	readonly journal: Journal;
	readonly files: UnitFiles;
	readonly machine: Machine;
	readonly clock: Clock;
	readonly #options: SystemManagerOptions;
	readonly #units = new Map<string, Unit>();
	/** When it came up, Unix ms. */
	bootMs = 0;

	constructor(options: SystemManagerOptions) {
		this.#options = options;
		this.journal = options.journal;
		this.machine = options.machine;
		this.clock = options.clock;
		this.files = new UnitFiles(() => options.machine.files);
	}

	/** A unit as it is known, read from its files if it is not yet. */
	unit(name: string): Unit {
		const known = this.#units.get(name);
		if (known !== undefined) {
			if (known.definition.loadState === "not-found") known.definition = this.files.load(name);
			return known;
		}
		const definition = this.files.load(name);
		const { machine, journal, clock, random } = this.#options;
		const newInvocationId = () => random.uuid().replaceAll("-", "");
		const unit = name.endsWith(".service")
			? new Service(definition, { machine, journal, clock, newInvocationId })
			: name.endsWith(".timer")
				? new Timer(definition, this.#timerHost(name, newInvocationId))
				: new Unit(definition);
		if (this.#isSlice(name)) {
			unit.definition = { ...definition, loadState: "loaded" };
			unit.enter("active", "active", this.bootMs);
		}
		// What is nowhere is not remembered.
		if (unit.definition.loadState !== "not-found") this.#units.set(name, unit);
		return unit;
	}

	#timerHost(name: string, newInvocationId: () => string): TimerHost {
		const { clock, random } = this.#options;
		return {
			clock,
			random,
			bootMs: () => this.bootMs,
			files: () => this.machine.files,
			unit: (other) => this.unit(other),
			trigger: (other) => this.start(other),
			say: (message, priority) => this.#say(message, name, priority),
			newInvocationId,
		};
	}

	#isSlice(name: string): boolean {
		return ownSlices.includes(name) || (this.#options.slices?.names().includes(name) ?? false);
	}

	/** Loaded ones, by name. */
	units(): readonly Unit[] {
		for (const name of [...ownSlices, ...(this.#options.slices?.names() ?? [])]) this.unit(name);
		return [...this.#units.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	services(): readonly Service[] {
		return this.units().filter((unit) => unit instanceof Service);
	}

	/** Files of the unit have changed since they were read. */
	needsReload(unit: Unit): boolean {
		return (
			unit.definition.loadState !== "not-found" &&
			!this.#isSlice(unit.name) &&
			this.files.fingerprint(unit.name) !== unit.definition.fingerprint
		);
	}

	/** Reads the files of all units anew. */
	daemonReload(): void {
		this.#say("Reloading requested from client PID 1 ('systemctl')...");
		this.#say("Reloading...");
		for (const unit of this.units()) {
			if (this.#isSlice(unit.name)) continue;
			unit.definition = this.files.load(unit.name);
			if (unit instanceof Timer) unit.reread();
		}
	}

	/**
	 * The machine comes up: everything that the default target wants is started.
	 * @param since it came up then, and all of it runs since: with these pids
	 */
	async boot(since?: { readonly atMs: number; readonly pidOf: (unit: string) => number }): Promise<void> {
		this.bootMs = since?.atMs ?? this.clock.now();
		if (since === undefined) await this.start(defaultTarget);
		else this.#adopt(defaultTarget, since);
	}

	#adopt(name: string, since: { readonly atMs: number; readonly pidOf: (unit: string) => number }): void {
		const unit = this.unit(name);
		if (unit.definition.loadState !== "loaded" || unit.activeState !== "inactive") return;
		if (unit instanceof Service) unit.adopt(since.pidOf(name), since.atMs);
		else if (unit instanceof Timer) unit.start();
		else unit.enter("active", "active", since.atMs);
		for (const needed of [...this.#requirements(unit), ...this.#wishes(unit)]) this.#adopt(needed, since);
	}

	/** Starts a unit, and before it what it needs. */
	async start(name: string, trail: ReadonlySet<string> = new Set()): Promise<JobOutcome> {
		const unit = this.unit(name);
		const refusal = refusalOf(unit);
		if (refusal !== undefined) return refusal;
		if (unit.isUp || trail.has(name)) return jobDone;
		const further = new Set([...trail, name]);
		for (const needed of this.#requirements(unit)) {
			const outcome = await this.start(needed, further);
			if (outcome.type === "refused") return outcome;
			if (outcome.type === "failed") return this.#dependencyFailed(unit);
		}
		for (const wished of this.#wishes(unit)) if (!trail.has(wished)) await this.start(wished, further);
		const unmet = this.#unmetCondition(unit);
		if (unmet !== undefined) {
			this.#say(`${unit.title} was skipped because of an unmet condition check (${unmet}).`, unit.name);
			return jobDone;
		}
		if (unit instanceof Service || unit instanceof Timer) return unit.start();
		unit.enter("active", "active", this.clock.now());
		if (name.endsWith(".target")) this.#say(`Reached target ${unit.title}.`, name);
		return jobDone;
	}

	#dependencyFailed(unit: Unit): JobOutcome {
		this.#say(`Dependency failed for ${unit.title}.`, unit.name);
		this.#say(`${unit.name}: Job ${unit.name}/start failed with result 'dependency'.`, unit.name);
		return { type: "failed", result: "dependency" };
	}

	/** Stops a unit, and what can't be without it. */
	async stop(name: string): Promise<JobOutcome> {
		const unit = this.unit(name);
		if (unit.definition.loadState === "not-found") return { type: "refused", message: `Unit ${name} not loaded.`, exitCode: 5 };
		const others = this.units().filter((other) => other !== unit && other.isUp && this.#dependsOn(other, name));
		for (const other of others) await this.stop(other.name);
		if (unit instanceof Service || unit instanceof Timer) return unit.stop();
		if (this.#isSlice(name)) await this.#options.slices?.stop(name);
		else if (unit.isUp) unit.enter("inactive", "dead", this.clock.now());
		return jobDone;
	}

	async restart(name: string): Promise<JobOutcome> {
		const unit = this.unit(name);
		const refusal = refusalOf(unit);
		if (refusal !== undefined) return refusal;
		if (unit instanceof Service) {
			await unit.stop();
			return this.start(name);
		}
		await this.stop(name);
		return this.start(name);
	}

	/** A process tells that it is ready (sd_notify). */
	notifyReady(process: Process): void {
		// Not before whoever started it knows of it.
		queueMicrotask(() => {
			for (const service of this.services()) if (service.notifyReady(process)) return;
		});
	}

	/** Whose process it is. */
	serviceOf(process: Process): Service | undefined {
		return this.services().find((service) => service.processes().includes(process));
	}

	power(action: PowerAction): void {
		this.abandon();
		this.#options.onPower(action);
	}

	/** The machine is going down: nothing is started any more. */
	abandon(): void {
		for (const unit of this.#units.values()) unit.abandon();
	}

	/** Timers that start a unit. */
	timersOf({ name }: Unit): readonly Timer[] {
		return this.units()
			.filter((unit) => unit instanceof Timer)
			.filter(({ target }) => target === name);
	}

	/** What a unit wants or requires, for `list-dependencies`. */
	dependencies(unit: Unit): readonly string[] {
		return [...new Set([...this.#requirements(unit), ...this.#wishes(unit)])].sort();
	}

	#requirements({ definition: { settings }, name }: Unit): readonly string[] {
		return [...settings.words("Unit", "Requires"), ...settings.words("Unit", "BindsTo"), ...this.files.linked(name, "requires")];
	}

	#wishes({ definition: { settings }, name }: Unit): readonly string[] {
		return [...settings.words("Unit", "Wants"), ...this.files.linked(name, "wants")];
	}

	#dependsOn({ definition: { settings } }: Unit, name: string): boolean {
		return ["Requires", "BindsTo", "PartOf"].some((key) => settings.words("Unit", key).includes(name));
	}

	/** The first condition that does not hold: `ConditionPathExists=/etc/x`. */
	#unmetCondition({ definition: { settings } }: Unit): string | undefined {
		const { files } = this.machine;
		const isThere = (path: string) => files.exists(path);
		const checks: Readonly<Record<string, (path: string) => boolean>> = {
			ConditionPathExists: isThere,
			ConditionPathIsDirectory: (path) => isThere(path) && files.stat(path).type === "directory",
			ConditionFileNotEmpty: (path) => isThere(path) && files.stat(path).sizeBytes > 0,
		};
		for (const [key, holds] of Object.entries(checks))
			for (const value of settings.all("Unit", key)) {
				const isNegated = value.startsWith("!");
				if (holds(isNegated ? value.slice(1) : value) === isNegated) return `${key}=${value}`;
			}
		return undefined;
	}

	#say(message: string, unit = "init.scope", priority?: number): void {
		this.journal.append({ unit, identifier: "systemd", pid: 1, message, ...(priority === undefined ? {} : { priority }) });
	}
}

function refusalOf({ name, definition: { loadState, loadError } }: Unit): JobOutcome | undefined {
	if (loadState === "not-found") return { type: "refused", message: `Unit ${name} not found.`, exitCode: 5 };
	if (loadState === "masked") return { type: "refused", message: `Unit ${name} is masked.`, exitCode: 1 };
	if (loadState === "bad-setting") return { type: "refused", message: loadError, exitCode: 1 };
	return undefined;
}
