// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are unit files and shell scripts.
/** systemd on a machine of its own: units that are shell scripts, and what systemctl and journalctl say of them. */
import { beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { commandNames, findCommand } from "../commands/index.ts";
import { Machine } from "../machine.ts";
import { LoopbackNetwork } from "../net/network.ts";
import { loadGrammar } from "../shell/syntax.ts";
import { Collector, emptyInput, nullOutput } from "../stream.ts";
import { FileSystem } from "../vfs/file-system.ts";
import { Tree } from "../vfs/tree.ts";
import { TreeBuilder } from "../vfs/tree-builder.ts";
import { Journal } from "./journal.ts";
import { SystemManager } from "./manager.ts";
import { systemPrograms } from "./system-programs.ts";

const tools = ["systemctl", "journalctl", "systemd-notify", "shutdown", "reboot", "dmesg", "hostnamectl", "timedatectl"];
const lower = new TreeBuilder(0)
	.programs("/usr/bin", [...commandNames, ...tools])
	.program("/usr/bin/bash", "bash")
	.program("/usr/bin/sh", "dash")
	.symlink("/bin", "usr/bin")
	.directory("/root")
	.directory("/etc/systemd/system")
	.file("/usr/lib/systemd/system/multi-user.target", "[Unit]\nDescription=Multi-User System\n")
	.build();

let clock: VirtualClock;
let manager: SystemManager;
let power: string[];

beforeEach(async () => {
	await loadGrammar();
	clock = new VirtualClock();
	power = [];
	const tree = new Tree({ clock, lower });
	const machine: Machine = new Machine({
		hostname: "n1",
		clock,
		random: new SeededRandom(1),
		openFileSystem: () => new FileSystem(tree),
		findProgram: (name) => programs.get(name) ?? findCommand(name),
		network: new LoopbackNetwork("10.0.0.1"),
	});
	machine.run(({ process }) => process.exited.then(() => 0), {
		argv: ["init"],
		env: new Map(),
		cwd: "/",
		stdin: emptyInput,
		stdout: nullOutput,
		stderr: nullOutput,
	});
	const journal = new Journal(clock);
	manager = new SystemManager({ machine, journal, clock, random: new SeededRandom(2), onPower: (action) => power.push(action) });
	const source = { journal, bootIdOf: () => "b", entries: () => journal.entries(), follow: journal.follow.bind(journal) };
	const programs = systemPrograms(manager, source, { machineId: "m", bootId: () => "b", osImage: "Debian" });
	await manager.boot();
});

/** Runs a script; what it printed, and `[exit N]` if that is not 0. */
async function sh(script: string): Promise<string> {
	const output = new Collector();
	const env = new Map([["PATH", "/usr/bin"]]);
	const process = manager.machine.spawn({
		argv: ["bash", "-c", script],
		env,
		cwd: "/root",
		stdin: emptyInput,
		stdout: output,
		stderr: output,
	});
	for (let turn = 0; process.exit === undefined && turn < 2_000; turn++) await clock.advance(turn < 500 ? 1 : 100);
	return `${output.text()}${process.exit?.exitCode === 0 ? "" : `[exit ${process.exit?.exitCode}]`}`;
}

function unit(name: string, text: string): void {
	manager.machine.files.writeFile(`/etc/systemd/system/${name}`, text);
}

function script(path: string, text: string): void {
	manager.machine.files.writeFile(path, `#!/bin/bash\n${text}\n`);
	manager.machine.files.chmod(path, 0o755);
}

const job = (unitName: string, why: string) =>
	`Job for ${unitName} failed because ${why}\nSee "systemctl status ${unitName}" and "journalctl -xeu ${unitName}" for details.\n`;

it("starts, stops and tells of a service", async () => {
	script("/usr/bin/web", "echo ready $GREETING $(pwd) $1; sleep 1000");
	unit(
		"web.service",
		'[Unit]\nDescription=A web server\n[Service]\nEnvironment="GREETING=good day"\nWorkingDirectory=/root\nExecStart=/usr/bin/web ${GREETING} \\\n  more\n',
	);
	expect(await sh("systemctl start web; systemctl is-active web; systemctl is-enabled web")).toBe("active\nstatic\n");
	await clock.advance(10);
	expect(await sh("journalctl -u web -o cat")).toBe("Started web.service - A web server.\nready good day /root good day\n");
	expect(await sh("systemctl status web | head -4 | tail -1")).toMatch(/^ Invocation: [0-9a-f]{32}\n$/);
	expect(await sh("systemctl stop web; systemctl status web -n 3 | grep -v Invocation")).toMatch(
		/^○ web.service - A web server\n {5}Loaded: loaded \(\/etc\/systemd\/system\/web.service; static\)\n {5}Active: inactive \(dead\) since .*\n {3}Duration: \d+ms\n {4}Process: \d+ ExecStart=\/usr\/bin\/web \$\{GREETING\} more \(code=killed, signal=TERM\)\n {3}Main PID: \d+ \(code=killed, signal=TERM\)\n\n.* n1 systemd\[1\]: Stopping web.service - A web server...\n.* n1 systemd\[1\]: web.service: Deactivated successfully.\n.* n1 systemd\[1\]: Stopped web.service - A web server.\n/,
	);
	expect(await sh("pgrep -xf 'sleep 1000' | wc -l")).toBe("0\n");
});

const refusals: readonly (readonly [string, string])[] = [
	["systemctl start no", "Failed to start no.service: Unit no.service not found.\n[exit 5]"],
	["systemctl stop no", "Failed to stop no.service: Unit no.service not loaded.\n[exit 5]"],
	["systemctl status no", "Unit no.service could not be found.\n[exit 4]"],
	["systemctl is-active no", "inactive\n[exit 4]"],
	["systemctl is-enabled no", "not-found\n[exit 4]"],
	["systemctl cat no", "No files found for no.service.\n[exit 1]"],
	["systemctl enable no", "Failed to enable unit: Unit no.service does not exist\n[exit 1]"],
	["systemctl start", "Too few arguments.\n[exit 1]"],
	["systemctl strat web", "Unknown command verb 'strat'.\n[exit 1]"],
	["systemctl --frob", "systemctl: unrecognized option '--frob'\n[exit 1]"],
	["journalctl -o xml", "Unknown output format 'xml'.\n[exit 1]"],
	["journalctl --since never", "Failed to parse timestamp: never\n[exit 1]"],
	["journalctl -b -3", "Data from the specified boot is not available: No such boot ID in journal\n[exit 1]"],
	["journalctl -u no", "-- No entries --\n"],
];

it.each(refusals)("%s", async (command, answer) => {
	expect(await sh(command)).toBe(answer);
});

const endings: readonly (readonly [string, string, string, string])[] = [
	["exits with 3", "ExecStart=/bin/sh -c 'exit 3'", "failed/failed/exit-code", "code=exited, status=3/n/a"],
	["is killed", "ExecStart=/bin/sh -c 'kill -9 $$$$'", "failed/failed/signal", "code=killed, status=9/KILL"],
	["is not there", "ExecStart=/usr/bin/nothing", "failed/failed/exit-code", "code=exited, status=203/EXEC"],
	["has no directory", "WorkingDirectory=/nowhere\nExecStart=/bin/sh -c true", "failed/failed/exit-code", "code=exited, status=200/CHDIR"],
	["has no user", "User=nobody1\nExecStart=/bin/sh -c true", "failed/failed/exit-code", "code=exited, status=217/USER"],
];

it.each(endings)("a service that %s", async (_, lines, state, why) => {
	unit("x.service", `[Service]\n${lines}\n`);
	await sh("systemctl start x");
	await clock.advance(100);
	expect(await sh("systemctl show x -p ActiveState,SubState,Result --value | tr '\\n' /")).toBe(`${state}/`);
	expect(await sh("journalctl -u x -o cat | grep 'Main process'")).toBe(`x.service: Main process exited, ${why}\n`);
	expect(await sh("systemctl is-failed x; systemctl is-system-running")).toBe("failed\ndegraded\n[exit 1]");
	expect(await sh("systemctl reset-failed x; systemctl is-active x")).toBe("inactive\n[exit 3]");
});

const restarts: readonly (readonly [restart: string, exit: string, isRestarted: boolean])[] = [
	["no", "exit 1", false],
	["always", "exit 0", true],
	["always", "exit 1", true],
	["on-failure", "exit 0", false],
	["on-failure", "exit 1", true],
	["on-success", "exit 0", true],
	["on-success", "exit 1", false],
	["on-abnormal", "exit 1", false],
	["on-abnormal", "kill -9 $$$$", true],
];

it.each(restarts)("Restart=%s after %s: %s", async (restart, exit, isRestarted) => {
	unit("x.service", `[Service]\nRestart=${restart}\nRestartSec=5\nExecStart=/bin/sh -c '${exit}'\n`);
	await sh("systemctl start x");
	await clock.advance(100);
	expect((await sh("systemctl show x -p SubState --value")).trim() === "auto-restart").toBe(isRestarted);
	await clock.advance(12_000);
	expect(await sh("systemctl show x -p NRestarts --value")).toBe(isRestarted ? "2\n" : "0\n");
});

it("gives up on a service that is started too often, until somebody forgives it", async () => {
	unit("x.service", "[Service]\nRestart=always\nExecStart=/bin/sh -c 'exit 1'\n");
	await sh("systemctl start x");
	await clock.advance(5_000);
	expect(await sh("journalctl -u x -o cat | tail -4")).toBe(
		"x.service: Scheduled restart job, restart counter is at 5.\nx.service: Start request repeated too quickly.\nx.service: Failed with result 'exit-code'.\nFailed to start x.service.\n",
	);
	expect(await sh("systemctl start x")).toBe(
		`${job("x.service", "start of the service was attempted too often.")}To force a start use "systemctl reset-failed x.service"\nfollowed by "systemctl start x.service" again.\n[exit 1]`,
	);
	expect(await sh("systemctl reset-failed x; systemctl start x; systemctl show x -p NRestarts --value")).toBe("0\n");
});

it("knows when each type of service has started", async () => {
	unit(
		"once.service",
		"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo one'\nExecStart=/bin/sh -c 'sleep 2; echo two'\n",
	);
	unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 4'\n");
	unit("late.service", "[Service]\nType=notify\nExecStart=/bin/bash -c 'sleep 1; systemd-notify --ready; sleep 1000'\n");
	unit("mute.service", "[Service]\nType=notify\nTimeoutStartSec=1\nExecStart=/bin/sh -c 'sleep 1000'\n");
	unit("pre.service", "[Service]\nExecStartPre=-/bin/false\nExecStartPre=/bin/false\nExecStart=/bin/sh -c 'sleep 1000'\n");
	expect(await sh("systemctl start once; systemctl show once -p SubState --value; journalctl -u once -o cat")).toBe(
		"exited\nStarting once.service...\none\ntwo\nFinished once.service.\n",
	);
	expect(await sh("systemctl start bad")).toBe(`${job("bad.service", "the control process exited with error code.")}[exit 1]`);
	expect(await sh("systemctl start late; systemctl show late -p SubState --value")).toBe("running\n");
	expect(await sh("systemctl start mute")).toBe(`${job("mute.service", "a timeout was exceeded.")}[exit 1]`);
	expect(await sh("systemctl start pre")).toBe(`${job("pre.service", "the control process exited with error code.")}[exit 1]`);
});

it("starts what a unit requires, refuses what is masked, and stops what depends on it", async () => {
	unit("db.service", "[Service]\nExecStart=/bin/sh -c 'sleep 1000'\n");
	unit("app.service", "[Unit]\nRequires=db.service\n[Service]\nExecStart=/bin/sh -c 'sleep 1000'\n[Install]\nWantedBy=multi-user.target\n");
	expect(await sh("systemctl start app; systemctl is-active app db")).toBe("active\nactive\n");
	expect(await sh("systemctl stop db; systemctl is-active app db")).toBe("inactive\ninactive\n[exit 3]");
	expect(await sh("systemctl enable app; systemctl is-enabled app; systemctl list-dependencies multi-user.target")).toBe(
		"Created symlink '/etc/systemd/system/multi-user.target.wants/app.service' → '/etc/systemd/system/app.service'.\nenabled\nmulti-user.target\n○ └─app.service\n",
	);
	await sh("mv /etc/systemd/system/db.service /usr/lib/systemd/system/");
	expect(await sh("systemctl mask db; systemctl start db; systemctl start app")).toBe(
		"Created symlink '/etc/systemd/system/db.service' → '/dev/null'.\nFailed to start db.service: Unit db.service is masked.\nFailed to start app.service: Unit db.service is masked.\n[exit 1]",
	);
	expect(await sh("systemctl unmask db; systemctl start app; systemctl list-units --no-legend --type service")).toBe(
		"Removed '/etc/systemd/system/db.service'.\n  app.service loaded active running app.service\n  db.service  loaded active running db.service\n",
	);
});

it("kills what does not want to end", async () => {
	unit("deaf.service", "[Service]\nTimeoutStopSec=2\nExecStart=/bin/bash -c \"trap '' TERM; while true; do sleep 1; done\"\n");
	await sh("systemctl start deaf; sleep 1");
	await sh("systemctl stop deaf");
	expect(await sh("journalctl -u deaf -o cat | grep -v Started; ps | grep -c deaf")).toMatch(
		/^Stopping deaf.service...\ndeaf.service: State 'stop-sigterm' timed out. Killing.\ndeaf.service: Killing process \d+ \(bash\) with signal SIGKILL.\n/,
	);
});

it("chooses entries by time, priority and unit, and follows them", async () => {
	manager.journal.append({ unit: "", identifier: "kernel", priority: 3, message: "oops", atMs: clock.now() - 3_600_000 });
	unit("x.service", "[Service]\nExecStart=/bin/sh -c 'for i in 1 2 3; do sleep 10; echo tick $i; done'\n");
	expect(await sh("journalctl -k -o short-iso | sed 's/^[^ ]*//'")).toBe(" n1 kernel: oops\n");
	expect(await sh("journalctl -p err -o cat; journalctl --since '10 min ago' -o cat | grep -c oops")).toBe("oops\n0\n[exit 1]");
	expect(await sh("systemctl start x; timeout 25 journalctl -fu x -o cat -n 0")).toBe("tick 1\ntick 2\n[exit 124]");
	expect(await sh("journalctl -u x -n 1 -o json")).toMatch(/"SYSLOG_IDENTIFIER":"sh".*"_SYSTEMD_UNIT":"x.service","MESSAGE":"tick 2"\}\n$/);
});

it("goes off and on", async () => {
	expect(await sh("shutdown +5")).toMatch(/^Shutdown scheduled for .* UTC, use 'shutdown -c' to cancel.\n$/);
	await sh("shutdown -c");
	await clock.advance(400_000);
	expect(power).toEqual([]);
	await sh("shutdown -r now; systemctl poweroff");
	expect(power).toEqual(["reboot", "poweroff"]);
});
