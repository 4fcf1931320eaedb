/** The lists and properties that systemctl prints. Source: systemctl(1) */
import type { SystemManager } from "./manager.ts";
import { Service } from "./service.ts";
import { glyphOf, sliceOf } from "./systemctl-status.ts";
import { Timer } from "./timer.ts";
import { formatStamp } from "./times.ts";
import type { Unit } from "./unit.ts";

export interface ListOptions {
	readonly patterns: readonly string[];
	/** `service`, `target` …; empty: any. */
	readonly types: readonly string[];
	/** `failed`, `running`, `enabled` …; empty: any. */
	readonly states: readonly string[];
	readonly all: boolean;
	readonly legend: boolean;
}

function matches(name: string, { patterns, types }: ListOptions): boolean {
	const isOfType = types.length === 0 || types.some((type) => name.endsWith(`.${type}`));
	return isOfType && (patterns.length === 0 || patterns.some((pattern) => globOf(pattern).test(name)));
}

export function globOf(pattern: string): RegExp {
	const source = pattern
		.replace(/[.+^${}()|\\]/g, "\\$&")
		.replaceAll("*", ".*")
		.replaceAll("?", ".");
	return new RegExp(`^${source}$`);
}

/** Columns as wide as what is in them; the last one is not filled up. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
	const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length))) ?? [];
	return rows.map((row) =>
		row
			.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
			.join(" ")
			.trimEnd(),
	);
}

export function listUnits(manager: SystemManager, options: ListOptions): string {
	const chosen = manager.units().filter((unit) => {
		const { name, activeState, subState, definition } = unit;
		if (!matches(name, options)) return false;
		if (options.states.length > 0)
			return options.states.some((state) => [activeState, subState, definition.loadState].includes(state as never));
		return options.all || activeState !== "inactive";
	});
	const rows = chosen.map((unit) => [unit.name, unit.definition.loadState, unit.activeState, unit.subState, unit.description]);
	const lines = table([["UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"], ...rows]);
	const marked = lines.map((line, index) => {
		const unit = chosen[index - 1];
		const glyph = unit === undefined ? " " : glyphOf(unit);
		return `${glyph === "×" || unit?.activeState === "failed" ? "●" : " "} ${line}`;
	});
	if (!options.legend) return joined(marked.slice(1));
	if (chosen.length === 0)
		return "0 loaded units listed. Pass --all to see loaded but inactive units, too.\nTo show all installed unit files use 'systemctl list-unit-files'.\n";
	return joined([
		...marked,
		"",
		"Legend: LOAD   → Reflects whether the unit definition was properly loaded.",
		"        ACTIVE → The high-level unit activation state, i.e. generalization of SUB.",
		"        SUB    → The low-level unit activation state, values depend on unit type.",
		"",
		options.all || options.states.length > 0
			? `${chosen.length} loaded units listed.`
			: `${chosen.length} loaded units listed. Pass --all to see loaded but inactive units, too.`,
		"To show all installed unit files use 'systemctl list-unit-files'.",
	]);
}

export function listUnitFiles(manager: SystemManager, options: ListOptions): string {
	const all = manager.files.list().filter((name) => matches(name, options));
	const chosen = all
		.map((name) => [name, manager.files.state(name)] as const)
		.filter(([, state]) => options.states.length === 0 || options.states.includes(state));
	const rows = chosen.map(([name, state]) => [name, state, state === "enabled" || state === "disabled" ? "enabled" : "-"]);
	const lines = table([["UNIT FILE", "STATE", "PRESET"], ...rows]);
	return options.legend ? joined([...lines, "", `${chosen.length} unit files listed.`]) : joined(lines.slice(1));
}

export function listDependencies(manager: SystemManager, root: Unit): string {
	const lines = [root.name];
	const visit = (unit: Unit, indent: string, trail: readonly string[]) => {
		const names = manager.dependencies(unit);
		for (const [index, name] of names.entries()) {
			const isLast = index === names.length - 1;
			const other = manager.unit(name);
			lines.push(`${glyphOf(other)} ${indent}${isLast ? "└─" : "├─"}${name}`);
			// Services are leaves, as without --all.
			if (name.endsWith(".target") && !trail.includes(name)) visit(other, `${indent}${isLast ? "  " : "│ "}`, [...trail, name]);
		}
	};
	visit(root, "", [root.name]);
	return joined(lines);
}

/** `systemctl show`: what is simulated of a unit's properties, by name. */
export function unitProperties(manager: SystemManager, unit: Unit): ReadonlyMap<string, string> {
	const { definition, times } = unit;
	const { settings } = definition;
	const stamp = (ms: number) => (ms === 0 ? "" : formatStamp(ms));
	const properties: [string, string][] = [];
	if (unit instanceof Service) {
		const last = unit.outcomes.findLast(({ key }) => key === "ExecStart");
		properties.push(
			["Type", unit.type],
			["Restart", settings.last("Service", "Restart") ?? "no"],
			["RestartUSec", spanText(settings.spanMs("Service", "RestartSec", 100))],
			["TimeoutStopUSec", spanText(settings.spanMs("Service", "TimeoutStopSec", 90_000))],
			["MainPID", String(unit.main === undefined ? 0 : unit.mainPid)],
			["Result", unit.result],
			["NRestarts", String(unit.restarts)],
			["ExecMainPID", String(unit.mainPid)],
			["ExecMainCode", last === undefined ? "0" : last.code === "exited" ? "1" : "2"],
			["ExecMainStatus", String(last?.status ?? 0)],
			...["ExecStartPre", "ExecStart", "ExecReload", "ExecStop"].flatMap((key) =>
				settings.all("Service", key).map((value) => [key, execProperty(value)] as [string, string]),
			),
			["Slice", sliceOf(unit)],
			["ControlGroup", unit.isUp ? `/${sliceOf(unit)}/${unit.name}` : ""],
			["Delegate", settings.flag("Service", "Delegate") ? "yes" : "no"],
			["Environment", settings.all("Service", "Environment").join(" ")],
			...settings
				.all("Service", "EnvironmentFile")
				.map((value): [string, string] => [
					"EnvironmentFiles",
					`${value.replace(/^-/, "")} (ignore_errors=${value.startsWith("-") ? "yes" : "no"})`,
				]),
			...["LimitNOFILE", "LimitNPROC", "LimitCORE", "LimitMEMLOCK", "TasksMax", "OOMScoreAdjust"].flatMap((key): [string, string][] => {
				const value = settings.last("Service", key);
				return value === undefined ? [] : [[key, value]];
			}),
			["KillMode", settings.last("Service", "KillMode") ?? "control-group"],
			["User", settings.last("Service", "User") ?? ""],
		);
	}
	if (unit instanceof Timer)
		properties.push(
			["Unit", unit.target],
			["NextElapseUSecRealtime", stamp(unit.nextMs ?? 0)],
			["LastTriggerUSec", stamp(unit.lastTriggerMs)],
			["Persistent", settings.flag("Timer", "Persistent") ? "yes" : "no"],
			["RemainAfterElapse", settings.flag("Timer", "RemainAfterElapse", true) ? "yes" : "no"],
			["Result", unit.result],
			["Triggers", unit.target],
		);
	properties.push(
		["Id", unit.name],
		["Names", unit.name],
		["Requires", settings.words("Unit", "Requires").join(" ")],
		["Wants", settings.words("Unit", "Wants").join(" ")],
		[
			"TriggeredBy",
			manager
				.timersOf(unit)
				.map(({ name }) => name)
				.join(" "),
		],
		["WantedBy", settings.words("Install", "WantedBy").join(" ")],
		["After", settings.words("Unit", "After").join(" ")],
		["Documentation", settings.words("Unit", "Documentation").join(" ")],
		["Description", unit.description],
		["LoadState", definition.loadState],
		["ActiveState", unit.activeState],
		["SubState", unit.subState],
		["FragmentPath", definition.fragmentPath],
		["DropInPaths", definition.dropInPaths.join(" ")],
		["UnitFileState", manager.files.state(unit.name)],
		["InactiveExitTimestamp", stamp(times.inactiveExit)],
		["ActiveEnterTimestamp", stamp(times.activeEnter)],
		["ActiveExitTimestamp", stamp(times.activeExit)],
		["InactiveEnterTimestamp", stamp(times.inactiveEnter)],
		["NeedDaemonReload", manager.needsReload(unit) ? "yes" : "no"],
		["InvocationID", unit.invocationId],
	);
	const merged = new Map<string, string>();
	for (const [name, value] of properties) merged.set(name, merged.has(name) ? `${merged.get(name)}\n${name}=${value}` : value);
	return merged;
}

function spanText(ms: number): string {
	if (!Number.isFinite(ms)) return "infinity";
	return ms % 60_000 === 0 && ms > 0
		? `${ms / 60_000}min`
		: ms >= 60_000
			? `${Math.floor(ms / 60_000)}min ${(ms % 60_000) / 1000}s`
			: ms >= 1000 || ms === 0
				? `${ms / 1000}s`.replace(/^0s$/, "0")
				: `${ms}ms`;
}

function execProperty(value: string): string {
	const ignores = /^[@:+!]*-/.test(value);
	const words = value.replace(/^[-@:+!|]*/, "");
	const path = words.split(/\s/, 1)[0] ?? "";
	return `{ path=${path} ; argv[]=${words} ; ignore_errors=${ignores ? "yes" : "no"} }`;
}

function joined(lines: readonly string[]): string {
	return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
