/** Programs of a machine that has systemd, by name. */
import { parseOptions } from "../commands/options.ts";
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { kernelVersion } from "../system-facts.ts";
import { systemdAnalyze } from "./analyze.ts";
import { dmesg, type JournalSource, journalctl } from "./journalctl.ts";
import type { SystemManager } from "./manager.ts";
import { powerCommand, shutdownCommand } from "./power-commands.ts";
import { systemctl } from "./systemctl.ts";
import { formatStamp } from "./times.ts";

export interface SystemFacts {
	/** As its Node object names them. */
	readonly machineId: string;
	readonly bootId: () => string;
	readonly osImage: string;
}

export function systemPrograms(manager: SystemManager, journal: JournalSource, facts: SystemFacts): ReadonlyMap<string, Program> {
	return new Map<string, Program>([
		["systemctl", systemctl(manager)],
		["journalctl", journalctl(journal)],
		["dmesg", dmesg(journal, () => manager.bootMs)],
		["reboot", powerCommand(manager, "reboot")],
		["poweroff", powerCommand(manager, "poweroff")],
		["halt", powerCommand(manager, "halt")],
		["shutdown", shutdownCommand(manager)],
		["systemd-analyze", systemdAnalyze],
		["systemd-notify", systemdNotify(manager)],
		["hostnamectl", hostnamectl(facts)],
		["timedatectl", timedatectl(manager)],
	]);
}

/** `systemd-notify --ready`, from a script of a service: of its own main process, as NotifyAccess=exec would let it. */
function systemdNotify(manager: SystemManager): Program {
	return ({ argv, process }) => {
		if (argv.includes("--ready") && process.parent !== undefined) manager.notifyReady(process.parent);
		return 0;
	};
}

/** Source: hostnamectl(1) */
function hostnamectl({ machineId, bootId, osImage }: SystemFacts): Program {
	return async ({ argv, machine, stdout, stderr }) => {
		const { operands } = parseOptions(argv.slice(1), "", ["static", "transient", "pretty"]);
		const [verb = "status"] = operands;
		if (verb === "hostname") {
			await writeText(stdout, `${machine.hostname}\n`);
			return 0;
		}
		if (verb !== "status") {
			await writeText(stderr, `kubesim: hostnamectl ${verb} is not simulated: a node's name is its kubelet's\n`);
			return 1;
		}
		const lines = [
			["Static hostname", machine.hostname],
			["Icon name", "computer-vm"],
			["Chassis", "vm"],
			["Machine ID", machineId],
			["Boot ID", bootId().replaceAll("-", "")],
			["Virtualization", "kvm"],
			["Operating System", osImage],
			["Kernel", `Linux ${kernelVersion}`],
			["Architecture", "x86-64"],
		] as const;
		await writeText(stdout, lines.map(([name, value]) => `${name.padStart(16)}: ${value}\n`).join(""));
		return 0;
	};
}

/** Source: timedatectl(1). The clock is the cluster's: nothing can set it. */
function timedatectl(manager: SystemManager): Program {
	return async ({ argv, machine, stdout, stderr }) => {
		const [verb = "status"] = parseOptions(argv.slice(1), "", []).operands;
		if (verb !== "status") {
			await writeText(stderr, `kubesim: timedatectl ${verb} is not simulated: the time is the cluster's\n`);
			return 1;
		}
		const now = formatStamp(machine.clock.now());
		const isSynchronized = manager.unit("chrony.service").isUp;
		const lines = [
			["Local time", now],
			["Universal time", now],
			["RTC time", now.replace(/ UTC$/, "")],
			["Time zone", "Etc/UTC (UTC, +0000)"],
			["System clock synchronized", isSynchronized ? "yes" : "no"],
			["NTP service", isSynchronized ? "active" : "inactive"],
			["RTC in local TZ", "no"],
		] as const;
		await writeText(stdout, lines.map(([name, value]) => `${name.padStart(25)}: ${value}\n`).join(""));
		return 0;
	};
}
