/**
 * redis: a key-value server in memory that speaks RESP on port 6379, and redis-cli. Implemented: PING, ECHO, SET, GET,
 * DEL, EXISTS, KEYS, INCR, DECR, APPEND, LPUSH, RPUSH, LRANGE, LLEN, DBSIZE, FLUSHALL, INFO, ROLE, SELECT, CONFIG GET.
 * Not implemented: expiry, persistence, transactions, other types. A replica answers reads with its master's data as
 * long as it can reach it, then with what it read last.
 */
import {
	type Connection,
	contextWith,
	type Listener,
	NetworkError,
	type ProcessContext,
	type Program,
	writeText,
} from "../../host/index.ts";
import { debian } from "./base.ts";
import { type Image, once } from "./image.ts";
import { encodeCommand, encodeReply, type Reply, ReplyReader, RespError, RespReader } from "./resp.ts";

const version = "6.0.5";
const port = 6379;
/** What one server may hold. */
const maxKeys = 100_000;

type Value = string | string[];

/** The data of one server and the commands on them. */
class RedisStore {
	readonly values = new Map<string, Value>();

	execute(name: string, args: readonly string[]): Reply {
		const [key = "", value = ""] = args;
		switch (name) {
			case "PING":
				return args.length === 0 ? { status: "PONG" } : key;
			case "ECHO":
				return key;
			case "SELECT":
			case "FLUSHALL":
			case "FLUSHDB":
				if (name !== "SELECT") this.values.clear();
				return { status: "OK" };
			case "SET":
				if (args.length < 2) return wrongArguments(name);
				if (this.values.size >= maxKeys && !this.values.has(key))
					return new RespError("OOM command not allowed when used memory > 'maxmemory'.");
				this.values.set(key, value);
				return { status: "OK" };
			case "GET":
				return args.length === 1 ? this.#string(key) : wrongArguments(name);
			case "DEL":
				return args.filter((each) => this.values.delete(each)).length;
			case "EXISTS":
				return args.filter((each) => this.values.has(each)).length;
			case "KEYS":
				return [...this.values.keys()].filter((each) => new RegExp(`^${key.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(each));
			case "INCR":
			case "DECR":
				return this.#add(key, name === "INCR" ? 1 : -1);
			case "APPEND": {
				const text = `${this.#text(key)}${value}`;
				this.values.set(key, text);
				return text.length;
			}
			case "LPUSH":
			case "RPUSH": {
				const list = this.#list(key);
				if (name === "LPUSH") list.unshift(...args.slice(1).reverse());
				else list.push(...args.slice(1));
				this.values.set(key, list);
				return list.length;
			}
			case "LLEN":
				return this.#list(key).length;
			case "LRANGE": {
				const list = this.#list(key);
				const at = (text: string | undefined) => (Number(text) < 0 ? list.length + Number(text) : Number(text));
				return list.slice(Math.max(0, at(args[1])), at(args[2]) + 1);
			}
			case "DBSIZE":
				return this.values.size;
			case "COMMAND":
				return [];
			case "CONFIG":
				return [];
			default:
				return new RespError(
					`ERR unknown command \`${name.toLowerCase()}\`, with args beginning with: ${args.map((each) => `\`${each}\`, `).join("")}`,
				);
		}
	}

	#string(key: string): Reply {
		const value = this.values.get(key);
		return Array.isArray(value) ? new RespError("WRONGTYPE Operation against a key holding the wrong kind of value") : (value ?? null);
	}

	#text(key: string): string {
		const value = this.values.get(key);
		return typeof value === "string" ? value : "";
	}

	#list(key: string): string[] {
		const value = this.values.get(key);
		return Array.isArray(value) ? value : [];
	}

	#add(key: string, by: number): Reply {
		const text = this.#text(key) || "0";
		if (!/^-?\d+$/.test(text)) return new RespError("ERR value is not an integer or out of range");
		this.values.set(key, String(Number(text) + by));
		return Number(text) + by;
	}
}

function wrongArguments(name: string): Reply {
	return new RespError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

const writes = new Set(["SET", "DEL", "INCR", "DECR", "APPEND", "LPUSH", "RPUSH", "FLUSHALL", "FLUSHDB"]);
const reads = new Set(["GET", "EXISTS", "KEYS", "LLEN", "LRANGE", "DBSIZE"]);

/** One command to another server. Rejects with `NetworkError` or when the connection breaks. */
export async function redisCall(
	{ machine }: Pick<ProcessContext, "machine">,
	host: string,
	atPort: number,
	command: readonly string[],
): Promise<Reply> {
	const connection = await machine.network.connect(host, atPort);
	try {
		await connection.write(encodeCommand(command));
		return await new ReplyReader(connection).read();
	} finally {
		connection.destroy();
	}
}

interface Master {
	readonly host: string;
	readonly port: number;
}

async function serve(context: ProcessContext, store: RedisStore, master: Master | undefined, connection: Connection): Promise<void> {
	const reader = new RespReader(connection);
	for (let command = await reader.readCommand(); command !== undefined; command = await reader.readCommand()) {
		const [first = "", ...args] = command;
		const name = first.toUpperCase();
		await connection.write(encodeReply(await reply(context, store, master, name, args)));
		if (name === "QUIT") return;
	}
}

async function reply(
	context: ProcessContext,
	store: RedisStore,
	master: Master | undefined,
	name: string,
	args: readonly string[],
): Promise<Reply> {
	if (name === "QUIT") return { status: "OK" };
	if (name === "INFO") return info(master);
	if (name === "ROLE") return master === undefined ? ["master", 0, []] : ["slave", master.host, master.port, "connected", 0];
	if (master !== undefined && writes.has(name)) return new RespError("READONLY You can't write against a read only replica.");
	if (master !== undefined && reads.has(name)) {
		try {
			const answer = await redisCall(context, master.host, master.port, [name, ...args]);
			if (name === "GET" && typeof answer === "string") store.execute("SET", [args[0] ?? "", answer]);
			return answer;
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
		}
	}
	return store.execute(name, args);
}

function info(master: Master | undefined): string {
	const role =
		master === undefined ? "role:master\r\nconnected_slaves:0" : `role:slave\r\nmaster_host:${master.host}\r\nmaster_port:${master.port}`;
	return `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\nos:Linux\r\ntcp_port:${port}\r\n\r\n# Replication\r\n${role}\r\n`;
}

function masterOf(argv: readonly string[]): Master | undefined {
	const at = argv.findIndex((arg) => arg === "--replicaof" || arg === "--slaveof");
	const host = argv[at + 1];
	return at === -1 || host === undefined ? undefined : { host, port: Number(argv[at + 2] ?? port) };
}

const server: Program = async (context) => {
	const { machine, process, stdout, argv } = context;
	const master = masterOf(argv);
	const portAt = argv.indexOf("--port");
	const listenPort = portAt === -1 ? port : Number(argv[portAt + 1]);
	const role = master === undefined ? "M" : "S";
	const line = (mark: string, text: string, who = role) => `1:${who} ${stamp(machine.clock.now())} ${mark} ${text}\n`;
	const store = new RedisStore();
	let listener: Listener;
	try {
		listener = machine.network.listen(listenPort, (connection) => serve(context, store, master, connection), process);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(
			stdout,
			line("#", `Warning: Could not create server TCP listening socket *:${listenPort}: bind: Address already in use`),
		);
		return 1;
	}
	await writeText(
		stdout,
		[
			line("#", "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", "C"),
			line("#", `Redis version=${version}, bits=64, commit=00000000, modified=0, pid=1, just started`, "C"),
			line("*", `Running mode=standalone, port=${listenPort}.`),
			line("#", "Server initialized"),
			line("*", "Ready to accept connections"),
			...(master === undefined ? [] : [line("*", `Connecting to MASTER ${master.host}:${master.port}`)]),
		].join(""),
	);
	await new Promise<void>((resolve) => {
		process.onSignal("TERM", resolve);
		process.onSignal("INT", resolve);
	});
	listener.close();
	const handler = `1:signal-handler (${Math.floor(machine.clock.now() / 1000)}) Received SIGTERM scheduling shutdown...\n`;
	await writeText(stdout, handler + line("#", "User requested shutdown...") + line("#", "Redis is now ready to exit, bye bye..."));
	return 0;
};

/** `01 Jan 2026 00:00:00.000`. */
function stamp(timeMs: number): string {
	const [, day = "", month = "", year = ""] = new Date(timeMs).toUTCString().split(" ");
	return `${day} ${month} ${year} ${new Date(timeMs).toISOString().slice(11, 23)}`;
}

const cli: Program = async (context) => {
	const args = [...context.argv.slice(1)];
	let host = "127.0.0.1";
	let atPort = port;
	for (let option = args[0]; option === "-h" || option === "-p"; option = args[0]) {
		if (option === "-h") host = args[1] ?? host;
		else atPort = Number(args[1]);
		args.splice(0, 2);
	}
	const run = async (command: readonly string[]) => {
		try {
			await writeText(context.stdout, `${formatReply(await redisCall(context, host, atPort, command), context.terminal !== undefined)}\n`);
			return 0;
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			await writeText(context.stderr, `Could not connect to Redis at ${host}:${atPort}: ${error.message}\n`);
			return 1;
		}
	};
	if (args.length > 0) return run(args);
	return runInteractive(context, `${host}:${atPort}> `, run);
};

async function runInteractive(
	context: ProcessContext,
	prompt: string,
	run: (command: readonly string[]) => Promise<number>,
): Promise<number> {
	const shownPrompt = context.terminal === undefined ? "" : prompt;
	await writeText(context.stdout, shownPrompt);
	let text = "";
	for (let chunk = await context.stdin.read(); chunk !== undefined; chunk = await context.stdin.read()) {
		text += Buffer.from(chunk).toString();
		for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
			const words = [...text.slice(0, end).matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(
				(match) => match[1] ?? match[2] ?? match[3] ?? "",
			);
			text = text.slice(end + 1);
			if (words[0] === "exit" || words[0] === "quit") return 0;
			if (words.length > 0) await run(words);
			await writeText(context.stdout, shownPrompt);
		}
	}
	return 0;
}

/** At a terminal strings are quoted and numbers marked, as redis-cli does. */
function formatReply(answer: Reply, pretty: boolean): string {
	if (answer === null) return pretty ? "(nil)" : "";
	if (answer instanceof RespError) return pretty ? `(error) ${answer.message}` : answer.message;
	if (typeof answer === "number") return pretty ? `(integer) ${answer}` : String(answer);
	if (typeof answer === "string") return pretty && !answer.includes("\r\n") ? JSON.stringify(answer) : answer;
	if ("status" in answer) return answer.status;
	if (answer.length === 0) return pretty ? "(empty array)" : "";
	return answer.map((item, index) => (pretty ? `${index + 1}) ${formatReply(item, true)}` : formatReply(item, false))).join("\n");
}

/** `docker-entrypoint.sh redis-server …`. */
const entrypoint: Program = async (context) => {
	const command = context.argv.slice(1);
	const argv = command[0]?.startsWith("-") || command.length === 0 ? ["redis-server", ...command] : command;
	if (argv[0] === "redis-server") return server(contextWith(context, { argv }));
	const child = context.machine.spawn({ ...context, argv, env: context.env, parent: context.process });
	for (const signal of ["TERM", "INT"] as const) context.process.onSignal(signal, () => child.kill(signal));
	return (await child.exited).exitCode;
};

const files = once(() =>
	debian()
		.program("/usr/local/bin/docker-entrypoint.sh", "redis-entrypoint")
		.program("/usr/local/bin/redis-server", "redis-server")
		.program("/usr/local/bin/redis-cli", "redis-cli")
		.file("/run.sh", "#!/bin/sh\nexec redis-server --replicaof redis-leader 6379\n", 0o755)
		.directory("/data")
		.build(),
);

const programs = { "redis-server": server, "redis-cli": cli, "redis-entrypoint": entrypoint };

export const redisImage: Image = {
	repositories: [
		"docker.io/library/redis",
		"registry.k8s.io/redis",
		"k8s.gcr.io/redis",
		"public.ecr.aws/docker/library/redis",
		"docker.io/bitnami/redis",
	],
	sizeBytes: 38_146_236,
	config: {
		entrypoint: ["docker-entrypoint.sh"],
		cmd: ["redis-server"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", REDIS_VERSION: version },
		workingDir: "/data",
	},
	files,
	programs,
	usage: { cores: 0.002, memoryBytes: 3_670_016 },
	hasTag: (tag) => tag === "e2e" || tag === "latest" || !/\d{3,}/.test(tag),
};

/** The replica of the guestbook example: follows the Service `redis-leader`. */
export const redisFollowerImage: Image = {
	...redisImage,
	repositories: [
		"us-docker.pkg.dev/google-samples/containers/gke/gb-redis-follower",
		"gcr.io/google_samples/gb-redis-follower",
		"gcr.io/google_samples/gb-redisslave",
		"docker.io/corelab/gb-redis-follower",
	],
	config: { ...redisImage.config, entrypoint: ["redis-server", "--replicaof", "redis-leader", "6379"], cmd: [] },
	hasTag: () => true,
};
