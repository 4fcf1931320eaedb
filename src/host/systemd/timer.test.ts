// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are unit files and shell scripts.
/** Timers of systemd: when they start their services, and what systemctl and systemd-analyze tell of them. */
import { beforeEach, describe, expect, it } from "vitest";
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

const tools = ["systemctl", "journalctl", "systemd-analyze"];
const lower = new TreeBuilder(0)
	.programs("/usr/bin", [...commandNames, ...tools])
	.program("/usr/bin/bash", "bash")
	.program("/usr/bin/sh", "dash")
	.symlink("/bin", "usr/bin")
	.directory("/root")
	.directory("/etc/systemd/system")
	.file("/usr/lib/systemd/system/multi-user.target", "[Unit]\nDescription=Multi-User System\nWants=timers.target\n")
	.file("/usr/lib/systemd/system/timers.target", "[Unit]\nDescription=Timer Units\n")
	.build();

let clock: VirtualClock;
let manager: SystemManager;
let tree: Tree;

beforeEach(async () => {
	await loadGrammar();
	clock = new VirtualClock();
	tree = new Tree({ clock, lower });
	await boot();
});

/** The machine comes up, with the disk that it had. */
async function boot(): Promise<void> {
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
	manager = new SystemManager({ machine, journal, clock, random: new SeededRandom(2), onPower: () => undefined });
	const source = { journal, bootIdOf: () => "b", entries: () => journal.entries(), follow: journal.follow.bind(journal) };
	const programs = systemPrograms(manager, source, { machineId: "m", bootId: () => "b", osImage: "Debian" });
	await manager.boot();
}

/** Runs a script; what it printed, and `[exit N]` if that is not 0. */
async function sh(script: string): Promise<string> {
	const output = new Collector();
	const streams = { stdin: emptyInput, stdout: output, stderr: output };
	const process = manager.machine.spawn({ argv: ["bash", "-c", script], env: new Map([["PATH", "/usr/bin"]]), cwd: "/root", ...streams });
	for (let turn = 0; process.exit === undefined && turn < 500; turn++) await clock.advance(0);
	return `${output.text()}${process.exit?.exitCode === 0 ? "" : `[exit ${process.exit?.exitCode}]`}`;
}

function unit(name: string, text: string): void {
	manager.machine.files.writeFile(`/etc/systemd/system/${name}`, text);
}

/** A timer `t` and its service, which writes down when it ran. @param command what it does besides */
function timed(settings: string, command = ""): void {
	unit("t.timer", `[Unit]\nDescription=Now and then\n[Timer]\n${settings}\n[Install]\nWantedBy=timers.target\n`);
	unit("t.service", `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'date +%%T >> /root/runs; ${command}'\n`);
}

/** Times of day at which the service ran. */
const runs = async () => (await sh("touch /root/runs; cat /root/runs")).trim().split(/\s+/).join(" ");

describe("starts its service", () => {
	it.each([
		["at moments of the calendar", "OnCalendar=*:0/15", "", 3_600_000, "00:15:00 00:30:00 00:45:00 01:00:00"],
		["at each of several", "OnCalendar=00:10\nOnCalendar=*:20", "", 3_600_000, "00:10:00 00:20:00"],
		["once, after a while", "OnActiveSec=90", "", 3_600_000, "00:01:30"],
		["so long after boot, and then again and again", "OnBootSec=1min\nOnUnitActiveSec=5min", "", 900_000, "00:01:00 00:06:00 00:11:00"],
		["so long after it has ended", "OnActiveSec=1\nOnUnitInactiveSec=10s", "sleep 5", 40_000, "00:00:01 00:00:16 00:00:31"],
		["not while it runs", "OnCalendar=*:*:0/10", "sleep 25", 70_000, "00:00:10 00:00:35 00:01:00"],
		["never, where nothing began that it counts from", "OnUnitActiveSec=1min", "", 3_600_000, ""],
	])("%s", async (_, settings, command, afterMs, expected) => {
		timed(settings, command);
		expect(await sh("systemctl start t.timer")).toBe("");
		for (let passedMs = 0; passedMs < afterMs; passedMs += 10_000) await clock.advance(10_000);
		expect(await runs()).toBe(expected);
	});

	it("of another name, which may fail", async () => {
		timed("OnUnitInactiveSec=1min\nOnActiveSec=10\nUnit=other.service");
		unit("other.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'date +%%T >> /root/runs; exit 1'\n");
		await sh("systemctl start t.timer");
		for (let minute = 0; minute < 3; minute++) await clock.advance(60_000);
		expect(await runs()).toBe("00:00:10 00:01:10 00:02:10");
		expect(await sh("systemctl is-failed other; systemctl show -p SubState --value t.timer")).toBe("failed\nwaiting\n");
	});

	it("counts from when somebody else started it, too", async () => {
		timed("OnActiveSec=1min\nOnUnitActiveSec=10min");
		await sh("systemctl start t.timer");
		await clock.advance(300_000);
		await sh("systemctl start t.service");
		await clock.advance(900_000);
		expect(await runs()).toBe("00:01:00 00:05:00 00:15:00");
	});

	it("until it is stopped, and as its file says after daemon-reload", async () => {
		timed("OnCalendar=*:0/15");
		await sh("systemctl start t.timer");
		await clock.advance(1_200_000);
		await sh("sed -i s,0/15,0/20, /etc/systemd/system/t.timer; systemctl daemon-reload");
		await clock.advance(1_800_000);
		expect(await sh("systemctl stop t.timer; systemctl is-active t.timer")).toBe("inactive\n[exit 3]");
		await clock.advance(3_600_000);
		expect(await runs()).toBe("00:15:00 00:20:00 00:40:00");
	});

	it("with the machine if it is enabled, and makes up for what was missed if it is persistent", async () => {
		timed("OnCalendar=daily\nPersistent=true");
		expect(await sh("systemctl enable --now t.timer")).toBe(
			"Created symlink '/etc/systemd/system/timers.target.wants/t.timer' → '/etc/systemd/system/t.timer'.\n",
		);
		manager.abandon();
		manager.machine.killAll();
		await clock.advance(2.5 * 86_400_000);
		expect(await runs()).toBe("");
		await boot();
		await clock.advance(1_000);
		expect(await runs()).toBe("12:00:00");
		await clock.advance(86_400_000);
		expect(await runs()).toBe("12:00:00 00:00:00");
	});
});

it("is told of by status, list-timers and the journal", async () => {
	timed("OnCalendar=*:0/15");
	await sh("systemctl start t.timer");
	const invocation = (text: string) => text.replace(/Invocation: [0-9a-f]{32}/, "Invocation: ID");
	expect(invocation(await sh("systemctl status t.timer"))).toBe(`● t.timer - Now and then
     Loaded: loaded (/etc/systemd/system/t.timer; disabled; preset: enabled)
     Active: active (waiting) since Thu 2026-01-01 00:00:00 UTC; now
 Invocation: ID
    Trigger: Thu 2026-01-01 00:15:00 UTC; 15min left
   Triggers: ○ t.service

Jan 01 00:00:00 n1 systemd[1]: Started t.timer - Now and then.
`);
	expect(await sh("systemctl list-timers")).toBe(`NEXT                         LEFT LAST PASSED UNIT    ACTIVATES
Thu 2026-01-01 00:15:00 UTC 15min -         - t.timer t.service

1 timers listed.
Pass --all to see loaded but inactive timers, too.
`);
	await clock.advance(962_000);
	expect(await sh("systemctl list-timers --all t --no-legend")).toBe(
		"Thu 2026-01-01 00:30:00 UTC 13min Thu 2026-01-01 00:15:00 UTC 1min 2s ago t.timer t.service\n",
	);
	expect(await sh("systemctl status t.service -n 0 | grep -A1 TriggeredBy")).toMatch(/^TriggeredBy: ● t\.timer\n {4}Process: /);
	expect(await sh("systemctl show t.timer -p NextElapseUSecRealtime,LastTriggerUSec,Triggers")).toBe(
		"NextElapseUSecRealtime=Thu 2026-01-01 00:30:00 UTC\nLastTriggerUSec=Thu 2026-01-01 00:15:00 UTC\nTriggers=t.service\n",
	);
	expect(await sh("systemctl stop t.timer; systemctl status t.timer -n 0 | tail -2; systemctl list-timers")).toBe(
		"    Trigger: n/a\n   Triggers: ○ t.service\n0 timers listed.\nPass --all to see loaded but inactive timers, too.\n",
	);
	expect(await sh("journalctl -u t.timer -o cat")).toBe(
		"Started t.timer - Now and then.\nt.timer: Deactivated successfully.\nStopped t.timer - Now and then.\n",
	);
});

it.each([
	["nothing to wait for", "Unit=t.service", "Failed to start t.timer: Unit t.timer has a bad unit file setting.\n[exit 1]"],
	["what is no calendar event", "OnCalendar=*:*/15", "Failed to start t.timer: Unit t.timer has a bad unit file setting.\n[exit 1]"],
	["nothing to start", "OnActiveSec=1\nUnit=no.service", 'Job failed. See "journalctl -xe" for details.\n[exit 1]'],
])("does not start with %s", async (_, settings, expected) => {
	timed(settings);
	expect(await sh("systemctl start t.timer")).toBe(expected);
});

it("elapses when no moment is left", async () => {
	timed("OnActiveSec=5");
	await sh("systemctl start t.timer");
	await clock.advance(6_000);
	expect(await sh("systemctl show -p ActiveState,SubState t.timer")).toBe("ActiveState=active\nSubState=elapsed\n");
	timed("OnActiveSec=5\nRemainAfterElapse=no");
	await sh("systemctl daemon-reload; systemctl restart t.timer");
	await clock.advance(6_000);
	expect(await sh("systemctl show -p ActiveState,SubState t.timer")).toBe("ActiveState=inactive\nSubState=dead\n");
});

describe("systemd-analyze", () => {
	it.each([
		[
			"calendar weekly",
			"  Original form: weekly\nNormalized form: Mon *-*-* 00:00:00\n    Next elapse: Mon 2026-01-05 00:00:00 UTC\n       From now: 4 days left\n",
		],
		[
			"calendar --iterations=2 '*-*-* 12:00:00'",
			"Normalized form: *-*-* 12:00:00\n    Next elapse: Thu 2026-01-01 12:00:00 UTC\n       From now: 12h left\n   Iteration #2: Fri 2026-01-02 12:00:00 UTC\n       From now: 1 day 12h left\n",
		],
		["calendar 2025-01-01", "  Original form: 2025-01-01\nNormalized form: 2025-01-01 00:00:00\n    Next elapse: never\n"],
		["calendar '*:*/15'", "Failed to parse calendar specification '*:*/15': Invalid argument\n[exit 1]"],
		["timespan '1h 90s'", "Original: 1h 90s\n      μs: 3690000000\n   Human: 1h 1min 30s\n"],
		["calendar", "Too few arguments.\n[exit 1]"],
		["plot", "kubesim: systemd-analyze plot is not simulated: calendar and timespan are\n[exit 1]"],
	])("%s", async (args, expected) => {
		expect(await sh(`systemd-analyze ${args}`)).toBe(expected);
	});
});
