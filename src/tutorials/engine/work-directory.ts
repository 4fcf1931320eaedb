/** The learner's directory: the lesson's files at first, and what he makes of them; it goes back with the step. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Lesson } from "./lesson.ts";

/** Lays the lesson's files out, as they are at first. */
export function layOut({ directory, files }: Lesson, work: string): void {
	empty(work);
	for (const file of files) cpSync(join(directory, file), join(work, file));
}

/** Keeps what is in the directory. */
export function keep(work: string, kept: string): void {
	rmSync(kept, { recursive: true, force: true });
	cpSync(work, kept, { recursive: true });
}

/** Brings back what was kept. */
export function bringBack(kept: string, work: string): void {
	empty(work);
	if (existsSync(kept)) cpSync(kept, work, { recursive: true });
}

/** The directory itself stays: a terminal may stand in it. */
function empty(directory: string): void {
	mkdirSync(directory, { recursive: true });
	for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}
