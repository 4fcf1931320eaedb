/** Absolute, with `.`, `..` and double slashes resolved by text alone (symbolic links are the file system's business). */
export function resolvePath(base: string, path: string): string {
	const parts: string[] = [];
	for (const part of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
		if (part === "" || part === ".") continue;
		if (part === "..") parts.pop();
		else parts.push(part);
	}
	return `/${parts.join("/")}`;
}

/** `/a/b` of `/a/b/c`; `/` of `/a` and of `/`. */
export function parentPath(path: string): string {
	return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** `c` of `/a/b/c`; "" of `/`. */
export function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

/** `/a` + `b` = `/a/b`, and `/` + `b` = `/b`. */
export function joinPath(directory: string, name: string): string {
	return directory === "/" ? `/${name}` : `${directory}/${name}`;
}
