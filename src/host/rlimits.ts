/**
 * Limits of a process on what it may take (`ulimit`, `prlimit`, /proc/PID/limits). They are kept, shown, inherited and changed; of what
 * they limit, none is enforced but the number of processes of a machine (machine.ts).
 * Source: https://man7.org/linux/man-pages/man2/getrlimit.2.html; defaults: kernel, and containerd's unit (LimitNOFILE=1048576 of runc's default for containers)
 */
export interface Rlimit {
	/** Infinity: unlimited. */
	readonly soft: number;
	readonly hard: number;
}

interface RlimitKind {
	/** As `prlimit` writes it. */
	readonly name: string;
	readonly limitsName: string;
	readonly unit: string;
	readonly prlimitText: string;
	readonly prlimitUnit: string;
	/** Of `ulimit`. */
	readonly flag: string;
	readonly ulimitText: string;
	/** What `ulimit` counts in, bytes or one. */
	readonly ulimitFactor: number;
	readonly ulimitUnit: string;
	readonly default: Rlimit;
}

const unlimited: Rlimit = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
const kib = 1024;

/** In the order of /proc/PID/limits. */
export const rlimitKinds: readonly RlimitKind[] = (
	[
		["CPU", "Max cpu time", "seconds", "CPU time", "seconds", "t", "cpu time", 1, "seconds, ", unlimited],
		["FSIZE", "Max file size", "bytes", "max file size", "bytes", "f", "file size", kib, "blocks, ", unlimited],
		["DATA", "Max data size", "bytes", "max data size", "bytes", "d", "data seg size", kib, "kbytes, ", unlimited],
		["STACK", "Max stack size", "bytes", "max stack size", "bytes", "s", "stack size", kib, "kbytes, ", { ...unlimited, soft: 8192 * kib }],
		[
			"CORE",
			"Max core file size",
			"bytes",
			"max core file size",
			"bytes",
			"c",
			"core file size",
			kib,
			"blocks, ",
			{ ...unlimited, soft: 0 },
		],
		["RSS", "Max resident set", "bytes", "max resident set size", "bytes", "m", "max memory size", kib, "kbytes, ", unlimited],
		[
			"NPROC",
			"Max processes",
			"processes",
			"max number of processes",
			"processes",
			"u",
			"max user processes",
			1,
			"",
			{ soft: 31_571, hard: 31_571 },
		],
		[
			"NOFILE",
			"Max open files",
			"files",
			"max number of open files",
			"files",
			"n",
			"open files",
			1,
			"",
			{ soft: 1_048_576, hard: 1_048_576 },
		],
		[
			"MEMLOCK",
			"Max locked memory",
			"bytes",
			"max locked-in-memory address space",
			"bytes",
			"l",
			"max locked memory",
			kib,
			"kbytes, ",
			{ soft: 8192 * kib, hard: 8192 * kib },
		],
		["AS", "Max address space", "bytes", "address space limit", "bytes", "v", "virtual memory", kib, "kbytes, ", unlimited],
		["LOCKS", "Max file locks", "locks", "max number of file locks held", "locks", "x", "file locks", 1, "", unlimited],
		[
			"SIGPENDING",
			"Max pending signals",
			"signals",
			"max number of pending signals",
			"signals",
			"i",
			"pending signals",
			1,
			"",
			{ soft: 31_571, hard: 31_571 },
		],
		[
			"MSGQUEUE",
			"Max msgqueue size",
			"bytes",
			"max bytes in POSIX mqueues",
			"bytes",
			"q",
			"POSIX message queues",
			1,
			"bytes, ",
			{ soft: 819_200, hard: 819_200 },
		],
		["NICE", "Max nice priority", "", "max nice prio allowed to raise", "", "e", "scheduling priority", 1, "", { soft: 0, hard: 0 }],
		["RTPRIO", "Max realtime priority", "", "max real-time priority", "", "r", "real-time priority", 1, "", { soft: 0, hard: 0 }],
		[
			"RTTIME",
			"Max realtime timeout",
			"us",
			"timeout for real-time tasks",
			"microsecs",
			"R",
			"real-time non-blocking time",
			1,
			"microseconds, ",
			unlimited,
		],
	] as const
).map(([name, limitsName, unit, prlimitText, prlimitUnit, flag, ulimitText, ulimitFactor, ulimitUnit, fallback]) => ({
	name,
	limitsName,
	unit,
	prlimitText,
	prlimitUnit,
	flag,
	ulimitText,
	ulimitFactor,
	ulimitUnit,
	default: fallback,
}));

/** `unlimited`, or the number. */
export function limitText(value: number): string {
	return value === Number.POSITIVE_INFINITY ? "unlimited" : String(value);
}

/** Undefined if the text is no limit. */
export function parseLimit(text: string, factor = 1): number | undefined {
	if (text === "unlimited" || text === "infinity") return Number.POSITIVE_INFINITY;
	return /^\d+$/.test(text) ? Number(text) * factor : undefined;
}
