/** /dev of every machine and container: made once, never written. */
import type { DeviceKind, DirectoryInode, Inode } from "./vfs/inode.ts";
import { TreeBuilder } from "./vfs/tree-builder.ts";

/** By major and minor number: https://docs.kernel.org/admin-guide/devices.html */
export const deviceNumbers: ReadonlyMap<string, DeviceKind> = new Map([
	["1:3", "null"],
	["1:5", "zero"],
	["1:7", "zero"],
	["1:8", "urandom"],
	["1:9", "urandom"],
	["5:0", "tty"],
]);

let devices: DirectoryInode | undefined;

export function deviceTree(): DirectoryInode {
	if (devices !== undefined) return devices;
	const root = new TreeBuilder(0).directory("/shm", 0o1777).directory("/pts").symlink("/fd", "/proc/self/fd").build();
	const names = ["null", "zero", "urandom", "tty", "stdin", "stdout", "stderr"] as const;
	const device = (name: (typeof names)[number], ino: number): Inode => ({
		type: "device",
		device: name,
		ino,
		frozen: true,
		mode: 0o666,
		uid: 0,
		gid: 0,
		mtimeMs: 0,
	});
	for (const [index, name] of names.entries()) root.entries.set(name, device(name, 100 + index));
	for (const [name, same] of [
		["random", "urandom"],
		["full", "zero"],
	] as const)
		root.entries.set(name, device(same, 110));
	devices = root;
	return root;
}
