/** Commands on the store. */
import { type Command, Option } from "commander";
import { integerBetween, oneOf } from "../option-values.ts";
import { examples, nameOption, outputOption } from "./common.ts";

export function addStore(program: Command): void {
	const store = program
		.command("store")
		.description("look at a cluster's store, change it and break it; or run a member of a store as a process of its own")
		.exitOverride()
		.addHelpText("after", examples("kubesim store status", 'eval "$(kubesim store env)"; etcdctl get /registry --prefix --keys-only'));
	const inspect = async () => await import("../commands/store/inspect.ts");
	const change = async () => await import("../commands/store/change.ts");
	const command = (nameAndArguments: string, description: string) =>
		store.command(nameAndArguments).description(description).addOption(nameOption());

	command("status", "tell how each member is")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeStatus(options));
	command("members", "list the members of the group")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeMembers(options));
	command("env", "print what etcdctl needs, as lines for a shell to evaluate")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeEnv(options));
	command("add", "add a member").action(async (options) => (await change()).storeAdd(options));
	command("remove <member>", "remove a member for good").action(async (member, options) => (await change()).storeRemove(member, options));
	command("move-leader <member>", "make a member lead").action(async (member, options) =>
		(await change()).storeMoveLeader(member, options),
	);
	command("compact [revision]", "drop history before a revision (default: the newest)").action(async (revision, options) =>
		(await change()).storeCompact(revision === undefined ? undefined : integerBetween(1, Number.MAX_SAFE_INTEGER)(revision), options),
	);
	command("defrag", "give room that nothing uses back to the file system").action(async (options) => (await change()).storeDefrag(options));
	command("stop <member>", "stop a member").action(async (member, options) => (await change()).storeStop(member, options));
	command("start <member>", "start a member that was stopped").action(async (member, options) =>
		(await change()).storeStart(member, options),
	);
	command("isolate <member>", "cut a member off from the others").action(async (member, options) =>
		(await change()).storeIsolate(member, options),
	);
	command("link <from> <to>", "cut, delay or thin out the link between two members")
		.option("--cut", "nothing gets through")
		.option("--delay <ms>", "everything takes so many milliseconds more", integerBetween(1, 60_000))
		.option("--drop <percent>", "so many of 100 messages are lost", integerBetween(1, 100))
		.option("--one-way", "only from the first to the second")
		.action(async (from, to, options) => (await change()).storeLink(from, to, options));
	command("heal [member]", "make all links well again, or those of one member").action(async (member, options) =>
		(await change()).storeHeal(member, options),
	);
	addSnapshotCommands(store.command("snapshot").description("save, restore or look at a snapshot").exitOverride());
	addServeMember(store);
}

/** The same under `kubesim store` as etcdctl's users look for it, and by itself. */
export function addSnapshot(program: Command): void {
	addSnapshotCommands(program.command("snapshot").description("save a cluster's objects in one file, and bring them back").exitOverride());
}

function addSnapshotCommands(snapshot: Command): void {
	const commands = async () => await import("../commands/snapshot.ts");
	snapshot
		.command("save <file>")
		.description("save a cluster's objects in one file with a checksum")
		.addOption(nameOption())
		.action(async (file, options) => (await commands()).snapshotSave(file, options));
	snapshot
		.command("restore <file>")
		.description("replace the objects of a stopped cluster by those of a file")
		.addOption(nameOption())
		.option("--members <n>", "how many members the store is to have (default: as before)", oneOf(1, 3, 5))
		.action(async (file, options) => (await commands()).snapshotRestore(file, options));
	snapshot
		.command("status <file>")
		.description("tell what is in a file, as etcdctl snapshot status does")
		.addOption(outputOption())
		.action(async (file, options) => (await commands()).snapshotStatus(file, options));
}

/** Options are etcd's. */
function addServeMember(store: Command): void {
	store
		.command("serve")
		.description("run one member of a store as a process of its own; options are etcd's")
		.option("--name <name>", "the member's name", "default")
		.option("--data-dir <dir>", "where its data go (default: NAME.etcd)")
		.option("--initial-cluster <members>", "name=URL,name=URL …: all founding members (default: this one alone)")
		.addOption(
			new Option("--initial-cluster-state <state>", "new, or existing to join a group it was added to")
				.choices(["new", "existing"])
				.default("new"),
		)
		.option("--initial-cluster-token <token>", "keeps groups apart", "etcd-cluster")
		.option("--listen-peer-urls <url>", "where it listens for the other members", "http://localhost:2380")
		.option("--initial-advertise-peer-urls <urls>", "where the others reach it (default: as --listen-peer-urls)")
		.option("--listen-client-urls <url>", "where it listens for clients", "http://localhost:2379")
		.option("--cert-file <file>", "PEM: what it shows clients")
		.option("--key-file <file>", "PEM: its key")
		.option("--trusted-ca-file <file>", "PEM: who signs clients' certificates")
		.option("--peer-cert-file <file>", "PEM: what it shows other members")
		.option("--peer-key-file <file>", "PEM: its key")
		.option("--peer-trusted-ca-file <file>", "PEM: who signs members' certificates")
		.option("--pki <dir>", "certificates as kubeadm has them, made there if they are missing; instead of the six above")
		.option("--quota-backend-bytes <bytes>", "above which nothing more is stored", integerBetween(1, Number.MAX_SAFE_INTEGER))
		.addHelpText(
			"after",
			examples(
				"kubesim store serve --name a --pki ./pki --listen-peer-urls https://127.0.0.1:2380 --listen-client-urls https://127.0.0.1:2379 \\",
				"    --initial-cluster a=https://127.0.0.1:2380,b=https://127.0.0.1:2480,c=https://127.0.0.1:2580",
			),
		)
		.action(async (options) => (await import("../commands/store/serve-member.ts")).serveStoreMember(options));
}
