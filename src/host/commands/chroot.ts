/**
 * `chroot DIRECTORY [COMMAND]`: on a node's disk that is mounted into a container, as in the pods of `kubectl debug node/…`, the command runs as on
 * the node itself. Not simulated: other directories as a root.
 */
import { ExecError } from "../executables.ts";
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";

export const chroot: Program = async (context) => {
	const { argv, machine, stderr, process } = context;
	const [directory, ...command] = argv.slice(1);
	const fail = async (text: string, code: number) => {
		await writeText(stderr, `chroot: ${text}\n`);
		return code;
	};
	if (directory === undefined) return fail("missing operand\nTry 'chroot --help' for more information.", 125);
	const { kernel } = machine.pidNamespace;
	// The node's own machine is made when somebody looks.
	kernel.processes();
	try {
		const { tree, inode } = machine.files.place(directory);
		if (inode.type !== "directory") return fail(`cannot change root directory to '${directory}': Not a directory`, 125);
		const host = kernel.host;
		if (host === undefined || host.files.rootTree !== tree || inode !== tree.root)
			return fail(`cannot change root directory to '${directory}': only the root of a node's disk can be entered in this simulation`, 125);
		const argv = command.length === 0 ? ["/bin/bash", "-i"] : command;
		const child = host.spawn({ ...context, env: context.env, cwd: "/", argv, parent: process });
		for (const signal of ["INT", "TERM"] as const) process.onSignal(signal, () => child.kill(signal));
		process.ended.addEventListener("abort", () => child.kill("KILL"), { once: true });
		return (await child.exited).exitCode;
	} catch (error) {
		if (error instanceof FsError) return fail(`cannot change root directory to '${directory}': No such file or directory`, 125);
		if (!(error instanceof ExecError)) throw error;
		const why = error.exitCode === 127 ? "No such file or directory" : "Permission denied";
		return fail(`failed to run command '${command[0]}': ${why}`, error.exitCode);
	}
};
