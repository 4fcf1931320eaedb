/** Runs commands on a node of a harness, as somebody who has logged in there: for tests. */
import { Collector, emptyInput, inputOf } from "../../host/index.ts";
import type { FleetHarness } from "./fleet-harness.ts";

export interface NodeAnswer {
	readonly stdout: string;
	readonly stderr: string;
	readonly exitCode: number | undefined;
}

/** Moves the clock as far as the command takes, at most half a minute. @param stdin what it reads */
export async function runOnNode(harness: FleetHarness, script: string, { node = "n1", stdin = "" } = {}): Promise<NodeAnswer> {
	const machine = harness.fleet.machineOf(node);
	if (machine === undefined) throw new Error(`${node} is off`);
	const [stdout, stderr] = [new Collector(), new Collector()];
	const env = new Map([["PATH", "/usr/bin:/usr/sbin"]]);
	const input = stdin === "" ? emptyInput : inputOf(Buffer.from(stdin));
	const process = machine.spawn({ argv: ["bash", "-c", script], env, cwd: "/root", stdin: input, stdout, stderr });
	for (let turn = 0; process.exit === undefined && turn < 3_000; turn++) await harness.clock.advance(10);
	return { stdout: stdout.text(), stderr: stderr.text(), exitCode: process.exit?.exitCode };
}
