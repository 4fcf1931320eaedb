/**
 * `unshare`: runs a program in namespaces of its own. Without --fork the program itself stays in its PID namespace, and so do its children,
 * which on Linux would not. User namespaces have no maps, time namespaces no offsets.
 * Source: unshare(1) of util-linux 2.41
 */
import { PidNamespace } from "../../kernel.ts";
import type { DerivedNamespaces, ProcessContext, Program } from "../../machine.ts";
import type { NamespaceKeys, NamespaceType } from "../../namespaces.ts";
import { LoopbackNetwork } from "../../net/network.ts";
import { procDirectory } from "../../proc/proc-tree.ts";
import { writeText } from "../../stream.ts";
import { Tree } from "../../vfs/tree.ts";
import { runChild } from "../children.ts";
import { letters, longNames, maySwitch } from "./namespace-options.ts";

export const unshare: Program = async (context) => {
	const args = context.argv.slice(1);
	const wanted = new Set<NamespaceType>();
	let mountProc = false;
	let isForked = false;
	let at = 0;
	const fail = async (text: string): Promise<number> => {
		await writeText(context.stderr, `unshare: ${text}\n`);
		return 1;
	};
	for (; /^-./.test(args[at] ?? ""); at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			at++;
			break;
		}
		if (argument.startsWith("--")) {
			const [name = ""] = argument.slice(2).split("=");
			const type = longNames[name];
			if (name === "fork") isForked = true;
			else if (name === "mount-proc") mountProc = true;
			else if (name === "map-root-user" || name === "map-current-user") wanted.add("user");
			else if (name === "propagation" || name === "setgroups" || name === "kill-child") continue;
			else if (type === undefined) return fail(`unrecognized option '${argument}'\nTry 'unshare --help' for more information.`);
			else wanted.add(type);
			continue;
		}
		for (const letter of argument.slice(1)) {
			const type = letters[letter];
			if (letter === "f") isForked = true;
			else if (letter === "r" || letter === "c") wanted.add("user");
			else if (type === undefined) return fail(`invalid option -- '${letter}'\nTry 'unshare --help' for more information.`);
			else wanted.add(type);
		}
	}
	if (mountProc) wanted.add("mnt");
	if (wanted.size > 0 && !wanted.has("user") && !maySwitch(context)) return fail("unshare failed: Operation not permitted");
	const command = args.slice(at);
	const program = command.length === 0 ? [context.env.get("SHELL") ?? "/bin/sh"] : command;
	const machine = context.machine.derive(fresh(context, wanted, mountProc, isForked));
	const status = await runChild(context, program, { machine });
	machine.dissolve();
	return status;
};

/** Each of its own. */
function fresh({ machine }: ProcessContext, wanted: ReadonlySet<NamespaceType>, mountProc: boolean, isForked: boolean): DerivedNamespaces {
	const keys: NamespaceKeys = {};
	for (const type of wanted) Object.assign(keys, { [type]: {} });
	const pidNamespace = wanted.has("pid") && isForked ? new PidNamespace(machine.kernel) : undefined;
	if (pidNamespace !== undefined) Object.assign(keys, { pid: pidNamespace });
	let mounts: DerivedNamespaces["mounts"];
	if (wanted.has("mnt")) mounts = { machine, files: machine.files.copy() };
	const derived = {
		hostname: wanted.has("uts") ? machine.hostname : undefined,
		network: wanted.has("net") ? new LoopbackNetwork("127.0.0.1") : undefined,
		pidNamespace,
		mounts,
		procNamespace: mountProc ? pidNamespace : undefined,
		keys,
	};
	if (mountProc && mounts !== undefined) {
		const viewer = machine.derive(derived);
		mounts.files.mount({
			path: "/proc",
			tree: new Tree({ clock: machine.clock, lower: procDirectory(viewer) }),
			source: "proc",
			type: "proc",
			readOnly: false,
		});
		viewer.dissolve();
	}
	return derived;
}
