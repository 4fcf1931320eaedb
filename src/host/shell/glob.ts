/** Shell patterns: `*`, `?`, `[a-z]`, `[!a-z]`, with backslash escapes. Source: POSIX.1-2024, Shell, 2.14. */
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, resolvePath } from "../vfs/path.ts";

const classes: Readonly<Record<string, string>> = {
	alnum: "a-zA-Z0-9",
	alpha: "a-zA-Z",
	digit: "0-9",
	lower: "a-z",
	upper: "A-Z",
	space: "\\s",
	punct: "!-\\/:-@\\[-`{-~",
	xdigit: "0-9a-fA-F",
};

/** The source of a regular expression that matches what the pattern matches. `lazy`: `*` takes as little as it can. */
export function globSource(pattern: string, lazy = false): string {
	let source = "";
	for (let index = 0; index < pattern.length; index++) {
		const char = pattern.charAt(index);
		if (char === "\\" && index + 1 < pattern.length) source += escapeChar(pattern.charAt(++index));
		else if (char === "*") source += lazy ? "[^]*?" : "[^]*";
		else if (char === "?") source += "[^]";
		else if (char === "[") {
			const bracket = bracketAt(pattern, index);
			source += bracket?.source ?? "\\[";
			index = bracket?.end ?? index;
		} else source += escapeChar(char);
	}
	return source;
}

function matchesGlob(pattern: string, text: string): boolean {
	return new RegExp(`^${globSource(pattern)}$`, "u").test(text);
}

/** Takes away every special meaning. */
export function escapeGlob(text: string): string {
	return text.replace(/[\\*?[\]]/g, "\\$&");
}

/** Whether a pattern has an active special character. */
export function hasGlob(pattern: string): boolean {
	return /(^|[^\\])(\\\\)*[*?[]/.test(pattern);
}

function escapeChar(char: string): string {
	return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function bracketAt(pattern: string, start: number): { source: string; end: number } | undefined {
	let index = start + 1;
	let negated = "";
	if (pattern.charAt(index) === "!" || pattern.charAt(index) === "^") {
		negated = "^";
		index++;
	}
	let body = "";
	for (let first = true; index < pattern.length; index++, first = false) {
		const char = pattern.charAt(index);
		if (char === "]" && !first) return { source: `[${negated}${body}]`, end: index };
		const named = /^\[:(\w+):\]/.exec(pattern.slice(index));
		if (named !== null) {
			body += classes[named[1] ?? ""] ?? "";
			index += named[0].length - 1;
		} else if (char === "\\" && index + 1 < pattern.length) body += `\\${pattern.charAt(++index)}`;
		else body += /[\\\][^]/.test(char) ? `\\${char}` : char;
	}
	return undefined;
}

/** The paths that match, sorted; empty if none does. A leading dot must be matched by a dot. */
export function expandGlob(files: FileSystem, cwd: string, pattern: string): string[] {
	const absolute = pattern.startsWith("/");
	const segments = pattern.split("/").filter((segment) => segment !== "");
	let found: { path: string; shown: string }[] = [{ path: absolute ? "/" : cwd, shown: absolute ? "/" : "" }];
	for (const segment of segments) {
		found = found.flatMap(({ path, shown }) =>
			matchSegment(files, path, segment).map((name) => ({
				path: resolvePath(path, name),
				shown: shown === "" ? name : joinPath(shown, name),
			})),
		);
	}
	return found.map(({ shown }) => shown).sort();
}

function matchSegment(files: FileSystem, directory: string, segment: string): string[] {
	if (!hasGlob(segment)) {
		const name = segment.replace(/\\(.)/g, "$1");
		return files.exists(resolvePath(directory, name)) ? [name] : [];
	}
	try {
		return files.readdir(directory).filter((name) => (segment.startsWith(".") || !name.startsWith(".")) && matchesGlob(segment, name));
	} catch (error) {
		if (error instanceof FsError) return [];
		throw error;
	}
}
