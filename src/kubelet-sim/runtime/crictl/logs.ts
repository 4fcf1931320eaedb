/** `logs`: what a container has printed, of its instance that the id names. */
import { parseGoDuration, parseTime } from "../../../apimachinery/time.ts";
import { logReader } from "../log-reader.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { note } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

export const logsCommand: Subcommand<CrictlServices> = {
	name: "logs",
	usage: "Fetch the logs of a container",
	args: "CONTAINER-ID",
	options: [
		flag("follow", "f"),
		flag("previous", "p"),
		flag("reopen", "r"),
		valued("tail"),
		valued("limit-bytes"),
		valued("since"),
		flag("timestamps", "t"),
		valued("stream", "s"),
	],
	run: async (call, { runtime }) => {
		const [id, ...more] = call.operands;
		if (id === undefined || id === "") throw new ToolError("ID cannot be empty");
		if (more.length > 0) return helpExit;
		const stream = call.value("stream");
		if (stream !== undefined && stream !== "stdout" && stream !== "stderr")
			throw new ToolError(`invalid stream ${JSON.stringify(stream)}, must be "stdout" or "stderr"`);
		if (call.value("tail") !== undefined && stream !== undefined) throw new ToolError("--tail and --stream are mutually exclusive");
		const container = runtime.container(id);
		if (call.has("reopen")) await note(call, "info", "Container logs reopened");
		const { context } = call;
		const process = context.process;
		const end = new AbortController();
		process.onSignal("INT", () => end.abort());
		const tail = call.value("tail");
		const limit = call.value("limit-bytes");
		await logReader(runtime.log(call.has("previous") ? previousOf(runtime, container.id) : container.id), {
			isFollowing: call.has("follow"),
			hasTimes: call.has("timestamps"),
			tailLines: tail === undefined || Number(tail) < 0 ? undefined : Number(tail),
			limitBytes: limit === undefined || Number(limit) < 0 ? undefined : Number(limit),
			sinceMs: sinceOf(call),
			signal: AbortSignal.any([end.signal, process.ended]),
			write: (line, of) =>
				stream === undefined || stream === of ? (of === "stderr" ? context.stderr : context.stdout).write(line) : undefined,
		});
		return 0;
	},
};

function previousOf(runtime: CrictlServices["runtime"], id: string): string {
	const { name, attempt, labels, logPath } = runtime.container(id);
	if (attempt === 0) throw new ToolError(`previous terminated container ${name} not found`);
	const uid = labels["io.kubernetes.pod.uid"];
	const before = runtime
		.containers()
		.find((each) => each.name === name && each.labels["io.kubernetes.pod.uid"] === uid && each.attempt === attempt - 1);
	if (before === undefined) {
		const path = logPath.replace(/\d+\.log$/, `${attempt - 1}.log`);
		throw new ToolError(`failed to try resolving symlinks in path ${JSON.stringify(path)}: lstat ${path}: no such file or directory`);
	}
	return before.id;
}

/** A duration back from now, or a moment. Throws `ToolError`. */
function sinceOf(call: ToolCall): number | undefined {
	const text = call.value("since");
	if (text === undefined) return undefined;
	try {
		return call.nowMs - parseGoDuration(text);
	} catch {
		const seconds = Number(text);
		if (Number.isFinite(seconds)) return seconds * 1000;
		try {
			return parseTime(/Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
		} catch {
			throw new ToolError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
		}
	}
}
