/** The programs that every simulated machine knows, by the name under which file systems refer to them. */
import type { Program } from "../machine.ts";
import { shellProgram } from "../shell/shell.ts";
import { chroot } from "./chroot.ts";
import { date } from "./date.ts";
import { cat, head, ls, tail, tee, touch, which } from "./files.ts";
import { curl, nc, nslookup, wget } from "./network.ts";
import {
	clear,
	echo,
	env,
	hostname,
	id,
	kill,
	nohup,
	nproc,
	printenv,
	printf,
	ps,
	pwd,
	sleepCommand,
	sync,
	test,
	timeout,
	uname,
	whoami,
	xargs,
	yes,
} from "./system.ts";
import { tar } from "./tar.ts";
import { stty, tty } from "./terminal.ts";
import { utilityNames, utilityProgram } from "./utilities.ts";

const ownCommands: Readonly<Record<string, Program>> = {
	ash: shellProgram("ash"),
	bash: shellProgram("bash"),
	cat,
	chroot,
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
	kill,
	ls,
	nc,
	nohup,
	nproc,
	nslookup,
	printenv,
	printf,
	ps,
	pwd,
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
export const commandNames: readonly string[] = [...commands.keys()].filter((name) => !["ash", "bash", "dash"].includes(name)).sort();

export function findCommand(name: string): Program | undefined {
	return commands.get(name);
}
