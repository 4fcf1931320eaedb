/** Files of a container as a web server serves them. */
import { type FileSystem, FsError, resolvePath } from "../../host/index.ts";

const contentTypes: Readonly<Record<string, string>> = {
	css: "text/css",
	gif: "image/gif",
	htm: "text/html",
	html: "text/html",
	jpg: "image/jpeg",
	js: "application/javascript",
	json: "application/json",
	png: "image/png",
	svg: "image/svg+xml",
	txt: "text/plain",
};

export function contentTypeOf(path: string): string {
	return contentTypes[/\.(\w+)$/.exec(path)?.[1] ?? ""] ?? "application/octet-stream";
}

/** The file for a URL path below `root`; "directory" if it is one without an index; undefined if nothing is there. */
export function serveFile(
	files: FileSystem,
	root: string,
	urlPath: string,
	indexes: readonly string[],
): { readonly path: string; readonly bytes: Uint8Array } | "directory" | undefined {
	const path = resolvePath("/", `${root}/${resolvePath("/", urlPath)}`);
	try {
		if (files.stat(path).type !== "directory") return { path, bytes: files.readBytes(path) };
		for (const index of indexes) {
			const candidate = `${path}/${index}`;
			if (files.exists(candidate)) return { path: candidate, bytes: files.readBytes(candidate) };
		}
		return "directory";
	} catch (error) {
		if (error instanceof FsError) return undefined;
		throw error;
	}
}
