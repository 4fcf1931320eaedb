/** Apache httpd: serves /usr/local/apache2/htdocs on port 80. Its configuration file is there to be read, not honoured. */
import { type HttpRequest, type HttpResponse, httpServer, NetworkError, type Program, writeText } from "../../host/index.ts";
import { debian } from "./base.ts";
import { type Image, once } from "./image.ts";
import { contentTypeOf, serveFile } from "./static-files.ts";

const root = "/usr/local/apache2/htdocs";
/** What one static page takes. */
const requestCpuMs = 0.15;
const indexHtml = "<html><body><h1>It works!</h1></body></html>\n";

/** `Thu Jan 01 00:00:00.000000 2026`. */
function stamp(timeMs: number): string {
	const [weekday = "", day = "", month = "", year = ""] = new Date(timeMs).toUTCString().replace(",", "").split(" ");
	return `${weekday} ${month} ${day} ${new Date(timeMs).toISOString().slice(11, 23)}000 ${year}`;
}

function errorPage(status: number, text: string): HttpResponse {
	const body = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${status} ${text}</title>\n</head><body>\n<h1>${text}</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n`;
	return { status, headers: { "Content-Type": "text/html; charset=iso-8859-1" }, body };
}

function accessLine({ remoteAddress, method, target }: HttpRequest, status: number, bytes: number, timeMs: number): string {
	const [, day = "", month = "", year = ""] = new Date(timeMs).toUTCString().replace(",", "").split(" ");
	return `${remoteAddress} - - [${day}/${month}/${year}:${new Date(timeMs).toISOString().slice(11, 19)} +0000] "${method} ${target} HTTP/1.1" ${status} ${bytes}\n`;
}

const httpd: Program = async ({ machine, process, stdout, stderr }) => {
	const { clock, network } = machine;
	const complaint = `AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using ${network.address}. Set the 'ServerName' directive globally to suppress this message\n`;
	await writeText(stderr, complaint.repeat(2));
	const serve = (request: HttpRequest): HttpResponse => {
		const path = decodeURIComponent(request.target.split("?")[0] ?? "/");
		if (path === "/" && !machine.hasVolumes && !machine.hasFiles)
			return { status: 200, headers: { "Content-Type": "text/html" }, body: indexHtml };
		const found = serveFile(machine.files, root, path, ["index.html"]);
		if (found === undefined || found === "directory") return errorPage(404, "Not Found");
		return { status: 200, headers: { "Content-Type": contentTypeOf(found.path) }, body: found.bytes };
	};
	let listener: ReturnType<typeof network.listen>;
	try {
		listener = network.listen(
			80,
			httpServer((request) => {
				const response = serve(request);
				machine.cpu.account(requestCpuMs);
				void writeText(stdout, accessLine(request, response.status, Buffer.byteLength(response.body ?? ""), clock.now()));
				return { ...response, headers: { Date: new Date(clock.now()).toUTCString(), Server: "Apache/2.4.65 (Unix)", ...response.headers } };
			}),
			process,
		);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(
			stderr,
			"(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n",
		);
		return 1;
	}
	const started = stamp(clock.now());
	await writeText(
		stderr,
		`[${started}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/2.4.65 (Unix) configured -- resuming normal operations\n[${started}] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'\n`,
	);
	const signal = await new Promise<string>((resolve) => {
		process.onSignal("TERM", () => resolve("SIGTERM"));
		process.onSignal("INT", () => resolve("SIGINT"));
	});
	listener.close();
	await writeText(stderr, `[${stamp(clock.now())}] [mpm_event:notice] [pid 1:tid 1] AH00491: caught ${signal}, shutting down\n`);
	return 0;
};

export const httpdImage: Image = {
	repositories: ["docker.io/library/httpd", "public.ecr.aws/docker/library/httpd"],
	sizeBytes: 45_168_231,
	config: {
		cmd: ["httpd-foreground"],
		env: {
			PATH: "/usr/local/apache2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			HTTPD_PREFIX: "/usr/local/apache2",
			HTTPD_VERSION: "2.4.65",
		},
		workingDir: "/usr/local/apache2",
	},
	files: once(() =>
		debian()
			.program("/usr/local/bin/httpd-foreground", "httpd")
			.program("/usr/local/apache2/bin/httpd", "httpd")
			.file(`${root}/index.html`, indexHtml)
			.file("/usr/local/apache2/conf/httpd.conf", 'ServerRoot "/usr/local/apache2"\nListen 80\nDocumentRoot "/usr/local/apache2/htdocs"\n')
			.directory("/usr/local/apache2/logs")
			.build(),
	),
	programs: { httpd },
	usage: { cores: 0.0001, memoryBytes: 6_291_456 },
};
