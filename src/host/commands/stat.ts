/** `stat`, `chown`, `chgrp`, `ln`: what inodes are, and whose. Source: coreutils 9.7 (stat's formats and texts) */
import { accountOf, nameOfId } from "../credentials.ts";
import { diskUsageOf } from "../disk-usage.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import type { FileStat } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { baseName, joinPath, resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

const blockBytes = 4096;

/** `drwxr-xr-x`. */
export function modeText({ type, mode }: FileStat): string {
	const kinds = { file: "-", directory: "d", symlink: "l", device: "c" } as const;
	const letters = [...("rwxrwxrwx" as const)].map((letter, index) => (((mode >> (8 - index)) & 1) === 1 ? letter : "-"));
	const special = (index: number, bit: number, letter: string) => {
		if ((mode & bit) !== 0) letters[index] = letters[index] === "x" ? letter : letter.toUpperCase();
	};
	special(2, 0o4000, "s");
	special(5, 0o2000, "s");
	special(8, 0o1000, "t");
	return kinds[type] + letters.join("");
}

/** `1970-01-01 00:00:00.000000000 +0000`. */
function timeText(ms: number): string {
	const text = new Date(ms).toISOString();
	return `${text.slice(0, 10)} ${text.slice(11, 19)}.${text.slice(20, 23)}000000 +0000`;
}

function kindText({ type, sizeBytes }: FileStat): string {
	if (type === "symlink") return "symbolic link";
	if (type === "device") return "character special file";
	return type === "directory" ? "directory" : sizeBytes === 0 ? "regular empty file" : "regular file";
}

function textOf({ files }: ProcessContext, path: string): string {
	return files.exists(path) ? files.readText(path) : "";
}

/** What `%x` stands for of a file. */
function fileFields(context: ProcessContext, operand: string, stat: FileStat): Readonly<Record<string, string>> {
	const passwd = textOf(context, "/etc/passwd");
	const groups = textOf(context, "/etc/group");
	const quoted =
		stat.type === "symlink" ? `'${operand}' -> '${context.files.readlink(resolvePath(context.cwd, operand))}'` : `'${operand}'`;
	const seconds = String(Math.floor(stat.mtimeMs / 1000));
	return {
		a: stat.mode.toString(8),
		A: modeText(stat),
		b: String(Math.ceil(stat.diskBytes / blockBytes) * 8),
		B: "512",
		d: "65025",
		D: "fe01",
		f: stat.mode.toString(16),
		F: kindText(stat),
		g: String(stat.gid),
		G: nameOfId(groups, stat.gid),
		h: String(stat.links),
		i: String(stat.ino),
		m: context.files.mountOf(resolvePath(context.cwd, operand)).path,
		n: operand,
		N: quoted,
		o: String(blockBytes),
		s: String(stat.sizeBytes),
		u: String(stat.uid),
		U: nameOfId(passwd, stat.uid),
		x: timeText(stat.mtimeMs),
		X: seconds,
		y: timeText(stat.mtimeMs),
		Y: seconds,
		z: timeText(stat.mtimeMs),
		Z: seconds,
		w: "-",
		W: "0",
	};
}

/** `cgroup2fs`: how `stat -f` names types of file systems. */
const fileSystemNames: Readonly<Record<string, string>> = {
	cgroup2: "cgroup2fs",
	cgroup: "cgroupfs",
	ext4: "ext2/ext3",
	overlay: "overlayfs",
};

function fileSystemFields(context: ProcessContext, operand: string): Readonly<Record<string, string>> {
	const path = resolvePath(context.cwd, operand);
	const mount = context.files.mountOf(context.files.realPath(path));
	const usage = diskUsageOf(context.machine, mount);
	const blocks = (bytes: number) => String(Math.floor(bytes / blockBytes));
	return {
		a: blocks(usage.availableBytes),
		b: blocks(usage.sizeBytes),
		c: String(usage.inodes),
		d: String(usage.inodes - usage.usedInodes),
		f: blocks(usage.availableBytes),
		i: "0",
		l: "255",
		n: operand,
		s: String(blockBytes),
		S: String(blockBytes),
		T: fileSystemNames[mount.type] ?? mount.type,
		t: "0",
	};
}

function formatted(format: string, fields: Readonly<Record<string, string>>): string {
	return format.replace(/%(%|[-0-9]*([a-zA-Z]))/g, (whole, code: string, letter: string | undefined) => {
		if (code === "%") return "%";
		const width = Number(/-?\d+/.exec(code)?.[0] ?? 0);
		const text = fields[letter ?? ""];
		if (text === undefined) return whole;
		return width < 0 ? text.padEnd(-width) : code.startsWith("0") ? text.padStart(width, "0") : text.padStart(width);
	});
}

const fileForm =
	"  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: 254,1\tInode: %-11i Links: %h\nAccess: (%04a/%10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n Birth: -\n";
const fileSystemForm =
	'  File: "%n"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s Fundamental block size: %S\nBlocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n';

export const stat: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "Lftc:", [
		"dereference",
		"file-system",
		"terse",
		"format:",
		"printf:",
	]);
	const format = values.get("c") ?? values.get("format");
	const exact = values.get("printf");
	if (operands.length === 0) {
		await writeText(context.stderr, "stat: missing operand\nTry 'stat --help' for more information.\n");
		return 1;
	}
	const ofSystem = flags.has("f") || flags.has("file-system");
	const follows = flags.has("L") || flags.has("dereference");
	let status = 0;
	for (const operand of operands) {
		const path = resolvePath(context.cwd, operand);
		try {
			const known = follows ? context.files.stat(path) : context.files.lstat(path);
			const fields = ofSystem ? fileSystemFields(context, operand) : fileFields(context, operand, known);
			const form =
				exact?.replaceAll("\\n", "\n").replaceAll("\\t", "\t") ??
				(format === undefined ? (ofSystem ? fileSystemForm : fileForm) : `${format}\n`);
			await writeText(context.stdout, formatted(form, fields));
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await writeText(
				context.stderr,
				`stat: cannot ${ofSystem ? "read file system information for" : "statx"} '${operand}': ${error.shellText}\n`,
			);
			status = 1;
		}
	}
	return status;
};

/** A number, or the name of an account or group. */
function idOf(file: string, text: string): number | undefined {
	if (/^\d+$/.test(text)) return Number(text);
	for (const line of file.split("\n")) if (line.split(":")[0] === text) return Number(line.split(":")[2]);
	return undefined;
}

/** Does something to a file, and with `isRecursive` to all below; tells what fails. */
async function forEach(
	context: ProcessContext,
	operands: readonly string[],
	isRecursive: boolean,
	act: (path: string) => void,
	describe: (operand: string) => string,
): Promise<number> {
	let status = 0;
	const visit = async (operand: string): Promise<void> => {
		const path = resolvePath(context.cwd, operand);
		try {
			const { type } = context.files.lstat(path);
			act(path);
			if (isRecursive && type === "directory") for (const name of context.files.readdir(path)) await visit(joinPath(operand, name));
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			const why = error.code === "ENOENT" ? `cannot access '${operand}'` : describe(operand);
			await writeText(context.stderr, `${context.argv[0]}: ${why}: ${error.shellText}\n`);
			status = 1;
		}
	};
	for (const operand of operands) await visit(operand);
	return status;
}

export const chown: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "RvcfhH", ["recursive", "verbose", "no-dereference"]);
	const [owner = "", ...targets] = operands;
	if (targets.length === 0) {
		await writeText(
			context.stderr,
			`chown: missing operand${owner === "" ? "" : ` after '${owner}'`}\nTry 'chown --help' for more information.\n`,
		);
		return 1;
	}
	const [user = "", group] = owner.split(/[:.]/);
	const uid = user === "" ? undefined : idOf(textOf(context, "/etc/passwd"), user);
	if (user !== "" && uid === undefined) {
		await writeText(context.stderr, `chown: invalid user: '${owner}'\n`);
		return 1;
	}
	// `user:` is the user's own group.
	const gid =
		group === undefined
			? undefined
			: group === ""
				? accountOf(textOf(context, "/etc/passwd"), user)?.gid
				: idOf(textOf(context, "/etc/group"), group);
	if (group !== undefined && group !== "" && gid === undefined) {
		await writeText(context.stderr, `chown: invalid group: '${owner}'\n`);
		return 1;
	}
	const act = (path: string) => {
		const known = context.files.stat(path);
		context.files.chown(path, uid ?? known.uid, gid ?? known.gid);
	};
	return forEach(context, targets, flags.has("R") || flags.has("recursive"), act, (operand) => `changing ownership of '${operand}'`);
};

export const chgrp: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "Rvcfh", ["recursive"]);
	const [group = "", ...targets] = operands;
	const gid = idOf(textOf(context, "/etc/group"), group);
	if (gid === undefined) {
		await writeText(context.stderr, `chgrp: invalid group: '${group}'\n`);
		return 1;
	}
	const act = (path: string) => context.files.chown(path, context.files.stat(path).uid, gid);
	return forEach(context, targets, flags.has("R") || flags.has("recursive"), act, (operand) => `changing group of '${operand}'`);
};

export const ln: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "sfnvTr", [
		"symbolic",
		"force",
		"no-dereference",
		"verbose",
		"no-target-directory",
	]);
	const { files, cwd, stderr } = context;
	const isSymbolic = flags.has("s") || flags.has("symbolic");
	const isForced = flags.has("f") || flags.has("force");
	const keepsLink = flags.has("n") || flags.has("T") || flags.has("no-dereference");
	if (operands.length === 0) {
		await writeText(stderr, "ln: missing file operand\nTry 'ln --help' for more information.\n");
		return 1;
	}
	const last = operands.length > 1 ? (operands.at(-1) ?? ".") : ".";
	const sources = operands.length > 1 ? operands.slice(0, -1) : operands;
	const lastPath = resolvePath(cwd, last);
	const isDirectory = files.exists(lastPath) && (keepsLink ? files.lstat(lastPath) : files.stat(lastPath)).type === "directory";
	let status = 0;
	for (const source of sources) {
		const shown = isDirectory ? joinPath(last === "." ? "." : last, baseName(source)) : last;
		const target = resolvePath(cwd, isDirectory ? joinPath(lastPath, baseName(source)) : last);
		try {
			if (!isSymbolic && files.lstat(resolvePath(cwd, source)).type === "directory") {
				await writeText(stderr, `ln: ${source}: hard link not allowed for directory\n`);
				status = 1;
				continue;
			}
			if (isForced && isThere(files, target)) files.remove(target);
			if (isSymbolic) files.symlink(source, target);
			else files.link(resolvePath(cwd, source), target);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			const what =
				!isSymbolic && error.code === "ENOENT"
					? `failed to access '${source}'`
					: `failed to create ${isSymbolic ? "symbolic" : "hard"} link '${shown}'${isSymbolic || error.code === "EEXIST" ? "" : ` => '${source}'`}`;
			await writeText(stderr, `ln: ${what}: ${error.shellText}\n`);
			status = 1;
		}
	}
	return status;
};

/** A link that leads nowhere is there. */
function isThere(files: ProcessContext["files"], path: string): boolean {
	try {
		files.lstat(path);
		return true;
	} catch (error) {
		if (error instanceof FsError) return false;
		throw error;
	}
}
