import { it } from "vitest";
import { Collector, emptyInput } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
it("x", async () => {
	const harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("a", { image: "busybox", command: ["sleep", "1000"], resources: {limits:{cpu:"500m",memory:"100Mi"}} });
	await harness.pod("s", { image: "busybox", command: ["sleep", "2000"], securityContext:{runAsUser:1000,capabilities:{add:["NET_ADMIN","SYS_TIME"]}} }, {shareProcessNamespace:true});
	await harness.clock.advance(60_000);
	const machine = harness.fleet.machineOf("n1")!;
	const run = async (script: string, on = machine) => {
		const output = new Collector();
		const process = on.spawn({ argv: ["bash", "-c", script], env: new Map([["PATH","/usr/bin:/usr/sbin:/bin"]]), cwd: "/root", stdin: emptyInput, stdout: output, stderr: output });
		for (let turn = 0; process.exit === undefined && turn < 3000; turn++) { await harness.clock.advance(10); }
		console.log(`$ ${script}\n${output.text()}`);
	};
	for (const script of (process.env.CMDS ?? "").split("\n").filter(Boolean)) await run(script);
	harness.stop();
});
