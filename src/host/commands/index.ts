/** The programs that every simulated machine knows, by the name under which file systems refer to them. */
import type { Program } from "../machine.ts";
import { shellProgram } from "../shell/shell.ts";

import { cgclassify, cgcreate, cgdelete, cgexec, cgget, cgset, lscgroup } from "./cgroup-tools.ts";
import { chmod } from "./chmod.ts";

import { chroot } from "./chroot.ts";

import { md5sum, seq, sha1sum, sha256sum, sha512sum, wc } from "./count-digest.ts";
import { date } from "./date.ts";
import { df, du } from "./df.ts";
import { dd, fallocate, truncate } from "./disk.ts";
import { dmesg } from "./dmesg.ts";
import { cat, head, ls, tail, tee, touch, which } from "./files.ts";
import { hostname, id, whoami } from "./identity.ts";
import { mknod } from "./mknod.ts";
import { findmnt, mount, mountpoint, umount } from "./mounts.ts";
import { bindNslookup, dig, host } from "./network/bind.ts";
import { curl } from "./network/curl.ts";
import { getent } from "./network/getent.ts";
import { gnuWget } from "./network/gnu-wget.ts";
import { busyboxIp, ip } from "./network/ip.ts";
import { iptables, iptablesSave } from "./network/iptables.ts";
import { nc } from "./network/nc.ts";
import { arp, ifconfig, route } from "./network/net-tools.ts";
import { nslookup, oldNslookup } from "./network/nslookup.ts";
import { iputilsPing, ping, traceroute } from "./network/ping.ts";
import { netstat, ss } from "./network/sockets.ts";
import { wget } from "./network/wget.ts";
import { processCommands } from "./processes/index.ts";
import { cp, rm } from "./remove-copy.ts";
import { rmdir } from "./rmdir.ts";
import { chgrp, chown, ln, stat } from "./stat.ts";
import { stress, stressNg } from "./stress.ts";
import { clear, echo, env, nohup, printenv, printf, pwd, sleepCommand, sync, test, timeout, uname, xargs, yes } from "./system.ts";
import { tar } from "./tar.ts";
import { stty, tty } from "./terminal.ts";
import { utilityNames, utilityProgram } from "./utilities.ts";

const ownCommands: Readonly<Record<string, Program>> = {
	...processCommands,
	cgclassify,
	cgcreate,
	cgdelete,
	cgexec,
	cgget,
	cgset,
	chgrp,
	chmod,
	chown,
	df,
	dmesg,
	du,
	findmnt,
	ln,
	mknod,
	mount,
	mountpoint,
	stat,
	umount,
	lscgroup,
	stress,
	"stress-ng": stressNg,
	arp,
	ash: shellProgram("ash"),
	bash: shellProgram("bash"),
	cat,
	chroot,
	clear,
	cp,
	curl,
	dash: shellProgram("dash"),
	date,
	dd,
	dig,
	echo,
	env,
	fallocate,
	false: () => 1,
	getent,
	head,
	host,
	hostname,
	id,
	ifconfig,
	ip,
	iptables,
	"iptables-save": iptablesSave,
	ls,
	md5sum,
	nc,
	netstat,
	nohup,
	nslookup,
	ping,
	printenv,
	printf,
	pwd,
	rmdir,
	route,
	rm,
	seq,
	sha1sum,
	sha256sum,
	sha512sum,
	sleep: sleepCommand,
	ss,
	stty,
	sync,
	tail,
	tar,
	tee,
	test,
	"[": test,
	timeout,
	touch,
	traceroute,
	true: () => 0,
	truncate,
	tty,
	uname,
	wc,
	wget,
	which,
	whoami,
	xargs,
	yes,
};

/** Other programs of the same names, which images put in their place. */
const variants: Readonly<Record<string, Program>> = {
	"bind-nslookup": bindNslookup,
	"busybox-ip": busyboxIp,
	"busybox-1.28-nslookup": oldNslookup,
	"gnu-wget": gnuWget,
	"iputils-ping": iputilsPing,
};

const commands: ReadonlyMap<string, Program> = new Map([
	...utilityNames.map((name) => [name, utilityProgram(name)] as const),
	...Object.entries(ownCommands),
]);

/** Names of all commands but the shells, which images put where they belong. */
export const commandNames: readonly string[] = [...commands.keys()]
	.filter((name) => !["ash", "bash", "dash"].includes(name) && !name.startsWith("busybox-"))
	.sort();

export function findCommand(name: string): Program | undefined {
	return commands.get(name) ?? (Object.hasOwn(variants, name) ? variants[name] : undefined);
}
