/** The official Python client, as Debian packages it (python3-kubernetes), against a cluster. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { Tool } from "../tools/kubectl.ts";

/** Debian's own, which sees Debian's packages. */
const python = "/usr/bin/python3";
const hasClient = spawnSync(python, ["-c", "import kubernetes"]).status === 0;

describe.skipIf(!hasClient)("python3-kubernetes", () => {
	let test: TestCluster;
	beforeAll(async () => {
		test = await startTestCluster();
	});
	afterAll(() => test[Symbol.asyncDispose]());

	it("works on typed objects, manifests, watches, streams and dynamic resources", async () => {
		const output = await new Tool(python, {}).run([join(import.meta.dirname, "python-client.py"), test.kubeconfig]);
		expect(JSON.parse(output)).toEqual({
			created: true,
			replaced: { a: "2" },
			stale: [
				409,
				"Conflict",
				'Operation cannot be fulfilled on configmaps "py": the object has been modified; please apply your changes to the latest version and try again',
			],
			patched: { a: "2", b: "3" },
			"json patched": { b: "3" },
			listed: ["py"],
			missing: [404, "NotFound", 'pods "nobody" not found'],
			invalid: [422, "Invalid", expect.stringMatching(/^ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": /)],
			deleted: "Success",
			groups: expect.arrayContaining(["apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io"]),
			version: expect.stringMatching(/^v1\.36\./),
			available: true,
			scaled: 2,
			exec: ["out\n", 4],
			logs: 1,
			forwarded: ["200", "OK"],
			conflict: [409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .data.a'],
			applied: { a: "2", b: "2" },
		});
	});
});
