/**
 * The plugins of CoreDNS that answer questions, in CoreDNS' own order: rewrite, hosts, kubernetes, forward.
 * Source: https://coredns.io/plugins/
 */
import {
	type DnsQuestion,
	type DnsResponse,
	emptyResponse,
	type FileSystem,
	isIpv4,
	NetworkError,
	type NetworkStack,
	type ProcessContext,
	parseResolvConf,
	withoutFinalDot,
} from "../../../host/index.ts";
import { type Directive, isInZone, type ServerBlock } from "./corefile.ts";

/** Answers, or leaves it to the next. Rejects with an Error that the plugin errors logs. */
export type Plugin = (question: DnsQuestion, next: (question?: DnsQuestion) => Promise<DnsResponse>) => Promise<DnsResponse>;

/** Those that do something here, in the order in which they are asked. */
const answering: Readonly<
	Record<string, (directive: Directive, context: ProcessContext, log: (text: string) => void) => Plugin | undefined>
> = {
	rewrite,
	hosts,
	kubernetes,
	forward,
};

/** Those that are heard of elsewhere, or that change nothing that can be seen. */
const passive = ["errors", "log", "health", "ready", "prometheus", "cache", "loop", "reload", "loadbalance", "debug", "bufsize"];
const notSimulated = [
	"acl",
	"any",
	"auto",
	"autopath",
	"azure",
	"bind",
	"cancel",
	"chaos",
	"clouddns",
	"dns64",
	"dnssec",
	"dnstap",
	"erratic",
	"etcd",
	"file",
	"geoip",
	"grpc",
	"header",
	"import",
	"k8s_external",
	"local",
	"metadata",
	"minimal",
	"nomad",
	"nsid",
	"root",
	"route53",
	"secondary",
	"sign",
	"template",
	"timeouts",
	"tls",
	"trace",
	"transfer",
	"tsig",
	"view",
	"whoami",
];

export const knownDirectives: ReadonlySet<string> = new Set([...Object.keys(answering), ...passive, ...notSimulated]);

/** @param log told of what has no effect */
export function pluginsOf({ directives }: ServerBlock, context: ProcessContext, log: (text: string) => void): readonly Plugin[] {
	for (const { name } of directives) if (notSimulated.includes(name)) log(`[ERROR] plugin/${name}: not simulated: it has no effect`);
	return Object.entries(answering).flatMap(([name, make]) =>
		directives.filter((directive) => directive.name === name).flatMap((directive) => make(directive, context, log) ?? []),
	);
}

/** `rewrite name FROM TO`, also `exact`; the answer bears the name that was asked for. */
function rewrite({ args }: Directive, _: ProcessContext, log: (text: string) => void): Plugin | undefined {
	const words = args.filter((word) => word !== "stop" && word !== "continue");
	const [what, ...rest] = words;
	const [from, to] = rest[0] === "exact" ? rest.slice(1) : rest;
	if (what !== "name" || from === undefined || to === undefined || ["prefix", "suffix", "substring", "regex"].includes(from)) {
		log(`[ERROR] plugin/rewrite: not simulated: it has no effect: rewrite ${args.join(" ")}`);
		return undefined;
	}
	const [asked, meant] = [withoutFinalDot(from.toLowerCase()), withoutFinalDot(to)];
	return async (question, next) => {
		if (question.name.toLowerCase() !== asked) return next();
		const response = await next({ ...question, name: meant });
		const answers = response.answers.map((record) => (record.name === meant ? { ...record, name: question.name } : record));
		return { ...response, answers };
	};
}

/** Lines of its block, or of a file; an address has names, and a name its addresses. */
function hosts({ args, block }: Directive, { machine }: ProcessContext): Plugin {
	const fallsThrough = block.some(([word]) => word === "fallthrough");
	const ttlSeconds = Number(block.find(([word]) => word === "ttl")?.[1] ?? 3600);
	const file = args[0]?.startsWith("/") ? args[0] : block.some(([word]) => isIpv4(word ?? "")) ? undefined : "/etc/hosts";
	const entries = () => [...block, ...linesOf(machine.files, file)].filter(([address]) => isIpv4(address ?? ""));
	return async ({ name, type }, next) => {
		const wanted = name.toLowerCase();
		const found = entries().filter(([, ...names]) => names.some((each) => withoutFinalDot(each.toLowerCase()) === wanted));
		if (found.length === 0) return fallsThrough ? next() : emptyResponse("NXDOMAIN", true);
		const answers = type === "A" ? found.map(([address = ""]) => ({ name, type, ttlSeconds, data: address }) as const) : [];
		return { ...emptyResponse("NOERROR", true), answers };
	};
}

function linesOf(files: FileSystem, path: string | undefined): readonly (readonly string[])[] {
	if (path === undefined || !files.exists(path)) return [];
	return files
		.readText(path)
		.split("\n")
		.map((line) => (line.split("#")[0] ?? "").trim().split(/\s+/));
}

function kubernetes({ args, block }: Directive, { machine }: ProcessContext): Plugin {
	const option = (name: string) => block.find(([word]) => word === name);
	const zones = args.map((zone) => withoutFinalDot(zone.toLowerCase()));
	const domains = zones.filter((zone) => !zone.endsWith(".arpa"));
	const ttlSeconds = Number(option("ttl")?.[1] ?? 5);
	const mode = option("pods")?.[1];
	const podNames = mode === "insecure" || mode === "verified" ? mode : "disabled";
	const through = option("fallthrough");
	const answerers = domains.map((domain) => machine.network.clusterZone({ domain, ttlSeconds, podNames }));
	return async (question, next) => {
		const name = question.name.toLowerCase();
		const zone = zones.find((each) => isInZone(name, each));
		if (zone === undefined) return next();
		for (const answer of answerers) {
			const response = await answer(question, next);
			if (response !== undefined && (response.code === "NOERROR" || !fallsThrough(through, zone))) return response;
		}
		return fallsThrough(through, zone) ? next() : emptyResponse("NXDOMAIN", true);
	};
}

function fallsThrough(through: readonly string[] | undefined, zone: string): boolean {
	return through !== undefined && (through.length === 1 || through.slice(1).some((each) => isInZone(zone, each)));
}

/** To name servers by address, or to those of a file. */
function forward({ args }: Directive, { machine }: ProcessContext): Plugin {
	const [from = ".", ...to] = args;
	const zone = withoutFinalDot(from.toLowerCase()) || ".";
	return async (question, next) => {
		if (!isInZone(question.name.toLowerCase(), zone)) return next();
		return ask(machine.network, forwardTargets(to, machine.files), question);
	};
}

export function forwardTargets(to: readonly string[], files: FileSystem): readonly string[] {
	return to.flatMap((target) => {
		if (!target.startsWith("/")) return target.replace(/^dns:\/\//, "").replace(/:\d+$/, "");
		return files.exists(target) ? parseResolvConf(files.readText(target)).servers : [];
	});
}

async function ask(network: NetworkStack, servers: readonly string[], question: DnsQuestion): Promise<DnsResponse> {
	let failure = "no upstream host";
	for (const server of servers) {
		try {
			const response = await network.query(server, question);
			if (response !== undefined) return { ...response, authoritative: false };
			failure = `read udp ${network.address}:${40_000}->${server}:53: i/o timeout`;
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			failure = `read udp ${network.address}:${40_000}->${server}:53: read: connection refused`;
		}
	}
	throw new Error(failure);
}
