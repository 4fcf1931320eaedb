import { beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import { newServiceUnavailable } from "../apimachinery/status-error.ts";
import { Client } from "./client.ts";
import { LeaderElector } from "./leader-election.ts";
import { leases } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";
import type { Transport } from "./transport.ts";

let clock: VirtualClock;
let api: FakeApi;
let story: string[];

beforeEach(() => {
	clock = new VirtualClock();
	api = new FakeApi({ clock, random: new SeededRandom("api") });
	story = [];
});

function candidate(identity: string, transport: Transport = api, crash?: AbortSignal): AbortController {
	const stop = new AbortController();
	const lead = (signal: AbortSignal) =>
		new Promise<void>((resolve) => {
			story.push(`${identity} leads`);
			signal.addEventListener("abort", () => {
				story.push(`${identity} stops`);
				resolve();
			});
		});
	const random = new SeededRandom(identity);
	const client = new Client(transport);
	const ends = { signal: stop.signal, ...(crash === undefined ? {} : { crash }) };
	const elector = new LeaderElector({ client, clock, random, namespace: "kube-system", name: "lock", identity, lead, ...ends });
	void elector.run();
	return stop;
}

async function lease() {
	return (await new Client(api).resource(leases).get({ namespace: "kube-system", name: "lock" })).spec;
}

test("one leads; the other takes over as soon as the Lease is given back", async () => {
	const first = candidate("a");
	await clock.advance(1_000);
	candidate("b");
	await clock.advance(60_000);
	expect(story).toEqual(["a leads"]);
	first.abort();
	await clock.advance(10_000);
	expect(story).toEqual(["a leads", "a stops", "b leads"]);
	expect([(await lease())?.holderIdentity, (await lease())?.leaseTransitions, (await lease())?.leaseDurationSeconds]).toEqual(["b", 1, 15]);
});

test("a leader that dies does not give the Lease back: the other waits until it has run out", async () => {
	const death = new AbortController();
	candidate("a", api, death.signal);
	await clock.advance(1_000);
	candidate("b");
	await clock.advance(20_000);
	death.abort();
	await clock.advance(12_000);
	expect([story, (await lease())?.holderIdentity]).toEqual([["a leads", "a stops"], "a"]);
	await clock.advance(10_000);
	expect(story).toEqual(["a leads", "a stops", "b leads"]);
});

test("a leader that cannot renew stops before the other one starts", async () => {
	let cutOff = false;
	const line: Transport = {
		request: (request) => (cutOff ? Promise.reject(newServiceUnavailable("partition")) : api.request(request)),
		watch: (request, sink) => api.watch(request, sink),
	};
	candidate("a", line);
	await clock.advance(1_000);
	candidate("b");
	await clock.advance(20_000);
	cutOff = true;
	await clock.advance(13_000);
	expect(story).toEqual(["a leads", "a stops"]);
	cutOff = false;
	await clock.advance(20_000);
	expect(story).toEqual(["a leads", "a stops", "b leads"]);
});

test("a leader whose server does not answer stops before the other one starts", async () => {
	let isDeaf = false;
	const line: Transport = {
		request: (request) => (isDeaf ? new Promise(() => undefined) : api.request(request)),
		watch: (request, sink) => api.watch(request, sink),
	};
	candidate("a", line);
	await clock.advance(1_000);
	candidate("b");
	await clock.advance(20_000);
	isDeaf = true;
	await clock.advance(12_500);
	expect(story).toEqual(["a leads", "a stops"]);
	await clock.advance(10_000);
	expect(story).toEqual(["a leads", "a stops", "b leads"]);
});
