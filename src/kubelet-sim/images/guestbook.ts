/**
 * The frontend of the Kubernetes documentation's guestbook: a page, and /guestbook.php which keeps the messages in the
 * redis behind the Services redis-leader (writes) and redis-follower (reads).
 * Source: https://kubernetes.io/docs/tutorials/stateless-application/guestbook/
 */
import {
	type HttpRequest,
	type HttpResponse,
	httpServer,
	NetworkError,
	type ProcessContext,
	type Program,
	writeText,
} from "../../host/index.ts";
import { debian } from "./base.ts";
import { type Image, once } from "./image.ts";
import { redisCall } from "./redis.ts";
import { RespError } from "./resp.ts";

const root = "/var/www/html";
/** What one page of PHP takes. */
const requestCpuMs = 2;

const page = `<html ng-app="redis">
  <head>
    <title>Guestbook</title>
    <script src="controllers.js"></script>
  </head>
  <body ng-controller="RedisCtrl">
    <div style="width: 50%; margin-left: 20px">
      <h2>Guestbook</h2>
      <form>
        <fieldset>
          <input ng-model="msg" placeholder="Messages" class="form-control" type="text" name="input"><br>
          <button type="button" class="btn btn-primary" ng-click="controller.onRedis()">Submit</button>
        </fieldset>
      </form>
    </div>
  </body>
</html>
`;

async function guestbook(context: ProcessContext, request: HttpRequest): Promise<HttpResponse> {
	const url = new URL(request.target, "http://frontend");
	const key = url.searchParams.get("key") ?? "messages";
	const html = (body: string, status = 200): HttpResponse => ({ status, headers: { "Content-Type": "text/html; charset=UTF-8" }, body });
	if (url.pathname !== "/guestbook.php")
		return url.pathname === "/" || url.pathname === "/index.html" ? html(page) : html("Not Found", 404);
	const isSet = url.searchParams.get("cmd") === "set";
	const fromEnv = context.env.get("GET_HOSTS_FROM") === "env";
	const host = isSet
		? fromEnv
			? context.env.get("REDIS_LEADER_SERVICE_HOST")
			: "redis-leader"
		: fromEnv
			? context.env.get("REDIS_FOLLOWER_SERVICE_HOST")
			: "redis-follower";
	try {
		const command = isSet ? ["SET", key, url.searchParams.get("value") ?? ""] : ["GET", key];
		const answer = await redisCall(context, host ?? "", 6379, command);
		if (answer instanceof RespError) return html(answer.message, 500);
		const body = isSet ? { message: "Updated" } : { data: typeof answer === "string" ? answer : "" };
		return { status: 200, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(
			context.stderr,
			`PHP Fatal error:  Uncaught Predis\\Connection\\ConnectionException: ${error.message} [tcp://${host}:6379]\n`,
		);
		return html("", 500);
	}
}

const apache: Program = async (context) => {
	const { machine, process, stdout, stderr } = context;
	const listener = machine.network.listen(
		80,
		httpServer(async (request) => {
			const response = await guestbook(context, request);
			machine.cpu.account(requestCpuMs);
			await writeText(stdout, `${request.remoteAddress} - - "${request.method} ${request.target} HTTP/1.1" ${response.status}\n`);
			return response;
		}),
		process,
	);
	await writeText(
		stderr,
		"[mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.52 (Debian) PHP/8.0.15 configured -- resuming normal operations\n[core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'\n",
	);
	await new Promise<void>((resolve) => {
		for (const signal of ["TERM", "INT"] as const) process.onSignal(signal, resolve);
	});
	listener.close();
	await writeText(stderr, "[mpm_prefork:notice] [pid 1] AH00169: caught SIGTERM, shutting down\n");
	return 0;
};

export const guestbookFrontendImage: Image = {
	repositories: [
		"us-docker.pkg.dev/google-samples/containers/gke/gb-frontend",
		"gcr.io/google_samples/gb-frontend",
		"gcr.io/google-samples/gb-frontend",
		"docker.io/corelab/gb-frontend",
	],
	sizeBytes: 178_451_214,
	config: {
		entrypoint: ["docker-php-entrypoint"],
		cmd: ["apache2-foreground"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", PHP_VERSION: "8.0.15" },
		workingDir: root,
	},
	files: once(() =>
		debian(["curl"])
			.program("/usr/local/bin/docker-php-entrypoint", "apache-php")
			.program("/usr/local/bin/apache2-foreground", "apache-php")
			.file(`${root}/index.html`, page)
			.file(`${root}/guestbook.php`, "<?php /* simulated: see images/guestbook.ts of kubesim */ ?>\n")
			.build(),
	),
	programs: { "apache-php": apache },
	usage: { cores: 0.0001, memoryBytes: 9_437_184 },
	hasTag: () => true,
};
