/** The tables of mounts: /proc/mounts and /proc/PID/mountinfo. Source: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
import type { FileSystem } from "../vfs/file-system.ts";
import type { Mount } from "../vfs/mount-table.ts";

/** Device numbers of file systems without a device, by type; a disk is 254:1. */
function deviceOf(mount: Mount, index: number): string {
	return mount.source.startsWith("/dev/") ? "254:1" : `0:${20 + index}`;
}

/** `rw,relatime`. */
export function mountOptions({ readOnly, type, options }: Mount): string {
	const always = type === "proc" || type === "sysfs" || type.startsWith("cgroup") ? ",nosuid,nodev,noexec" : "";
	return `${readOnly ? "ro" : "rw"}${always},relatime${options === undefined ? "" : `,${options}`}`;
}

export function mountsText(files: FileSystem): string {
	return files
		.mounts()
		.map((mount) => `${mount.source} ${escaped(mount.path)} ${mount.type} ${mountOptions(mount)} 0 0\n`)
		.join("");
}

export function mountinfoText(files: FileSystem): string {
	const mounts = files.mounts();
	return mounts
		.map((mount, index) => {
			const { path, source, type, readOnly } = mount;
			// The one it lies in: the longest path that is before its own.
			const parents = mounts.filter((other) => other !== mount && (other.path === "/" || path.startsWith(`${other.path}/`)));
			const parent = parents.sort((a, b) => b.path.length - a.path.length)[0];
			const parentId = parent === undefined ? 1 : 25 + mounts.indexOf(parent);
			const root = mount.rootPath ?? "/";
			const tags = files.mountTable.tags(mount);
			return `${25 + index} ${parentId} ${deviceOf(mount, index)} ${escaped(root)} ${escaped(path)} ${mountOptions(mount)} ${tags}- ${type} ${source} ${readOnly ? "ro" : "rw"}\n`;
		})
		.join("");
}

/** Spaces and the like, as the kernel writes them. */
function escaped(path: string): string {
	return path.replace(/[ \t\n\\]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
