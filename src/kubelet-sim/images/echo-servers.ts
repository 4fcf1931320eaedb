/**
 * Servers that say who they are, as tutorials use them: echoserver, http-echo, hello-app, node-hello, kubernetes-bootcamp and whoami.
 * Sources: https://kubernetes.io/docs/tutorials/ and https://github.com/hashicorp/http-echo, https://github.com/traefik/whoami
 */
import { type HttpRequest, type HttpResponse, type Program, writeText } from "../../host/index.ts";
import { alpine, debian } from "./base.ts";
import { goLogStamp, serveHttp } from "./http-program.ts";
import { type Image, once } from "./image.ts";

const port = 8080;
const plain = (body: string, status = 200): HttpResponse => ({ status, headers: { "Content-Type": "text/plain; charset=utf-8" }, body });

const echoserver: Program = (context) => serveHttp(context, port, (request) => plain(echoText(request, context.machine.hostname)));

function echoText({ method, target, headers, body, remoteAddress }: HttpRequest, hostname: string): string {
	const [path = "/", query = ""] = target.split("?");
	const named = [...headers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `\t${name}=${value}`);
	const sent = Buffer.from(body).toString();
	return [
		"\n",
		`Hostname: ${hostname}\n`,
		"Pod Information:\n\t-no pod information available-\n",
		"Server values:\n\tserver_version=nginx: 1.13.3 - lua: 10008\n",
		`Request Information:\n\tclient_address=${remoteAddress}\n\tmethod=${method}\n\treal path=${path}\n\tquery=${query}\n\trequest_version=1.1\n\trequest_scheme=http\n\trequest_uri=http://${headers.get("host") ?? ""}${target}\n`,
		`Request Headers:\n${named.join("\n")}\n`,
		`Request Body:\n${sent === "" ? "\t-no body in request-" : sent}\n`,
		"",
	].join("\n");
}

const httpEcho: Program = async (context) => {
	const words = context.argv
		.slice(1)
		.flatMap((word) => (word.startsWith("-") ? word.replace(/^--?/, "--").split(/=(.*)/s).slice(0, 2) : [word]));
	const optionValue = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
	const text = optionValue("--text") ?? context.env.get("ECHO_TEXT") ?? "";
	if (text === "") {
		await writeText(context.stderr, "Missing -text option!\n");
		return 127;
	}
	const listen = Number(/:(\d+)$/.exec(optionValue("--listen") ?? ":5678")?.[1] ?? 5678);
	const { clock } = context.machine;
	await writeText(context.stdout, `${goLogStamp(clock.now())} [INFO] server is listening on :${listen}\n`);
	return serveHttp(context, listen, ({ method, target, headers, remoteAddress }) => {
		if (target === "/health")
			return { status: 200, headers: { "Content-Type": "application/json; charset=utf-8" }, body: '{"status":"ok"}\n' };
		const agent = headers.get("user-agent") ?? "";
		const line = `${headers.get("host") ?? ""} ${remoteAddress} "${method} ${target} HTTP/1.1" 200 ${Buffer.byteLength(text) + 1} "${agent}"`;
		void writeText(context.stdout, `${goLogStamp(clock.now())} ${line}\n`);
		return plain(`${text}\n`);
	});
};

const helloApp =
	(version: string): Program =>
	async (context) => {
		const { machine, stderr, env } = context;
		const listen = Number(env.get("PORT") ?? port);
		await writeText(stderr, `${goLogStamp(machine.clock.now())} Server listening on port ${listen}\n`);
		return serveHttp(context, listen, ({ target }) => {
			void writeText(stderr, `${goLogStamp(machine.clock.now())} Serving request: ${target.split("?")[0]}\n`);
			return plain(`Hello, world!\nVersion: ${version}\nHostname: ${machine.hostname}\n`);
		});
	};

const nodeHello: Program = (context) => serveHttp(context, port, () => plain("Hello Kubernetes!"));

const bootcamp =
	(version: string): Program =>
	async (context) => {
		const { machine, stdout } = context;
		const startMs = machine.clock.now();
		await writeText(stdout, `Kubernetes Bootcamp App Started At: ${new Date(startMs).toISOString()} | Running On:  ${machine.hostname} \n`);
		let requests = 0;
		return serveHttp(context, port, () => {
			requests++;
			const nowMs = machine.clock.now();
			const up = (nowMs - startMs) / 1000;
			void writeText(
				stdout,
				`Running On: ${machine.hostname} | Total Requests: ${requests} | App Uptime: ${up} seconds | Log Time: ${new Date(nowMs).toISOString()}\n`,
			);
			return plain(`Hello Kubernetes bootcamp! | Running on: ${machine.hostname} | v=${version}\n`);
		});
	};

const whoami: Program = async (context) => {
	const { machine, stderr } = context;
	await writeText(stderr, `${goLogStamp(machine.clock.now())} Starting up on port 80\n`);
	return serveHttp(context, 80, ({ method, target, headers, remoteAddress }) => {
		if (target === "/health") return plain("");
		const named = [...headers]
			.filter(([name]) => name !== "host")
			.map(([name, value]) => `${name.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase())}: ${value}`);
		const lines = [
			`Hostname: ${machine.hostname}`,
			"IP: 127.0.0.1",
			`IP: ${machine.network.address}`,
			`RemoteAddr: ${remoteAddress}`,
			`${method} ${target} HTTP/1.1`,
			`Host: ${headers.get("host") ?? ""}`,
			...named,
		];
		return plain(`${lines.join("\n")}\n\n`);
	});
};

function server(
	repositories: readonly string[],
	sizeBytes: number,
	name: string,
	program: Program,
	more: { readonly base?: typeof alpine; readonly tags?: readonly string[] } = {},
): Image {
	return {
		repositories,
		sizeBytes,
		config: { entrypoint: [`/${name}`], workingDir: "/" },
		files: once(() => (more.base ?? alpine)().program(`/${name}`, name).build()),
		programs: { [name]: program },
		usage: { cores: 0.0002, memoryBytes: 4 * 1024 * 1024 },
		...(more.tags === undefined ? {} : { tags: more.tags }),
	};
}

const helloAppRepositories = ["gcr.io/google-samples/hello-app", "us-docker.pkg.dev/google-samples/containers/gke/hello-app"];
const bootcampRepositories = ["gcr.io/google-samples/kubernetes-bootcamp", "docker.io/jocatalin/kubernetes-bootcamp"];

export const echoServerImages: readonly Image[] = [
	server(
		[
			"registry.k8s.io/echoserver",
			"registry.k8s.io/e2e-test-images/echoserver",
			"k8s.gcr.io/echoserver",
			"gcr.io/google_containers/echoserver",
		],
		46_237_695,
		"echoserver",
		echoserver,
	),
	server(["docker.io/hashicorp/http-echo"], 3_210_000, "http-echo", httpEcho),
	...["1.0", "2.0"].map((tag) => server(helloAppRepositories, 13_746_942, "hello-app", helloApp(`${tag}.0`), { tags: [tag] })),
	server(["gcr.io/google-samples/node-hello"], 264_000_000, "node-hello", nodeHello, { base: debian }),
	...["v1", "v2"].map((tag) =>
		server(bootcampRepositories, 83_600_000, "kubernetes-bootcamp", bootcamp(tag.slice(1)), { base: () => debian(["curl"]), tags: [tag] }),
	),
	server(["docker.io/traefik/whoami", "docker.io/containous/whoami"], 2_800_000, "whoami", whoami),
];
