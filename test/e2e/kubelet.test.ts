/** What a node's kubelet decides by itself, with the real kubectl: which pods it takes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2 });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

test("a pod that is bound past the scheduler to a node without room for it fails there", async () => {
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: large }, spec: { nodeName: node-1, containers: [{ name: main, image: nginx, resources: { requests: { cpu: 5 } } }] } }",
	);
	await run("wait --for=jsonpath={.status.phase}=Failed pod/large --timeout=20s");
	expect(maskedLines(await run("get pod large"))[1]).toMatch(/^large 0\/1 OutOfcpu 0 AGE$/);
	const described = maskedText(await run("describe pod large"));
	const why = "Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000";
	expect(described).toContain(`Status: Failed\nReason: OutOfcpu\nMessage: Pod was rejected: ${why}\n`);
	expect(described).toMatch(new RegExp(`^ Warning OutOfcpu AGE kubelet ${why}$`, "m"));
	expect(await run("get pod large -o jsonpath={.status.conditions}")).toBe("");
	expect(await run("delete pod large")).toContain("deleted");
});
