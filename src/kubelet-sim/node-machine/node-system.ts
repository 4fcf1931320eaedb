/**
 * What runs on a node beside its pods: systemd, its services and the journal. It is made when somebody first looks at the node's
 * machine; until then the kubelet and containerd just run. From then on they run for as long as their processes do.
 *
 *   systemctl stop kubelet ──> process ends ──> kubeletStopped() ──> no heartbeats, pods as they are
 *   systemctl start kubelet ─> reads flags and files ──> kubeletStarted(configuration), or its last words and exit code 1
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { Random } from "../../apimachinery/random.ts";
import {
	aptPrograms,
	dpkg,
	type FileSystem,
	formatJournalLine,
	installSelinux,
	Journal,
	type JournalEntry,
	KernelModules,
	type Machine,
	Packages,
	type PowerAction,
	type Process,
	type ProcessContext,
	type Program,
	Selinux,
	type Slices,
	Swap,
	SystemManager,
	systemPrograms,
	writeText,
} from "../../host/index.ts";
import { type ApiOutage, outageEntries } from "./api-outage.ts";
import { factLines } from "./fact-lines.ts";
import { containerdLine, type KlogSeverity, klogLine } from "./klog.ts";
import type { KubeletStart } from "./kubelet-startup.ts";
import { loadKubeletStartup } from "./load-kubelet-startup.ts";
import type { NodeFact, NodeFacts } from "./node-facts.ts";
import { nodePackages } from "./node-packages.ts";

/** What the node does when its daemons come and go. */
export interface NodeDaemonHooks {
	/** Throws an Error that says what cannot be. */
	kubeletStarted(start: KubeletStart): void;
	kubeletStopped(): void;
	containerdStarted(): void;
	/** @param wasKilled its socket is still there, and nobody listens on it. */
	containerdStopped(wasKilled: boolean): void;
	power(action: PowerAction): void;
	/** Of its pods. */
	readonly slices: Slices;
}

export interface NodeSystemOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly machineId: string;
	readonly bootId: () => string;
	readonly osImage: string;
	readonly hooks: NodeDaemonHooks;
	/** The node's disk. */
	readonly files: () => FileSystem;
	/** What its kubelet did. */
	readonly facts: NodeFacts;
	/** Since when and why its kubelet can't reach the API: Unix ms, and the error of each request. */
	readonly apiOutage: () => ApiOutage | undefined;
	/** That the machine has mounted. */
	readonly cgroupVersion: 1 | 2;
}

/** Of what boots with the machine, as long as nobody has restarted it. */
const kubeletOomScoreAdj = -999;
const bootPids: Readonly<Record<string, number>> = {
	"systemd-journald.service": 233,
	"chrony.service": 402,
	"cron.service": 398,
	"containerd.service": 411,
	"ssh.service": 455,
	"kubelet.service": 738,
};
/** Of other enabled services. */
const firstOtherPid = 800;
/** Of a kubelet and a containerd that nobody has restarted. */
const [kubeletPid, containerdPid] = [738, 411];

export class NodeSystem {
	readonly journal: Journal;
	readonly selinux = new Selinux();
	readonly swap = new Swap();
	readonly #modules = new KernelModules();
	readonly #packages: Packages;
	readonly #options: NodeSystemOptions;
	readonly #bootIds: string[] = [];
	/** Unix ms. */
	readonly #bootTimes: number[] = [];
	#manager: SystemManager | undefined;
	#programs: ReadonlyMap<string, Program> = new Map();
	/** What runs since the machine booted is being shown as processes: nothing of it starts. */
	#isAdopting = false;
	/** Why nobody answers on containerd's socket. */
	#runtimeError: string | undefined;
	#kubeletProcess: Process | undefined;

	constructor(options: NodeSystemOptions) {
		this.#options = options;
		this.#packages = new Packages(nodePackages, options.files);
		this.journal = new Journal(options.clock, () => this.#kubeletEntries());
		options.facts.onFact = (fact) => {
			for (const entry of this.#entriesOf(fact)) this.journal.tell(entry);
		};
	}

	get manager(): SystemManager | undefined {
		return this.#manager;
	}

	program(name: string): Program | undefined {
		return this.#programs.get(name);
	}

	/**
	 * The machine is on. @param sinceMs it has been for a while, and everything that is enabled runs; absent: it boots now.
	 */
	boot(machine: Machine, sinceMs?: number): void {
		const { clock, random, hooks, machineId, bootId, osImage } = this.#options;
		const isFirst = this.#bootIds.length === 0;
		if (!isFirst) this.journal.nextBoot();
		this.#bootIds.push(bootId());
		this.#bootTimes.push(sinceMs ?? clock.now());
		this.#runtimeError = sinceMs === undefined ? "no such file or directory" : undefined;
		const manager = new SystemManager({
			machine,
			journal: this.journal,
			clock,
			random,
			onPower: (action) => hooks.power(action),
			slices: hooks.slices,
		});
		this.#manager = manager;
		const source = {
			journal: this.journal,
			bootIdOf: (boot: number) => this.#bootIds[boot] ?? "",
			entries: () => this.journal.entries(),
			follow: (follower: (entry: JournalEntry) => void) => this.journal.follow(follower),
		};
		this.#programs = new Map<string, Program>([
			...systemPrograms(manager, source, { machineId, bootId, osImage }),
			...this.selinux.programs(),
			...this.swap.programs(),
			...this.#modules.programs(),
			...aptPrograms(this.#packages),
			["dpkg", dpkg(this.#packages)],
			["dpkg-query", dpkg(this.#packages)],
			["kubelet", (context) => this.#kubelet(context)],
			["containerd", (context) => this.#containerd(context)],
			["daemon", (context) => this.#daemon(context)],
		]);
		this.#sayBoot(sinceMs ?? clock.now());
		this.selinux.boot(machine);
		this.swap.boot(machine);
		this.#modules.boot(machine);
		if (sinceMs === undefined) {
			// Nothing waits for it: what can't start is in the journal.
			void manager.boot();
			return;
		}
		this.#isAdopting = true;
		let otherPid = firstOtherPid;
		void manager.boot({ atMs: sinceMs, pidOf: (unit) => bootPids[unit] ?? otherPid++ });
		this.#isAdopting = false;
	}

	/** The machine has no power any more. */
	halt(): void {
		this.#manager?.abandon();
		this.#manager = undefined;
		this.#programs = new Map();
	}

	/** SELinux comes to the machine with a policy that lacks what runc needs: no container can label its session keyring. */
	enforceSelinux(machine: Machine): void {
		for (const name of ["selinux-utils", "policycoreutils"]) {
			const found = this.#packages.find(name);
			if (found !== undefined) this.#packages.install(found, found.versions[0] ?? "");
		}
		installSelinux(machine, this.selinux);
	}

	/** The journal as rsyslog writes it to /var/log/syslog. */
	syslog(hostname: string): string {
		return this.journal
			.entries()
			.map((entry) => `${formatJournalLine(entry, hostname)}\n`)
			.join("");
	}

	/** Puts a line of the kubelet's into the journal. */
	kubeletSays(severity: KlogSeverity, source: string, message: string, values: Readonly<Record<string, unknown>>): void {
		const nowMs = this.#options.clock.now();
		const pid = this.#kubeletPid(nowMs);
		this.journal.append({
			unit: "kubelet.service",
			identifier: "kubelet",
			pid,
			message: klogLine(severity, nowMs, pid, source, message, values),
		});
	}

	/** Of kubelet and containerd about what they did: made anew for each reader. */
	#kubeletEntries(): readonly JournalEntry[] {
		const { facts, apiOutage, clock } = this.#options;
		return [
			...facts.list().flatMap((fact) => this.#entriesOf(fact)),
			...outageEntries(apiOutage(), clock.now(), this.#kubeletPid(clock.now()), this.journal.boot),
		];
	}

	#entriesOf(fact: NodeFact): readonly JournalEntry[] {
		const { atMs } = fact;
		const pid = this.#kubeletPid(atMs);
		return factLines(fact, pid).map(({ from, priority, text }) => ({
			atMs,
			boot: this.#bootAt(atMs),
			unit: `${from}.service`,
			identifier: from,
			pid: from === "kubelet" ? pid : containerdPid,
			priority,
			message: text,
		}));
	}

	#kubeletPid(atMs: number): number {
		const process = this.#kubeletProcess;
		return process !== undefined && process.startMs <= atMs ? process.hostPid : kubeletPid;
	}

	#bootAt(atMs: number): number {
		return Math.max(
			0,
			this.#bootTimes.findLastIndex((bootMs) => bootMs <= atMs),
		);
	}

	#sayBoot(atMs: number): void {
		const say = (message: string) => this.journal.append({ atMs, unit: "", identifier: "kernel", priority: 5, message });
		say("Linux version 6.12.41+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.12.41-1 (2025-08-12)");
		say("Command line: BOOT_IMAGE=/boot/vmlinuz-6.12.41+deb13-amd64 root=/dev/vda1 ro quiet");
		this.journal.append({
			atMs,
			unit: "init.scope",
			identifier: "systemd",
			pid: 1,
			message: "systemd 257.8-1~deb13u2 running in system mode",
		});
	}

	/** A daemon of which nothing but its being there is simulated. */
	async #daemon({ process }: ProcessContext): Promise<number> {
		this.#endCleanly(process);
		this.#manager?.notifyReady(process);
		await process.exited;
		return 0;
	}

	async #containerd(context: ProcessContext): Promise<number> {
		const { process, stderr } = context;
		const { clock, hooks } = this.#options;
		const [subcommand] = context.argv.slice(1);
		if (subcommand === "--version" || subcommand === "-v") {
			await writeText(context.stdout, "containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7193e4e490e9fbdc236c0e811ccaba3376\n");
			return 0;
		}
		if (subcommand !== undefined && !subcommand.startsWith("-")) return this.#otherContainerd(context);
		if (!this.#isAdopting) {
			await writeText(
				stderr,
				`${containerdLine("info", clock.now(), "starting containerd", { revision: "75cb2b7193e4e490e9fbdc236c0e811ccaba3376", version: "v2.1.4" })}\n`,
			);
			this.#runtimeError = undefined;
			hooks.containerdStarted();
			await writeText(stderr, `${containerdLine("info", clock.now(), "containerd successfully booted in 0.1s")}\n`);
		}
		const manager = this.#manager;
		process.onSignal("TERM", () => {
			void writeText(stderr, `${containerdLine("info", clock.now(), "Stop CRI service")}\n`);
			process.finish({ exitCode: 0 });
		});
		manager?.notifyReady(process);
		const { signal } = await process.exited;
		// Not when it ends with its machine.
		if (this.#manager !== manager) return 0;
		this.#runtimeError = signal === undefined ? "no such file or directory" : "connection refused";
		hooks.containerdStopped(signal !== undefined);
		return 0;
	}

	async #otherContainerd(context: ProcessContext): Promise<number> {
		const { containerd } = await import("../runtime/tools/index.ts");
		return containerd(context);
	}

	async #kubelet(context: ProcessContext): Promise<number> {
		const { argv, process, stderr, stdout, machine } = context;
		const { clock, hooks } = this.#options;
		if (argv.includes("--version")) {
			await writeText(stdout, `Kubernetes ${kubernetesVersion}\n`);
			return 0;
		}
		if (this.#kubeletProcess !== undefined && this.#kubeletProcess.exit === undefined && !this.#isAdopting) {
			const values = { err: "listen tcp 0.0.0.0:10250: bind: address already in use" };
			await writeText(stderr, `${klogLine("E", clock.now(), process.hostPid, "server.go:237", "Failed to listen and serve", values)}\n`);
			return 1;
		}
		// What its flag --oom-score-adj has by default.
		process.setTraits({ oomScoreAdj: kubeletOomScoreAdj });
		if (!this.#isAdopting) {
			try {
				const { startKubelet, parse } = await loadKubeletStartup();
				const start = startKubelet(argv.slice(1), {
					files: machine.files,
					parse,
					runtimeError: this.#runtimeError,
					swaps: this.swap.table(),
					cgroupVersion: this.#options.cgroupVersion,
				});
				const say = (source: string, message: string, values: object) =>
					writeText(stderr, `${klogLine("I", clock.now(), process.hostPid, source, message, { ...values })}\n`);
				await say("server.go:530", "Kubelet version", { kubeletVersion: kubernetesVersion });
				await say("server.go:532", "Golang settings", { GOGC: "", GOMAXPROCS: "", GOTRACEBACK: "" });
				if (process.exit !== undefined) return 0;
				hooks.kubeletStarted(start);
				await say("kubelet.go:2415", "Starting kubelet main sync loop", {});
			} catch (error) {
				if (!(error instanceof Error)) throw error;
				await writeText(stderr, `${klogLine("E", clock.now(), process.hostPid, "run.go:72", "command failed", { err: error.message })}\n`);
				return 1;
			}
		}
		this.#kubeletProcess = process;
		this.#endCleanly(process);
		const manager = this.#manager;
		await process.exited;
		if (this.#manager === manager) hooks.kubeletStopped();
		return 0;
	}

	/** SIGTERM ends it in order. */
	#endCleanly(process: Process): void {
		process.onSignal("TERM", () => process.finish({ exitCode: 0 }));
	}
}
