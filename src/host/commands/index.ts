/** The programs that every simulated machine knows, by the name under which file systems refer to them. */
import type { Program } from "../machine.ts";
import { shellProgram } from "../shell/shell.ts";
import { cgclassify, cgcreate, cgdelete, cgexec, cgget, cgset, lscgroup } from "./cgroup-tools.ts";
import { chmod } from "./chmod.ts";
import { date } from "./date.ts";
import { df, du } from "./df.ts";
import { dmesg } from "./dmesg.ts";
import { cat, head, ls, tail, tee, touch, which } from "./files.ts";
import { hostname, id, whoami } from "./identity.ts";
import { findmnt, mount, mountpoint, umount } from "./mounts.ts";
import { curl, nc, nslookup, wget } from "./network.ts";
import { processCommands } from "./processes/index.ts";
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
	mount,
	mountpoint,
	stat,
	umount,
	lscgroup,
	stress,
	"stress-ng": stressNg,
	ash: shellProgram("ash"),
	bash: shellProgram("bash"),
	cat,
	clear,
	curl,
	dash: shellProgram("dash"),
	date,
	echo,
	env,
	false: () => 1,
	head,
	hostname,
	id,
	ls,
	nc,
	nohup,
	nslookup,
	printenv,
	printf,
	pwd,
	rmdir,
	sleep: sleepCommand,
	stty,
	sync,
	tail,
	tar,
	tee,
	test,
	"[": test,
	timeout,
	touch,
	true: () => 0,
	tty,
	uname,
	wget,
	which,
	whoami,
	xargs,
	yes,
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
	return commands.get(name);
}
