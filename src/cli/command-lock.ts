/**
 * One command at a time changes a cluster: `start`, `stop` and `delete` hold <home>/NAME.lock while they work. The file
 * says who holds it; one that a killed command left behind is taken over.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../cluster/process-identity.ts";
import { CliError, messageOf, systemErrorCode } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";

/** How long another command is waited for, in real milliseconds; and how often we look. */
const waitLimitMs = 60_000;
const pollMs = 25;

export interface CommandLockOptions {
	/** Real time. */
	readonly clock: Clock;
	/** Told once if another command has to be waited for. */
	readonly onWait?: (holder: number) => void;
}

export class CommandLock {
	readonly #path: string;
	#isHeld = true;

	private constructor(path: string) {
		this.#path = path;
	}

	/** Waits for its turn. Rejects with a CliError if another command holds the lock for too long, or it can't be made. */
	static async acquire(path: string, { clock, onWait }: CommandLockOptions): Promise<CommandLock> {
		makeHome(dirname(path));
		const limitMs = clock.now() + waitLimitMs;
		for (let isFirst = true; ; isFirst = false) {
			const holder = tryLock(path);
			if (holder === undefined) return new CommandLock(path);
			if (clock.now() > limitMs) {
				throw new CliError(`another kubesim command (process ${holder.pid}) is busy with this cluster`, {
					hint: "Wait for it to end, or end it, and try again.",
				});
			}
			if (isFirst) onWait?.(holder.pid);
			await sleep(clock, pollMs);
		}
	}

	/** Lets the next one work; a second call does nothing. */
	release(): void {
		if (this.#isHeld) rmSync(this.#path, { force: true });
		this.#isHeld = false;
	}
}

function makeHome(path: string): void {
	try {
		makeDirectory(path);
	} catch (error) {
		throw unwritable(path, error);
	}
}

/** Takes the lock, or says who has it. A hard link appears with its content, so nobody ever reads half a lock. */
function tryLock(path: string): ProcessIdentity | undefined {
	const own = `${path}.${process.pid}`;
	try {
		writeFileSync(own, JSON.stringify(ownIdentity()), { mode: 0o600 });
		for (;;) {
			try {
				linkSync(own, path);
				return undefined;
			} catch (error) {
				if (systemErrorCode(error) !== "EEXIST") throw error;
			}
			const holder = readHolder(path);
			if (holder !== undefined && isAlive(holder)) return holder;
			if (holder !== undefined) breakLock(path, holder);
		}
	} catch (error) {
		throw unwritable(dirname(path), error);
	} finally {
		rmSync(own, { force: true });
	}
}

/** Never alive. */
const nobody: ProcessIdentity = { pid: 0, born: "" };

/** undefined: it has just been released. Content that is not ours has nobody behind it. */
function readHolder(path: string): ProcessIdentity | undefined {
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		if (systemErrorCode(error) === "ENOENT") return undefined;
		throw error;
	}
	try {
		return JSON.parse(text) as ProcessIdentity;
	} catch {
		return nobody;
	}
}

/** Takes a dead holder's lock away, and puts it back if somebody was quicker and it is a living one's by now. */
function breakLock(path: string, dead: ProcessIdentity): void {
	const aside = `${path}.${process.pid}.dead`;
	try {
		renameSync(path, aside);
	} catch (error) {
		if (systemErrorCode(error) === "ENOENT") return;
		throw error;
	}
	const taken = readHolder(aside);
	try {
		if (taken !== undefined && (taken.pid !== dead.pid || taken.born !== dead.born)) linkSync(aside, path);
	} catch (error) {
		if (systemErrorCode(error) !== "EEXIST") throw error;
	} finally {
		rmSync(aside, { force: true });
	}
}

function unwritable(home: string, cause: unknown): CliError {
	return new CliError(`can't write to ${home}: ${messageOf(cause)}`, {
		hint: "Set KUBESIM_HOME to a directory that you can write to.",
		cause,
	});
}
