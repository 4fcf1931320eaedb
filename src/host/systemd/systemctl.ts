/**
 * `systemctl`. Texts and exit codes are those of systemd 257. Source: systemctl(1), LSB exit codes for `status`.
 * Not simulated: edit, isolate, set-property, link, preset, import-environment, snapshots, other machines and users' managers.
 */
import { parseOptions } from "../commands/options.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { parseSignal } from "../signals.ts";
import { writeText } from "../stream.ts";
import { listTimers } from "./list-timers.ts";
import type { SystemManager } from "./manager.ts";
import { Service } from "./service.ts";
import { globOf, type ListOptions, listDependencies, listUnitFiles, listUnits, unitProperties } from "./systemctl-lists.ts";
import { systemdVersion, systemState, systemStatus, unitStatus } from "./systemctl-status.ts";
import type { JobOutcome, Unit } from "./unit.ts";
import { unitName } from "./unit-files.ts";

const usualLines = 10;
const longOptions = [
	..."no-pager full all quiet now failed no-legend plain force value no-block no-reload system runtime no-ask-password no-wall wait".split(
		" ",
	),
	..."type: state: lines: property: signal: kill-whom: output:".split(" "),
];

interface Call {
	readonly manager: SystemManager;
	readonly context: ProcessContext;
	/** What is asked for behind the verb. */
	readonly names: readonly string[];
	readonly flags: ReadonlySet<string>;
	readonly values: ReadonlyMap<string, string>;
	print(text: string): Promise<void>;
	/** To stderr, with a newline. */
	complain(text: string): Promise<void>;
}

type Verb = (call: Call) => Promise<number> | number;

export function systemctl(manager: SystemManager): Program {
	return async (context) => {
		const { flags, values, lists, operands, unknown } = parseOptions(context.argv.slice(1), "lafqt:n:p:s:o:", longOptions);
		const [verb = "list-units", ...names] = operands;
		const complain = (text: string) => writeText(context.stderr, `${text}\n`);
		if (flags.has("version") || context.argv.includes("--version")) {
			await writeText(context.stdout, `systemd ${systemdVersion.split(".")[0]} (${systemdVersion})\n`);
			return 0;
		}
		const [option] = unknown;
		if (option !== undefined) {
			await complain(
				option.startsWith("--") ? `systemctl: unrecognized option '${option}'` : `systemctl: invalid option -- '${option.slice(1)}'`,
			);
			return 1;
		}
		const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
		if (run === undefined) {
			await complain(`Unknown command verb '${verb}'.`);
			return 1;
		}
		const properties = [...(lists.get("property") ?? []), ...(lists.get("p") ?? [])];
		const all = new Map([...values, ...(properties.length === 0 ? [] : [["property", properties.join(",")] as const])]);
		return run({ manager, context, names, flags, values: all, print: (text) => writeText(context.stdout, text), complain });
	};
}

const isQuiet = ({ flags }: Call) => flags.has("q") || flags.has("quiet");

/** The units that are meant; patterns stand for loaded ones. */
function unitsOf({ manager, names }: Call): readonly Unit[] {
	return names.flatMap((name) => {
		if (!/[*?]/.test(name)) return [manager.unit(unitName(name))];
		return manager.units().filter((unit) => globOf(name).test(unit.name));
	});
}

async function needNames(call: Call): Promise<boolean> {
	if (call.names.length > 0) return true;
	await call.complain("Too few arguments.");
	return false;
}

async function warnOfChanges({ manager, complain }: Call, unit: Unit): Promise<void> {
	if (!manager.needsReload(unit)) return;
	await complain(
		`Warning: The unit file, source configuration file or drop-ins of ${unit.name} changed on disk. Run 'systemctl daemon-reload' to reload units.`,
	);
}

const failures: Readonly<Record<string, string>> = {
	"exit-code": "failed because the control process exited with error code.",
	signal: "failed because a fatal signal was delivered to the control process.",
	timeout: "failed because a timeout was exceeded.",
	resources: "failed because of unavailable resources or another system error.",
	protocol: "failed because the service did not take the steps required by its unit configuration.",
	"start-limit-hit": "failed because start of the service was attempted too often.",
};

/** Says what came of a job; its exit code. */
async function report(call: Call, verb: string, unit: Unit, outcome: JobOutcome): Promise<number> {
	if (outcome.type === "done") return 0;
	const { name } = unit;
	if (outcome.type === "refused") {
		await call.complain(`Failed to ${verb} ${name}: ${outcome.message}`);
		return outcome.exitCode;
	}
	if (outcome.result === "dependency") {
		await call.complain(`A dependency job for ${name} failed. See 'journalctl -xe' for details.`);
		return 1;
	}
	if (!(unit instanceof Service)) {
		await call.complain('Job failed. See "journalctl -xe" for details.');
		return 1;
	}
	await call.complain(`Job for ${name} ${failures[outcome.result] ?? "failed."}`);
	await call.complain(`See "systemctl status ${name}" and "journalctl -xeu ${name}" for details.`);
	if (outcome.result === "start-limit-hit") {
		await call.complain(`To force a start use "systemctl reset-failed ${name}"`);
		await call.complain(`followed by "systemctl start ${name}" again.`);
	}
	return 1;
}

function job(verb: string, act: (manager: SystemManager, unit: Unit) => Promise<JobOutcome>): Verb {
	return async (call) => {
		if (!(await needNames(call))) return 1;
		let status = 0;
		for (const unit of unitsOf(call)) {
			await warnOfChanges(call, unit);
			status = (await report(call, verb, unit, await act(call.manager, unit))) || status;
		}
		return status;
	};
}

const done: JobOutcome = { type: "done" };
const start = (manager: SystemManager, { name }: Unit) => manager.start(name);
const restart = (manager: SystemManager, { name }: Unit) => manager.restart(name);

async function reload(_: SystemManager, unit: Unit): Promise<JobOutcome> {
	const refuse = (message: string): JobOutcome => ({ type: "refused", message, exitCode: 1 });
	if (unit.definition.loadState === "not-found") return { type: "refused", message: `Unit ${unit.name} not found.`, exitCode: 5 };
	if (!(unit instanceof Service && unit.canReload)) return refuse(`Job type reload is not applicable for unit ${unit.name}.`);
	return unit.isUp ? unit.reload() : refuse(`${unit.name} is not active, cannot reload.`);
}

/** Enable and its like: what is done to files, and then to the unit if `--now` is given. */
function files(
	verb: string,
	act: (manager: SystemManager, name: string) => readonly string[] | undefined,
	now?: (manager: SystemManager, unit: Unit) => Promise<JobOutcome>,
): Verb {
	return async (call) => {
		if (!(await needNames(call))) return 1;
		const { manager, flags } = call;
		let status = 0;
		for (const given of call.names) {
			const name = unitName(given);
			const state = manager.files.state(name);
			if (verb !== "mask" && verb !== "unmask") {
				if (state === "") {
					await call.complain(`Failed to ${verb} unit: Unit ${name} does not exist`);
					status = 1;
					continue;
				}
				if (state === "masked" && verb === "enable") {
					await call.complain(`Failed to enable unit: Unit ${name} is masked`);
					status = 1;
					continue;
				}
				if (state === "static") {
					await call.complain(
						"The unit files have no installation config (WantedBy=, RequiredBy=, UpheldBy=,\nAlso=, or Alias= settings in the [Install] section, and DefaultInstance= for\ntemplate units). This means they are not meant to be enabled or disabled using systemctl.",
					);
					continue;
				}
			}
			if (verb === "mask" && state === "" && !isQuiet(call)) await call.complain(`Unit ${name} does not exist, proceeding anyway.`);
			const lines = act(manager, name);
			if (lines === undefined) {
				await call.complain(`Failed to ${verb} unit: File '/etc/systemd/system/${name}' already exists.`);
				status = 1;
				continue;
			}
			for (const line of isQuiet(call) ? [] : lines) await call.complain(line);
			manager.daemonReload();
			const unit = manager.unit(name);
			if (flags.has("now") && now !== undefined)
				status = (await report(call, verb === "enable" ? "start" : "stop", unit, await now(manager, unit))) || status;
		}
		return status;
	};
}

const status: Verb = async (call) => {
	const { manager, names, print, complain, values } = call;
	const lines = Number(values.get("lines") ?? values.get("n") ?? usualLines);
	if (names.length === 0) {
		await print(`${systemStatus(manager)}\n`);
		return 0;
	}
	let code = 0;
	let isFirst = true;
	for (const unit of unitsOf(call)) {
		if (unit.definition.loadState === "not-found") {
			await complain(`Unit ${unit.name} could not be found.`);
			code = 4;
			continue;
		}
		await warnOfChanges(call, unit);
		await print(`${isFirst ? "" : "\n"}${unitStatus(manager, unit, lines)}\n`);
		isFirst = false;
		if (!unit.isUp && code === 0) code = 3;
	}
	return code;
};

/** `is-active`, `is-failed`: says each one's state. */
function inquiry(matches: (unit: Unit) => boolean, otherwise: number): Verb {
	return async (call) => {
		if (!(await needNames(call))) return 1;
		const units = unitsOf(call);
		for (const { activeState } of units) if (!isQuiet(call)) await call.print(`${activeState}\n`);
		if (units.some(matches)) return 0;
		return units.every(({ definition }) => definition.loadState === "not-found") && otherwise === 3 ? 4 : otherwise;
	};
}

const isEnabled: Verb = async (call) => {
	if (!(await needNames(call))) return 1;
	let code = 1;
	for (const given of call.names) {
		const state = call.manager.files.state(unitName(given));
		if (state === "") code = code === 0 ? 0 : 4;
		if (["enabled", "static", "alias", "indirect"].includes(state)) code = 0;
		if (!isQuiet(call)) await call.print(`${state === "" ? "not-found" : state}\n`);
	}
	return code;
};

const cat: Verb = async (call) => {
	if (!(await needNames(call))) return 1;
	for (const [index, { name, definition }] of unitsOf(call).entries()) {
		if (definition.loadState === "not-found") {
			await call.complain(`No files found for ${name}.`);
			return 1;
		}
		for (const [part, path] of [definition.fragmentPath, ...definition.dropInPaths].entries()) {
			const text = call.context.machine.files.readText(path);
			await call.print(`${index + part === 0 ? "" : "\n"}# ${path}\n${text}`);
		}
		await warnOfChanges(call, call.manager.unit(name));
	}
	return 0;
};

const show: Verb = async (call) => {
	const wanted = call.values.get("property")?.split(",");
	for (const [index, unit] of unitsOf(call).entries()) {
		const properties = unitProperties(call.manager, unit);
		const names = wanted ?? [...properties.keys()];
		if (index > 0) await call.print("\n");
		for (const name of names) {
			const value = properties.get(name);
			if (value !== undefined) await call.print(call.flags.has("value") ? `${value}\n` : `${name}=${value}\n`);
		}
	}
	return 0;
};

function listOptions({ names, flags, values }: Call): ListOptions {
	const split = (text: string | undefined) => (text === undefined ? [] : text.split(","));
	return {
		patterns: names.map((name) => (/[*?]/.test(name) ? name : unitName(name))),
		types: split(values.get("type") ?? values.get("t")),
		states: flags.has("failed") ? ["failed"] : split(values.get("state")),
		all: flags.has("all") || flags.has("a"),
		legend: !flags.has("no-legend") && !flags.has("q") && !flags.has("quiet"),
	};
}

const kill: Verb = async (call) => {
	if (!(await needNames(call))) return 1;
	const given = call.values.get("signal") ?? call.values.get("s") ?? "TERM";
	const signal = parseSignal(given);
	if (signal === undefined) {
		await call.complain(`Failed to parse signal string ${given}.`);
		return 1;
	}
	for (const unit of unitsOf(call)) {
		if (!(unit instanceof Service) || unit.definition.loadState === "not-found") {
			await call.complain(`Failed to kill unit ${unit.name}: Unit ${unit.name} not loaded.`);
			return 1;
		}
		unit.kill(signal, call.values.get("kill-whom") === "main" ? "main" : "all");
	}
	return 0;
};

const resetFailed: Verb = async (call) => {
	const units = call.names.length === 0 ? call.manager.units() : unitsOf(call);
	for (const unit of units) if (unit instanceof Service) unit.resetFailed();
	return 0;
};

const power =
	(action: "poweroff" | "reboot" | "halt"): Verb =>
	({ manager }) => {
		manager.power(action);
		return 0;
	};

const timerName = (name: string) => (/[*?]|\.timer$/.test(name) ? name : `${name}.timer`);

const verbs: Readonly<Record<string, Verb>> = {
	start: job("start", start),
	stop: job("stop", (manager, { name }) => manager.stop(name)),
	restart: job("restart", restart),
	"try-restart": job("restart", async (manager, unit) => (unit.isUp ? manager.restart(unit.name) : done)),
	reload: job("reload", reload),
	"reload-or-restart": job("reload-or-restart", async (manager, unit) =>
		unit instanceof Service && unit.canReload && unit.isUp ? unit.reload() : manager.restart(unit.name),
	),
	enable: files("enable", (manager, name) => manager.files.enable(name), start),
	disable: files(
		"disable",
		(manager, name) => manager.files.disable(name),
		(manager, { name }) => manager.stop(name),
	),
	reenable: files("reenable", (manager, name) => [...manager.files.disable(name), ...manager.files.enable(name)], start),
	mask: files(
		"mask",
		(manager, name) => manager.files.mask(name),
		(manager, { name }) => manager.stop(name),
	),
	unmask: files("unmask", (manager, name) => manager.files.unmask(name)),
	status,
	cat,
	show,
	kill,
	"is-active": inquiry(({ isUp }) => isUp, 3),
	"is-failed": inquiry(({ activeState }) => activeState === "failed", 1),
	"is-enabled": isEnabled,
	"is-system-running": async ({ manager, print }) => {
		await print(`${systemState(manager)}\n`);
		return systemState(manager) === "running" ? 0 : 1;
	},
	"get-default": async ({ print }) => {
		await print("multi-user.target\n");
		return 0;
	},
	"reset-failed": resetFailed,
	"daemon-reload": ({ manager }) => {
		manager.daemonReload();
		return 0;
	},
	"daemon-reexec": ({ manager }) => {
		manager.daemonReload();
		return 0;
	},
	"list-units": async (call) => {
		await call.print(listUnits(call.manager, listOptions(call)));
		return 0;
	},
	"list-timers": async (call) => {
		await call.print(listTimers(call.manager, { ...listOptions(call), patterns: call.names.map(timerName) }));
		return 0;
	},
	"list-unit-files": async (call) => {
		await call.print(listUnitFiles(call.manager, listOptions(call)));
		return 0;
	},
	"list-dependencies": async (call) => {
		const root = call.manager.unit(unitName(call.names[0] ?? "default.target"));
		await call.print(listDependencies(call.manager, root));
		return 0;
	},
	poweroff: power("poweroff"),
	reboot: power("reboot"),
	halt: power("halt"),
};
