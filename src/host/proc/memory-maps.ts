/**
 * /proc/PID/maps and smaps_rollup: the address space of a process, as large as its VmSize and VmRSS say. Which parts it has and where they
 * are is made up, the same for a process each time: its program in five segments, a heap, the rest in one anonymous piece, the stack and what
 * the kernel maps. There are no libraries in it, as in a program that is linked statically.
 * Source: https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html, https://docs.kernel.org/filesystems/proc.html
 */
import type { Process } from "../process.ts";

const pageBytes = 4096;
/** Of the program's file. */
const segments = [
	{ pages: 2, access: "r--p" },
	{ pages: 5, access: "r-xp" },
	{ pages: 3, access: "r--p" },
	{ pages: 1, access: "r--p" },
	{ pages: 1, access: "rw-p" },
] as const;
const heapBytes = 132 * 1024;
const stackBytes = 132 * 1024;
const vvarBytes = 4 * pageBytes;
const vdsoBytes = 2 * pageBytes;
/** Of a file on the machine's disk. */
const diskNumber = "fe:01";

/** Of what a process has in memory, the part that is nobody else's and in no file. */
export const anonymousShare = 0.7;

interface Mapping {
	readonly fromByte: number;
	readonly sizeBytes: number;
	readonly access: string;
	readonly offsetBytes?: number;
	readonly inode?: number;
	/** `/usr/bin/sleep`, `[heap]`. */
	readonly name?: string;
}

/** Pages by which a process's address space is moved: 28 bits of its own. */
function slide(process: Process, salt: number): number {
	let hash = process.hostPid * 2_654_435_761 + salt + process.startMs;
	hash = (hash ^ (hash >>> 15)) >>> 0;
	return (hash * 48_271) % 2 ** 28;
}

/** @param exe undefined of a thread of the kernel, which has none */
function mappingsOf(process: Process, exe: { readonly path: string; readonly inode: number } | undefined): readonly Mapping[] {
	if (exe === undefined) return [];
	const mappings: Mapping[] = [];
	let at = 0x5500_0000_0000 + slide(process, 1) * pageBytes;
	let offsetBytes = 0;
	for (const { pages, access } of segments) {
		const sizeBytes = pages * pageBytes;
		mappings.push({ fromByte: at, sizeBytes, access, offsetBytes, inode: exe.inode, name: exe.path });
		at += sizeBytes;
		offsetBytes += sizeBytes;
	}
	mappings.push({ fromByte: at + slide(process, 2) * 16, sizeBytes: heapBytes, access: "rw-p", name: "[heap]" });
	const shown = mappings.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + stackBytes + vvarBytes + vdsoBytes;
	const restBytes = Math.ceil(Math.max(pageBytes, process.vszBytes - shown) / pageBytes) * pageBytes;
	mappings.push({ fromByte: 0x7f00_0000_0000 + slide(process, 3) * pageBytes, sizeBytes: restBytes, access: "rw-p" });
	const stackAt = 0x7ffc_0000_0000 + (slide(process, 4) % 2 ** 20) * pageBytes;
	mappings.push({ fromByte: stackAt, sizeBytes: stackBytes, access: "rw-p", name: "[stack]" });
	const vvarAt = stackAt + stackBytes + 27 * pageBytes;
	mappings.push({ fromByte: vvarAt, sizeBytes: vvarBytes, access: "r--p", name: "[vvar]" });
	mappings.push({ fromByte: vvarAt + vvarBytes, sizeBytes: vdsoBytes, access: "r-xp", name: "[vdso]" });
	return mappings.map((each) => ({ ...each, fromByte: Math.floor(each.fromByte / pageBytes) * pageBytes }));
}

const address = (bytes: number) => bytes.toString(16).padStart(8, "0");

export function mapsText(process: Process, exe: { readonly path: string; readonly inode: number } | undefined): string {
	const lines = mappingsOf(process, exe).map(({ fromByte, sizeBytes, access, offsetBytes = 0, inode = 0, name = "" }) => {
		const device = inode === 0 ? "00:00" : diskNumber;
		const head = `${address(fromByte)}-${address(fromByte + sizeBytes)} ${access} ${offsetBytes.toString(16).padStart(8, "0")} ${device} ${inode} `;
		return `${name === "" ? head : `${head.padEnd(73)}${name}`}\n`;
	});
	return lines.join("");
}

export function smapsRollupText(process: Process, exe: { readonly path: string; readonly inode: number } | undefined): string {
	const mappings = mappingsOf(process, exe);
	const [first, last] = [mappings[0], mappings.at(-1)];
	if (first === undefined || last === undefined) return "";
	const kilobytes = (bytes: number) => Math.ceil(bytes / 1024);
	const rss = kilobytes(process.rssBytes);
	const anonymous = kilobytes(process.rssBytes * anonymousShare);
	const values: readonly (readonly [string, number])[] = [
		["Rss", rss],
		["Pss", rss],
		["Pss_Dirty", anonymous],
		["Pss_Anon", anonymous],
		["Pss_File", rss - anonymous],
		["Pss_Shmem", 0],
		["Shared_Clean", 0],
		["Shared_Dirty", 0],
		["Private_Clean", rss - anonymous],
		["Private_Dirty", anonymous],
		["Referenced", rss],
		["Anonymous", anonymous],
		["KSM", 0],
		["LazyFree", 0],
		["AnonHugePages", 0],
		["ShmemPmdMapped", 0],
		["FilePmdMapped", 0],
		["Shared_Hugetlb", 0],
		["Private_Hugetlb", 0],
		["Swap", 0],
		["SwapPss", 0],
		["Locked", 0],
	];
	const range = `${address(first.fromByte)}-${address(last.fromByte + last.sizeBytes)} ---p 00000000 00:00 0 `;
	return `${range.padEnd(73)}[rollup]\n${values.map(([name, value]) => `${`${name}:`.padEnd(16)}${String(value).padStart(8)} kB\n`).join("")}`;
}
