/**
 * nginx: serves /usr/share/nginx/html on port 80, logs as the official image does, stops on SIGQUIT and SIGTERM. Of its
 * configuration it honours `listen`, `root`, `return` and `location` blocks of /etc/nginx/conf.d/*.conf and
 * /etc/nginx/nginx.conf; everything else is ignored.
 */
import {
	contextWith,
	type HttpRequest,
	type HttpResponse,
	httpServer,
	type Listener,
	NetworkError,
	type ProcessContext,
	type Program,
	writeText,
} from "../../host/index.ts";
import { alpine, debian } from "./base.ts";
import { type Image, once } from "./image.ts";
import { contentTypeOf, serveFile } from "./static-files.ts";

/** The newest there is here. */
const newest = "1.29.1";
/** The last patch of each older minor version: https://nginx.org/en/CHANGES */
const lastPatches: Readonly<Record<string, number>> = {
	"1.14": 2,
	"1.15": 12,
	"1.16": 1,
	"1.17": 10,
	"1.18": 0,
	"1.19": 10,
	"1.20": 2,
	"1.21": 6,
	"1.22": 1,
	"1.23": 4,
	"1.24": 0,
	"1.25": 5,
	"1.26": 3,
	"1.27": 5,
	"1.28": 0,
};

/** Which nginx a tag is: `1.27`, `1.27.4-alpine`, `stable`, `latest`. */
function versionOf(tag: string): string {
	const [, exact, minor] = /^(\d+\.\d+\.\d+)|^(\d+\.\d+)/.exec(tag) ?? [];
	if (exact !== undefined) return exact;
	if (minor !== undefined) return lastPatches[minor] === undefined ? newest : `${minor}.${lastPatches[minor]}`;
	return tag.startsWith("stable") ? "1.28.0" : newest;
}

const indexHtml = `<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
`;

const errorHtml = `<!DOCTYPE html>
<html>
<head>
<title>Error</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>An error occurred.</h1>
<p>Sorry, the page you are looking for is currently unavailable.<br/>
Please try again later.</p>
<p>If you are the system administrator of this resource then you should check
the error log for details.</p>
<p><em>Faithfully yours, nginx.</em></p>
</body>
</html>
`;

const mainConf = `
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;


events {
    worker_connections  1024;
}


http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    #tcp_nopush     on;

    keepalive_timeout  65;

    #gzip  on;

    include /etc/nginx/conf.d/*.conf;
}
`;

const defaultConf = `server {
    listen       80;
    listen  [::]:80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
`;

const entrypointLines = [
	"/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
	"/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
	"/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
	"10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf",
	"10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf",
	"/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh",
	"/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh",
	"/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh",
	"/docker-entrypoint.sh: Configuration complete; ready for start up",
	"",
].join("\n");

interface Location {
	readonly path: string;
	readonly exact: boolean;
	readonly root?: string;
	readonly answer?: HttpResponse;
}

interface Server {
	readonly port: number;
	readonly root: string;
	readonly locations: readonly Location[];
}

const defaultServer: Server = { port: 80, root: "/usr/share/nginx/html", locations: [] };

/** The image's own configuration unless somebody has looked into the container, who may have changed it. */
function readServers({ machine }: ProcessContext): readonly Server[] {
	if (!machine.hasVolumes && !machine.hasFiles) return [defaultServer];
	const { files } = machine;
	const conf = files.exists("/etc/nginx/conf.d") ? files.readdir("/etc/nginx/conf.d").filter((name) => name.endsWith(".conf")) : [];
	const main = files.exists("/etc/nginx/nginx.conf") ? files.readText("/etc/nginx/nginx.conf") : "";
	const included = main.includes("conf.d/*.conf") ? conf.map((name) => files.readText(`/etc/nginx/conf.d/${name}`)) : [];
	return [main, ...included].flatMap((text) => blocksOf(text.replace(/#.*$/gm, ""), /server\s*\{/g).map(({ body }) => parseServer(body)));
}

function parseServer(body: string): Server {
	const locations = blocksOf(body, /location\s+(=\s*|\^~\s*)?(\S+)\s*\{/g).map(({ match, body: inner }): Location => {
		const root = /\broot\s+([^;]+);/.exec(inner)?.[1]?.trim();
		const answer = answerOf(inner);
		return {
			path: match[2] ?? "/",
			exact: (match[1] ?? "").startsWith("="),
			...(root === undefined ? {} : { root }),
			...(answer === undefined ? {} : { answer }),
		};
	});
	const outside = body.replace(/location[^{]*\{[^}]*\}/g, "");
	const own = answerOf(outside);
	return {
		port: Number(/\blisten\s+(?:[\d.]+:|\*:)?(\d+)/.exec(outside)?.[1] ?? 80),
		root: /\broot\s+([^;]+);/.exec(outside)?.[1]?.trim() ?? "/etc/nginx/html",
		locations: own === undefined ? locations : [{ path: "/", exact: false, answer: own }],
	};
}

function answerOf(text: string): HttpResponse | undefined {
	const match = /\breturn\s+(\d{3})(?:\s+("(?:[^"\\]|\\.)*"|'[^']*'|[^;]+))?;/.exec(text);
	if (match === null) return undefined;
	const body = (match[2] ?? "").replace(/^["']|["']$/g, "").replace(/\\n/g, "\n");
	const status = Number(match[1]);
	return status >= 300 && status < 400
		? { status, headers: { Location: body } }
		: { status, headers: { "Content-Type": "text/plain" }, body };
}

/** The blocks that a pattern with a final `{` opens, with what is between their braces. */
function blocksOf(text: string, opening: RegExp): { readonly match: RegExpExecArray; readonly body: string }[] {
	return [...text.matchAll(opening)].map((match) => {
		const start = match.index + match[0].length;
		let depth = 1;
		let end = start;
		for (; end < text.length && depth > 0; end++) depth += text[end] === "{" ? 1 : text[end] === "}" ? -1 : 0;
		return { match, body: text.slice(start, end - 1) };
	});
}

function answer({ machine }: ProcessContext, server: Server, request: HttpRequest, version: string): HttpResponse {
	const path = decodeURIComponent(request.target.split("?")[0] ?? "/");
	const matching = server.locations.filter((location) => (location.exact ? path === location.path : path.startsWith(location.path)));
	const location = matching.find(({ exact }) => exact) ?? matching.sort((a, b) => b.path.length - a.path.length)[0];
	if (location?.answer !== undefined) return location.answer;
	if (request.method !== "GET" && request.method !== "HEAD") return errorPage(405, "Not Allowed", version);
	const root = location?.root ?? server.root;
	if (path === "/" && root === defaultServer.root && !machine.hasVolumes && !machine.hasFiles) {
		return { status: 200, headers: { "Content-Type": "text/html" }, body: indexHtml };
	}
	const found = serveFile(machine.files, root, path, ["index.html", "index.htm"]);
	if (found === undefined) return errorPage(404, "Not Found", version);
	if (found === "directory") return errorPage(403, "Forbidden", version);
	return { status: 200, headers: { "Content-Type": contentTypeOf(found.path) }, body: found.bytes };
}

function errorPage(status: number, text: string, version: string): HttpResponse {
	const body = `<html>\r\n<head><title>${status} ${text}</title></head>\r\n<body>\r\n<center><h1>${status} ${text}</h1></center>\r\n<hr><center>nginx/${version}</center>\r\n</body>\r\n</html>\r\n`;
	return { status, headers: { "Content-Type": "text/html" }, body };
}

function stamp(timeMs: number): string {
	return new Date(timeMs).toISOString().slice(0, 19).replace("T", " ").replaceAll("-", "/");
}

/** What one static page takes. */
const requestCpuMs = 0.1;
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10.244.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 615 "-" "curl/8.14.1" "-"`. */
function accessLine(request: HttpRequest, status: number, bytes: number, timeMs: number): string {
	const at = new Date(timeMs);
	const day = `${String(at.getUTCDate()).padStart(2, "0")}/${monthNames[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
	const agent = request.headers.get("user-agent") ?? "-";
	const referer = request.headers.get("referer") ?? "-";
	const line = `${request.method} ${request.target} HTTP/1.1`;
	return `${request.remoteAddress} - - [${day}:${at.toISOString().slice(11, 19)} +0000] "${line}" ${status} ${bytes} "${referer}" "${agent}" "${request.headers.get("x-forwarded-for") ?? "-"}"\n`;
}

async function nginx(context: ProcessContext, version: string): Promise<number> {
	const { machine, process, stdout, stderr } = context;
	const notices = (...texts: readonly string[]) => {
		const head = `${stamp(machine.clock.now())} [notice] 1#1: `;
		return texts.map((text) => `${head}${text}\n`).join("");
	};
	await writeText(stdout, entrypointLines);
	const listeners: Listener[] = [];
	for (const server of readServers(context)) {
		try {
			listeners.push(
				machine.network.listen(
					server.port,
					httpServer((request) => {
						const response = answer(context, server, request, version);
						machine.cpu.account(requestCpuMs);
						const size = typeof response.body === "string" ? Buffer.byteLength(response.body) : (response.body?.byteLength ?? 0);
						void writeText(stdout, accessLine(request, response.status, size, machine.clock.now()));
						return {
							...response,
							headers: { Server: `nginx/${version}`, Date: new Date(machine.clock.now()).toUTCString(), ...response.headers },
						};
					}),
					process,
				),
			);
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			await writeText(
				stderr,
				`${stamp(machine.clock.now())} [emerg] 1#1: bind() to 0.0.0.0:${server.port} failed (98: Address already in use)\nnginx: [emerg] bind() to 0.0.0.0:${server.port} failed (98: Address already in use)\n`,
			);
			return 1;
		}
	}
	await writeText(
		stderr,
		notices(
			'using the "epoll" event method',
			`nginx/${version}`,
			"built by gcc 14.2.0 (Debian 14.2.0-19) ",
			"OS: Linux 6.12.41+deb13-amd64",
			"getrlimit(RLIMIT_NOFILE): 1048576:1048576",
			"start worker processes",
			"start worker process 29",
			"start worker process 30",
		),
	);
	const signal = await new Promise<"TERM" | "QUIT">((resolve) => {
		process.onSignal("TERM", () => resolve("TERM"));
		process.onSignal("INT", () => resolve("TERM"));
		process.onSignal("QUIT", () => resolve("QUIT"));
	});
	for (const listener of listeners) listener.close();
	const number = signal === "QUIT" ? 3 : 15;
	await writeText(
		stderr,
		notices(`signal ${number} (SIG${signal}) received${signal === "QUIT" ? ", gracefully shutting down" : ", exiting"}`, "exit"),
	);
	return 0;
}

/** Hands the server's own promise on: whatever awaits it would stay in memory for as long as the container runs. */
const nginxProgram =
	(version: string): Program =>
	(context) => {
		const args = context.argv.slice(1);
		const say = (text: string) => writeText(context.stderr, text).then(() => 0);
		if (args.includes("-v") || args.includes("-V")) return say(`nginx version: nginx/${version}\n`);
		if (args.includes("-t")) {
			return say(
				"nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n",
			);
		}
		if (args.includes("-s")) {
			const [action] = args.slice(args.indexOf("-s") + 1);
			if (action !== "reload") context.machine.process(1)?.kill(action === "quit" ? "QUIT" : "TERM");
			return 0;
		}
		return nginx(context, version);
	};

/** `/docker-entrypoint.sh command …`: nginx itself, or whatever else is named. */
const entrypoint =
	(server: Program): Program =>
	(context) => {
		const command = context.argv.slice(1);
		if (command[0] === "nginx" || command[0] === "nginx-debug") return server(contextWith(context, { argv: command }));
		return runCommand(context, command);
	};

async function runCommand(context: ProcessContext, command: readonly string[]): Promise<number> {
	const child = context.machine.spawn({ ...context, argv: command, env: context.env, parent: context.process });
	for (const signal of ["TERM", "INT", "QUIT", "HUP"] as const) context.process.onSignal(signal, () => child.kill(signal));
	return (await child.exited).exitCode;
}

function withNginx(builder: ReturnType<typeof debian>) {
	return builder
		.program("/docker-entrypoint.sh", "nginx-entrypoint")
		.program("/usr/sbin/nginx", "nginx")
		.directory("/docker-entrypoint.d")
		.file("/etc/nginx/nginx.conf", mainConf)
		.file("/etc/nginx/conf.d/default.conf", defaultConf)
		.file(
			"/etc/nginx/mime.types",
			"types {\n    text/html                                        html htm shtml;\n    text/css                                         css;\n}\n",
		)
		.file("/usr/share/nginx/html/index.html", indexHtml)
		.file("/usr/share/nginx/html/50x.html", errorHtml)
		.symlink("/var/log/nginx/access.log", "/dev/stdout")
		.symlink("/var/log/nginx/error.log", "/dev/stderr")
		.build();
}

const config = {
	entrypoint: ["/docker-entrypoint.sh"],
	cmd: ["nginx", "-g", "daemon off;"],
	env: {
		PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		NGINX_VERSION: newest,
		NJS_VERSION: "0.9.1",
		PKG_RELEASE: "1~trixie",
	},
	workingDir: "/",
	stopSignal: "QUIT",
} as const;

/** What differs from version to version. */
function versioned(version: string): Pick<Image, "config" | "programs"> {
	const server = nginxProgram(version);
	return {
		config: { ...config, env: { ...config.env, NGINX_VERSION: version } },
		programs: { nginx: server, "nginx-entrypoint": entrypoint(server) },
	};
}

/** @param image of the newest version */
function withVersions(image: Image): Image {
	const made = new Map([[newest, image]]);
	return {
		...image,
		ofTag: (tag) => {
			const version = versionOf(tag);
			const known = made.get(version) ?? { ...image, ...versioned(version) };
			made.set(version, known);
			return known;
		},
	};
}

const debianImage: Image = {
	repositories: [
		"docker.io/library/nginx",
		"docker.io/nginxinc/nginx-unprivileged",
		"registry.k8s.io/nginx*",
		"public.ecr.aws/nginx/nginx",
		"public.ecr.aws/docker/library/nginx",
		"quay.io/nginx/nginx*",
		"k8s.gcr.io/nginx*",
		"gcr.io/google_containers/nginx*",
	],
	sizeBytes: 72_319_283,
	...versioned(newest),
	files: once(() => withNginx(debian(["curl"]))),
	usage: { cores: 0.00002, memoryBytes: 3_420_160 },
	hasTag: (tag) => !tag.includes("alpine") && !/\d{3,}/.test(tag),
};

export const nginxImage = withVersions(debianImage);

/** `nginx:alpine` and `nginx:1.29-alpine`: the same server on another distribution. */
export const nginxAlpineImage = withVersions({
	...debianImage,
	sizeBytes: 21_494_304,
	files: once(() => withNginx(alpine(["curl"]))),
	hasTag: (tag) => tag.includes("alpine") && !/\d{3,}/.test(tag),
});
