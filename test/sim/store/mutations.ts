/** Defects of a member, each of which breaks one promise: `mutations-main.ts` looks whether the simulation notices them. */
import type { Mutation } from "../world/mutated-copy.ts";

export const mutations: readonly Mutation[] = [
	{
		name: "answers do not wait for the log's sync",
		file: "replica/replica.ts",
		from: "await this.#log.save({ hardState, snapshot, entries }, true);\n\t\t\tfor",
		to: "void this.#log.save({ hardState, snapshot, entries }, true).catch(() => undefined);\n\t\t\t\tawait Promise.resolve();\n\t\t\tfor",
	},
	{
		name: "a linearizable read does not wait for the barrier",
		file: "member-store.ts",
		from: "if (request.serializable !== true) await this.#sequencer.readBarrier();",
		to: "",
	},
	{
		name: "the engine forgets the position of what it has",
		file: "group-commit.ts",
		from: "this.#backend.write(mutations, position) : undefined;",
		to: "this.#backend.write(mutations, mutations.length % 3 === 1 ? undefined : position) : undefined;",
	},
	{
		name: "the log is compacted beyond what the engine has flushed",
		file: "replica/log-compactor.ts",
		from: "\t\tawait machine().flush();\n",
		to: "",
	},
	{
		name: "after a failover the last revision is told twice",
		file: "local/failover-store.ts",
		from: "watcher.nextRevision = revision + 1;",
		to: "watcher.nextRevision = revision;",
	},
	{
		name: "after a failover a revision is left out",
		file: "local/failover-store.ts",
		from: "{ ...watcher.request, startRevision: watcher.nextRevision }",
		to: "{ ...watcher.request, startRevision: watcher.nextRevision + (watcher.nextRevision > 9 ? 1 : 0) }",
	},
	{
		name: "a write is asked again though it may have happened",
		file: "local/failover-store.ts",
		from: "error instanceof StoreClosedError);\n\t}",
		to: "isGone(error));\n\t}",
	},
	{
		name: "a proposal is put forward again whenever somebody else leads",
		file: "replica/proposal-table.ts",
		from: "for (const sequence of [...this.#unsent]) {",
		to: "for (const sequence of [...this.#all.keys()]) {",
	},
	{
		name: "the timers of leases go on at a member that does not lead any more",
		file: "lessor.ts",
		from: "\t\tthis.#timers.stopAll();\n\t\tthis.#isPrimary = isPrimary;",
		to: "\t\tif (isPrimary) this.#timers.stopAll();\n\t\tthis.#isPrimary = true;",
	},
	{
		name: "a leader keeps leases alive without asking whether it still leads",
		file: "member-store.ts",
		from: "\t\tawait this.#sequencer.readBarrier();\n\t\tthis.#checkPrimary();\n",
		to: "",
	},
	{
		name: "a new leader does not start the timers of leases",
		file: "lessor.ts",
		from: "if (isPrimary) for (const lease of this.#leases().all()) this.#timers.start(lease.id, lease.ttlSeconds);",
		to: "",
	},
	{
		name: "a revocation that failed is not tried again",
		file: "member-store.ts",
		from: "await sleep(this.#clock, revokeRetryMs);",
		to: "return;",
	},
	{
		name: "watches do not outlive the installation of a snapshot",
		file: "state-machine.ts",
		from: "machine.#watches.takeOver(this.#watches);",
		to: "this.#watches.end();",
	},
	{
		name: "reads do not wait for a snapshot that is installed",
		file: "state-machine.ts",
		from: "if (this.#successor !== undefined) return (await this.#successor).range(request);",
		to: "",
	},
	{
		name: "a snapshot that the engine has is not made known to the log",
		file: "replica/member-storage.ts",
		from: "if (metadata === undefined) return;",
		to: "if (metadata !== undefined || log.lastIndex() < 0) return;",
	},
	{
		name: "what waits for a leader is not proposed when there is one",
		file: "replica/replica.ts",
		from: "if (this.#softState.leader !== undefined) this.#proposals.retry();",
		to: "",
	},
	{
		name: "a refused command is applied again after a restart",
		file: "state-machine.ts",
		from: "if (position !== undefined) this.#keepPosition(position);",
		to: "",
	},
	{
		name: "a read at a member sees what is not kept yet",
		file: "state-machine.ts",
		from: "const now = this.revision;\n\t\tthis.state.checkReadable(request.revision, now);\n\t\tconst plan",
		to: "const now = this.state.revision;\n\t\tthis.state.checkReadable(request.revision, now);\n\t\tconst plan",
	},
];
