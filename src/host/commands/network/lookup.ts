/** What nslookup, dig and host have in common: asking name servers as /etc/resolv.conf says, and waiting for them. */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import type { ProcessContext } from "../../machine.ts";
import { type DnsQuestion, type DnsResponse, isLegalName } from "../../net/dns.ts";
import { NetworkError } from "../../net/network.ts";

/** "refused": nobody listens there. "silence": nothing came back in time. */
export type Asked = DnsResponse | "refused" | "silence";

/** One question to one server; waits as long for an answer that does not come. */
export async function askOnce({ machine, process }: ProcessContext, server: string, question: DnsQuestion, waitMs: number): Promise<Asked> {
	try {
		const response = await machine.network.query(server, question);
		if (response !== undefined) return response;
		await sleep(machine.clock, waitMs, process.ended).catch(() => undefined);
		return "silence";
	} catch (error) {
		if (error instanceof NetworkError) return "refused";
		throw error;
	}
}

/** Each server in turn, so many times; who refuses is as silent to these programs as one that is not there. */
export async function askServers(
	context: ProcessContext,
	servers: readonly string[],
	question: DnsQuestion,
	tries: number,
	waitMs: number,
): Promise<{ readonly server: string; readonly response: DnsResponse } | undefined> {
	for (let attempt = 0; attempt < tries; attempt++) {
		for (const server of servers) {
			const asked = await askOnce(context, server, question, waitMs);
			if (asked === "refused") await sleep(context.machine.clock, waitMs, context.process.ended).catch(() => undefined);
			else if (asked !== "silence") return { server, response: asked };
			if (context.process.exit !== undefined) return undefined;
		}
	}
	return undefined;
}

/** Why a name cannot be asked for, as BIND says it; undefined if it can. */
export function illegality(name: string): string | undefined {
	if (isLegalName(name)) return undefined;
	if (name.split(".").some((label) => label === "")) return "empty label";
	return name.split(".").some((label) => label.length > 63) ? "label too long" : "ran out of space";
}
