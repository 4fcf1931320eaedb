/**
 * `mount`, `umount`, `findmnt`, `mountpoint`: the mounts of one's mount namespace. There are tmpfs, proc, cgroups, bind mounts, moves of
 * propagation and remounts; a disk that is not there cannot be mounted, and there is none but the machine's own.
 * Source: mount(8), umount(8), findmnt(8) of util-linux 2.41
 */
import { hasCapability } from "../capabilities.ts";
import type { CgroupTree } from "../cgroup/cgroup-tree.ts";
import { hierarchyName } from "../cgroup/cgroups.ts";
import type { Machine, ProcessContext, Program } from "../machine.ts";
import { mountOptions } from "../proc/mount-files.ts";
import { procDirectory } from "../proc/proc-tree.ts";
import { hierarchyRoot } from "../proc/system-mounts.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import type { Mount, Propagation } from "../vfs/mount-table.ts";
import { resolvePath } from "../vfs/path.ts";
import { Tree } from "../vfs/tree.ts";
import { parseOptions } from "./options.ts";

/** mount's exit codes: 1 wrong call or permissions, 32 mount failure. */
const failed = 32;

function mayMount({ process }: ProcessContext): boolean {
	const capabilities = process.machine.facts?.capabilities;
	return process.credentials.uid === 0 && (capabilities === undefined || hasCapability(capabilities, "SYS_ADMIN"));
}

/** `64m`, `50%` of the memory. */
function sizeOf(text: string, memoryBytes: number): number | undefined {
	const percent = /^(\d+)%$/.exec(text);
	if (percent !== null) return Math.floor((memoryBytes * Number(percent[1])) / 100);
	const match = /^(\d+)([kmg]?)$/i.exec(text);
	return match === null ? undefined : Number(match[1]) * 1024 ** " kmg".indexOf((match[2] || " ").toLowerCase());
}

const propagations: Readonly<Record<string, { readonly kind: Propagation; readonly isRecursive: boolean }>> = Object.fromEntries(
	(["shared", "slave", "private", "unbindable"] as const).flatMap((kind) => [
		[`make-${kind}`, { kind, isRecursive: false }],
		[`make-r${kind}`, { kind, isRecursive: true }],
	]),
);

const longOptions = [
	"bind",
	"rbind",
	"move",
	"types:",
	"options:",
	"source:",
	"target:",
	"all",
	"read-only",
	"verbose",
	...Object.keys(propagations),
];

export const mount: Program = async (context) => {
	const { flags, values, lists, operands } = parseOptions(context.argv.slice(1), "t:o:BRMrwvna", longOptions);
	const { files, stdout } = context;
	const type = values.get("t") ?? values.get("types");
	const options = [...(lists.get("o") ?? []), ...(lists.get("options") ?? [])].flatMap((list) => list.split(","));
	if (operands.length === 0 && flags.size === 0) {
		const shown = files.mounts().filter((each) => type === undefined || type.split(",").includes(each.type));
		await writeText(stdout, shown.map((each) => `${each.source} on ${each.path} type ${each.type} (${mountOptions(each)})\n`).join(""));
		return 0;
	}
	const fail = async (text: string, status = failed): Promise<number> => {
		await writeText(context.stderr, `mount: ${text}\n`);
		return status;
	};
	const target = operands.at(-1) ?? "";
	if (!mayMount(context))
		return fail(`${target}: must be superuser to use mount.\n       dmesg(1) may have more information after failed mount system call.`, 1);
	const isReadOnly = flags.has("r") || flags.has("read-only") || options.includes("ro");
	const path = resolvePath(context.cwd, target);
	try {
		const propagation = [...flags].flatMap((flag) => propagations[flag] ?? [])[0];
		if (operands.length === 1 && propagation !== undefined) {
			if (!files.mountTable.setPropagation(files.realPath(path), propagation.kind, propagation.isRecursive))
				return await fail(`${target}: not mount point or bad option.`);
			return 0;
		}
		if (options.includes("remount")) {
			if (!files.mountTable.remount(files.realPath(path), isReadOnly))
				return await fail(`${target}: mount point not mounted or bad option.`);
			return 0;
		}
		const [source = ""] = operands;
		if (operands.length < 2) return await fail(`${source}: can't find in /etc/fstab.`, 1);
		if (!files.exists(path)) return await fail(`${target}: mount point does not exist.`);
		const isRecursive = flags.has("rbind") || flags.has("R") || options.includes("rbind");
		if (isRecursive || flags.has("bind") || flags.has("B") || options.includes("bind")) {
			if (!files.exists(resolvePath(context.cwd, source))) return await fail(`${target}: special device ${source} does not exist.`);
			files.bind(resolvePath(context.cwd, source), path, isRecursive);
			if (isReadOnly) files.mountTable.remount(files.realPath(path), true);
		} else {
			const made = newMount(context, type, source, path, options, isReadOnly);
			if (typeof made === "string") return await fail(`${target}: ${made}`);
			files.mount(made);
		}
		if (propagation !== undefined) files.mountTable.setPropagation(files.realPath(path), propagation.kind, propagation.isRecursive);
		return 0;
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		return fail(`${target}: ${error.shellText}.`);
	}
};

/** What is wrong, as a text; its mount otherwise. */
function newMount(
	{ machine }: ProcessContext,
	type: string | undefined,
	source: string,
	path: string,
	options: readonly string[],
	readOnly: boolean,
): Mount | string {
	const { clock } = machine;
	switch (type) {
		case "tmpfs":
		case "ramfs": {
			const memoryBytes = machine.kernel.hardware?.().memoryBytes ?? 8 * 1024 ** 3;
			const size = options.find((option) => option.startsWith("size="))?.slice(5);
			const limitBytes = size === undefined ? memoryBytes / 2 : sizeOf(size, memoryBytes);
			if (limitBytes === undefined)
				return `wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error.`;
			const shown = size === undefined ? undefined : `size=${Math.ceil(limitBytes / 1024)}k`;
			const tree = new Tree({ clock, limitBytes });
			return { path, tree, source, type, readOnly, options: shown };
		}
		case "proc":
			return { path, tree: new Tree({ clock, lower: procDirectory(machine) }), source, type, readOnly };
		case "cgroup":
		case "cgroup2":
			return cgroupMount(machine, type, source, path, options, readOnly);
		case undefined:
		case "ext4":
		case "xfs":
		case "auto":
			return `special device ${source} does not exist.\n       dmesg(1) may have more information after failed mount system call.`;
		default:
			return `unknown filesystem type '${type}'.\n       dmesg(1) may have more information after failed mount system call.`;
	}
}

/** A hierarchy of cgroups once more, at another place; or, with a name alone, a new one, of version 1 on any machine. */
function cgroupMount(
	machine: Machine,
	type: "cgroup" | "cgroup2",
	source: string,
	path: string,
	options: readonly string[],
	readOnly: boolean,
): Mount | string {
	const cgroups = machine.kernel.lookAtCgroups();
	if (cgroups === undefined) return "permission denied.\n       dmesg(1) may have more information after failed mount system call.";
	const busy = `${source} already mounted or mount point busy.\n       dmesg(1) may have more information after failed mount system call.`;
	const wanted = options.filter(
		(option) => !["none", "rw", "ro", "xattr", "nosuid", "nodev", "noexec", "relatime", "defaults"].includes(option),
	);
	const name = wanted.find((option) => option.startsWith("name="))?.slice("name=".length);
	let tree: CgroupTree | undefined;
	if (type === "cgroup2") tree = cgroups.trees.find(({ hierarchy }) => hierarchy.version === 2);
	else if (name !== undefined && wanted.length === 1) tree = cgroups.named(name);
	else tree = cgroups.trees.find(({ hierarchy }) => hierarchyName(hierarchy) === wanted.toSorted().join(","));
	if (tree === undefined || (type === "cgroup" && tree.hierarchy.version === 2)) return busy;
	const { hierarchy } = tree;
	const shown = type === "cgroup2" ? {} : { options: hierarchyName(hierarchy) };
	return { path, tree: new Tree({ clock: machine.clock, lower: hierarchyRoot(machine, () => tree) }), source, type, readOnly, ...shown };
}

export const umount: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "lfrnva", ["lazy", "force", "recursive"]);
	const { files, stderr } = context;
	let status = 0;
	for (const operand of operands) {
		const path = resolvePath(context.cwd, operand);
		let why: string | undefined;
		if (!mayMount(context)) why = "must be superuser to unmount.";
		else {
			try {
				const isUsed = files.exists(path) && !flags.has("l") && inUse(context, path);
				if (isUsed) why = "target is busy.";
				else files.unmount(path, flags.has("l") || flags.has("lazy") || flags.has("r") || flags.has("recursive"));
			} catch (error) {
				if (!(error instanceof FsError)) throw error;
				why = error.code === "EINVAL" ? "not mounted." : error.code === "EBUSY" ? "target is busy." : "no mount point specified.";
			}
		}
		if (why === undefined) continue;
		await writeText(stderr, `umount: ${operand}: ${why}\n`);
		status = failed;
	}
	return status;
};

/** Somebody was started there. */
function inUse({ machine, files, process }: ProcessContext, path: string): boolean {
	const at = files.realPath(path);
	if (!files.mountTable.has(at)) return false;
	return machine
		.processes()
		.some((each) => each !== process && each.machine === machine && (each.origin.cwd === at || each.origin.cwd.startsWith(`${at}/`)));
}

const columnsOf: Readonly<Record<string, (mount: Mount, context: ProcessContext) => string>> = {
	TARGET: ({ path }) => path,
	SOURCE: ({ source, rootPath }) => (rootPath === undefined || rootPath === "/" ? source : `${source}[${rootPath}]`),
	FSTYPE: ({ type }) => type,
	OPTIONS: (mount) => mountOptions(mount),
	PROPAGATION: ({ path }, { files }) => files.mountTable.propagationOf(path),
	FSROOT: ({ rootPath }) => rootPath ?? "/",
};

export const findmnt: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "lno:t:T:raD", [
		"list",
		"noheadings",
		"output:",
		"types:",
		"target:",
		"raw",
		"all",
	]);
	const { files } = context;
	const names = (values.get("o") ?? values.get("output") ?? "TARGET,SOURCE,FSTYPE,OPTIONS").toUpperCase().split(",");
	const unknown = names.find((name) => columnsOf[name] === undefined);
	if (unknown !== undefined) {
		await writeText(context.stderr, `findmnt: unknown column: ${unknown}\n`);
		return 1;
	}
	const type = values.get("t") ?? values.get("types");
	const holder = values.get("T") ?? values.get("target");
	let shown = files.mounts().filter((each) => type === undefined || type.split(",").includes(each.type));
	if (holder !== undefined) shown = [files.mountOf(resolvePath(context.cwd, holder))];
	const [wanted] = operands;
	if (wanted !== undefined) shown = shown.filter(({ path, source }) => path === resolvePath(context.cwd, wanted) || source === wanted);
	if (shown.length === 0) return 1;
	const isTree =
		!(flags.has("l") || flags.has("list") || flags.has("r") || flags.has("raw")) &&
		holder === undefined &&
		wanted === undefined &&
		type === undefined;
	const rows = (isTree ? asTree(shown) : shown.map((each) => ({ mount: each, prefix: "" }))).map(({ mount: each, prefix }) =>
		names.map((name) => `${name === "TARGET" ? prefix : ""}${columnsOf[name]?.(each, context) ?? ""}`),
	);
	const all = flags.has("n") || flags.has("noheadings") ? rows : [names, ...rows];
	const widths = names.map((_, index) => Math.max(...all.map((row) => row[index]?.length ?? 0)));
	await writeText(
		context.stdout,
		all
			.map((row) => `${row.map((text, index) => (index === row.length - 1 ? text : text.padEnd(widths[index] ?? 0))).join(" ")}\n`)
			.join(""),
	);
	return 0;
};

function asTree(mounts: readonly Mount[]): readonly { readonly mount: Mount; readonly prefix: string }[] {
	const parentOf = (each: Mount) => {
		const above = mounts.filter((other) => other !== each && (other.path === "/" || each.path.startsWith(`${other.path}/`)));
		return above.sort((a, b) => b.path.length - a.path.length)[0];
	};
	const below = Map.groupBy(mounts, parentOf);
	const lines: { mount: Mount; prefix: string }[] = [];
	const walk = (each: Mount, indent: string, joint: string): void => {
		lines.push({ mount: each, prefix: indent + joint });
		const children = below.get(each) ?? [];
		const next = joint === "" ? "" : `${indent}${joint === "└─" ? "  " : "│ "}`;
		for (const [index, child] of children.entries()) walk(child, next, index === children.length - 1 ? "└─" : "├─");
	};
	for (const top of below.get(undefined) ?? []) walk(top, "", "");
	return lines;
}

export const mountpoint: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "qdx");
	const [operand = ""] = operands;
	const path = resolvePath(context.cwd, operand);
	if (!context.files.exists(path)) {
		if (!flags.has("q")) await writeText(context.stderr, `mountpoint: ${operand}: No such file or directory\n`);
		return 1;
	}
	const isMounted = context.files.mountTable.has(context.files.realPath(path));
	if (!flags.has("q")) await writeText(context.stdout, `${operand} is ${isMounted ? "" : "not "}a mountpoint\n`);
	return isMounted ? 0 : failed;
};
