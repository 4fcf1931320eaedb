/**
 * libcgroup's tools: `cgcreate`, `cgset`, `cgget`, `cgexec`, `cgclassify`, `cgdelete`, `lscgroup`. They work on /sys/fs/cgroup as anybody may.
 * Not there: cgred's rules (--sticky does nothing), configuration files.
 * Source: the manual pages of libcgroup 3
 */
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { runChild } from "./children.ts";
import { parseOptions } from "./options.ts";

const mountPoint = "/sys/fs/cgroup";

interface Target {
	readonly controllers: readonly string[];
	/** `/a/b` */
	readonly path: string;
}

/** `cpu,memory:a/b`. */
function parseTarget(text: string): Target | undefined {
	const match = /^([^:]+):(.*)$/.exec(text);
	if (match === null) return undefined;
	const path = (match[2] ?? "").split("/").filter((part) => part !== "");
	return { controllers: (match[1] ?? "").split(","), path: `/${path.join("/")}` };
}

const isV1 = ({ files }: ProcessContext) => !files.exists(`${mountPoint}/cgroup.controllers`);

/** The directories that a group has: one, or one a hierarchy. */
function directoriesOf(context: ProcessContext, { controllers, path }: Target): readonly string[] {
	const suffix = path === "/" ? "" : path;
	if (!isV1(context)) return [`${mountPoint}${suffix}`];
	const all = controllers.includes("*") ? context.files.readdir(mountPoint) : controllers;
	return all.map((controller) => `${mountPoint}/${controller}${suffix}`);
}

async function fail({ argv, stderr }: ProcessContext, text: string, status = 1): Promise<number> {
	await writeText(stderr, `${argv[0]}: ${text}\n`);
	return status;
}

/** What the targets of `-g` are; the text of what is wrong with them. */
function targetsOf(texts: readonly string[]): readonly Target[] | string {
	const targets: Target[] = [];
	for (const text of texts) {
		const target = parseTarget(text);
		if (target === undefined) return `cgroup controller and path parsing failed (${text})`;
		targets.push(target);
	}
	return targets;
}

/** Makes controllers reach a group of version 2: each group above it has to hand them on. */
function handOn({ files }: ProcessContext, { controllers, path }: Target): void {
	const parts = path.split("/").filter((part) => part !== "");
	for (let depth = 0; depth < parts.length; depth++) {
		const above = `${mountPoint}${parts
			.slice(0, depth)
			.map((part) => `/${part}`)
			.join("")}`;
		if (!files.exists(above)) files.mkdir(above);
		for (const controller of controllers) if (controller !== "*") files.writeFile(`${above}/cgroup.subtree_control`, `+${controller}`);
	}
}

export const cgcreate: Program = async (context) => {
	const { lists } = parseOptions(context.argv.slice(1), "g:t:a:d:f:s:", ["dperm:", "fperm:", "tperm:"]);
	const targets = targetsOf(lists.get("g") ?? []);
	if (typeof targets === "string") return fail(context, targets);
	if (targets.length === 0) return fail(context, "no control group specified with -g/--group");
	for (const target of targets) {
		try {
			if (!isV1(context)) handOn(context, target);
			for (const directory of directoriesOf(context, target))
				if (!context.files.exists(directory)) context.files.mkdir(directory, { recursive: true });
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			return fail(
				context,
				`can't create cgroup ${target.path.slice(1)}: ${error.code === "ENOENT" ? "Cgroup, requested group parameter does not exist" : error.shellText}`,
			);
		}
	}
	return 0;
};

export const cgset: Program = async (context) => {
	const { lists, operands } = parseOptions(context.argv.slice(1), "r:", ["copy-from:"]);
	for (const group of operands) {
		for (const setting of lists.get("r") ?? []) {
			const [name = "", value = ""] = setting.split("=");
			const [controller = ""] = name.split(".");
			const [directory = ""] = directoriesOf(context, { controllers: [controller], path: `/${group.replace(/^\//, "")}` });
			try {
				if (!context.files.exists(`${directory}/${name}`)) throw new FsError("ENOENT", "open", name);
				context.files.writeFile(`${directory}/${name}`, value);
			} catch (error) {
				if (!(error instanceof FsError)) throw error;
				return fail(
					context,
					`cannot set group '${group}': ${error.code === "ENOENT" ? "Cgroup, requested group parameter does not exist" : error.shellText}`,
					96,
				);
			}
		}
	}
	return 0;
};

export const cgget: Program = async (context) => {
	const { flags, lists, operands } = parseOptions(context.argv.slice(1), "nvr:g:a");
	const groups = [...operands];
	const names: string[] = [...(lists.get("r") ?? [])];
	for (const text of lists.get("g") ?? []) {
		const target = parseTarget(text);
		if (target === undefined) names.push(text);
		else {
			groups.push(target.path);
			names.push(...target.controllers);
		}
	}
	for (const group of groups) {
		if (!flags.has("n")) await writeText(context.stdout, `${group}:\n`);
		for (const name of names) {
			const [controller = ""] = name.split(".");
			const [directory = ""] = directoriesOf(context, { controllers: [controller], path: `/${group.replace(/^\//, "")}` });
			if (!context.files.exists(directory)) return fail(context, `cannot find group '${group}'`, 2);
			const wanted = name.includes(".") ? [name] : context.files.readdir(directory).filter((file) => file.startsWith(`${controller}.`));
			for (const file of wanted) {
				const path = `${directory}/${file}`;
				if (!context.files.exists(path)) return fail(context, `variable file read failed No such file or directory`, 96);
				const text = context.files.readText(path).trimEnd().replaceAll("\n", "\n\t");
				await writeText(context.stdout, flags.has("v") ? `${text}\n` : `${file}: ${text}\n`);
			}
		}
		if (!flags.has("n")) await writeText(context.stdout, "\n");
	}
	return 0;
};

/** Puts a process into groups; returns what is wrong. */
function classify(context: ProcessContext, targets: readonly Target[], pid: number): string | undefined {
	try {
		for (const target of targets)
			for (const directory of directoriesOf(context, target)) {
				if (!context.files.exists(directory)) return "Cgroup does not exist";
				context.files.writeFile(`${directory}/cgroup.procs`, String(pid));
			}
		return undefined;
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		return error.shellText;
	}
}

export const cgclassify: Program = async (context) => {
	const { lists, operands } = parseOptions(context.argv.slice(1), "g:", ["sticky", "cancel-sticky"]);
	const targets = targetsOf(lists.get("g") ?? []);
	if (typeof targets === "string") return fail(context, targets);
	for (const pid of operands) {
		const why = classify(context, targets, Number(pid));
		if (why !== undefined) return fail(context, `Error changing group of pid ${pid}: ${why}`);
	}
	return 0;
};

export const cgexec: Program = async (context) => {
	const { lists, operands } = parseOptions(context.argv.slice(1), "g:", ["sticky"], true);
	const targets = targetsOf(lists.get("g") ?? []);
	if (typeof targets === "string") return fail(context, targets);
	if (operands.length === 0) return fail(context, "no command specified");
	const why = classify(context, targets, context.machine.procNamespace.pidOf(context.process));
	return why === undefined ? runChild(context, operands) : fail(context, `cgroup change of group failed: ${why}`);
};

/** Processes that are left go to the group above. */
export const cgdelete: Program = async (context) => {
	const { flags, lists, operands } = parseOptions(context.argv.slice(1), "rg:", ["recursive", "group:"]);
	const targets = targetsOf([...(lists.get("g") ?? []), ...(lists.get("group") ?? []), ...operands]);
	if (typeof targets === "string") return fail(context, targets);
	const remove = (directory: string): void => {
		const { files } = context;
		for (const name of files.readdir(directory)) {
			const path = `${directory}/${name}`;
			if (files.stat(path).type !== "directory") continue;
			if (!flags.has("r") && !flags.has("recursive")) throw new FsError("EBUSY", "rmdir", path);
			remove(path);
		}
		const above = directory.slice(0, directory.lastIndexOf("/"));
		for (const pid of files.readText(`${directory}/cgroup.procs`).split("\n"))
			if (pid !== "") files.writeFile(`${above}/cgroup.procs`, pid);
		files.remove(directory);
	};
	for (const target of targets) {
		try {
			for (const directory of directoriesOf(context, target)) remove(directory);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			return fail(context, `cannot remove group '${target.path.slice(1)}': ${error.shellText}`);
		}
	}
	return 0;
};

export const lscgroup: Program = async (context) => {
	const { files, stdout } = context;
	const walk = (directory: string, label: string): string[] => {
		const shown = directory.slice(mountPoint.length + (isV1(context) ? label.length + 1 : 0)) || "/";
		const below = files.readdir(directory).filter((name) => files.stat(`${directory}/${name}`).type === "directory");
		return [`${label}:${shown}`, ...below.flatMap((name) => walk(`${directory}/${name}`, label))];
	};
	const roots = isV1(context)
		? files.readdir(mountPoint).map((controller) => [`${mountPoint}/${controller}`, controller] as const)
		: [[mountPoint, files.readText(`${mountPoint}/cgroup.controllers`).trim().replaceAll(" ", ",")] as const];
	await writeText(stdout, `${roots.flatMap(([directory, label]) => walk(directory, label)).join("\n")}\n`);
	return 0;
};
