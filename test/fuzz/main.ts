/**
 * `npm run fuzz -- --cases N --seed S` sends N random requests to an API server and prints the first answer that should
 * not be, with how to replay it. `--first K` begins with the batch of case K; `--failures N` goes on until so many.
 */
import { parseArgs } from "node:util";
import { describeFailure, fuzz } from "./fuzzer.ts";

const { values } = parseArgs({
	options: {
		cases: { type: "string", default: "10000" },
		seed: { type: "string", default: "1" },
		first: { type: "string", default: "0" },
		failures: { type: "string", default: "1" },
	},
});

const started = performance.now();
const report = await fuzz({
	seed: values.seed,
	cases: Number(values.cases),
	first: Number(values.first),
	maxFailures: Number(values.failures),
	onBatch: (done) => {
		if (done % 10_000 === 0) console.error(`${done} cases, ${Math.round((performance.now() - started) / 1000)} s`);
	},
});
for (const failure of report.failures) console.log(`${describeFailure(failure)}\n`);
const codes = [...report.codes].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`);
console.log(
	`${report.cases} cases, seed ${values.seed}, ${report.failures.length} failures, ${Math.round(report.residentBytes / 2 ** 20)} MiB`,
);
console.log(codes.join(", "));
process.exit(report.failures.length === 0 ? 0 : 1);
