/** A machine for tests: all commands, a virtual clock, no network but loopback. */
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { commandNames, findCommand } from "../commands/index.ts";
import { Machine } from "../machine.ts";
import { LoopbackNetwork } from "../net/network.ts";
import { Collector, inputOf } from "../stream.ts";
import { FileSystem } from "../vfs/file-system.ts";
import { putInode, Tree } from "../vfs/tree.ts";
import { TreeBuilder } from "../vfs/tree-builder.ts";

const testTree = new TreeBuilder(Date.UTC(2025, 0, 1))
	.programs("/bin", commandNames)
	.program("/bin/sh", "ash")
	.program("/bin/bash", "bash")
	.directory("/tmp", 0o1777)
	.directory("/root", 0o700)
	.file("/etc/hostname", "web\n")
	.build();

export interface RunResult {
	readonly stdout: string;
	readonly stderr: string;
	readonly exitCode: number;
}

export class TestMachine {
	readonly clock = new VirtualClock();
	readonly machine: Machine;
	readonly env = new Map([
		["PATH", "/bin"],
		["HOME", "/root"],
	]);

	constructor(options: { readonly maxProcesses?: number } = {}) {
		const tree = new Tree({ clock: this.clock, lower: testTree });
		for (const device of ["null", "zero"] as const) {
			putInode(tree, `/dev/${device}`, { type: "device", device, ino: 3, frozen: true, mode: 0o666, uid: 0, gid: 0, mtimeMs: 0 });
		}
		this.machine = new Machine({
			...options,
			hostname: "web",
			clock: this.clock,
			random: new SeededRandom(1),
			openFileSystem: () => new FileSystem(tree),
			findProgram: findCommand,
			network: new LoopbackNetwork("10.244.0.2"),
		});
		// Takes pid 1, which does not heed signals.
		this.machine.run((context) => context.process.exited.then(() => 0), this.#spawnOptions(["init"], new Collector(), new Collector(), ""));
	}

	start(argv: readonly string[], input = "") {
		const stdout = new Collector();
		const stderr = new Collector();
		const process = this.machine.spawn(this.#spawnOptions(argv, stdout, stderr, input));
		return { process, stdout, stderr };
	}

	/** Runs a command to its end, moving the clock as far as that takes. */
	async run(argv: readonly string[], input = ""): Promise<RunResult> {
		const { process, stdout, stderr } = this.start(argv, input);
		const running = process.exited;
		// Loading code is real I/O, which the virtual clock does not wait for.
		for (let turn = 0; process.exit === undefined && turn < 2000; turn++) {
			await this.clock.advanceUntil(() => process.exit !== undefined, 86_400_000);
		}
		const { exitCode } = await running;
		return { stdout: stdout.text(), stderr: stderr.text(), exitCode };
	}

	sh(script: string, input = ""): Promise<RunResult> {
		return this.run(["sh", "-c", script], input);
	}

	#spawnOptions(argv: readonly string[], stdout: Collector, stderr: Collector, input: string) {
		return { argv, env: this.env, cwd: "/", stdin: inputOf(Buffer.from(input)), stdout, stderr };
	}
}
