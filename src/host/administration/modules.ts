/** Kernel modules of a machine: which are loaded, and `lsmod`, `modprobe`, `rmmod`. Source: modprobe(8), lsmod(8), modules-load.d(5) */
import { parseOptions } from "../commands/options.ts";
import type { Machine, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { kernelVersion } from "../system-facts.ts";

/** Those that there are: size in bytes, and what they need. */
const available: Readonly<Record<string, readonly [sizeBytes: number, needs: readonly string[]]>> = {
	bridge: [421_888, ["stp", "llc"]],
	br_netfilter: [36_864, ["bridge"]],
	dummy: [12_288, []],
	ip_tables: [32_768, ["x_tables"]],
	ip_vs: [229_376, ["nf_conntrack"]],
	ip_vs_rr: [12_288, ["ip_vs"]],
	ip_vs_sh: [12_288, ["ip_vs"]],
	ip_vs_wrr: [12_288, ["ip_vs"]],
	llc: [16_384, ["stp"]],
	loop: [40_960, []],
	nf_conntrack: [204_800, []],
	nf_nat: [61_440, ["nf_conntrack"]],
	nf_tables: [385_024, []],
	overlay: [217_088, []],
	stp: [12_288, []],
	veth: [45_056, []],
	vxlan: [147_456, []],
	wireguard: [106_496, []],
	x_tables: [53_248, []],
};

/** What a node's kubelet, proxy and runtime have loaded. */
const usual: readonly string[] = ["overlay", "br_netfilter", "veth", "vxlan", "nf_nat", "nf_tables", "ip_tables"];

export class KernelModules {
	#loaded = new Set<string>();

	/** The machine boots: the usual ones, and those of /etc/modules and /etc/modules-load.d. */
	boot(machine: Machine): void {
		this.#loaded = new Set();
		for (const name of [...usual, ...configured(machine)]) if (name in available) this.#load(name);
	}

	programs(): ReadonlyMap<string, Program> {
		return new Map([
			["lsmod", this.#lsmod],
			["modprobe", this.#modprobe],
			["rmmod", this.#rmmod],
		]);
	}

	#load(name: string): void {
		if (this.#loaded.has(name)) return;
		for (const needed of needsOf(name)) this.#load(needed);
		this.#loaded.add(name);
	}

	#usersOf(name: string): readonly string[] {
		return [...this.#loaded].filter((other) => needsOf(other).includes(name));
	}

	readonly #lsmod: Program = async ({ stdout }) => {
		const rows = [...this.#loaded].reverse().map((name) => {
			const users = this.#usersOf(name);
			return `${name.padEnd(23)} ${String(available[name]?.[0] ?? 0)}  ${users.length}${users.length === 0 ? "" : ` ${users.join(",")}`}\n`;
		});
		await writeText(stdout, `Module                  Size  Used by\n${rows.join("")}`);
		return 0;
	};

	readonly #modprobe: Program = async ({ argv, stderr }) => {
		const { flags, operands } = parseOptions(argv.slice(1), "arqvn", ["all", "remove", "quiet", "verbose", "dry-run"]);
		const isRemoval = flags.has("r") || flags.has("remove");
		const names = isRemoval || flags.has("a") || flags.has("all") ? operands : operands.slice(0, 1);
		for (const given of names) {
			const name = given.replaceAll("-", "_");
			if (!(name in available)) {
				if (!flags.has("q"))
					await writeText(stderr, `modprobe: FATAL: Module ${given} not found in directory /lib/modules/${kernelVersion}\n`);
				return 1;
			}
			if (!isRemoval) this.#load(name);
			else if (this.#usersOf(name).length > 0) {
				await writeText(stderr, `modprobe: FATAL: Module ${given} is in use.\n`);
				return 1;
			} else this.#loaded.delete(name);
		}
		return 0;
	};

	readonly #rmmod: Program = async ({ argv: [, ...names], stderr }) => {
		for (const given of names) {
			const name = given.replaceAll("-", "_");
			const users = this.#usersOf(name);
			if (!this.#loaded.has(name) || users.length > 0) {
				const why = this.#loaded.has(name) ? `Module ${name} is in use by: ${users.join(" ")}` : `Module ${name} is not currently loaded`;
				await writeText(stderr, `rmmod: ERROR: ${why}\n`);
				return 1;
			}
			this.#loaded.delete(name);
		}
		return 0;
	};
}

function needsOf(name: string): readonly string[] {
	return available[name]?.[1] ?? [];
}

function configured({ files }: Machine): readonly string[] {
	const directory = "/etc/modules-load.d";
	const paths = ["/etc/modules", ...(files.exists(directory) ? files.readdir(directory).map((name) => `${directory}/${name}`) : [])];
	const lines = paths.flatMap((path) => (files.exists(path) ? files.readText(path).split("\n") : []));
	return lines.map((line) => line.trim().replaceAll("-", "_")).filter((line) => line !== "" && !/^[#;]/.test(line));
}
