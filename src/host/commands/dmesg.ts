/** `dmesg`: the kernel's ring buffer. Source: dmesg(1) of util-linux 2.41 */
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { parseOptions } from "./options.ts";

const days = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `Thu Oct 10 09:10:00 2026`. */
function humanTime(ms: number): string {
	const date = new Date(ms);
	return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()}`;
}

export const dmesg: Program = async ({ argv, machine, process, stdout, stderr }) => {
	const { flags, values } = parseOptions(argv.slice(1), "TtHkrwxl:f:cC", ["ctime", "notime", "level:", "follow"]);
	if (process.credentials.uid !== 0) {
		await writeText(stderr, "dmesg: read kernel buffer failed: Operation not permitted\n");
		return 1;
	}
	const { kernel } = machine;
	const bootMs = kernel.hardware?.().bootMs ?? 0;
	const levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
	const wanted = (values.get("l") ?? values.get("level"))?.split(",");
	const lines = kernel.log
		.lines()
		.filter(({ level }) => wanted === undefined || wanted.includes(levels[level] ?? ""))
		.map(({ timeMs, text }) => {
			if (flags.has("t") || flags.has("notime")) return `${text}\n`;
			if (flags.has("T") || flags.has("ctime")) return `[${humanTime(timeMs)}] ${text}\n`;
			return `[${((timeMs - bootMs) / 1000).toFixed(6).padStart(12)}] ${text}\n`;
		});
	await writeText(stdout, lines.join(""));
	return 0;
};
