/**
 * Programs that do nothing but use resources, as the documentation's tasks about requests and limits run them:
 *  - polinux/stress: `stress --cpu N`, `--vm N --vm-bytes 150M`, `--timeout N` (a command that every machine knows: host/commands/stress.ts);
 *  - vish/stress: `stress -cpus N -mem-total 100Mi`.
 * Memory beyond the container's limit gets the container killed, as the kernel does it.
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/assign-cpu-resource/ and …/assign-memory-resource/
 */
import { QuantityError, quantityToNumber } from "../../apimachinery/quantity.ts";
import { type Program, writeText } from "../../host/index.ts";
import { alpine, busyboxFiles } from "./base.ts";
import { type Image, once } from "./image.ts";

/** How long a burst of work is: counters move in such steps. */
const burstMs = 500;

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
	const { process, machine } = context;
	await machine.takeMemory(process, memoryBytes);
	const threads = Array.from({ length: cpus }, async () => {
		while (process.exit === undefined) await process.work(burstMs);
	});
	await Promise.all(threads);
	await process.exited;
	return 0;
};

export const stressImage: Image = {
	repositories: ["docker.io/polinux/stress", "docker.io/progrium/stress"],
	sizeBytes: 4_041_495,
	config: { cmd: ["stress"], workingDir: "/" },
	files: once(() => alpine().program("/usr/local/bin/stress", "stress").build()),
};

export const vishStressImage: Image = {
	repositories: ["docker.io/vish/stress"],
	sizeBytes: 1_558_791,
	config: { entrypoint: ["/stress"], workingDir: "/" },
	files: once(() => busyboxFiles().program("/stress", "stress").build()),
	programs: { stress: vishStress },
};
