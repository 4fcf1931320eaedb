/** `rmdir`: of a directory of the disk when it is empty, of a cgroup when nothing runs in it. Source: rmdir(1) of coreutils */
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { parentPath, resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

export const rmdir: Program = async ({ argv, files, cwd, stdout, stderr }) => {
	const { flags, operands } = parseOptions(argv.slice(1), "pv", ["parents", "verbose", "ignore-fail-on-non-empty"]);
	if (operands.length === 0) {
		await writeText(stderr, "rmdir: missing operand\n");
		return 1;
	}
	const withParents = flags.has("p") || flags.has("parents");
	let status = 0;
	for (const operand of operands) {
		for (let path = resolvePath(cwd, operand), shown = operand; ; path = parentPath(path), shown = parentPath(shown)) {
			try {
				if (files.lstat(path).type !== "directory") throw new FsError("ENOTDIR", "rmdir", path);
				files.remove(path);
				if (flags.has("v") || flags.has("verbose")) await writeText(stdout, `rmdir: removing directory, '${shown}'\n`);
			} catch (error) {
				if (!(error instanceof FsError)) throw error;
				if (error.code === "ENOTEMPTY" && flags.has("ignore-fail-on-non-empty")) break;
				await writeText(stderr, `rmdir: failed to remove '${shown}': ${error.shellText}\n`);
				status = 1;
				break;
			}
			if (!withParents || !shown.includes("/") || parentPath(path) === "/") break;
		}
	}
	return status;
};
