/** `ss` and `netstat`: who listens, and who is connected. Source: ss(8), netstat(8). */
import type { ProcessContext, Program } from "../../machine.ts";
import type { SocketEntry } from "../../net/view.ts";
import { writeText } from "../../stream.ts";
import { baseName } from "../../vfs/path.ts";
import { parseOptions } from "../options.ts";

/** What a server asks the kernel for, unless it says otherwise. Source: net.core.somaxconn. */
const backlog = 4096;
/** File descriptors are not simulated: what a small server's first socket is. */
const usualDescriptor = 6;

interface Wanted {
	readonly listening: boolean;
	readonly connected: boolean;
	readonly tcp: boolean;
	readonly udp: boolean;
}

/** Listening sockets with -l, both with -a, connections otherwise. */
function wantedOf(flags: ReadonlySet<string>): Wanted {
	const isAll = flags.has("a") || flags.has("all");
	const listens = flags.has("l") || flags.has("listening");
	const [tcp, udp] = [flags.has("t") || flags.has("tcp"), flags.has("u") || flags.has("udp")];
	return { listening: listens || isAll, connected: !listens || isAll, tcp: tcp || !udp, udp: udp || !tcp };
}

function socketsOf({ machine }: ProcessContext, { listening, connected, tcp, udp }: Wanted): readonly SocketEntry[] {
	return machine.network.view.sockets().filter(({ protocol, state }) => {
		const isConnected = state === "ESTAB";
		return (protocol === "tcp" ? tcp : udp) && (isConnected ? connected : listening);
	});
}

const local = ({ localAddress = "0.0.0.0", port }: SocketEntry) => `${localAddress}:${port}`;
const remote = ({ peer }: SocketEntry) => (peer === undefined ? "0.0.0.0:*" : `${peer.address}:${peer.port}`);

/** Whose socket it is, if the process can be seen from here. */
function ownerOf({ machine }: ProcessContext, { owner }: SocketEntry): { readonly pid: number; readonly name: string } | undefined {
	const process = machine.processes().find((each) => each === owner);
	if (process === undefined) return undefined;
	return { pid: machine.pidNamespace.pidOf(process), name: baseName(process.argv[0] ?? "").replace(/:$/, "") };
}

export const ss: Program = async (context) => {
	const { flags } = parseOptions(context.argv.slice(1), "lntuapeiHs46", ["listening", "numeric", "tcp", "udp", "all", "processes"]);
	const entries = socketsOf(context, wantedOf(flags));
	const showsNet = wantedOf(flags).tcp === wantedOf(flags).udp;
	const showsProcess = flags.has("p") || flags.has("processes");
	const head = [...(showsNet ? ["Netid"] : []), "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"];
	const rows = entries.map((entry) => [
		...(showsNet ? [entry.protocol] : []),
		entry.state,
		"0",
		entry.state === "LISTEN" ? String(backlog) : "0",
		local(entry),
		remote(entry),
	]);
	const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
	const line = (cells: readonly string[], last: string) =>
		`${cells.map((cell, column) => (head[column]?.includes(":") ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join("  ")}${last}\n`;
	const users = entries.map((entry) => {
		const owner = showsProcess ? ownerOf(context, entry) : undefined;
		return owner === undefined ? "" : `  users:(("${owner.name}",pid=${owner.pid},fd=${usualDescriptor}))`;
	});
	const titles = flags.has("H") ? "" : line(head, "  Process");
	await writeText(context.stdout, titles + rows.map((row, index) => line(row, users[index] ?? "")).join(""));
	return 0;
};

export const netstat: Program = async (context) => {
	const { flags } = parseOptions(context.argv.slice(1), "lntuaprieW", ["listening", "numeric", "tcp", "udp", "all", "programs", "route"]);
	if (flags.has("r") || flags.has("route")) {
		await writeText(context.stderr, "netstat: use route -n for routes\n");
		return 1;
	}
	const wanted = wantedOf(flags);
	const entries = socketsOf(context, wanted);
	const showsProgram = flags.has("p") || flags.has("programs");
	const scope = wanted.listening ? (wanted.connected ? "servers and established" : "only servers") : "w/o servers";
	const titles = `Active Internet connections (${scope})\nProto Recv-Q Send-Q Local Address           Foreign Address         State       ${showsProgram ? "PID/Program name    " : ""}\n`;
	const states = { ESTAB: "ESTABLISHED", LISTEN: "LISTEN", UNCONN: "" } as const;
	const rows = entries.map((entry) => {
		const owner = showsProgram ? ownerOf(context, entry) : undefined;
		const program = showsProgram ? (owner === undefined ? "-" : `${owner.pid}/${owner.name}`).padEnd(20) : "";
		return `${entry.protocol.padEnd(5)} ${"0".padStart(6)} ${"0".padStart(6)} ${local(entry).padEnd(23)} ${remote(entry).padEnd(23)} ${states[entry.state].padEnd(11)} ${program}\n`;
	});
	await writeText(context.stdout, titles + rows.join(""));
	return 0;
};
