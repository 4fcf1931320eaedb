/**
 * CoreDNS: a name server of the cluster whose pod answers as long as it is there and ready, by its Corefile.
 * Simulated are the plugins of kubeadm's Corefile, `hosts`, `log` and `rewrite name`; the others are named in its log. It does not cache,
 * so what changes is seen at once. What it knows of Services comes from the simulated network and not through the API, so its
 * ClusterRole makes no difference. Names are served on port 53.
 * Source: https://coredns.io/manual/toc/
 */
import { createHash } from "node:crypto";
import {
	type DnsQuestion,
	type DnsResponse,
	emptyResponse,
	FsError,
	type HttpHandler,
	httpServer,
	isLoopback,
	type Listener,
	NetworkError,
	type ProcessContext,
	type Program,
	TreeBuilder,
	writeText,
} from "../../../host/index.ts";
import { imageBuiltMs } from "../base.ts";
import { goLogStamp, stopped } from "../http-program.ts";
import { type Image, once } from "../image.ts";
import { CorefileError, isInZone, parseCorefile, type ServerBlock } from "./corefile.ts";
import { forwardTargets, knownDirectives, type Plugin, pluginsOf } from "./plugins.ts";

const version = "1.13.1";
const dnsPort = 53;
const healthPort = 8080;
const readyPort = 8181;
const metricsPort = 9153;
/** How often the plugin reload looks. */
const reloadMs = 30_000;

interface Zone {
	readonly name: string;
	readonly block: ServerBlock;
	readonly plugins: readonly Plugin[];
}

class CoreDns {
	readonly #context: ProcessContext;
	readonly #path: string;
	#text = "";
	#zones: readonly Zone[] = [];
	#lookedMs = 0;
	/** By type of question and code of answer. */
	readonly #counts = new Map<string, number>();
	#listeners: Listener[] = [];

	constructor(context: ProcessContext, path: string) {
		this.#context = context;
		this.#path = path;
	}

	/** Resolves to the exit code. */
	async run(): Promise<number> {
		const { machine, process, stdout } = this.#context;
		try {
			this.#load(machine.files.exists(this.#path) ? machine.files.readText(this.#path) : undefined);
			this.#listen();
		} catch (error) {
			if (error instanceof CorefileError) return this.#fail(error.message);
			if (error instanceof FsError) return this.#fail(`loading Caddyfile via flag: ${error.message}`);
			if (error instanceof NetworkError) return this.#fail(`listen tcp :${dnsPort}: bind: address already in use`);
			throw error;
		}
		const loop = this.#loop();
		if (loop !== undefined) {
			await this.#log(
				`[FATAL] plugin/loop: Loop (127.0.0.1:${loop.port} -> :53) detected for zone "${loop.zone}", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${loop.query}."`,
			);
			return 1;
		}
		const head = this.#zones.map(({ name, block }) => `${name === "." ? "." : `${name}.`}:${block.port}`);
		await writeText(stdout, `${head.join("\n")}\n`);
		if (this.#has("reload")) await this.#log(this.#running());
		await writeText(stdout, `CoreDNS-${version}\nlinux/amd64, go1.25.2, 1db4568\n`);
		await stopped(process);
		await this.#log("[INFO] SIGTERM: Shutting down servers then terminating");
		await this.#lameDuck();
		for (const listener of this.#listeners) listener.close();
		return 0;
	}

	#load(text: string | undefined): void {
		if (text === undefined) throw new CorefileError(this.#path, 0, "no such file");
		const blocks = parseCorefile(text, this.#path, knownDirectives);
		const log = (line: string) => void this.#log(line);
		this.#zones = blocks.flatMap((block) => {
			if (block.port !== dnsPort) log(`[ERROR] port ${block.port} is not simulated: names are served on ${dnsPort}`);
			const plugins = pluginsOf(block, this.#context, log);
			return block.zones.map((name) => ({ name, block, plugins }));
		});
		this.#text = text;
		this.#lookedMs = this.#context.machine.clock.now();
	}

	/** Takes a changed Corefile, if it is time to look; a bad one changes nothing. */
	#reload(): void {
		const { machine } = this.#context;
		if (!this.#has("reload") || machine.clock.now() - this.#lookedMs < reloadMs) return;
		this.#lookedMs = machine.clock.now();
		const text = machine.files.exists(this.#path) ? machine.files.readText(this.#path) : undefined;
		if (text === undefined || text === this.#text) return;
		void this.#log("[INFO] Reloading");
		try {
			this.#load(text);
			void this.#log(this.#running());
			void this.#log("[INFO] Reloading complete");
		} catch (error) {
			if (!(error instanceof CorefileError)) throw error;
			void this.#log(`[ERROR] Restart failed: ${error.message}`);
		}
	}

	#running(): string {
		return `[INFO] plugin/reload: Running configuration SHA512 = ${createHash("sha512").update(this.#text).digest("hex")}`;
	}

	#listen(): void {
		const { machine, process } = this.#context;
		const serve = (port: number, handler: HttpHandler) => this.#listeners.push(machine.network.listen(port, httpServer(handler), process));
		this.#listeners.push(machine.network.serveNames((question, from) => this.#answer(question, from), process));
		if (this.#has("health")) serve(healthPort, ({ target }) => (target === "/health" ? ok : notFound));
		if (this.#has("ready")) {
			serve(readyPort, ({ target }) => {
				// The kubelet's probes are what looks for a new Corefile: no timer runs for that.
				this.#reload();
				return target === "/ready" ? ok : notFound;
			});
		}
		if (this.#has("prometheus")) serve(metricsPort, ({ target }) => (target === "/metrics" ? this.#metrics() : notFound));
	}

	async #answer(asked: DnsQuestion, from: string): Promise<DnsResponse> {
		this.#reload();
		const startMs = this.#context.machine.clock.now();
		const zone = this.#zones
			.filter(({ name }) => isInZone(asked.name.toLowerCase(), name))
			.sort((a, b) => (b.name === "." ? 0 : b.name.length) - (a.name === "." ? 0 : a.name.length))[0];
		if (zone === undefined) return emptyResponse("REFUSED");
		const step = (at: number, question: DnsQuestion): Promise<DnsResponse> =>
			zone.plugins[at]?.(question, (changed = question) => step(at + 1, changed)) ?? Promise.resolve(emptyResponse("REFUSED"));
		let response: DnsResponse;
		try {
			response = await step(0, asked);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			if (this.#has("errors")) void this.#log(`[ERROR] plugin/errors: 2 ${asked.name}. ${asked.type}: ${why}`);
			response = emptyResponse("SERVFAIL");
		}
		const key = `${asked.type} ${response.code}`;
		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
		if (zone.block.directives.some(({ name }) => name === "log")) void this.#log(this.#queryLine(asked, response, from, startMs));
		return zone.block.directives.some(({ name }) => name === "loadbalance") ? this.#balanced(response) : response;
	}

	/** Addresses in another order each time. */
	#balanced(response: DnsResponse): DnsResponse {
		const isAddress = ({ type }: { readonly type: string }) => type === "A";
		const addresses = response.answers.filter(isAddress);
		if (addresses.length < 2) return response;
		const by = this.#context.machine.random.int(addresses.length);
		return {
			...response,
			answers: [...response.answers.filter((record) => !isAddress(record)), ...addresses.slice(by), ...addresses.slice(0, by)],
		};
	}

	#queryLine({ name, type }: DnsQuestion, { code, authoritative }: DnsResponse, from: string, startMs: number): string {
		const { random, clock } = this.#context.machine;
		const seconds = ((clock.now() - startMs) / 1000).toFixed(9);
		const size = name.length + 18;
		return `[INFO] ${from}:${32_768 + random.int(28_232)} - ${random.int(65_536)} "${type} IN ${name}. udp ${size} false 512" ${code} qr,${authoritative ? "aa,rd" : "rd,ra"} ${size} ${seconds}s`;
	}

	#metrics() {
		const lines = [...this.#counts].map(([key, count]) => {
			const [type, code] = key.split(" ");
			return [
				`coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="${type}",view="",zone="."} ${count}`,
				`coredns_dns_responses_total{plugin="",rcode="${code}",server="dns://:53",view="",zone="."} ${count}`,
			];
		});
		const requests = lines.map(([line]) => line);
		const responses = lines.map(([, line]) => line);
		const body = [
			"# HELP coredns_build_info A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
			"# TYPE coredns_build_info gauge",
			`coredns_build_info{goversion="go1.25.2",revision="1db4568",version="${version}"} 1`,
			"# HELP coredns_dns_requests_total Counter of DNS requests made per zone, protocol and family.",
			"# TYPE coredns_dns_requests_total counter",
			...requests,
			"# HELP coredns_dns_responses_total Counter of response status codes.",
			"# TYPE coredns_dns_responses_total counter",
			...responses,
			"",
		].join("\n");
		return { status: 200, headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }, body };
	}

	/** A server that forwards to itself, and looks for that. */
	#loop(): { readonly zone: string; readonly port: number; readonly query: string } | undefined {
		const { machine } = this.#context;
		for (const { name, block } of this.#zones) {
			if (!block.directives.some((directive) => directive.name === "loop")) continue;
			const targets = block.directives
				.filter((each) => each.name === "forward")
				.flatMap(({ args }) => forwardTargets(args.slice(1), machine.files));
			if (!targets.some((target) => isLoopback(target) || target === machine.network.address)) continue;
			const digits = () => String(Math.floor(machine.random.next() * 1e15)).padStart(18, "4");
			return { zone: name, port: 32_768 + machine.random.int(28_232), query: `${digits()}.${digits()}` };
		}
		return undefined;
	}

	async #lameDuck(): Promise<void> {
		const { machine, process } = this.#context;
		const duration = this.#directive("health")?.block.find(([word]) => word === "lameduck")?.[1];
		const seconds = Number(/^(\d+)s$/.exec(duration ?? "")?.[1] ?? 0);
		if (seconds === 0) return;
		await this.#log(`[INFO] plugin/health: Going into lameduck mode for ${duration}`);
		await new Promise<void>((resolve) => {
			machine.clock.setTimeout(resolve, seconds * 1000);
			process.ended.addEventListener("abort", () => resolve(), { once: true });
		});
	}

	#has(name: string): boolean {
		return this.#directive(name) !== undefined;
	}

	#directive(name: string) {
		return this.#zones.flatMap(({ block }) => block.directives).find((directive) => directive.name === name);
	}

	async #log(line: string): Promise<void> {
		if (this.#context.process.exit === undefined) await writeText(this.#context.stdout, `${line}\n`);
	}

	async #fail(message: string): Promise<number> {
		const { stderr, machine } = this.#context;
		await writeText(stderr, `${goLogStamp(machine.clock.now())} ${message}\n`);
		return 1;
	}
}

const ok = { status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "OK" } as const;
const notFound = { status: 404, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "404 page not found\n" } as const;

const coredns: Program = async (context) => {
	const { argv } = context;
	const at = argv.indexOf("-conf");
	const path = at === -1 ? "/Corefile" : (argv[at + 1] ?? "");
	return new CoreDns(context, path).run();
};

export const corednsImage: Image = {
	repositories: ["registry.k8s.io/coredns/coredns", "docker.io/coredns/coredns", "docker.io/rancher/mirrored-coredns-coredns"],
	sizeBytes: 23_553_139,
	config: { entrypoint: ["/coredns"], env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }, workingDir: "/" },
	files: once(() => new TreeBuilder(imageBuiltMs).program("/coredns", "coredns").directory("/etc/coredns").directory("/tmp").build()),
	programs: { coredns },
	usage: { cores: 0.002, memoryBytes: 14 * 1024 * 1024 },
	hasTag: (tag) => /^v?\d+\.\d+\.\d+$|^latest$/.test(tag),
};
