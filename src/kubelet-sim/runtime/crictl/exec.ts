/** `exec`: another process in a container that runs, at the caller's terminal or with its pipes. */
import { Collector, emptyInput, type Process, type ProcessExit } from "../../../host/index.ts";
import { CriError } from "../cri.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { containerFilter, findContainers, note } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

const filters = ["name", "pod", "image", "state", "label", "latest", "last"];

export const execCommand: Subcommand<CrictlServices> = {
	name: "exec",
	usage: "Run a command in a running container",
	args: "[CONTAINER-ID] COMMAND [ARG...]",
	options: [
		flag("sync", "s"),
		valued("timeout"),
		flag("tty", "t"),
		flag("interactive", "i"),
		valued("transport", "r"),
		valued("name"),
		valued("pod", "p"),
		valued("image"),
		valued("state"),
		valued("label"),
		flag("latest", "l"),
		valued("last", "n"),
		flag("quiet", "q"),
		flag("ignore-errors", "e"),
		flag("parallel", "x"),
	],
	run: async (call, services) => {
		const isFiltered = filters.some((name) => call.has(name) || call.value(name) !== undefined);
		const ids = isFiltered ? findContainers(services.runtime, containerFilter(call)).map(({ id }) => id) : call.operands.slice(0, 1);
		const argv = isFiltered ? call.operands : call.operands.slice(1);
		if (ids.length === 0 && isFiltered) await note(call, "error", "No containers found per filter flags");
		if (ids.length === 0 || argv.length === 0) return helpExit;
		const isIgnoring = call.has("ignore-errors");
		if (isIgnoring && !call.has("quiet"))
			await note(call, "warning", "The `--ignore-errors` option has been set all errors returned by the command will be ignored.");
		const errors: string[] = [];
		for (const id of ids) {
			if (isFiltered && !call.has("quiet")) await call.print(`${id}:\n`);
			try {
				await execIn(call, services, id, argv);
			} catch (error) {
				if (!(error instanceof ToolError || error instanceof CriError)) throw error;
				errors.push(`execing command in container ${id}${call.has("sync") ? " synchronously" : ""}: ${error.message}`);
			}
		}
		if (errors.length > 0 && !isIgnoring) throw new ToolError(errors.join("\n"));
		return 0;
	},
};

async function execIn(call: ToolCall, { runtime }: CrictlServices, id: string, argv: readonly string[]): Promise<void> {
	const { context } = call;
	const isTty = call.has("tty");
	if (isTty && !call.has("interactive")) throw new ToolError("tty=true must be specified with interactive=true");
	if (isTty && context.terminal === undefined) throw new ToolError("input is not a terminal");
	if (call.has("sync")) return execSync(call, runtime, id, argv);
	const process = await runtime.exec(id, {
		argv,
		stdin: call.has("interactive") ? context.stdin : emptyInput,
		stdout: context.stdout,
		stderr: isTty ? context.stdout : context.stderr,
		terminal: isTty ? context.terminal : undefined,
	});
	const { exitCode } = await joined(call, process);
	if (exitCode !== 0) throw new ToolError(`command terminated with exit code ${exitCode}`);
}

/** Shows what it printed when it has ended, each with a line of its own behind it. */
async function execSync(call: ToolCall, runtime: CrictlServices["runtime"], id: string, argv: readonly string[]): Promise<void> {
	const [stdout, stderr] = [new Collector(), new Collector()];
	const process = await runtime.exec(id, { argv, stdin: emptyInput, stdout, stderr });
	const seconds = Number(call.value("timeout") ?? 0);
	const { clock } = call.context.machine;
	let isLate = false;
	const timer =
		seconds <= 0
			? undefined
			: clock.setTimeout(() => {
					isLate = true;
					process.kill("KILL");
				}, seconds * 1000);
	const { exitCode } = await joined(call, process);
	timer?.cancel();
	if (isLate) throw new CriError("Unknown", `failed to exec in container: timeout ${seconds}s exceeded: context deadline exceeded`);
	if (exitCode !== 0) throw new ToolError(`command '${argv.join(" ")}' exited with ${exitCode}: ${stderr.text()}`);
	await call.print(`${stdout.text()}\n${stderr.text()}\n`);
}

/** Who interrupts the tool interrupts what it runs; without the tool that ends. */
async function joined(call: ToolCall, child: Process): Promise<ProcessExit> {
	const { process } = call.context;
	for (const signal of ["INT", "TERM"] as const) process.onSignal(signal, () => child.kill(signal));
	const end = () => child.kill("KILL");
	process.ended.addEventListener("abort", end, { once: true });
	const exit = await child.exited;
	process.ended.removeEventListener("abort", end);
	return exit;
}
