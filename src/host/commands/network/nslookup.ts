/**
 * busybox' `nslookup`, both of them: since 1.29 it has a resolver of its own, which adds the search list to names without a dot alone
 * and asks for all of it; until 1.28 it asks libc.
 * Source: networking/nslookup.c of busybox.
 */
import type { ProcessContext, Program } from "../../machine.ts";
import { type DnsQuestion, type DnsRecord, type RecordType, recordTypes, reverseName, withoutFinalDot } from "../../net/dns.ts";
import { isIpv4, NetworkError } from "../../net/network.ts";
import { resolverConfiguration } from "../../net/resolver.ts";
import { writeText } from "../../stream.ts";
import { askOnce } from "./lookup.ts";

const usage = `BusyBox v1.37.0 multi-call binary.

Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any
`;

const timeoutMs = 5_000;
const retries = 2;

export const nslookup: Program = async (context) => {
	const { stdout, stderr, machine } = context;
	const types: RecordType[] = [];
	const operands: string[] = [];
	for (const argument of context.argv.slice(1)) {
		const type = /^-(?:q|qu|query|querytype|type|ty)=(.*)$/.exec(argument)?.[1]?.toUpperCase();
		if (type !== undefined) {
			const known = recordTypes.find((each) => each === type);
			if (known === undefined) {
				await writeText(stderr, `nslookup: invalid query type "${type.toLowerCase()}"\n`);
				return 1;
			}
			types.push(known);
		} else if (!argument.startsWith("-")) operands.push(argument);
	}
	const [name, given] = operands;
	if (name === undefined) {
		await writeText(stderr, usage);
		return 1;
	}
	const { servers, search } = resolverConfiguration(machine);
	const names = name.includes(".") || search.length === 0 ? [withoutFinalDot(name)] : search.map((domain) => `${name}.${domain}`);
	const wanted: readonly RecordType[] = types.length > 0 ? types : ["A", "AAAA"];
	const questions =
		types.length === 0 && isIpv4(name)
			? [{ name: reverseName(name), type: "PTR" as const }]
			: wanted.flatMap((type) => names.map((each) => ({ name: each, type })));
	for (const server of given === undefined ? servers : [given]) {
		const code = await askAll(context, server, questions);
		if (code !== undefined) return code;
	}
	await writeText(stdout, ";; connection timed out; no servers could be reached\n\n");
	return 1;
};

/** Undefined: the server gives no answer to anything. */
async function askAll(context: ProcessContext, name: string, questions: readonly DnsQuestion[]): Promise<number | undefined> {
	const { stdout, stderr, machine } = context;
	const [server = name] = isIpv4(name) ? [name] : await machine.network.resolve(name).catch(() => []);
	let code: number | undefined;
	for (const question of questions) {
		let asked = await askOnce(context, server, question, timeoutMs / retries);
		if (asked === "silence") asked = await askOnce(context, server, question, timeoutMs / retries);
		if (asked === "refused") {
			await writeText(stderr, `nslookup: write to '${name}': Connection refused\n`);
			return code;
		}
		if (asked === "silence") return code;
		if (code === undefined) await writeText(stdout, `Server:\t\t${server}\nAddress:\t${server}:53\n\n`);
		code ??= 0;
		if (asked.code === "NOERROR") {
			const head = asked.authoritative ? "" : "Non-authoritative answer:\n";
			await writeText(stdout, `${head}${asked.answers.map(shown).join("")}\n`);
		} else {
			await writeText(stdout, `** server can't find ${question.name}: ${asked.code}\n\n`);
			code = 1;
		}
	}
	return code;
}

/** A record as nslookup prints it, here and in BIND but for the final dot. */
function shown({ name, type, data }: DnsRecord): string {
	switch (type) {
		case "A":
		case "AAAA":
			return `Name:\t${name}\nAddress: ${data}\n`;
		case "CNAME":
			return `${name}\tcanonical name = ${data}\n`;
		case "PTR":
			return `${name}\tname = ${data}\n`;
		case "NS":
			return `${name}\tnameserver = ${data}\n`;
		case "TXT":
			return `${name}\ttext = ${data}\n`;
		case "MX":
			return `${name}\tmail exchanger = ${data}\n`;
		case "SRV":
			return `${name}\tservice = ${data}\n`;
		default:
			return `${name}\n\t${data}\n`;
	}
}

/** That of busybox 1.28, which the documentation of Kubernetes shows. */
export const oldNslookup: Program = async (context) => {
	const { stdout, stderr, machine, argv } = context;
	const [name, given] = argv.slice(1);
	if (name === undefined || name.startsWith("-")) {
		await writeText(stderr, usage.replace("1.37.0", "1.28.4"));
		return 1;
	}
	const { servers } = resolverConfiguration(machine);
	const server = given ?? servers[0] ?? "127.0.0.1";
	const nameOf = async (address: string) => {
		const asked = await askOnce(context, server, { name: reverseName(address), type: "PTR" }, timeoutMs);
		const host = typeof asked === "string" ? undefined : asked.answers.find(({ type }) => type === "PTR")?.data;
		return host === undefined ? "" : ` ${host}`;
	};
	const list = async (label: string, host: string, addresses: readonly string[]) => {
		const lines = await Promise.all(addresses.map(async (address, index) => `Address ${index + 1}: ${address}${await nameOf(address)}\n`));
		return `${label.padEnd(11)}${host}\n${lines.join("")}`;
	};
	await writeText(stdout, `${await list("Server:", server, [server])}\n`);
	try {
		await writeText(stdout, await list("Name:", name, await machine.network.resolve(name)));
		return 0;
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(stderr, `nslookup: can't resolve '${name}'${error.code === "EAI_AGAIN" ? ": Try again" : ": Name does not resolve"}\n`);
		return 1;
	}
};
