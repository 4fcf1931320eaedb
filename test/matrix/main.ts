/**
 * `npm run matrix:kubectl [-- --versions 20,29,35]`: every stream command with every kubectl against one cluster; prints a Markdown table
 * for docs/clients.md, and below it what went wrong. Exit code 1 if anything did. Downloads the kubectls with npm.
 */
import { parseArgs } from "node:util";
import { startTestCluster } from "../tools/cluster.ts";
import { Tool } from "../tools/kubectl.ts";
import { hasTmux } from "../tools/terminal.ts";
import { knownMinors, kubectlOf } from "./kubectl-versions.ts";
import { manifests, streamChecks } from "./stream-checks.ts";

const { values } = parseArgs({ options: { versions: { type: "string", default: knownMinors.join(",") } } });
const minors = values.versions.split(",").map(Number);
const names = Object.keys(streamChecks).filter((name) => name !== "exec -it" || hasTmux);

await using cluster = await startTestCluster();
await cluster.run("apply -f -", manifests);
await cluster.run("rollout status deployment/web");
await cluster.run("wait --for=condition=Ready pod --all --timeout=60s");

const rows: string[] = [];
const failures: string[] = [];
for (const minor of minors) {
	const path = kubectlOf(minor);
	const kubectl = new Tool(path, cluster.env);
	const version = /GitVersion:"(v[\d.]+)|gitVersion: (v[\d.]+)/.exec(await kubectl.run("version --client -o yaml"));
	const shellLine = (args: string) => `env KUBECONFIG=${cluster.kubeconfig} HOME=${cluster.directory} ${path} ${args}`;
	const cells: string[] = [];
	for (const name of names) {
		try {
			await streamChecks[name]?.({ kubectl, directory: cluster.directory, name: `k${minor}`, shellLine });
			cells.push("yes");
		} catch (error) {
			cells.push("NO");
			failures.push(`${minor}, ${name}: ${error instanceof Error ? error.message : String(error)}`);
		}
	}
	rows.push(`| ${version?.[1] ?? version?.[2] ?? `1.${minor}`} | ${cells.join(" | ")} |`);
	console.error(rows.at(-1));
}
console.log([`| kubectl | ${names.join(" | ")} |`, `| ${["", ...names].map(() => "---").join(" | ")} |`, ...rows].join("\n"));
for (const failure of failures) console.log(`\n${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
