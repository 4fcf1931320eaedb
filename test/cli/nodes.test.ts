/** `kubesim node`, and `kubesim simulate` on a cluster that is stopped and on a snapshot. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome } from "../tools/kubesim.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const file = (name: string, text: string): string => {
	const path = join(home.directory, name);
	writeFileSync(path, text);
	return path;
};

const template = `
apiVersion: v1
kind: Node
metadata: {name: big, labels: {size: big, rack: "r{n}"}}
status: {capacity: {cpu: "16", memory: 32Gi}}
`;
const pod = `
apiVersion: v1
kind: Pod
metadata: {name: huge}
spec: {containers: [{name: c, image: nginx, resources: {requests: {cpu: "12"}}}]}
`;

test("nodes come by a template, outlive the server, and go; a stopped cluster and its snapshot tell where pods would go", async () => {
	const data = join(home.directory, "data");
	const start = ["start", "--nodes", "1", "--port", "0", "--etcd-port", "0", "--data-dir", data];
	await home.run(start);
	const big = file("big.yaml", template);
	expect(await home.run(["node", "add", "--count", "2", "--template", big, "--zones", "a,b"])).toBe("Added 2 nodes: big-1 to big-2.\n");
	const list = await home.run("node list");
	expect(list).toMatch(/^big-1 +Ready +a +16 +32Gi +0\/110 +simulated$/m);
	expect(list).toMatch(/^node-1 +Ready +<none> +4 +8Gi +0\/110 +simulated$/m);
	const huge = file("huge.yaml", pod);
	expect(await home.try(["simulate", "-f", huge, "--data-dir", data])).toMatchObject({
		exitCode: 1,
		stderr: expect.stringContaining(`runs on ${data}`),
	});
	const backup = join(home.directory, "backup.db");
	await home.run(["snapshot", "save", backup]);
	await home.run("stop");

	for (const saved of [
		["--data-dir", data],
		["--snapshot", backup],
	])
		expect(await home.run(["simulate", "-f", huge, ...saved])).toMatch(/^default\/huge {3}big-[12]\n\n1 of 1 pods fits\.$/m);
	expect((await home.try(["simulate", "-f", huge, "--data-dir", join(home.directory, "nothing")])).stderr).toContain(
		"there is no such directory",
	);

	await home.run(start);
	await home.kubectl(["apply", "-f", huge]);
	expect(await home.kubectl("wait --for=condition=Ready pod/huge --timeout=60s")).toBe("pod/huge condition met\n");
	expect(await home.run(["node", "remove", "-l", "size=big"])).toBe("Removed 2 nodes: big-1 to big-2.\n");
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
	expect((await home.try("node remove big-1")).stderr).toBe("error: no simulated node is named big-1\n");
}, 240_000);

test("node ports are open on the machine if somebody wants that, over restarts", async () => {
	const start = ["start", "--nodes", "1", "--port", "0", "--etcd-port", "0"];
	await home.run([...start, "--node-ports", "true"]);
	await home.run("kubectl create deployment web --image=nginx");
	await home.run("kubectl rollout status deployment/web");
	await home.run("kubectl expose deployment web --port=80 --type=NodePort");
	const port = await home.run("kubectl get service web -o jsonpath={.spec.ports[0].nodePort}");
	const title = async () => {
		const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
		return /<title>(.*)<\/title>/.exec((await answer?.text()) ?? "")?.[1];
	};
	expect(await eventually(title)).toBe("Welcome to nginx!");
	expect((await home.try([...start, "--node-ports", "false"])).stderr).toContain("--node-ports");
	await home.run("stop");
	await home.run(start);
	expect(await eventually(title)).toBe("Welcome to nginx!");
}, 120_000);
