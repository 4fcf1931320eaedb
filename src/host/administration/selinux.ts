/**
 * SELinux of a machine, as far as its mode goes: what the configuration says when the machine boots, and what `setenforce` makes of it.
 * What it forbids is the caller's business. Source: getenforce(8), setenforce(8), sestatus(8), selinux_config(5)
 */
import type { Machine, Program } from "../machine.ts";
import { writeText } from "../stream.ts";

export type SelinuxMode = "Enforcing" | "Permissive" | "Disabled";

const configPath = "/etc/selinux/config";

export class Selinux {
	mode: SelinuxMode = "Disabled";

	/** The machine boots. */
	boot(machine: Machine): void {
		this.mode = configuredMode(machine);
	}

	programs(): ReadonlyMap<string, Program> {
		return new Map([
			["getenforce", this.#getenforce],
			["setenforce", this.#setenforce],
			["sestatus", this.#sestatus],
		]);
	}

	readonly #getenforce: Program = async ({ stdout }) => {
		await writeText(stdout, `${this.mode}\n`);
		return 0;
	};

	readonly #setenforce: Program = async ({ argv: [, wanted, ...more], stderr }) => {
		const mode = /^(1|enforcing)$/i.test(wanted ?? "") ? "Enforcing" : /^(0|permissive)$/i.test(wanted ?? "") ? "Permissive" : undefined;
		if (mode === undefined || more.length > 0) {
			await writeText(stderr, "usage:  setenforce [ Enforcing | Permissive | 1 | 0 ]\n");
			return 1;
		}
		if (this.mode === "Disabled") {
			await writeText(stderr, "setenforce: SELinux is disabled\n");
			return 1;
		}
		this.mode = mode;
		return 0;
	};

	readonly #sestatus: Program = async ({ machine, stdout }) => {
		const line = (name: string, value: string) => `${`${name}:`.padEnd(32)}${value}\n`;
		if (this.mode === "Disabled") {
			await writeText(stdout, line("SELinux status", "disabled"));
			return 0;
		}
		const lines = [
			["SELinux status", "enabled"],
			["SELinuxfs mount", "/sys/fs/selinux"],
			["SELinux root directory", "/etc/selinux"],
			["Loaded policy name", "default"],
			["Current mode", this.mode.toLowerCase()],
			["Mode from config file", configuredMode(machine).toLowerCase()],
			["Policy MLS status", "enabled"],
			["Policy deny_unknown status", "allowed"],
			["Memory protection checking", "actual (secure)"],
			["Max kernel policy version", "33"],
		] as const;
		await writeText(stdout, lines.map(([name, value]) => line(name, value)).join(""));
		return 0;
	};
}

function configuredMode({ files }: Machine): SelinuxMode {
	const text = files.exists(configPath) ? files.readText(configPath) : "";
	const word = /^SELINUX=(\w+)/m.exec(text)?.[1];
	return word === "enforcing" ? "Enforcing" : word === "permissive" ? "Permissive" : "Disabled";
}

/** Puts SELinux on a machine, as a distribution that brings it does: it enforces now, and from the next boot on. */
export function installSelinux({ files }: Machine, selinux: Selinux): void {
	files.mkdir("/etc/selinux", { recursive: true });
	files.writeFile(configPath, "SELINUX=enforcing\nSELINUXTYPE=default\n");
	selinux.mode = "Enforcing";
}
