/**
 * Starting the processes of a service: the command line, its environment, what cannot be started, and how its end is told.
 * Source: systemd.exec(5)
 */
import { ExecError } from "../executables.ts";
import type { Machine } from "../machine.ts";
import type { Process, ProcessExit } from "../process.ts";
import { signalNumbers } from "../signals.ts";
import { emptyInput } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { baseName } from "../vfs/path.ts";
import type { Journal } from "./journal.ts";
import { serviceTraits } from "./service-traits.ts";
import type { ExecOutcome, Unit } from "./unit.ts";
import { type ExecCommand, expandVariables, parseEnvironmentFile, parseExec, splitWords, type UnitSettings } from "./unit-file.ts";

/** Where systemd looks for programs, and what its services have as PATH. */
const systemdPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
const [execFailed, chdirFailed, userFailed] = [203, 200, 217];

/** Names of exit codes. Source: systemd.exec(5), Process Exit Codes. */
const exitNames: Readonly<Record<number, string>> = {
	0: "SUCCESS",
	1: "FAILURE",
	2: "INVALIDARGUMENT",
	[chdirFailed]: "CHDIR",
	[execFailed]: "EXEC",
	[userFailed]: "USER",
};

/** The environment can't be made: the service fails for want of resources. */
export class EnvironmentError extends Error {}

export interface Started {
	readonly process: Process | undefined;
	/** Set where there was no process to start: with which code systemd's own child ended. */
	readonly failedWith?: number;
	readonly pid: number;
}

export interface ExecOptions {
	readonly machine: Machine;
	readonly journal: Journal;
	readonly unit: Unit;
	readonly extra: ReadonlyMap<string, string>;
	/** It runs since the machine booted, under a pid that was kept for it. */
	readonly since?: { readonly pid: number; readonly atMs: number };
}

/** The commands of ExecStart= or its like. */
export function commandsOf({ definition, name }: Unit, key: string, hostname: string): readonly ExecCommand[] {
	return definition.settings.all("Service", key).flatMap((value) => parseExec(value, specifiersOf(name, hostname)) ?? []);
}

export function specifiersOf(name: string, hostname: string): (letter: string) => string | undefined {
	const prefix = name.replace(/\.\w+$/, "");
	const values: Readonly<Record<string, string>> = {
		n: name,
		N: prefix,
		p: prefix.split("@")[0] ?? prefix,
		i: prefix.split("@")[1] ?? "",
		H: hostname,
		t: "/run",
		S: "/var/lib",
		L: "/var/log",
		u: "root",
		h: "/root",
	};
	return (letter) => values[letter];
}

/** Starts a command. Throws EnvironmentError. */
export function startCommand(options: ExecOptions, command: ExecCommand): Started {
	const { machine, journal, unit } = options;
	const { settings } = unit.definition;
	const env = environmentOf(options);
	const [, ...args] = expandVariables(command.argv, env);
	const { since } = options;
	const pids = since === undefined ? machine.pidNamespace.allocate() : { pid: since.pid, hostPid: since.pid };
	const identifier = settings.last("Service", "SyslogIdentifier") ?? baseName(command.path);
	const output = journal.writer({ unit: unit.name, identifier, pid: pids.pid });
	const isMuted = (key: string) => settings.last("Service", key) === "null";
	const nowhere = { write: () => undefined };
	const fail = (code: number, ...messages: readonly string[]): Started => {
		for (const message of messages)
			journal.append({ unit: unit.name, identifier: `(${baseName(command.path)})`, pid: pids.pid, priority: 3, message });
		return { process: undefined, failedWith: code, pid: pids.pid };
	};
	const user = settings.last("Service", "User");
	if (user !== undefined && !isUser(machine, user))
		return fail(
			userFailed,
			`${unit.name}: Failed to determine user credentials: No such process`,
			`${unit.name}: Failed at step USER spawning ${command.path}: No such process`,
		);
	const cwd = (settings.last("Service", "WorkingDirectory") ?? "/").replace(/^-/, "").replace(/^~$/, "/root");
	if (!machine.files.exists(cwd))
		return fail(
			chdirFailed,
			`${unit.name}: Changing to the requested working directory failed: No such file or directory`,
			`${unit.name}: Failed at step CHDIR spawning ${command.path}: No such file or directory`,
		);
	try {
		const process = machine.spawn({
			argv: [command.path, ...args],
			env,
			cwd,
			stdin: emptyInput,
			stdout: isMuted("StandardOutput") ? nowhere : output,
			stderr: isMuted("StandardError") ? nowhere : output,
			parent: machine.process(1),
			pids,
			traits: serviceTraits(machine, unit, command.path, since?.atMs ?? machine.clock.now()),
			...(since === undefined ? {} : { startMs: since.atMs }),
		});
		void process.exited.then(() => output.flush());
		return { process, pid: pids.pid };
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		const why =
			error.exitCode === 127 ? "No such file or directory" : error.why === "exec format error" ? "Exec format error" : "Permission denied";
		const locate = error.exitCode === 127 ? [`${unit.name}: Unable to locate executable '${command.path}': ${why}`] : [];
		return fail(execFailed, ...locate, `${unit.name}: Failed at step EXEC spawning ${command.path}: ${why}`);
	}
}

function environmentOf({ machine, unit, extra }: ExecOptions): ReadonlyMap<string, string> {
	const { settings } = unit.definition;
	const env = new Map([["LANG", "C.UTF-8"], ["PATH", systemdPath], ["INVOCATION_ID", unit.invocationId], ...extra]);
	for (const assignment of settings.all("Service", "Environment").flatMap(splitWords)) {
		const at = assignment.indexOf("=");
		if (at > 0) env.set(assignment.slice(0, at), assignment.slice(at + 1));
	}
	for (const [name, value] of environmentFiles(machine, settings)) env.set(name, value);
	return env;
}

function* environmentFiles(machine: Machine, settings: UnitSettings): Generator<readonly [string, string]> {
	for (const value of settings.all("Service", "EnvironmentFile")) {
		try {
			yield* parseEnvironmentFile(machine.files.readText(value.replace(/^-/, "")));
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			if (!value.startsWith("-")) throw new EnvironmentError(error.shellText);
		}
	}
}

function isUser(machine: Machine, user: string): boolean {
	if (user === "root" || /^\d+$/.test(user)) return true;
	const passwd = "/etc/passwd";
	return (
		machine.files.exists(passwd) &&
		machine.files
			.readText(passwd)
			.split("\n")
			.some((line) => line.startsWith(`${user}:`))
	);
}

/** How a process ended, as status and journal tell it. */
export function outcomeOf(
	key: string,
	command: ExecCommand,
	started: Started,
	exit: ProcessExit | undefined,
	startMs: number,
	endMs: number,
): ExecOutcome {
	const of = { key, pid: started.pid, command: command.argv.join(" "), startMs, endMs };
	if (exit?.signal !== undefined) return { ...of, code: "killed", status: signalNumbers[exit.signal], statusName: exit.signal };
	const status = started.failedWith ?? exit?.exitCode ?? 0;
	return { ...of, code: "exited", status, statusName: exitNames[status] ?? "n/a" };
}

/** Signals of which nobody dies who did not want to. Source: systemd.service(5), SuccessExitStatus= */
const cleanSignals: readonly string[] = ["HUP", "INT", "TERM", "PIPE"];

export function isClean(outcome: ExecOutcome, settings: UnitSettings): boolean {
	const more = settings.words("Service", "SuccessExitStatus").map((word) => word.replace(/^SIG/, ""));
	if (outcome.code === "killed") return cleanSignals.includes(outcome.statusName) || more.includes(outcome.statusName);
	return outcome.status === 0 || more.includes(String(outcome.status));
}
