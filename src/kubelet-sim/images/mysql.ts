/**
 * MySQL's server, as far as Kubernetes sees it: it insists on a root password, initialises its data directory once, listens on port 3306, greets
 * clients, and ends in order. There is no SQL in it: who logs in is told so.
 * Sources: https://hub.docker.com/_/mysql, https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
 */
import { type Connection, NetworkError, type ProcessContext, type Program, writeText } from "../../host/index.ts";
import { debian } from "./base.ts";
import { stopped } from "./http-program.ts";
import { type Image, once } from "./image.ts";

const version = "8.4.6";
const port = 3306;
const data = "/var/lib/mysql";
/** ER_NOT_SUPPORTED_YET. */
const notSupported = 1235;
const noSql = "This version of MySQL doesn't yet support 'SQL: kubesim runs the server without it'";
const passwords = ["MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"] as const;

/** `2026-01-01 00:00:00+00:00` */
const stamp = (timeMs: number) => `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")}+00:00`;

function entrypointLine({ machine }: ProcessContext, level: "Note" | "ERROR", text: string): string {
	return `${stamp(machine.clock.now())} [${level}] [Entrypoint]: ${text}\n`;
}

function serverLine({ machine }: ProcessContext, code: string, text: string): string {
	return `${new Date(machine.clock.now()).toISOString().replace("Z", "000Z")} 0 [System] [MY-${code}] [Server] ${text}\n`;
}

const mysqld: Program = async (context) => {
	const { machine, process, stdout, stderr, env } = context;
	const { files } = machine;
	await writeText(stdout, entrypointLine(context, "Note", `Entrypoint script for MySQL Server ${version}-1.el9 started.`));
	if (!files.exists(`${data}/mysql`)) {
		if (passwords.every((name) => (env.get(name) ?? "") === "")) {
			await writeText(
				stdout,
				entrypointLine(
					context,
					"ERROR",
					`Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n${passwords.map((name) => `    - ${name}`).join("\n")}`,
				),
			);
			return 1;
		}
		await writeText(stdout, entrypointLine(context, "Note", "Initializing database files"));
		for (const database of [
			"mysql",
			"performance_schema",
			"sys",
			...(env.get("MYSQL_DATABASE") === undefined ? [] : [env.get("MYSQL_DATABASE") ?? ""]),
		])
			files.mkdir(`${data}/${database}`, { recursive: true });
		await writeText(stdout, entrypointLine(context, "Note", "MySQL init process done. Ready for start up."));
	}
	let listener: ReturnType<typeof machine.network.listen>;
	try {
		listener = machine.network.listen(port, greet, process);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(stderr, serverLine(context, "010262", `Can't start server: Bind on TCP/IP port: Address already in use`));
		return 1;
	}
	await writeText(
		stderr,
		serverLine(
			context,
			"010931",
			`/usr/sbin/mysqld: ready for connections. Version: '${version}'  socket: '/var/run/mysqld/mysqld.sock'  port: ${port}  MySQL Community Server - GPL.`,
		),
	);
	await stopped(process);
	listener.close();
	await writeText(
		stderr,
		serverLine(context, "010910", `/usr/sbin/mysqld: Shutdown complete (mysqld ${version})  MySQL Community Server - GPL.`),
	);
	return 0;
};

/** A packet: length in three bytes, number, payload. */
function packet(sequence: number, payload: Uint8Array): Uint8Array {
	const head = Buffer.alloc(4);
	head.writeUIntLE(payload.byteLength, 0, 3);
	head.writeUInt8(sequence, 3);
	return Buffer.concat([head, payload]);
}

/** The handshake of protocol 10; whoever answers it gets an error packet. */
async function greet(connection: Connection): Promise<void> {
	const scramble = Buffer.from("kubesim-has-no-sql-.");
	const capabilities = 0x0000_0200 | 0x0000_8000 | 0x0008_0000;
	const rest = Buffer.alloc(31);
	rest.writeUInt16LE(capabilities & 0xffff, 0);
	rest.writeUInt8(0xff, 2);
	rest.writeUInt16LE(2, 3);
	rest.writeUInt16LE(capabilities >>> 16, 5);
	rest.writeUInt8(21, 7);
	const parts = [
		Buffer.from([10]),
		Buffer.from(`${version}\0`),
		Buffer.from([1, 0, 0, 0]),
		scramble.subarray(0, 8),
		Buffer.from([0]),
		rest.subarray(0, 18),
		scramble.subarray(8),
		Buffer.from("\0caching_sha2_password\0"),
	];
	await connection.write(packet(0, Buffer.concat(parts)));
	if ((await connection.read()) === undefined) return;
	const code = Buffer.alloc(2);
	code.writeUInt16LE(notSupported);
	await connection.write(packet(2, Buffer.concat([Buffer.from([0xff]), code, Buffer.from(`#42000${noSql}`)])));
}

interface Client {
	readonly host: string;
	readonly port: number;
}

function clientOptions(words: readonly string[]): Client {
	const optionValue = (short: string, long: string) => {
		const at = words.findIndex(
			(word) => word === short || word.startsWith(`${long}=`) || word === long || (word.startsWith(short) && !word.startsWith("--")),
		);
		const word = words[at] ?? "";
		return word === short || word === long
			? words[at + 1]
			: word.startsWith(`${long}=`)
				? word.slice(long.length + 1)
				: word.slice(short.length);
	};
	return { host: optionValue("-h", "--host") || "127.0.0.1", port: Number(optionValue("-P", "--port") || port) };
}

/** Whether a server greets there. */
async function isAlive({ machine }: ProcessContext, { host, port: at }: Client): Promise<boolean> {
	try {
		const connection = await machine.network.connect(host, at);
		const greeting = await connection.read();
		connection.destroy();
		return greeting !== undefined;
	} catch (error) {
		if (error instanceof NetworkError) return false;
		throw error;
	}
}

const mysqladmin: Program = async (context) => {
	const client = clientOptions(context.argv.slice(1));
	const command = context.argv.slice(1).find((word) => !word.startsWith("-") && word !== client.host) ?? "";
	if (!(await isAlive(context, client))) {
		const text = `mysqladmin: connect to server at '${client.host}' failed\nerror: 'Can't connect to MySQL server on '${client.host}:${client.port}' (111)'\nCheck that mysqld is running on ${client.host} and that the port is ${client.port}.\n`;
		await writeText(context.stderr, text);
		return 1;
	}
	if (command === "ping") {
		await writeText(context.stdout, "mysqld is alive\n");
		return 0;
	}
	await writeText(context.stderr, `mysqladmin: ${command} failed; error: '${noSql}'\n`);
	return 1;
};

const mysql: Program = async (context) => {
	const client = clientOptions(context.argv.slice(1));
	const text = (await isAlive(context, client))
		? `ERROR ${notSupported} (42000): ${noSql}\n`
		: `ERROR 2003 (HY000): Can't connect to MySQL server on '${client.host}:${client.port}' (111)\n`;
	await writeText(context.stderr, text);
	return 1;
};

export const mysqlImage: Image = {
	repositories: ["docker.io/library/mysql", "public.ecr.aws/docker/library/mysql"],
	sizeBytes: 233_894_610,
	config: {
		entrypoint: ["docker-entrypoint.sh"],
		cmd: ["mysqld"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", MYSQL_VERSION: version },
		workingDir: "/",
	},
	files: once(() =>
		debian()
			.program("/usr/local/bin/docker-entrypoint.sh", "mysqld")
			.program("/usr/sbin/mysqld", "mysqld")
			.program("/usr/bin/mysqladmin", "mysqladmin")
			.program("/usr/bin/mysql", "mysql")
			.directory(data)
			.build(),
	),
	programs: { mysqld, mysqladmin, mysql },
	usage: { cores: 0.006, memoryBytes: 380 * 1024 * 1024 },
};
