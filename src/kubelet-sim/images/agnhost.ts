/**
 * agnhost, the image of Kubernetes' own tests and of many of its documentation's examples: connect, dns-server-list, dns-suffix,
 * entrypoint-tester, etc-hosts, grpc-health-checking (without TLS), liveness, logs-generator, netexec (over TCP), pause, serve-hostname and test-webserver. Its other subcommands are
 * refused as unknown ones are.
 * Source: https://github.com/kubernetes/kubernetes/blob/master/test/images/agnhost/README.md
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { formatGoDuration, parseGoDuration, TimeError } from "../../apimachinery/time.ts";
import {
	Collector,
	grpcHealthServer,
	type HttpRequest,
	type HttpResponse,
	httpRequest,
	NetworkError,
	type ProcessContext,
	type Program,
	writeText,
} from "../../host/index.ts";
import { alpine, withBindTools } from "./base.ts";
import { klogHead, serveHttp, stopped } from "./http-program.ts";
import { type Image, once } from "./image.ts";
import { serveFile } from "./static-files.ts";

/** How long the liveness server is well, and how long `connect` tries. */
const livelyMs = 10_000;
const connectMs = 1_000;

/** `--name=value`, `--name value` and `-n value`; what else there is are arguments. */
class Flags {
	readonly args: readonly string[];
	readonly #values = new Map<string, string>();

	constructor(words: readonly string[]) {
		const args: string[] = [];
		for (let at = 0; at < words.length; at++) {
			const [, name, value] = /^--?([a-z-]+)(?:=(.*))?$/.exec(words[at] ?? "") ?? [];
			if (name === undefined) args.push(words[at] ?? "");
			else this.#values.set(name, value ?? words[++at] ?? "");
		}
		this.args = args;
	}

	text(...names: readonly string[]): string | undefined {
		return names.map((name) => this.#values.get(name)).find((value) => value !== undefined);
	}

	number(name: string, byDefault: number): number {
		const value = Number(this.text(name) ?? byDefault);
		return Number.isInteger(value) ? value : byDefault;
	}

	duration(byDefaultMs: number, ...names: readonly string[]): number {
		return durationOf(this.text(...names)) ?? byDefaultMs;
	}
}

function durationOf(text: string | undefined): number | undefined {
	try {
		return text === undefined ? undefined : parseGoDuration(text);
	} catch (error) {
		if (error instanceof TimeError) return undefined;
		throw error;
	}
}

type Subcommand = (context: ProcessContext, flags: Flags) => Promise<number>;

const text = (body: string, status = 200): HttpResponse => ({ status, headers: { "Content-Type": "text/plain; charset=utf-8" }, body });
const json = (value: object, status = 200): HttpResponse => text(`${JSON.stringify(value)}\n`, status);

const say = ({ machine, stderr }: ProcessContext, file: string, line: string) =>
	writeText(stderr, `${klogHead(machine.clock.now(), file)}${line}\n`);

const netexec: Subcommand = async (context, flags) => {
	const port = flags.number("http-port", 8080);
	const { machine, process } = context;
	let exitCode = 0;
	const end = (code: number, afterMs: number) => {
		exitCode = code;
		sleep(machine.clock, afterMs, process.ended).then(
			() => process.kill("TERM"),
			() => undefined,
		);
	};
	await say(context, "log.go:245", `Started HTTP server on port ${port}`);
	const code = await serveHttp(context, port, async (request) => {
		const url = new URL(request.target, "http://agnhost");
		await say(context, "log.go:245", `${request.method} ${request.target}`);
		return (await answerNetexec(context, request, url, port, end)) ?? text(`NOW: ${new Date(machine.clock.now()).toISOString()}`);
	});
	return code === 0 ? exitCode : code;
};

/** Undefined: any other path. */
async function answerNetexec(
	context: ProcessContext,
	{ remoteAddress, remotePort, headers }: HttpRequest,
	url: URL,
	port: number,
	end: (code: number, afterMs: number) => void,
): Promise<HttpResponse | undefined> {
	const { machine } = context;
	const query = url.searchParams;
	switch (url.pathname) {
		case "/clientip":
			return text(`${remoteAddress}:${remotePort}`);
		case "/dial":
			return dial(context, query);
		case "/echo":
			return text(query.get("msg") ?? "", Number(query.get("code") ?? 200) || 200);
		case "/exit":
			end(Number(query.get("code") ?? 0) & 0x7f, durationOf(query.get("wait") ?? undefined) ?? 0);
			return text("");
		case "/header":
			return text(headers.get((query.get("key") ?? "").toLowerCase()) ?? "");
		case "/healthz":
			return text("");
		case "/hostname":
		case "/hostName":
			return text(machine.hostname);
		case "/redirect":
			return { status: Number(query.get("code") ?? 302) || 302, headers: { Location: query.get("location") ?? "/" }, body: "" };
		case "/serverport":
			return text(String(port));
		case "/shell":
			return runShell(context, query.get("shellCommand") ?? query.get("cmd") ?? "");
		case "/shutdown":
			end(0, 0);
			return text("");
		default:
			return undefined;
	}
}

async function dial({ machine }: ProcessContext, query: URLSearchParams): Promise<HttpResponse> {
	const [host = "", request = ""] = [query.get("host") ?? "", query.get("request") ?? ""];
	const port = Number(query.get("port"));
	const protocol = query.get("protocol") ?? "http";
	const tries = Number(query.get("tries") ?? 1);
	if (request === "") return text("request not specified", 400);
	if (protocol !== "http") return text(`unsupported protocol: ${protocol}`, 400);
	if (!(port > 0) || !(tries > 0)) return text("port or tries is not a number", 400);
	const responses: string[] = [];
	const errors: string[] = [];
	let isLastGood = false;
	for (let at = 0; at < Math.min(tries, 1_000); at++) {
		try {
			const answer = await httpRequest(machine.network, { host, port, target: `/${request}` });
			isLastGood = true;
			responses.push(Buffer.from(answer.body).toString().trim());
		} catch (error) {
			isLastGood = false;
			errors.push(error instanceof Error ? error.message : String(error));
		}
	}
	return json({ ...(responses.length === 0 ? {} : { responses }), ...(errors.length === 0 ? {} : { errors }) }, isLastGood ? 200 : 417);
}

async function runShell(context: ProcessContext, command: string): Promise<HttpResponse> {
	const sink = new Collector();
	const { machine, process } = context;
	const child = machine.spawn({
		...context,
		env: context.env,
		argv: ["sh", "-c", command],
		terminal: undefined,
		stdout: sink,
		stderr: sink,
		parent: process,
	});
	const { exitCode } = await child.exited;
	const output = sink.text();
	return exitCode === 0 ? json({ output }) : json({ output, error: `exit status ${exitCode}` }, 417);
}

const liveness: Subcommand = async (context) => {
	const { clock } = context.machine;
	const startMs = clock.now();
	return serveHttp(context, 8080, ({ target }) => {
		const path = target.split("?")[0];
		if (path === "/started") return text(new Date(startMs).toISOString());
		if (path !== "/healthz") return text("404 page not found\n", 404);
		const sinceMs = clock.now() - startMs;
		return sinceMs > livelyMs ? text(`error: ${(sinceMs / 1000).toFixed(9)}`, 500) : text("ok");
	});
};

const serveHostname: Subcommand = async (context, flags) => {
	const { machine, stderr } = context;
	await writeText(stderr, `${klogHead(machine.clock.now(), "log.go:245")}Serving on port ${flags.number("port", 9376)}.\n`);
	return serveHttp(context, flags.number("port", 9376), () => text(machine.hostname));
};

const testWebserver: Subcommand = async (context, flags) =>
	serveHttp(context, flags.number("port", 80), ({ target }) => {
		const found = serveFile(context.machine.files, "/", decodeURIComponent(target.split("?")[0] ?? "/"), ["index.html"]);
		return found === undefined || found === "directory" ? text("404 page not found\n", 404) : { status: 200, body: found.bytes };
	});

const methods = ["GET", "POST", "PUT"] as const;
const namespaces = ["kube-system", "default", "ns"] as const;

const logsGenerator: Subcommand = async (context, flags) => {
	const { machine, process, stdout } = context;
	const total = Number(flags.text("log-lines-total", "t") ?? 0);
	const runMs = flags.duration(0, "run-duration", "d");
	if (!(total > 0)) return fatal(context, `Invalid total number of lines: ${total}`);
	if (!(runMs > 0)) return fatal(context, `Invalid duration: ${runMs / 1000}s`);
	const { clock, random } = machine;
	const startMs = clock.now();
	for (let id = 0; id < total && process.exit === undefined; id++) {
		const dueMs = startMs + Math.floor((id * runMs) / total);
		if (dueMs > clock.now()) await sleep(clock, dueMs - clock.now(), process.ended).catch(() => undefined);
		const pod = Array.from({ length: 3 + random.int(3) }, () => "abcdefghijklmnopqrstuvwxyz0123456789"[random.int(36)]).join("");
		const path = `/api/v1/namespaces/${namespaces[random.int(namespaces.length)]}/pods/${pod}`;
		await writeText(
			stdout,
			`${klogHead(clock.now(), "logs_generator.go:76")}${id} ${methods[random.int(methods.length)]} ${path} ${200 + random.int(400)}\n`,
		);
	}
	return 0;
};

async function fatal({ machine, stderr }: ProcessContext, message: string): Promise<number> {
	await writeText(stderr, `${klogHead(machine.clock.now(), "logs_generator.go:55").replace("I", "F")}${message}\n`);
	return 255;
}

const connect: Subcommand = async ({ machine, process, stdout }, flags) => {
	const [, host, port] = /^(.+):(\d+)$/.exec(flags.args[0] ?? "") ?? [];
	const failed = async (why: string) => {
		await writeText(stdout, `${why}\n`);
		return 1;
	};
	if (host === undefined || (flags.text("protocol") ?? "tcp") !== "tcp") return failed("UNKNOWN");
	const limitMs = flags.duration(connectMs, "timeout");
	const expired = sleep(machine.clock, limitMs, process.ended).then(() => Promise.reject(new NetworkError("ETIMEDOUT")));
	expired.catch(() => undefined);
	try {
		const connection = await Promise.race([machine.network.connect(host, Number(port)), expired]);
		connection.destroy();
		return 0;
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		const names: Partial<Record<string, string>> = { ECONNREFUSED: "REFUSED", EAI_AGAIN: "DNS", ENOTFOUND: "DNS", ETIMEDOUT: "TIMEOUT" };
		return failed(names[error.code] ?? "OTHER");
	}
};

/** A server that is well until its time is over, or until somebody says otherwise over HTTP. */
const grpcHealthChecking: Subcommand = async (context, flags) => {
	const { machine, stderr } = context;
	const { clock } = machine;
	const startMs = clock.now();
	const [port, httpPort] = [flags.number("port", 5000), flags.number("http-port", 8080)];
	const delaySeconds = flags.number("delay-unhealthy-sec", -1);
	let isForced: boolean | undefined;
	const isServing = () => isForced ?? (delaySeconds < 0 || clock.now() - startMs < delaySeconds * 1000);
	await say(context, "log.go:245", `Http server starting to listen on :${httpPort}`);
	await say(context, "log.go:245", `gRPC server starting to listen on :${port}`);
	const handler = grpcHealthServer((service) =>
		service !== (flags.text("service") ?? "") ? undefined : isServing() ? "SERVING" : "NOT_SERVING",
	);
	let listener: ReturnType<typeof machine.network.listen>;
	try {
		listener = machine.network.listen(port, handler);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(stderr, `Error while starting the listening service listen tcp :${port}: bind: address already in use\n`);
		return 1;
	}
	const code = await serveHttp(context, httpPort, async ({ target }) => {
		const path = target.split("?")[0];
		if (path !== "/make-serving" && path !== "/make-not-serving") return text("404 page not found\n", 404);
		isForced = path === "/make-serving";
		await say(context, "log.go:245", `Mark as ${isForced ? "healthy" : "unhealthy"}`);
		return text(formatGoDuration(clock.now() - startMs));
	});
	listener.close();
	return code;
};

/** Words after a keyword of /etc/resolv.conf. */
const resolvWords = (context: ProcessContext, keyword: string) =>
	context.machine.files
		.readText("/etc/resolv.conf")
		.split("\n")
		.filter((line) => line.startsWith(`${keyword} `))
		.flatMap((line) => line.split(/\s+/).slice(1));

const print =
	(make: (context: ProcessContext) => string): Subcommand =>
	async (context) => {
		await writeText(context.stdout, make(context));
		return 0;
	};

const subcommands: Readonly<Record<string, Subcommand>> = {
	connect,
	"dns-server-list": print((context) => resolvWords(context, "nameserver").join(",")),
	"dns-suffix": print((context) => resolvWords(context, "search").join(",")),
	"entrypoint-tester": print(({ argv }) => `[${argv.join(" ")}]\n`),
	"etc-hosts": print(({ machine }) => machine.files.readText("/etc/hosts")),
	"grpc-health-checking": grpcHealthChecking,
	liveness,
	"logs-generator": logsGenerator,
	netexec,
	pause: async (context) => {
		await writeText(context.stdout, "Paused\n");
		await stopped(context.process);
		return 0;
	},
	"serve-hostname": serveHostname,
	"test-webserver": testWebserver,
};

const agnhost: Program = async (context) => {
	const [, name, ...words] = context.argv;
	if (name === undefined || name === "help" || name === "--help") {
		const lines = Object.keys(subcommands).map((each) => `  ${each}`);
		await writeText(context.stdout, `Usage:\n  app [command]\n\nAvailable Commands:\n${lines.join("\n")}\n`);
		return 0;
	}
	const run = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
	if (run !== undefined) return run(context, new Flags(words));
	await writeText(context.stderr, `Error: unknown command ${JSON.stringify(name)} for "app"\nRun 'app --help' for usage.\n`);
	return 1;
};

export const agnhostImage: Image = {
	repositories: ["registry.k8s.io/e2e-test-images/agnhost", "k8s.gcr.io/e2e-test-images/agnhost"],
	sizeBytes: 53_450_101,
	config: {
		entrypoint: ["/agnhost"],
		cmd: ["pause"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
		workingDir: "/",
	},
	files: once(() =>
		withBindTools(alpine(["curl"]))
			.program("/agnhost", "agnhost")
			.directory("/uploads")
			.build(),
	),
	programs: { agnhost },
	usage: { cores: 0.0002, memoryBytes: 5 * 1024 * 1024 },
};
