/** Swap of a machine: which files and devices it has, and `swapon`, `swapoff`, `mkswap`. Nothing is ever swapped out. Source: swapon(8), mkswap(8) */
import { parseOptions } from "../commands/options.ts";
import type { Machine, ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { resolvePath } from "../vfs/path.ts";

interface SwapArea {
	readonly path: string;
	readonly sizeKb: number;
	readonly priority: number;
}

const pageKb = 4;

export class Swap {
	#areas: readonly SwapArea[] = [];
	/** Paths that mkswap has been at: nothing is written into what may be large and empty. */
	readonly #formatted = new Set<string>();

	/** The machine boots: what /etc/fstab names. */
	boot(machine: Machine): void {
		this.#areas = [];
		for (const path of fstabSwaps(machine)) this.#add(machine, path);
	}

	/** The contents of /proc/swaps; undefined where there is no swap. */
	table(): string | undefined {
		if (this.#areas.length === 0) return undefined;
		const rows = this.#areas.map(({ path, sizeKb, priority }) => `${path.padEnd(39)} file\t\t${sizeKb}\t\t0\t\t${priority}\n`);
		return `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${rows.join("")}`;
	}

	programs(): ReadonlyMap<string, Program> {
		return new Map([
			["swapon", this.#swapon],
			["swapoff", this.#swapoff],
			["mkswap", this.#mkswap],
		]);
	}

	/** Why it can't be; undefined if it is there now. */
	#add(machine: Machine, path: string): string | undefined {
		const { files } = machine;
		if (!files.exists(path)) return `cannot open ${path}: No such file or directory`;
		if (this.#areas.some((area) => area.path === path)) return `${path}: swapon failed: Device or resource busy`;
		if (!this.#formatted.has(path)) return `${path}: read swap header failed`;
		const sizeKb = Math.floor(files.stat(path).sizeBytes / 1024) - pageKb;
		this.#areas = [...this.#areas, { path, sizeKb, priority: -2 - this.#areas.length }];
		return undefined;
	}

	readonly #swapon: Program = async (context) => {
		const { flags, operands } = parseOptions(context.argv.slice(1), "asvp:", ["all", "show", "summary", "noheadings", "raw", "bytes"]);
		if (flags.has("s") || flags.has("summary")) {
			await writeText(context.stdout, this.table() ?? "");
			return 0;
		}
		if (flags.has("show") || (operands.length === 0 && !flags.has("a") && !flags.has("all"))) {
			if (this.#areas.length === 0) return 0;
			const rows = this.#areas.map(({ path, sizeKb, priority }) => `${path} file ${Math.round(sizeKb / 1024)}M   0B   ${priority}\n`);
			await writeText(context.stdout, `NAME      TYPE SIZE USED PRIO\n${rows.join("")}`);
			return 0;
		}
		const isAll = flags.has("a") || flags.has("all");
		let status = 0;
		for (const operand of isAll ? fstabSwaps(context.machine) : operands) {
			const path = resolvePath(context.cwd, operand);
			if (isAll && this.#areas.some((area) => area.path === path)) continue;
			const refusal = this.#add(context.machine, path);
			if (refusal !== undefined) status = await fail(context, "swapon", refusal, 255);
		}
		return status;
	};

	readonly #swapoff: Program = async (context) => {
		const { flags, operands } = parseOptions(context.argv.slice(1), "av", ["all"]);
		if (flags.has("a") || flags.has("all")) {
			this.#areas = [];
			return 0;
		}
		let status = 0;
		for (const operand of operands) {
			const path = resolvePath(context.cwd, operand);
			if (!this.#areas.some((area) => area.path === path))
				status = await fail(context, "swapoff", `${path}: swapoff failed: Invalid argument`, 4);
			this.#areas = this.#areas.filter((area) => area.path !== path);
		}
		return status;
	};

	readonly #mkswap: Program = async (context) => {
		const { machine, cwd, stdout } = context;
		const { operands } = parseOptions(context.argv.slice(1), "fL:U:", ["label:", "force"]);
		const [operand] = operands;
		if (operand === undefined) return fail(context, "mkswap", "Nowhere to set up swap on?", 1);
		const path = resolvePath(cwd, operand);
		const { files } = machine;
		if (!files.exists(path)) return fail(context, "mkswap", `cannot open ${path}: No such file or directory`, 1);
		const bytes = files.stat(path).sizeBytes;
		if (bytes < 40 * 1024) return fail(context, "mkswap", "error: swap area needs to be at least 40 KiB", 1);
		this.#formatted.add(path);
		const mib = (bytes - pageKb * 1024) / (1024 * 1024);
		const size =
			mib >= 1024 ? `${Number((mib / 1024).toFixed(1))} GiB` : mib >= 1 ? `${Number(mib.toFixed(1))} MiB` : `${Math.round(mib * 1024)} KiB`;
		await writeText(
			stdout,
			`Setting up swapspace version 1, size = ${size} (${bytes - pageKb * 1024} bytes)\nno label, UUID=${machine.random.uuid()}\n`,
		);
		return 0;
	};
}

async function fail({ stderr }: ProcessContext, command: string, text: string, exitCode: number): Promise<number> {
	await writeText(stderr, `${command}: ${text}\n`);
	return exitCode;
}

function fstabSwaps({ files }: Machine): readonly string[] {
	if (!files.exists("/etc/fstab")) return [];
	const rows = files
		.readText("/etc/fstab")
		.split("\n")
		.map((line) => line.trim().split(/\s+/));
	return rows.flatMap(([path = "", , type]) => (!path.startsWith("#") && type === "swap" ? [path] : []));
}
