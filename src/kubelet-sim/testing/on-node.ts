/** Commands on a node of a `FleetHarness`, with the clock moved as far as they take: for tests. */
import { Collector, emptyInput, type Machine } from "../../host/index.ts";
import type { FleetHarness } from "./fleet-harness.ts";

/** How far the clock moves between two looks, ms. */
const stepMs = 10;
const maxSteps = 20_000;

/** Output and errors of a script for bash. @param machine default the node's own */
export async function onNode(
	harness: FleetHarness,
	script: string,
	machine: Machine | undefined = harness.fleet.machineOf("n1"),
): Promise<string> {
	if (machine === undefined) throw new Error("n1 is off");
	const output = new Collector();
	const env = new Map([["PATH", "/usr/bin:/usr/sbin:/bin"]]);
	const process = machine.spawn({ argv: ["bash", "-c", script], env, cwd: "/root", stdin: emptyInput, stdout: output, stderr: output });
	for (let step = 0; process.exit === undefined && step < maxSteps; step++) await harness.clock.advance(stepMs);
	return output.text();
}
