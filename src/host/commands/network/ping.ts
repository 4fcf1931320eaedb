/**
 * `ping`, of busybox and of iputils: echo requests to pods, nodes and oneself, a second apart. Round trips take no cluster time;
 * what is shown for them is drawn.
 */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import type { ProcessContext, Program } from "../../machine.ts";
import { isIpv4, NetworkError, type PingAnswer } from "../../net/network.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";

/** Within a machine, and for each machine in between, ms. */
const baseMs = 0.04;
const hopMs = 0.12;
const spreadMs = 0.05;
const fullHopLimit = 64;
const defaultBytes = 56;

interface Style {
	readonly head: (host: string, address: string, bytes: number) => string;
	readonly reply: (bytes: number, address: string, sequence: number, ttl: number, ms: string) => string;
	readonly unreachable: (from: string, sequence: number) => string;
	readonly summary: (counts: Counts) => string;
	readonly unknownHost: (host: string, error: NetworkError) => string;
	readonly unknownHostCode: number;
	/** How long it waits for a last answer that does not come, ms. */
	readonly patienceMs: number;
}

interface Counts {
	readonly host: string;
	readonly sent: number;
	readonly times: readonly number[];
	readonly errors: number;
	readonly elapsedMs: number;
}

const lossOf = ({ sent, times }: Counts) => (sent === 0 ? 0 : Math.floor(((sent - times.length) * 100) / sent));
const mean = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0) / times.length;

const busybox: Style = {
	head: (host, address, bytes) => `PING ${host} (${address}): ${bytes} data bytes\n`,
	reply: (bytes, address, sequence, ttl, ms) => `${bytes} bytes from ${address}: seq=${sequence} ttl=${ttl} time=${ms} ms\n`,
	unreachable: () => "",
	summary: (counts) => {
		const { host, sent, times } = counts;
		const [min, max] = [Math.min(...times), Math.max(...times)];
		const trips = times.length === 0 ? "" : `round-trip min/avg/max = ${min.toFixed(3)}/${mean(times).toFixed(3)}/${max.toFixed(3)} ms\n`;
		return `\n--- ${host} ping statistics ---\n${sent} packets transmitted, ${times.length} packets received, ${lossOf(counts)}% packet loss\n${trips}`;
	},
	unknownHost: (host) => `ping: bad address '${host}'\n`,
	unknownHostCode: 1,
	patienceMs: 10_000,
};

const iputils: Style = {
	head: (host, address, bytes) => `PING ${host} (${address}) ${bytes}(${bytes + 28}) bytes of data.\n`,
	reply: (bytes, address, sequence, ttl, ms) => `${bytes} bytes from ${address}: icmp_seq=${sequence + 1} ttl=${ttl} time=${ms} ms\n`,
	unreachable: (from, sequence) => `From ${from} icmp_seq=${sequence + 1} Destination Host Unreachable\n`,
	summary: (counts) => {
		const { host, sent, times, errors, elapsedMs } = counts;
		const average = mean(times);
		const deviation = Math.sqrt(mean(times.map((time) => (time - average) ** 2)));
		const trips = [Math.min(...times), average, Math.max(...times), deviation].map((time) => time.toFixed(3)).join("/");
		const failed = errors === 0 ? "" : `+${errors} errors, `;
		return `\n--- ${host} ping statistics ---\n${sent} packets transmitted, ${times.length} received, ${failed}${lossOf(counts)}% packet loss, time ${elapsedMs}ms\n${times.length === 0 ? "\n" : `rtt min/avg/max/mdev = ${trips} ms\n`}`;
	},
	unknownHost: (host, error) => `ping: ${host}: ${error.code === "EAI_AGAIN" ? error.message : "Name or service not known"}\n`,
	unknownHostCode: 2,
	patienceMs: 10_000,
};

function pingProgram(style: Style): Program {
	return async (context) => {
		const { flags, values, operands } = parseOptions(context.argv.slice(1), "c:W:w:i:s:I:t:M:q46nv");
		const [host] = operands;
		if (host === undefined) {
			await writeText(context.stderr, "ping: usage error: Destination address required\n");
			return style.unknownHostCode;
		}
		const number = (letter: string, fallback: number) => {
			const value = Number(values.get(letter) ?? fallback);
			return Number.isFinite(value) && value > 0 ? value : fallback;
		};
		try {
			const address = isIpv4(host) ? host : ((await context.machine.network.resolve(host))[0] ?? host);
			return await pingAll(context, style, {
				host,
				address,
				count: number("c", Number.POSITIVE_INFINITY),
				intervalMs: number("i", 1) * 1000,
				deadlineMs: number("w", Number.POSITIVE_INFINITY) * 1000,
				patienceMs: number("W", style.patienceMs / 1000) * 1000,
				bytes: Number(values.get("s") ?? defaultBytes) || 0,
				quiet: flags.has("q"),
			});
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			await writeText(context.stderr, style.unknownHost(host, error));
			return style.unknownHostCode;
		}
	};
}

interface PingPlan {
	readonly host: string;
	readonly address: string;
	readonly count: number;
	readonly intervalMs: number;
	readonly deadlineMs: number;
	readonly patienceMs: number;
	readonly bytes: number;
	readonly quiet: boolean;
}

async function pingAll(context: ProcessContext, style: Style, plan: PingPlan): Promise<number> {
	const { machine, process, stdout } = context;
	const { clock, random, network } = machine;
	const { host, address, count, bytes } = plan;
	const stop = new AbortController();
	process.onSignal("INT", () => stop.abort());
	process.ended.addEventListener("abort", () => stop.abort(), { once: true });
	const wait = (ms: number) => sleep(clock, ms, stop.signal).catch(() => undefined);
	await writeText(stdout, style.head(host, address, bytes));
	const startMs = clock.now();
	const endMs = startMs + plan.deadlineMs;
	const times: number[] = [];
	let [sent, errors, lastSentMs] = [0, 0, startMs];
	while (sent < count && !stop.signal.aborted && clock.now() < endMs) {
		const answer = await network.ping(address);
		lastSentMs = clock.now();
		const sequence = sent++;
		if (answer.type === "reply") times.push(roundTripMs(answer, random.next()));
		if (answer.type === "unreachable") errors++;
		if (!plan.quiet) await writeText(stdout, lineFor(style, plan, answer, sequence, times.at(-1) ?? 0));
		const isLast = sent >= count;
		if (!isLast) await wait(Math.min(plan.intervalMs, endMs - clock.now()));
		else if (answer.type !== "reply") await wait(Math.min(plan.patienceMs, endMs - clock.now()));
	}
	await writeText(stdout, style.summary({ host, sent, times, errors, elapsedMs: lastSentMs - startMs }));
	return times.length > 0 ? 0 : 1;
}

function lineFor(style: Style, { address, bytes }: PingPlan, answer: PingAnswer, sequence: number, ms: number): string {
	if (answer.type === "reply") return style.reply(bytes + 8, address, sequence, answer.ttl, ms.toFixed(3));
	return answer.type === "unreachable" ? style.unreachable(answer.from, sequence) : "";
}

/** @param luck from 0 to 1 */
function roundTripMs({ ttl }: { readonly ttl: number }, luck: number): number {
	return baseMs + (fullHopLimit - ttl) * hopMs + luck * spreadMs;
}

export const ping = pingProgram(busybox);
export const iputilsPing = pingProgram(iputils);
