/**
 * `npm run bench [-- --runs N] [-- --only NAME [--workload TEXT]]`, a name of `benchmarks` below: measures what the README and
 * docs/benchmarks.md promise and prints a Markdown table. Exit code 1 if a promise is not kept. TEXT: of the workloads of `scheduler` and
 * `decisions` only those whose names contain it.
 */
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchAdmission } from "./admission.ts";
import { benchApi } from "./api.ts";
import { benchAuthorization } from "./authorization.ts";
import { benchCel } from "./cel.ts";
import { benchCrds } from "./crds.ts";
import { benchDecisions } from "./decisions.ts";
import { benchDeployment } from "./deployment.ts";
import { benchEtcd } from "./etcd.ts";
import { benchLearn } from "./learn.ts";
import { isKept, type Measurement, renderTable } from "./measure.ts";
import { benchMemory } from "./memory.ts";
import { benchScheduler } from "./scheduler.ts";
import { benchStart } from "./start.ts";
import { benchStore } from "./store.ts";
import { benchStreams } from "./streams.ts";
import { benchTestbench } from "./testbench.ts";

const benchmarks: Readonly<Record<string, (runs: number, workload?: string) => Promise<Measurement[]>>> = {
	start: benchStart,
	deployment: benchDeployment,
	api: benchApi,
	admission: benchAdmission,
	authorization: benchAuthorization,
	memory: benchMemory,
	store: benchStore,
	etcd: benchEtcd,
	streams: benchStreams,
	crds: benchCrds,
	cel: benchCel,
	learn: benchLearn,
	testbench: benchTestbench,
	decisions: benchDecisions,
	scheduler: benchScheduler,
};

const { values } = parseArgs({
	options: { runs: { type: "string", default: "5" }, only: { type: "string" }, workload: { type: "string" } },
});
const chosen = Object.entries(benchmarks).filter(([name]) => values.only === undefined || values.only === name);
const measurements: Measurement[] = [];
for (const [, run] of chosen) measurements.push(...(await run(Number(values.runs), values.workload)));
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB\n`);
console.log(renderTable(measurements));
process.exit(measurements.every((measurement) => isKept(measurement) !== false) ? 0 : 1);
