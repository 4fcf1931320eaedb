/** `mkdir -p`, for paths that a user gave. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "./errors.ts";

/**
 * Makes the directory and those above it, readable by their owner only, and leaves alone what is there. Throws the
 * system's error. (Node's own `recursive` never ends where a parent can't be made though its own is there, as in /proc.)
 * @returns whether it is new
 */
export function makeDirectory(path: string): boolean {
	try {
		mkdirSync(path, { mode: 0o700 });
		return true;
	} catch (error) {
		const code = systemErrorCode(error);
		if (code === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
		const parent = dirname(path);
		if (code !== "ENOENT" || parent === path) throw error;
		makeDirectory(parent);
		mkdirSync(path, { mode: 0o700 });
		return true;
	}
}
