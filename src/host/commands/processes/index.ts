/** Commands about processes, by the names under which file systems refer to them. */
import type { Program } from "../../machine.ts";
import { busyboxFree, busyboxPs, busyboxTop } from "./busybox.ts";
import { kill, nice, prlimit, renice } from "./control.ts";
import { killall, pgrep, pidof, pkill, pstree } from "./find.ts";
import { lsns } from "./lsns.ts";
import { nsenter } from "./nsenter.ts";
import { ps } from "./ps.ts";
import { free, nproc, uptime, vmstat } from "./system-state.ts";
import { taskset } from "./taskset.ts";
import { top } from "./top.ts";
import { unshare } from "./unshare.ts";

export const processCommands: Readonly<Record<string, Program>> = {
	"busybox-free": busyboxFree,
	"busybox-ps": busyboxPs,
	"busybox-top": busyboxTop,
	free,
	kill,
	killall,
	lsns,
	nice,
	nproc,
	nsenter,
	pgrep,
	pidof,
	pkill,
	prlimit,
	ps,
	pstree,
	renice,
	taskset,
	top,
	unshare,
	uptime,
	vmstat,
};
