/** /proc, as a machine or container sees it: nothing of it is there until somebody looks. */
import type { Machine } from "../machine.ts";
import { kernelVersion } from "../system-facts.ts";
import { type DirectoryInode, FsError, type Inode } from "../vfs/inode.ts";
import { computedDirectory, computedFile, computedLink } from "./computed.ts";
import { ProcView } from "./proc-view.ts";
import { processDirectory } from "./process-files.ts";
import { systemFiles } from "./system-files.ts";

export type ProcOutputs = ConstructorParameters<typeof ProcView>[1];

/** @param outputs where a process's descriptors 1 and 2 lead, if others may write there */
export function procDirectory(machine: Machine, outputs?: ProcOutputs): DirectoryInode {
	const view = new ProcView(machine, outputs);
	const self = computedLink((caller) => {
		const process = view.self(caller);
		if (process === undefined) throw new FsError("ENOENT", "readlink", "/proc/self");
		return String(view.pidOf(process));
	});
	const fixed: readonly (readonly [string, Inode])[] = [
		...systemFiles(view),
		["mounts", computedLink(() => "self/mounts")],
		["self", self],
		["sys", settingsDirectory(machine, "")],
		["thread-self", computedLink(() => "self")],
	];
	return computedDirectory(
		() =>
			new Map([...view.processes().map((process) => [String(view.pidOf(process)), processDirectory(process, view)] as const), ...fixed]),
		{ ino: 1 },
	);
}

/** /proc/sys: a directory for each part of a setting's name. @param prefix "" or `net.ipv4.` */
function settingsDirectory(machine: Machine, prefix: string): Inode {
	const { settings } = machine.kernel;
	return computedDirectory(() => {
		const entries = new Map<string, Inode>();
		for (const name of ["kernel.hostname", "kernel.osrelease", "kernel.random.boot_id", ...settings.names()]) {
			if (!name.startsWith(prefix)) continue;
			const [part = "", ...rest] = name.slice(prefix.length).split(".");
			if (rest.length > 0) entries.set(part, settingsDirectory(machine, `${prefix}${part}.`));
			else entries.set(part, settingFile(machine, name));
		}
		return entries;
	});
}

function settingFile(machine: Machine, name: string): Inode {
	const { kernel } = machine;
	if (name === "kernel.osrelease") return computedFile(() => `${kernel.release ?? kernelVersion}\n`);
	if (name === "kernel.random.boot_id") return computedFile(() => `${kernel.hardware?.().bootId ?? ""}\n`);
	if (name === "kernel.hostname")
		return computedFile(
			() => `${machine.hostname}\n`,
			{},
			(text) => {
				machine.hostname = text.trim();
			},
		);
	if (kernel.settings.isReadOnly(name)) return computedFile(() => `${kernel.settings.get(name)}\n`);
	return computedFile(
		() => `${kernel.settings.get(name)}\n`,
		{},
		(text) => {
			if (!kernel.settings.set(name, text)) throw new FsError("EINVAL", "write", name);
		},
	);
}
