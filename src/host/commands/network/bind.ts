/**
 * `dig`, `nslookup` and `host` of BIND 9.16, over the simulated network.
 * Source: dig(1), nslookup(1), host(1), https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/
 */
import type { ProcessContext, Program } from "../../machine.ts";
import {
	type DnsQuestion,
	type DnsRecord,
	type DnsResponse,
	messageBytes,
	type RecordType,
	recordTypes,
	reverseName,
	withoutFinalDot,
} from "../../net/dns.ts";
import { isIpv4 } from "../../net/network.ts";
import { candidateNames, resolverConfiguration } from "../../net/resolver.ts";
import { writeText } from "../../stream.ts";
import { askServers, illegality } from "./lookup.ts";

const version = "9.16.50";
const defaultTries = 3;
const defaultWaitMs = 5_000;
const timedOut = ";; connection timed out; no servers could be reached\n";
/** What EDNS adds to a message: the record itself, and a cookie that comes back. */
const ednsBytes = 11 + 12;

function typeOf(text: string): RecordType | undefined {
	const wanted = text.toUpperCase();
	return recordTypes.find((each) => each === wanted);
}

async function serverAddresses({ machine }: ProcessContext, named: string | undefined): Promise<readonly string[]> {
	if (named === undefined) return resolverConfiguration(machine).servers;
	return isIpv4(named) ? [named] : machine.network.resolve(named).catch(() => []);
}

interface DigPlan {
	readonly questions: readonly DnsQuestion[];
	readonly server: string | undefined;
	/** `short`, `noall`, `search` …: what stands behind a plus. */
	readonly settings: ReadonlyMap<string, string>;
}

function planDig(args: readonly string[]): DigPlan | { readonly error: string } {
	const settings = new Map<string, string>();
	const names: string[] = [];
	let server: string | undefined;
	let type: RecordType = "A";
	for (let at = 0; at < args.length; at++) {
		const argument = args[at] ?? "";
		if (argument.startsWith("+")) {
			const [key = "", value = ""] = argument.slice(1).split("=");
			settings.set(key, value);
		} else if (argument.startsWith("@")) server = argument.slice(1);
		else if (argument === "-x") {
			names.push(reverseName(args[++at] ?? ""));
			type = "PTR";
		} else if (argument === "-t") {
			const named = typeOf(args[++at] ?? "");
			if (named === undefined) return { error: `;; Warning, ignoring invalid type ${args[at]}` };
			type = named;
		} else if (argument === "-p") at++;
		else if (argument.startsWith("-")) continue;
		else if (typeOf(argument) !== undefined) type = typeOf(argument) ?? type;
		else if (argument.toUpperCase() !== "IN") names.push(argument);
	}
	return { questions: names.map((name) => ({ name: withoutFinalDot(name), type })), server, settings };
}

export const dig: Program = async (context) => {
	const { stdout, stderr, argv, machine } = context;
	const plan = planDig(argv.slice(1));
	if ("error" in plan) {
		await writeText(stderr, `${plan.error}\n`);
		return 1;
	}
	const { questions, server, settings } = plan;
	if (questions.length === 0) {
		await writeText(stderr, "dig: a name to look up is needed\n");
		return 1;
	}
	const servers = await serverAddresses(context, server);
	if (servers.length === 0) {
		await writeText(stderr, `dig: couldn't get address for '${server}': not found\n`);
		return 10;
	}
	const tries = Math.max(1, Number(settings.get("tries") ?? Number(settings.get("retry") ?? defaultTries - 1) + 1) || defaultTries);
	const waitMs = Math.max(1, Number(settings.get("time") ?? settings.get("timeout")) || defaultWaitMs / 1000) * 1000;
	const head = digHead(argv.slice(1), settings);
	for (const question of questions) {
		const why = illegality(question.name);
		if (why !== undefined) {
			await writeText(stderr, `dig: '${question.name}.' is not a legal name (${why})\n`);
			return 10;
		}
		const names = settings.has("search") ? candidateNames(question.name, resolverConfiguration(machine)) : [question.name];
		let last: { readonly server: string; readonly response: DnsResponse; readonly question: DnsQuestion } | undefined;
		for (const name of names) {
			const asked = await askServers(context, servers, { ...question, name }, tries, waitMs);
			if (asked === undefined) {
				await writeText(stdout, `${head}${timedOut}`);
				return 9;
			}
			last = { ...asked, question: { ...question, name } };
			if (asked.response.code === "NOERROR") break;
		}
		if (last !== undefined) await writeText(stdout, digText(context, last, settings, head));
	}
	return 0;
};

function digHead(args: readonly string[], settings: ReadonlyMap<string, string>): string {
	if (settings.has("short") || settings.has("noall") || settings.has("nocmd")) return "";
	return `\n; <<>> DiG ${version} <<>> ${args.join(" ")}\n;; global options: +cmd\n`;
}

function digText(
	{ machine }: ProcessContext,
	{ question, response, server }: { readonly question: DnsQuestion; readonly response: DnsResponse; readonly server: string },
	settings: ReadonlyMap<string, string>,
	head: string,
): string {
	const { answers, authority, additional, code, authoritative } = response;
	if (settings.has("short")) return answers.map(({ type, data }) => `${dataText(type, data)}\n`).join("");
	const isOn = (section: string) => (settings.has(`no${section}`) ? false : settings.has(section) || !settings.has("noall"));
	const section = (name: string, title: string, records: readonly DnsRecord[]) =>
		records.length === 0 || !isOn(name)
			? ""
			: `${isOn("comments") ? `;; ${title} SECTION:\n` : ""}${records.map(recordLine).join("")}${isOn("comments") ? "\n" : ""}`;
	const id = machine.random.int(65_536);
	const flags = authoritative ? "qr aa rd" : "qr rd ra";
	const cookie = Array.from({ length: 8 }, () => machine.random.int(256).toString(16).padStart(2, "0")).join("");
	const comments = isOn("comments")
		? [
				";; Got answer:",
				`;; ->>HEADER<<- opcode: QUERY, status: ${code}, id: ${id}`,
				`;; flags: ${flags}; QUERY: 1, ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length + 1}`,
				...(authoritative ? [";; WARNING: recursion requested but not available"] : []),
				"",
				";; OPT PSEUDOSECTION:",
				"; EDNS: version: 0, flags:; udp: 1232",
				`; COOKIE: ${cookie} (echoed)`,
				"",
			].join("\n")
		: "";
	const asked = isOn("question") ? `;; QUESTION SECTION:\n${columns([`;${question.name}.`, 32], ["IN", 40], [question.type, 0])}\n\n` : "";
	const stats = isOn("stats")
		? [
				";; Query time: 0 msec",
				`;; SERVER: ${server}#53(${server})`,
				`;; WHEN: ${whenText(machine.clock.now())}`,
				`;; MSG SIZE  rcvd: ${messageBytes(question, response) + ednsBytes}`,
				"",
				"",
			].join("\n")
		: "";
	return `${head}${comments}${asked}${section("answer", "ANSWER", answers)}${section("authority", "AUTHORITY", authority)}${section("additional", "ADDITIONAL", additional)}${stats}`;
}

function recordLine({ name, ttlSeconds, type, data }: DnsRecord): string {
	return `${columns([`${name}.`, 24], [String(ttlSeconds), 32], ["IN", 40], [type, 48], [dataText(type, data), 0])}\n`;
}

/** Names end in a dot. */
function dataText(type: RecordType, data: string): string {
	const words = data.split(" ");
	if (type === "SOA") return [`${words[0]}.`, `${words[1]}.`, ...words.slice(2)].join(" ");
	return ["CNAME", "NS", "PTR", "SRV", "MX"].includes(type) ? `${data}.` : data;
}

/** Words with tabs up to the column that each has for its end; one space where it is past that. */
function columns(...words: readonly (readonly [text: string, end: number])[]): string {
	const tabWidth = 8;
	let line = "";
	let column = 0;
	for (const [text, end] of words) {
		line += text;
		column += text.length;
		if (end === 0) break;
		if (column >= end) {
			line += " ";
			column += 1;
		} else {
			line += "\t".repeat(Math.ceil((end - column) / tabWidth));
			column = end;
		}
	}
	return line;
}

/** `Thu Jan 01 00:00:00 UTC 2026`. */
function whenText(timeMs: number): string {
	const [weekday = "", day = "", month = "", year = "", time = ""] = new Date(timeMs).toUTCString().replace(",", "").split(" ");
	return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}

/** Names are looked up with the search list, as libc does. */
async function lookUp(
	context: ProcessContext,
	name: string,
	type: RecordType,
	servers: readonly string[],
): Promise<{ readonly server: string; readonly response: DnsResponse; readonly name: string } | undefined> {
	const names = isIpv4(name) ? [reverseName(name)] : candidateNames(name, resolverConfiguration(context.machine));
	let last: { readonly server: string; readonly response: DnsResponse; readonly name: string } | undefined;
	for (const candidate of names) {
		if (illegality(candidate) !== undefined) continue;
		const question = { name: candidate, type: isIpv4(name) ? "PTR" : type } as const;
		const asked = await askServers(context, servers, question, defaultTries, defaultWaitMs);
		if (asked === undefined) return undefined;
		last = { ...asked, name: candidate };
		if (asked.response.code === "NOERROR" && asked.response.answers.length > 0) return last;
	}
	return last;
}

export const bindNslookup: Program = async (context) => {
	const { stdout, stderr, argv } = context;
	let type: RecordType = "A";
	const operands: string[] = [];
	for (const argument of argv.slice(1)) {
		const asked = /^-(?:q|qu|query|querytype|type|ty)=(.*)$/.exec(argument)?.[1];
		if (asked !== undefined) type = typeOf(asked) ?? type;
		else if (!argument.startsWith("-")) operands.push(argument);
	}
	const [name, named] = operands;
	if (name === undefined) {
		await writeText(stderr, "nslookup: no interactive mode in the simulation: a name to look up is needed\n");
		return 1;
	}
	const why = illegality(withoutFinalDot(name));
	if (why !== undefined) {
		await writeText(stderr, `nslookup: '${name}' is not a legal name (${why})\n`);
		return 1;
	}
	const servers = await serverAddresses(context, named);
	if (servers.length === 0) {
		await writeText(stderr, `nslookup: couldn't get address for '${named}': not found\n`);
		return 1;
	}
	const found = await lookUp(context, name, type, servers);
	if (found === undefined) {
		await writeText(stdout, `${timedOut}\n`);
		return 1;
	}
	const { server, response } = found;
	const head = `Server:\t\t${server}\nAddress:\t${server}#53\n\n`;
	if (response.code !== "NOERROR") {
		await writeText(stdout, `${head}** server can't find ${isIpv4(name) ? found.name : withoutFinalDot(name)}: ${response.code}\n\n`);
		return 1;
	}
	const note = response.authoritative ? "" : "Non-authoritative answer:\n";
	const lines = response.answers.map(nslookupLine).join("");
	await writeText(stdout, `${head}${note}${lines === "" ? `*** Can't find ${name}: No answer\n` : lines}\n`);
	return lines === "" ? 1 : 0;
};

function nslookupLine({ name, type, data }: DnsRecord): string {
	const text = dataText(type, data);
	switch (type) {
		case "A":
		case "AAAA":
			return `Name:\t${name}\nAddress: ${data}\n`;
		case "CNAME":
			return `${name}\tcanonical name = ${text}\n`;
		case "PTR":
			return `${name}\tname = ${text}\n`;
		case "NS":
			return `${name}\tnameserver = ${text}\n`;
		case "SRV":
			return `${name}\tservice = ${text}\n`;
		case "MX":
			return `${name}\tmail exchanger = ${text}\n`;
		case "TXT":
			return `${name}\ttext = ${text}\n`;
		default:
			return `${name}\n\t${text}\n`;
	}
}

export const host: Program = async (context) => {
	const { stdout, stderr, argv } = context;
	const args = argv.slice(1);
	const at = args.indexOf("-t");
	const type = (at === -1 ? undefined : typeOf(args[at + 1] ?? "")) ?? "A";
	const [name, named] = args.filter((argument, index) => !argument.startsWith("-") && (at === -1 || index !== at + 1));
	if (name === undefined) {
		await writeText(stderr, "Usage: host [-t type] hostname [server]\n");
		return 1;
	}
	const found = await lookUp(context, name, type, await serverAddresses(context, named));
	if (found === undefined) {
		await writeText(stdout, timedOut);
		return 1;
	}
	const { response } = found;
	if (response.code !== "NOERROR") {
		await writeText(stdout, `Host ${isIpv4(name) ? `${found.name}.` : name} not found: 3(${response.code})\n`);
		return 1;
	}
	const lines = response.answers.map(
		({ name: of, type: kind, data }) => `${of} ${hostPhrases[kind] ?? `has ${kind} record`} ${dataText(kind, data)}\n`,
	);
	await writeText(stdout, lines.length === 0 ? `${name} has no ${type} record\n` : lines.join(""));
	return 0;
};

const hostPhrases: Partial<Record<RecordType, string>> = {
	A: "has address",
	AAAA: "has IPv6 address",
	CNAME: "is an alias for",
	PTR: "domain name pointer",
	NS: "name server",
	MX: "mail is handled by",
};
