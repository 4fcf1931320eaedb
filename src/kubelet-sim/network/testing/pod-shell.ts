/** A shell in a pod of a network fixture, with the commands of an image: for tests of what they print. */
import { SeededRandom } from "../../../apimachinery/random.ts";
import { Collector, emptyInput, FileSystem, findCommand, Machine, putFile, Tree } from "../../../host/index.ts";
import { hostsFile, podDns, podHostname, resolvConf } from "../../container/network-files.ts";
import type { Image } from "../../images/image.ts";
import type { PodNetwork } from "../pod-network.ts";
import type { NetworkFixture } from "./network-fixture.ts";

export interface Ran {
	readonly stdout: string;
	readonly stderr: string;
	readonly exitCode: number;
	/** Cluster time that it took. */
	readonly ms: number;
}

export class PodShell {
	readonly machine: Machine;
	readonly #fixture: NetworkFixture;

	constructor(fixture: NetworkFixture, network: PodNetwork, image: Image) {
		this.#fixture = fixture;
		const { clock } = fixture;
		const tree = new Tree({ clock, lower: image.files() });
		const pod = network.owner?.pod ?? { metadata: { name: network.node.name }, spec: { containers: [], hostNetwork: true } };
		const hostname = podHostname(pod, network.node.name);
		putFile(tree, "/etc/hosts", hostsFile({ pod, podIp: network.address, hostname }));
		putFile(tree, "/etc/resolv.conf", resolvConf(podDns(pod, "10.96.0.10")));
		this.machine = new Machine({
			hostname,
			clock,
			random: new SeededRandom(1),
			openFileSystem: () => new FileSystem(tree),
			findProgram: findCommand,
			network,
		});
		// Takes pid 1, which does not heed signals.
		this.machine.run((context) => context.process.exited.then(() => 0), this.#options(["init"], new Collector(), new Collector()));
	}

	start(script: string) {
		const [stdout, stderr] = [new Collector(), new Collector()];
		return { process: this.machine.spawn(this.#options(["sh", "-c", script], stdout, stderr)), stdout, stderr };
	}

	/** Runs a script to its end, moving the clock as far as that takes. */
	async run(script: string): Promise<Ran> {
		const { clock } = this.#fixture;
		const startMs = clock.now();
		const { process, stdout, stderr } = this.start(script);
		// Loading code is real I/O, which the virtual clock does not wait for.
		for (let turn = 0; process.exit === undefined && turn < 2000; turn++) {
			await clock.advanceUntil(() => process.exit !== undefined, 3_600_000);
		}
		const { exitCode } = await process.exited;
		return { stdout: stdout.text(), stderr: stderr.text(), exitCode, ms: clock.now() - startMs };
	}

	/** What it prints, and its exit code if that is not 0. */
	async print(script: string): Promise<string> {
		const { stdout, stderr, exitCode } = await this.run(script);
		return `${stdout}${stderr}${exitCode === 0 ? "" : `exit ${exitCode}`}`;
	}

	#options(argv: readonly string[], stdout: Collector, stderr: Collector) {
		const env = new Map([["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]]);
		return { argv, env, cwd: "/", stdin: emptyInput, stdout, stderr };
	}
}
