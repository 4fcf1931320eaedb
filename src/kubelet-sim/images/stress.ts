/**
 * Programs that do nothing but use resources, as the documentation's tasks about requests and limits run them:
 *  - polinux/stress: `stress --cpu N`, `--vm N --vm-bytes 150M`, `--timeout N`;
 *  - vish/stress: `stress -cpus N -mem-total 100Mi`.
 * Memory beyond the container's limit gets the program killed, as the kernel does it. What else they can do is not simulated.
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/assign-cpu-resource/ and …/assign-memory-resource/
 */
import { QuantityError, quantityToNumber } from "../../apimachinery/quantity.ts";
import { type ProcessContext, type Program, writeText } from "../../host/index.ts";
import { alpine, busyboxFiles } from "./base.ts";
import { type Image, once } from "./image.ts";

/** How long a burst of work is: counters move in such steps. */
const burstMs = 500;
/** Of `--vm-bytes`, if nobody says. */
const defaultVmBytes = 256 * 1024 * 1024;

interface Wanted {
	/** Threads that compute. */
	readonly cpus: number;
	readonly memoryBytes: number;
	/** Ms; infinity: until it is killed. */
	readonly timeoutMs: number;
}

async function use({ machine, process }: ProcessContext, { cpus, memoryBytes, timeoutMs }: Wanted): Promise<number> {
	const endMs = machine.clock.now() + timeoutMs;
	machine.takenMemoryBytes += memoryBytes;
	if (machine.takenMemoryBytes > machine.memoryLimitBytes) {
		process.killForMemory();
		return 137;
	}
	const threads = Array.from({ length: cpus }, async () => {
		while (process.exit === undefined && machine.clock.now() < endMs) await machine.cpu.run(burstMs, process.ended);
	});
	await Promise.all(threads);
	if (cpus === 0 && timeoutMs === Number.POSITIVE_INFINITY) await process.exited;
	machine.takenMemoryBytes -= memoryBytes;
	return 0;
}

/** `1G`, `150M`, `512k`: stress counts in powers of 1024. */
function stressBytes(text: string): number {
	const [, number = "0", unit = ""] = /^(\d+)([bkmg]?)$/i.exec(text) ?? [];
	return Number(number) * 1024 ** Math.max(0, "bkmg".indexOf(unit.toLowerCase() || "b"));
}

function stressSeconds(text: string): number {
	const [, number = "0", unit = "s"] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
	return Number(number) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 1);
}

const stress: Program = async (context) => {
	const args = context.argv.slice(1);
	const argumentOf = (...names: readonly string[]) => {
		const at = args.findIndex((word) => names.includes(word));
		return at === -1 ? undefined : args[at + 1];
	};
	const count = (...names: readonly string[]) => Math.max(0, Number.parseInt(argumentOf(...names) ?? "0", 10) || 0);
	const cpus = count("-c", "--cpu");
	const workers = count("-m", "--vm");
	const timeout = argumentOf("-t", "--timeout");
	const others = count("-i", "--io") + count("-d", "--hdd");
	if (cpus + workers + others === 0) {
		await writeText(
			context.stdout,
			"`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ...\n",
		);
		return 0;
	}
	await writeText(
		context.stdout,
		`stress: info: [1] dispatching hogs: ${cpus} cpu, ${count("-i", "--io")} io, ${workers} vm, ${count("-d", "--hdd")} hdd\n`,
	);
	const bytes = argumentOf("--vm-bytes");
	// With --vm-hang a worker holds its memory and sleeps; without, it writes it all the time.
	const hangs = args.includes("--vm-hang") || args.includes("--vm-keep");
	return use(context, {
		cpus: cpus + (hangs ? 0 : workers),
		memoryBytes: workers * (bytes === undefined ? defaultVmBytes : stressBytes(bytes)),
		timeoutMs: timeout === undefined ? Number.POSITIVE_INFINITY : stressSeconds(timeout) * 1000,
	});
};

/** Go's flags: `-cpus 2` or `-cpus=2`. */
const vishStress: Program = async (context) => {
	const words = context.argv.slice(1).flatMap((word) => word.split("="));
	const argumentOf = (name: string) => words[words.findIndex((word) => word.replace(/^--?/, "") === name && word.startsWith("-")) + 1];
	const isSet = (name: string) => words.some((word) => word.startsWith("-") && word.replace(/^--?/, "") === name);
	const cpus = isSet("cpus") ? Math.max(0, Number.parseInt(argumentOf("cpus") ?? "0", 10) || 0) : 0;
	let memoryBytes = 0;
	try {
		memoryBytes = isSet("mem-total") ? quantityToNumber(argumentOf("mem-total") ?? "0") : 0;
	} catch (error) {
		if (!(error instanceof QuantityError)) throw error;
		await writeText(context.stderr, `Failed to parse memory limit: ${error.message}\n`);
		return 255;
	}
	await writeText(
		context.stderr,
		`Allocating "${memoryBytes}" memory, in "4Ki" chunks, with a 1ms sleep between allocations\n${"Spawning a thread to consume CPU\n".repeat(cpus)}`,
	);
	return use(context, { cpus, memoryBytes, timeoutMs: Number.POSITIVE_INFINITY });
};

export const stressImage: Image = {
	repositories: ["docker.io/polinux/stress", "docker.io/progrium/stress"],
	sizeBytes: 4_041_495,
	config: { cmd: ["stress"], workingDir: "/" },
	files: once(() => alpine().program("/usr/local/bin/stress", "stress").build()),
	programs: { stress },
};

export const vishStressImage: Image = {
	repositories: ["docker.io/vish/stress"],
	sizeBytes: 1_558_791,
	config: { entrypoint: ["/stress"], workingDir: "/" },
	files: once(() => busyboxFiles().program("/stress", "stress").build()),
	programs: { stress: vishStress },
};
