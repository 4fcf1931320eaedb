/**
 * Which process an id means. The system gives the id of a dead process to another one sooner or later; together with
 * the moment of its start it means one process only.
 */
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
	readonly pid: number;
	/** When the kernel started it, in its own ticks since boot; "" on systems that don't tell (no /proc). */
	readonly born: string;
}

export function ownIdentity(): ProcessIdentity {
	return { pid: process.pid, born: birthOf(process.pid) ?? "" };
}

/** Whether this very process still runs. */
export function isAlive({ pid, born }: ProcessIdentity): boolean {
	// An id of 0 or below would mean a process group.
	if (!(pid > 0)) return false;
	try {
		process.kill(pid, 0);
	} catch (error) {
		// Somebody else's process lives, too.
		if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
	}
	const actual = birthOf(pid);
	return actual === undefined || born === "" || actual === born;
}

/**
 * Field 22 of /proc/PID/stat, counted from behind the program's name, which may hold blanks and brackets. A zombie (its
 * parent has not asked for its exit code yet) has ended: it was born never.
 */
function birthOf(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return fields[0] === "Z" ? "never" : fields[19];
	} catch {
		// No /proc here, or the process has just ended.
		return undefined;
	}
}
