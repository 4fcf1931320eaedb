/** How somebody sees the table of processes: from which PID and cgroup namespace. */
import type { Hardware } from "../kernel.ts";
import type { Machine } from "../machine.ts";
import type { Process } from "../process.ts";
import type { OutputStream } from "../stream.ts";
import type { FileCaller } from "../vfs/inode.ts";

/** What a machine has of which nobody says more. */
const usualHardware = { cores: 4, memoryBytes: 8_331_714_560, usedMemoryBytes: 927_248_384, cpuMs: 0, load: 0.08, bootMs: 0, bootId: "" };

export class ProcView {
	readonly #machine: Machine;
	/** When somebody first looked: the boot of a machine of which nothing is known, Unix ms. */
	readonly #sinceMs: number;
	readonly #outputs: ((process: Process, descriptor: 1 | 2) => OutputStream | undefined) | undefined;
	/** Who looked last, for the state that it sees of itself. */
	#looker: number | undefined;

	/** @param outputs where a process's descriptors 1 and 2 lead, if others may write there */
	constructor(machine: Machine, outputs?: (process: Process, descriptor: 1 | 2) => OutputStream | undefined) {
		this.#machine = machine;
		this.#sinceMs = machine.clock.now();
		this.#outputs = outputs;
	}

	/** It is the node's own: what it shows has not been mapped into a container. */
	get isNode(): boolean {
		return this.#machine.procNamespace.isRoot;
	}

	get machine(): Machine {
		return this.#machine;
	}

	hardware(): Hardware {
		return this.#machine.kernel.hardware?.() ?? { ...usualHardware, bootMs: this.#sinceMs };
	}

	processes(): readonly Process[] {
		return this.#machine.processes();
	}

	pidOf(process: Process): number {
		return this.#machine.procNamespace.pidOf(process);
	}

	/** 0 if it has none that can be seen from here. */
	parentPidOf(process: Process): number {
		const { parent } = process;
		if (parent === undefined) return 0;
		if (parent.exit === undefined) return this.pidOf(parent);
		// Who is left over belongs to the first process.
		return process.pid === 1 ? 0 : 1;
	}

	/** The process that asks. */
	self(caller: FileCaller | undefined): Process | undefined {
		this.#looker = caller?.hostPid;
		return caller === undefined ? undefined : this.processes().find(({ hostPid }) => hostPid === caller.hostPid);
	}

	/** Whoever looks runs. */
	stateOf(process: Process): Process["state"] {
		return process.hostPid === this.#looker ? "R" : process.state;
	}

	/** The lines of /proc/PID/cgroup, each from the root of the viewer's cgroup namespace. */
	cgroups(process: Process): string {
		const { kernel } = this.#machine;
		// In version 2 there is nothing to look up.
		if (kernel.cgroupVersion === 2 && kernel.cgroups === undefined) return `0::${this.#seenCgroup(process.cgroup)}\n`;
		return kernel.lookAtCgroups()?.membership(process, (path) => this.#seenCgroup(path)) ?? "";
	}

	#seenCgroup(cgroup: string): string {
		const root = this.#machine.namespaceKeys.cgroup === undefined ? "/" : (this.#machine.facts?.cgroup ?? "/");
		if (root === "/") return cgroup;
		if (cgroup === root) return "/";
		if (cgroup.startsWith(`${root}/`)) return cgroup.slice(root.length);
		return `${"/..".repeat(root.split("/").length - 1)}${cgroup}`;
	}

	outputOf(process: Process, descriptor: 1 | 2): OutputStream | undefined {
		return this.#outputs?.(process, descriptor);
	}
}
