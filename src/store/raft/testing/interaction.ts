/**
 * A group of members played by hand, for the scenarios in testdata/: each command does one thing and returns what
 * happened, in words. All checkers of the paper's properties watch.
 *
 *     group 1 2 3 [joiners=4] [prevote=no] [checkquorum=no]   founding members, and others who know nothing yet;
 *           [entries=single]                                  one entry a message
 *     member 1 terms=1,1,4 term=7                             the log of a founding member, by its entries' terms
 *     campaign 1 | tick 1,2 5 | propose 1 x | read 1 r1 | transfer 1 2 | change 1 +4 ~5 -2 [jointExplicit] | change 1 leave
 *     ready 1,2      do what the members ask for; messages wait in the network
 *     deliver 2 [3]  hand over what waits for a member (from that one)
 *     run [quiet]    ready and deliver until nothing happens; quiet leaves messages out
 *     lose 1>2 1>3 | cut 1 2 > 3 | cut 1 | 2 3 | heal         messages lost; links cut for good
 *     hold 1 | sync 1                                         a disk that does not finish its writes, until it does
 *     crash 1 | start 1                                       without what was not synced or delivered
 *     compact 1 | report 1 2 arrived | status | log 1
 *
 * Election timeouts: member n draws 10 + n - 1 ticks.
 */
import { describeEntry, describeMessage } from "../describe.ts";
import type { Entry, Snapshot } from "../entry.ts";
import { type ConfigChange, type MemberId, membershipOf, type SingleChange } from "../membership.ts";
import { bootstrapSnapshot, emptySnapshot, MemoryStorage } from "../memory-storage.ts";
import type { Message } from "../message.ts";
import { RaftNode } from "../node.ts";
import type { RaftOptions } from "../options.ts";
import type { Ready } from "../ready.ts";
import { describeMembership } from "../reconfigure.ts";
import { Checkers } from "./checkers.ts";

interface Player {
	readonly id: MemberId;
	readonly storage: MemoryStorage;
	node: RaftNode | undefined;
	/** The write that is under way while the disk is held. */
	held: Ready | undefined;
	holding: boolean;
}

export class Interaction {
	readonly #players = new Map<MemberId, Player>();
	readonly #checkers = new Checkers();
	#network: Message[] = [];
	readonly #cut = new Set<string>();
	#options: Pick<RaftOptions, "preVote" | "checkQuorum" | "limits"> = {};
	#lines: string[] = [];
	#quiet = false;

	/** Returns what happened. */
	execute(command: string): string {
		this.#lines = [];
		const [verb = "", ...words] = command.split(/\s+/);
		this.#quiet = words.includes("quiet");
		const args = words.filter((word) => word !== "quiet");
		try {
			this.#dispatch(verb, args);
		} catch (error) {
			this.#lines.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
		}
		return this.#lines.length === 0 ? "ok" : this.#lines.join("\n");
	}

	#dispatch(verb: string, args: readonly string[]): void {
		const [first = "", second = "", third = ""] = args;
		switch (verb) {
			case "group":
				this.#group(args);
				return;
			case "member":
				this.#member(first, second, third);
				return;
			case "campaign":
				this.#node(first).campaign();
				return;
			case "tick":
				for (let tick = 0; tick < Number(second || 1); tick++) for (const id of first.split(",")) this.#node(id).tick();
				return;
			case "propose":
				this.#say(this.#node(first).propose(Buffer.from(second)));
				return;
			case "read":
				this.#say(this.#node(first).readIndex(second));
				return;
			case "transfer":
				this.#say(this.#node(first).transferLeadership(second));
				return;
			case "change":
				this.#say(this.#node(first).proposeChange(parseChange(args.slice(1))));
				return;
			case "ready":
				for (const id of first.split(",")) this.#ready(this.#player(id));
				return;
			case "deliver":
				for (const id of first.split(",")) this.#deliver(id, second);
				return;
			case "run":
				this.#run();
				return;
			case "lose":
				this.#network = this.#network.filter(({ from, to }) => !args.includes(`${from}>${to}`));
				return;
			case "cut":
				this.#cutLinks(args);
				return;
			case "heal":
				this.#cut.clear();
				return;
			case "hold":
				this.#player(first).holding = true;
				return;
			case "sync":
				this.#player(first).holding = false;
				this.#finishWrite(this.#player(first));
				return;
			case "crash":
				this.#crash(this.#player(first));
				return;
			case "start":
				this.#start(this.#player(first));
				return;
			case "compact":
				this.#compact(this.#player(first));
				return;
			case "report":
				this.#node(first).reportSnapshot(second, third === "arrived" ? "arrived" : "failed");
				return;
			case "status":
				for (const player of this.#players.values()) this.#status(player);
				return;
			case "log":
				this.#log(this.#player(first));
				return;
			default:
				throw new Error(`unknown command ${verb}`);
		}
	}

	#group(args: readonly string[]): void {
		const ids = args.filter((word) => !word.includes("="));
		const joiners = option(args, "joiners")?.split(",") ?? [];
		this.#options = {
			preVote: option(args, "prevote") !== "no",
			checkQuorum: option(args, "checkquorum") !== "no",
			limits: option(args, "entries") === "single" ? { maxMessageBytes: 1 } : {},
		};
		const bootstrap = bootstrapSnapshot(membershipOf(ids));
		for (const id of ids) this.#add(id, bootstrap);
		for (const id of joiners) this.#add(id, emptySnapshot);
	}

	#add(id: MemberId, snapshot: Snapshot): void {
		const player: Player = { id, storage: new MemoryStorage(snapshot), node: undefined, held: undefined, holding: false };
		this.#players.set(id, player);
		this.#start(player);
	}

	/** Gives a member a log, before anything happens. Index 1 is the founding one. */
	#member(id: MemberId, termsText: string, termText: string): void {
		const terms = (option([termsText], "terms") ?? "").split(",").map(Number);
		const entries = terms.slice(1).map((term, i): Entry => ({ type: "normal", term, index: i + 2, data: Buffer.from(`${term}.${i + 2}`) }));
		const term = Number(option([termText], "term") ?? terms.at(-1));
		const player = this.#player(id);
		player.storage.save({ snapshot: undefined, entries, hardState: { term, vote: undefined, commit: 1 } });
		player.node = undefined;
		this.#start(player);
	}

	#start(player: Player): void {
		if (player.node !== undefined) throw new Error(`${player.id} runs`);
		const { id, storage } = player;
		const draw = Number(id) - 1;
		const random = { next: () => 0, int: (bound: number) => draw % bound, uuid: () => "", suffix: () => "", fork: () => random };
		player.node = new RaftNode({ id, storage, random, ...this.#options, trace: (line) => this.#lines.push(line) });
		this.#checkers.onStart(player.node);
	}

	#crash(player: Player): void {
		player.node = undefined;
		player.held = undefined;
		player.holding = false;
		this.#network = this.#network.filter(({ from, to }) => from !== player.id && to !== player.id);
	}

	/** Works off what the member asks for. Returns whether there was anything. */
	#ready(player: Player): boolean {
		const { node } = player;
		let any = false;
		for (let ready = node?.ready(); node !== undefined && ready !== undefined; ready = node.ready()) {
			any = true;
			this.#checkers.onReady(node, ready);
			for (const message of ready.messages) this.#send(message);
			for (const entry of ready.committedEntries) this.#lines.push(`${player.id} applies ${describeEntry(entry)}`);
			for (const { context, index } of ready.readStates) this.#lines.push(`${player.id} may read ${context} at ${index}`);
			if (!ready.mustSync) {
				player.storage.save({ hardState: ready.hardState, snapshot: undefined, entries: [] });
				continue;
			}
			player.held = ready;
			if (!player.holding) this.#finishWrite(player);
		}
		return any;
	}

	#finishWrite(player: Player): void {
		const { held } = player;
		if (held === undefined) return;
		player.held = undefined;
		player.storage.save(held);
		for (const message of held.messagesAfterSync) this.#send(message);
		player.node?.advance(held);
	}

	#send(message: Message): void {
		this.#checkers.onSend(message);
		const lost = this.#cut.has(`${message.from}>${message.to}`);
		if (!this.#quiet) this.#lines.push(`  ${describeMessage(message)}${lost ? " (lost)" : ""}`);
		if (!lost) this.#network.push(message);
	}

	#deliver(to: MemberId, from: string): boolean {
		const due = this.#network.filter((message) => message.to === to && (from === "" || message.from === from));
		this.#network = this.#network.filter((message) => !due.includes(message));
		for (const message of due) this.#player(to).node?.step(message);
		return due.length > 0;
	}

	#run(): void {
		for (let busy = true; busy; ) {
			busy = false;
			for (const player of this.#players.values()) if (this.#ready(player)) busy = true;
			for (const { id } of this.#players.values()) if (this.#deliver(id, "")) busy = true;
		}
	}

	#cutLinks(args: readonly string[]): void {
		const oneWay = args.includes(">");
		const bar = args.findIndex((word) => word === "|" || word === ">");
		for (const a of args.slice(0, bar))
			for (const b of args.slice(bar + 1)) {
				this.#cut.add(`${a}>${b}`);
				if (!oneWay) this.#cut.add(`${b}>${a}`);
			}
	}

	#compact(player: Player): void {
		const { applied, membership } = this.#node(player.id).status();
		const term = this.#node(player.id).termAt(applied) ?? 0;
		player.storage.setSnapshot({ metadata: { index: applied, term, membership }, data: new Uint8Array() });
		player.storage.compact(applied);
		this.#lines.push(`${player.id} has a snapshot at ${term}/${applied}`);
	}

	#status({ id, node }: Player): void {
		if (node === undefined) {
			this.#lines.push(`${id} is down`);
			return;
		}
		const { role, term, vote, leader, commit, last, progress, membership } = node.status();
		this.#lines.push(
			`${id} ${role} term ${term} vote ${vote ?? "-"} leader ${leader ?? "-"} last ${last.term}/${last.index} commit ${commit}; ${describeMembership(membership)}`,
		);
		for (const [member, { state, match, next }] of progress)
			if (member !== id) this.#lines.push(`  ${member} ${state} match ${match} next ${next}`);
	}

	/** The terms of its entries, as the paper's figures show them. */
	#log({ id, node }: Player): void {
		const { firstIndex, last, commit } = this.#node(id).status();
		const terms: string[] = [];
		for (let index = firstIndex; index <= last.index; index++) terms.push(String(node?.termAt(index)));
		this.#lines.push(`${id} has from ${firstIndex}: ${terms.join(" ")}, commit ${commit}`);
	}

	#player(id: MemberId): Player {
		const player = this.#players.get(id);
		if (player === undefined) throw new Error(`no member ${id}`);
		return player;
	}

	#node(id: MemberId): RaftNode {
		const { node } = this.#player(id);
		if (node === undefined) throw new Error(`${id} is down`);
		return node;
	}

	#say(result: {
		readonly status: string;
		readonly message?: string;
		readonly to?: MemberId;
		readonly position?: { term: number; index: number };
	}): void {
		const { status, message, to, position } = result;
		const what = message ?? (to !== undefined ? `to ${to}` : position !== undefined ? `${position.term}/${position.index}` : "");
		this.#lines.push(what === "" ? status : `${status}: ${what}`);
	}
}

function option(words: readonly string[], name: string): string | undefined {
	return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

function parseChange(words: readonly string[]): ConfigChange {
	if (words[0] === "leave") return { type: "leave" };
	const types = { "+": "addVoter", "~": "addLearner", "-": "remove" } as const;
	const changes = words.flatMap((word): SingleChange[] => {
		const sign = word.charAt(0);
		return sign === "+" || sign === "~" || sign === "-" ? [{ type: types[sign], id: word.slice(1) }] : [];
	});
	const transition = words.includes("jointExplicit") ? "jointExplicit" : words.includes("jointImplicit") ? "jointImplicit" : "auto";
	return { type: "change", transition, changes, context: new Uint8Array() };
}
