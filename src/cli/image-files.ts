/** The image files that a cluster was given: copies in its directory, which every start loads again. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { makeDirectory } from "./make-directory.ts";

const folder = "images";

/** The file of the same path before it is replaced. @param file where it came from; "-" is standard input */
export function keepImageFile(directory: string, file: string, text: string): void {
	makeDirectory(join(directory, folder));
	const origin = file === "-" ? createHash("sha256").update(text).digest("hex") : resolve(file);
	const digest = createHash("sha256").update(origin).digest("hex").slice(0, 8);
	const stem = file === "-" ? "stdin" : basename(file).replace(/\.\w+$/, "");
	writeFileSync(join(directory, folder, `${stem}-${digest}.yaml`), text, { mode: 0o600 });
}

/** By name: which of two that describe the same image counts must not be a matter of luck. */
export function keptImageFiles(directory: string): readonly { readonly path: string; readonly text: string }[] {
	const path = join(directory, folder);
	if (!existsSync(path)) return [];
	const names = readdirSync(path).filter((name) => name.endsWith(".yaml"));
	return names.sort().map((name) => ({ path: join(path, name), text: readFileSync(join(path, name), "utf8") }));
}
