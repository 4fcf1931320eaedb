/** `systemctl status`. Source: systemctl(1); the form is that of systemd 257, without what is not accounted for (tasks, memory, CPU). */
import { formatJournalLine } from "./journal-format.ts";
import type { SystemManager } from "./manager.ts";
import { commandName, Service } from "./service.ts";
import { Timer } from "./timer.ts";
import { formatAgo, formatDistance, formatSpan, formatStamp } from "./times.ts";
import type { ExecOutcome, Unit } from "./unit.ts";

export const systemdVersion = "257.8-1~deb13u2";

/** Of a unit, without the empty line behind it. @param lines of the journal to show */
export function unitStatus(manager: SystemManager, unit: Unit, lines: number): string {
	const { definition } = unit;
	const parts = [
		`${glyphOf(unit)} ${unit.title}`,
		loadedLine(manager, unit),
		...dropInLines(definition.dropInPaths),
		activeLine(manager, unit),
	];
	const nowMs = manager.clock.now();
	if (unit instanceof Service) {
		const { activeEnter, activeExit } = unit.times;
		if (!unit.isUp && activeExit > 0) parts.push(`   Duration: ${formatSpan(activeExit - activeEnter)}`);
	}
	if (unit.invocationId !== "") parts.push(` Invocation: ${unit.invocationId}`);
	if (unit instanceof Timer) parts.push(...timerLines(manager, unit));
	for (const [index, timer] of manager.timersOf(unit).entries())
		parts.push(`${index === 0 ? "TriggeredBy: " : "             "}${glyphOf(timer)} ${timer.name}`);
	for (const [index, page] of definition.settings.words("Unit", "Documentation").entries())
		parts.push(`${index === 0 ? "       Docs: " : "             "}${page}`);
	if (unit instanceof Service) parts.push(...serviceLines(unit));
	const said = manager.journal.entries().filter((entry) => entry.unit === unit.name && entry.atMs <= nowMs);
	const shown = lines === 0 ? [] : said.slice(-lines).map((entry) => formatJournalLine(entry, manager.machine.hostname));
	return [...parts, ...(shown.length === 0 ? [] : ["", ...shown])].join("\n");
}

function loadedLine(manager: SystemManager, { name, definition }: Unit): string {
	const { loadState, loadError, fragmentPath } = definition;
	if (loadState === "masked") return `     Loaded: masked (Reason: Unit ${name} is masked.)`;
	if (loadState === "bad-setting") return `     Loaded: bad-setting (Reason: ${loadError})`;
	const state = manager.files.state(name);
	const preset = state === "enabled" || state === "disabled" ? "; preset: enabled" : "";
	return fragmentPath === "" ? `     Loaded: ${loadState}` : `     Loaded: ${loadState} (${fragmentPath}; ${state}${preset})`;
}

function timerLines(manager: SystemManager, { nextMs, target }: Timer): readonly string[] {
	const trigger = nextMs === undefined ? "n/a" : `${formatStamp(nextMs)}; ${formatDistance(nextMs - manager.clock.now())} left`;
	return [`    Trigger: ${trigger}`, `   Triggers: ${glyphOf(manager.unit(target))} ${target}`];
}

function dropInLines(paths: readonly string[]): readonly string[] {
	const directories = [...new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))];
	return directories.flatMap((directory, index) => {
		const names = paths.filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1));
		return [`${index === 0 ? "    Drop-In: " : "             "}${directory}`, `             └─${names.join(", ")}`];
	});
}

function activeLine({ clock }: SystemManager, { activeState, subState, result, times }: Unit): string {
	const sub = activeState === subState ? "" : ` (${subState})`;
	const why = result === "success" ? "" : ` (Result: ${result})`;
	const atMs = {
		active: times.activeEnter,
		reloading: times.activeEnter,
		inactive: times.inactiveEnter,
		failed: times.inactiveEnter,
		activating: times.inactiveExit,
		deactivating: times.activeExit,
	}[activeState];
	const since = atMs === 0 ? "" : ` since ${formatStamp(atMs)}; ${formatAgo(atMs, clock.now())}`;
	return `     Active: ${activeState}${sub}${why}${since}`;
}

function serviceLines(service: Service): readonly string[] {
	const { outcomes, main, mainPid } = service;
	const lines = outcomes.map((outcome) => `    Process: ${outcome.pid} ${outcome.key}=${outcome.command} ${endText(outcome)}`);
	const last = outcomes.findLast(({ pid }) => pid === mainPid);
	if (main !== undefined) lines.push(`   Main PID: ${mainPid} (${commandName(main)})`);
	else if (mainPid > 0 && last !== undefined) lines.push(`   Main PID: ${mainPid} ${endText(last)}`);
	const processes = service.processes();
	if (processes.length === 0) return lines;
	const tree = processes.map(
		({ hostPid, argv }, index) => `             ${index === processes.length - 1 ? "└─" : "├─"}${hostPid} ${argv.join(" ")}`,
	);
	return [...lines, `     CGroup: /${sliceOf(service)}/${service.name}`, ...tree];
}

export function sliceOf({ definition }: Unit): string {
	return definition.settings.last("Service", "Slice") ?? "system.slice";
}

/** `(code=exited, status=1/FAILURE)`, `(code=killed, signal=TERM)`. */
function endText({ code, status, statusName }: ExecOutcome): string {
	return code === "killed" ? `(code=killed, signal=${statusName})` : `(code=exited, status=${status}/${statusName})`;
}

export function glyphOf({ activeState, definition }: Unit): string {
	if (activeState === "failed" || definition.loadState === "bad-setting") return "×";
	if (activeState === "active" || activeState === "activating") return "●";
	return activeState === "reloading" ? "↻" : "○";
}

/** Of the whole system: `systemctl status` without a name. */
export function systemStatus(manager: SystemManager): string {
	const units = manager.units();
	const failed = units.filter(({ activeState }) => activeState === "failed").length;
	return [
		`● ${manager.machine.hostname}`,
		`    State: ${systemState(manager)}`,
		`    Units: ${units.length} loaded (incl. loaded aliases)`,
		"     Jobs: 0 queued",
		`   Failed: ${failed} units`,
		`    Since: ${formatStamp(manager.bootMs)}; ${formatAgo(manager.bootMs, manager.clock.now())}`,
		`  systemd: ${systemdVersion}`,
	].join("\n");
}

export function systemState(manager: SystemManager): "running" | "degraded" {
	return manager.units().some(({ activeState }) => activeState === "failed") ? "degraded" : "running";
}
