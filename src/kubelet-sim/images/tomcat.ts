/**
 * Apache Tomcat: listens on port 8080, serves what is in /usr/local/tomcat/webapps (nothing, as in the official image: every page is a 404) as
 * plain files, and writes its log to the console and to logs/catalina.DATE.log. It runs no servlets.
 * Source: https://hub.docker.com/_/tomcat
 */
import { type HttpRequest, type HttpResponse, type Program, writeText } from "../../host/index.ts";
import { debian } from "./base.ts";
import { serveHttp } from "./http-program.ts";
import { type Image, once } from "./image.ts";
import { contentTypeOf, serveFile } from "./static-files.ts";

const home = "/usr/local/tomcat";
const version = "11.0.10";
const requestCpuMs = 0.6;

/** `01-Jan-2026 00:00:00.000`. */
function stamp(timeMs: number): string {
	const [, day = "", month = "", year = ""] = new Date(timeMs).toUTCString().split(" ");
	return `${day}-${month}-${year} ${new Date(timeMs).toISOString().slice(11, 23)}`;
}

function notFound(path: string): HttpResponse {
	const line = '<hr class="line" />';
	const body = `<!doctype html><html lang="en"><head><title>HTTP Status 404 – Not Found</title></head><body><h1>HTTP Status 404 – Not Found</h1>${line}<p><b>Type</b> Status Report</p><p><b>Message</b> The requested resource [${escapeHtml(path)}] is not available</p><p><b>Description</b> The origin server did not find a current representation for the target resource or is not willing to disclose that one exists.</p>${line}<h3>Apache Tomcat/${version}</h3></body></html>`;
	return { status: 404, headers: { "Content-Type": "text/html;charset=utf-8", "Content-Language": "en" }, body };
}

function escapeHtml(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const catalina: Program = async (context) => {
	const { machine, stderr, stdout } = context;
	const { clock, files } = machine;
	const day = () => new Date(clock.now()).toISOString().slice(0, 10);
	const toFile = (name: string, line: string) => {
		files.mkdir(`${home}/logs`, { recursive: true });
		files.appendFile(`${home}/logs/${name}`, line);
	};
	const log = async (source: string, message: string, thread = "main") => {
		const line = `${stamp(clock.now())} INFO [${thread}] ${source} ${message}\n`;
		toFile(`catalina.${day()}.log`, line);
		await writeText(stderr, line);
	};
	const command = context.argv[1] ?? "run";
	if (command !== "run") {
		await writeText(stdout, `Usage: catalina.sh ( commands ... )\ncommands:\n  run               Start Catalina in the current window\n`);
		return 1;
	}
	await log("org.apache.catalina.startup.VersionLoggerListener.log", `Server version name:   Apache Tomcat/${version}`);
	await log("org.apache.coyote.AbstractProtocol.init", 'Initializing ProtocolHandler ["http-nio-8080"]');
	await log("org.apache.catalina.core.StandardService.startInternal", "Starting service [Catalina]");
	await log("org.apache.coyote.AbstractProtocol.start", 'Starting ProtocolHandler ["http-nio-8080"]');
	await log("org.apache.catalina.startup.Catalina.start", "Server startup in [62] milliseconds");
	const answer = ({ target }: HttpRequest): HttpResponse => {
		const path = decodeURIComponent(target.split("?")[0] ?? "/");
		const [, application = ""] = path.split("/");
		const isContext = application !== "" && files.exists(`${home}/webapps/${application}`);
		const found = serveFile(files, `${home}/webapps${isContext ? "" : "/ROOT"}`, path, ["index.html", "index.htm"]);
		if (found === undefined || found === "directory") return notFound(path);
		return { status: 200, headers: { "Content-Type": contentTypeOf(found.path) }, body: found.bytes };
	};
	const code = await serveHttp(context, 8080, (request) => {
		machine.cpu.account(requestCpuMs);
		const response = answer(request);
		const [, dayOfMonth = "", month = "", year = ""] = new Date(clock.now()).toUTCString().split(" ");
		const time = `${dayOfMonth}/${month}/${year}:${new Date(clock.now()).toISOString().slice(11, 19)} +0000`;
		const bytes = Buffer.byteLength(response.body ?? "");
		toFile(
			`localhost_access_log.${day()}.txt`,
			`${request.remoteAddress} - - [${time}] "${request.method} ${request.target} HTTP/1.1" ${response.status} ${bytes}\n`,
		);
		return response;
	});
	await log("org.apache.coyote.AbstractProtocol.pause", 'Pausing ProtocolHandler ["http-nio-8080"]', "Thread-0");
	await log("org.apache.catalina.core.StandardService.stopInternal", "Stopping service [Catalina]", "Thread-0");
	// The JVM's exit code after a signal.
	return code === 0 ? 143 : code;
};

export const tomcatImage: Image = {
	repositories: ["docker.io/library/tomcat", "public.ecr.aws/docker/library/tomcat"],
	sizeBytes: 162_402_913,
	config: {
		cmd: ["catalina.sh", "run"],
		env: {
			PATH: `${home}/bin:/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
			CATALINA_HOME: home,
			JAVA_HOME: "/opt/java/openjdk",
			TOMCAT_VERSION: version,
		},
		workingDir: home,
	},
	files: once(() =>
		debian(["curl"])
			.program(`${home}/bin/catalina.sh`, "catalina")
			.directory(`${home}/conf`)
			.directory(`${home}/logs`)
			.directory(`${home}/webapps`)
			.build(),
	),
	programs: { catalina },
	usage: { cores: 0.002, memoryBytes: 98 * 1024 * 1024 },
};
