/** The columns of ps. Source: ps(1) of procps-ng 4, src/ps/output.c (headers and widths) */
import type { NamespaceType } from "../../namespaces.ts";
import { cpuTime, elapsedTime, type ProcessRow, type ProcessTable, startTime, statOf } from "./process-table.ts";

export interface PsField {
	readonly header: string;
	readonly width: number;
	readonly isLeft?: boolean;
	/** Takes the branch of a tree before it. */
	readonly isCommand?: boolean;
	value(row: ProcessRow, table: ProcessTable): string | number;
}

const kilobytes = (bytes: number) => Math.ceil(bytes / 1024);
const percent = (value: number) => (value >= 99.95 ? Math.round(value).toString() : value.toFixed(1));

function namespaceField(type: NamespaceType): PsField {
	return {
		header: `${type.toUpperCase()}NS`.replace("CGROUPNS", "CGROUPNS"),
		width: 10,
		value: ({ process }) => process.namespaceInode(type),
	};
}

const number = (header: string, width: number, value: PsField["value"]): PsField => ({ header, width, value });
const text = (header: string, width: number, value: PsField["value"]): PsField => ({ header, width, isLeft: true, value });
const command = (header: string, width: number, value: PsField["value"]): PsField => ({
	header,
	width,
	isLeft: true,
	isCommand: true,
	value,
});

export const psFields: Readonly<Record<string, PsField>> = {
	pid: number("PID", 7, ({ pid }) => pid),
	ppid: number("PPID", 7, ({ ppid }) => ppid),
	pgid: number("PGID", 7, ({ pid }) => pid),
	sid: number("SID", 7, ({ pid }) => pid),
	user: text("USER", 8, ({ user }) => user),
	uid: number("UID", 5, ({ process }) => process.credentials.uid),
	gid: number("GID", 5, ({ process }) => process.credentials.gid),
	comm: command("COMMAND", 15, ({ comm }) => comm),
	args: command("COMMAND", 27, ({ command: line }) => line),
	cmd: command("CMD", 27, ({ command: line }) => line),
	pcpu: number("%CPU", 4, ({ cpuPercent }) => percent(cpuPercent)),
	pmem: number("%MEM", 4, ({ memoryPercent }) => percent(memoryPercent)),
	vsz: number("VSZ", 6, ({ vszBytes }) => kilobytes(vszBytes)),
	rss: number("RSS", 5, ({ rssBytes }) => kilobytes(rssBytes)),
	tty: text("TT", 8, ({ tty }) => tty),
	tname: text("TTY", 8, ({ tty }) => tty),
	stat: text("STAT", 4, statOf),
	state: text("S", 1, ({ state }) => state),
	stime: number("STIME", 5, ({ startMs }, { nowMs }) => startTime(startMs, nowMs)),
	start: number("STARTED", 8, ({ startMs }) => new Date(startMs).toISOString().slice(11, 19)),
	lstart: number("STARTED", 24, ({ startMs }) => longDate(startMs)),
	time: number("TIME", 8, ({ cpuMs }) => cpuTime(cpuMs)),
	times: number("TIME", 8, ({ cpuMs }) => Math.floor(cpuMs / 1000)),
	etime: number("ELAPSED", 11, ({ startMs }, { nowMs }) => elapsedTime(nowMs - startMs)),
	etimes: number("ELAPSED", 7, ({ startMs }, { nowMs }) => Math.floor((nowMs - startMs) / 1000)),
	ni: number("NI", 3, ({ process }) => process.nice),
	pri: number("PRI", 3, ({ process }) => 19 - process.nice),
	psr: number("PSR", 3, () => 0),
	c: number("C", 2, ({ cpuPercent }) => Math.min(99, Math.floor(cpuPercent))),
	nlwp: number("NLWP", 4, () => 1),
	wchan: text("WCHAN", 6, () => "-"),
	cgroup: text("CGROUP", 27, ({ process }, { view }) => view.cgroups(process).trimEnd().replaceAll("\n", ",")),
	oom: number("OOM", 4, ({ process }) => process.oomScoreAdj),
	cgroupns: namespaceField("cgroup"),
	ipcns: namespaceField("ipc"),
	mntns: namespaceField("mnt"),
	netns: namespaceField("net"),
	pidns: namespaceField("pid"),
	timens: namespaceField("time"),
	userns: namespaceField("user"),
	utsns: namespaceField("uts"),
};

const aliases: Readonly<Record<string, string>> = {
	"%cpu": "pcpu",
	"%mem": "pmem",
	command: "args",
	ucmd: "comm",
	ucomm: "comm",
	euser: "user",
	uname: "user",
	ruser: "user",
	euid: "uid",
	ruid: "uid",
	egid: "gid",
	tt: "tty",
	s: "state",
	bsdstart: "stime",
	start_time: "stime",
	cputime: "time",
	nice: "ni",
	rssize: "rss",
	rsz: "rss",
	vsize: "vsz",
	tgid: "pid",
	pgrp: "pgid",
	sess: "sid",
	session: "sid",
	thcount: "nlwp",
};

export function findPsField(name: string): PsField | undefined {
	return psFields[aliases[name] ?? name];
}

const days = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `Thu Oct 10 09:10:00 2026`. */
function longDate(ms: number): string {
	const date = new Date(ms);
	const day = String(date.getUTCDate()).padStart(2);
	return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()}`;
}
