/** Variants of the kubelet with one defect each, and the property that has to notice (pod-life.ts). */
import type { Mutation } from "../tools/mutated-modules.ts";

export interface Mutant extends Mutation {
	/** The property that does not hold any more. */
	readonly breaks: RegExp;
}

const worker = "kubelet-sim/pod-worker";

export const mutants: readonly Mutant[] = [
	{
		name: "a pod that initialises again is pending again",
		file: `${worker}/phase.ts`,
		from: "!main.some(hasRun) && containers.some(isInitializing)",
		to: "containers.some(isInitializing)",
		breaks: /^phase: /,
	},
	{
		name: "restarts are not counted across a new start of the kubelet",
		file: `${worker}/pod-record.ts`,
		from: "container.restartCount = known.restartCount;",
		to: "",
		breaks: /^restarts: /,
	},
	{
		name: "a pod that is gone leaves its containers behind",
		file: `${worker}/pod-worker.ts`,
		from: "for (const container of this.#containers.values()) container.close();",
		to: "",
		breaks: /^outlives: /,
	},
	{
		name: "the object goes before the containers have ended",
		file: `${worker}/plan.ts`,
		from: "if (live.length > 0) return planStops(live, record.ending?.deadlineMs, nowMs);",
		to: "",
		breaks: /^(outlives|settles|ready|phase|addresses|quiet): /,
	},
	{
		name: "a power cut leaves processes running",
		file: `${worker}/container-worker.ts`,
		from: "this.#scope.host.clock.now());\n\t\tthis.#container?.finish();",
		to: "this.#scope.host.clock.now());",
		breaks: /^(instances|outlives): /,
	},
	{
		name: "every container of a pod has its id",
		file: `${worker}/container-worker.ts`,
		from: '.replaceAll("-", "");\n\t\tconst name',
		to: '.slice(72).concat((this.#scope.pod.metadata?.uid ?? "").replaceAll("-", "").repeat(2));\n\t\tconst name',
		breaks: /^ids: /,
	},
	{
		name: "addresses from before a new start are given away again",
		file: `${worker}/pod-sandbox.ts`,
		from: "node.reserveAddress(address);",
		to: "",
		breaks: /^addresses: /,
	},
	{
		name: "who has pulled stays in the queue",
		file: `${worker}/container-images.ts`,
		from: "pulls.leave();\n\t\t\t\tif (scope.closed",
		to: "if (scope.closed",
		breaks: /^settles: /,
	},
	{
		name: "a status that could not be written is forgotten",
		file: `${worker}/status-reporter.ts`,
		from: "} catch (error) {\n\t\t\tthis.#sentHash = 0;",
		to: "} catch (error) {",
		breaks: /^settles: /,
	},
	{
		name: "what is restarted with all others counts as over",
		file: `${worker}/restart-policy.ts`,
		from: "if (container.restartsForSpec || container.restartsWithAll) return true;",
		to: "if (container.restartsForSpec) return true;",
		breaks: /^(settles|phase): /,
	},
	{
		name: "what is over is over only until something else is known",
		file: `${worker}/phase.ts`,
		from: 'if (reported === "Succeeded" || reported === "Failed") return reported;',
		to: "",
		breaks: /^phase: /,
	},
	{
		name: "a node that is back does not look at its pods",
		file: "kubelet-sim/fleet-pods.ts",
		from: "worker.paused = paused;\n\t\t\tworker.sync();",
		to: "worker.paused = paused;",
		breaks: /^settles: /,
	},
	{
		name: "a container is told to end and never killed",
		file: `${worker}/container-ending.ts`,
		from: 'after(Math.max(deadlineMs, this.#signalledMs + minimumGraceMs), () => container.process?.kill("KILL"));',
		to: "undefined;",
		breaks: /^settles: /,
	},
	{
		name: "an image that is pulled again counts twice",
		file: "kubelet-sim/node/sim-node.ts",
		from: "this.imageBytes += pulled.image.sizeBytes - (known?.image.sizeBytes ?? 0);",
		to: "this.imageBytes += pulled.image.sizeBytes;",
		breaks: /^sums: /,
	},
	{
		name: "processes of a container that has ended are left behind",
		file: "kubelet-sim/container/container.ts",
		from: "this.machine.killAll();",
		to: "",
		breaks: /^(sums|instances|outlives): /,
	},
];
