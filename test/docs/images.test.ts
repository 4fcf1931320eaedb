/** What docs/images.md shows is what kubesim reads: its files, on a cluster in virtual time, do what is said of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type api, createCluster } from "../../src/index.ts";
import { codeBlocks } from "./code-blocks.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/images.md"), "utf8");
const files = codeBlocks(guide)
	.filter(({ language }) => language === "yaml")
	.map(({ text }) => text);

test("the shop of the guide opens, for who may pull it", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 1 });
	for (const file of files) await cluster.inner.loadImages(file);
	await cluster.apply(`apiVersion: v1
kind: Secret
metadata: { name: regcred, namespace: default }
type: kubernetes.io/dockerconfigjson
stringData: { .dockerconfigjson: '{"auths":{"registry.example.com":{"username":"jane","password":"secret"}}}' }
---
apiVersion: v1
kind: Pod
metadata: { name: shop, namespace: default }
spec:
  imagePullSecrets: [{ name: regcred }]
  containers:
    - { name: shop, image: "registry.example.com/shop:1.1", readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Pod
metadata: { name: stranger, namespace: default }
spec: { containers: [{ name: shop, image: "registry.example.com/shop:1.1" }] }
`);
	const ready = async () => (await cluster.get<api.Pod>("Pod", "shop")).status?.conditions?.find(({ type }) => type === "Ready")?.status;
	await cluster.runUntil(async () => (await ready()) === "True", { within: "60s" });
	const stranger = await cluster.get<api.Pod>("Pod", "stranger");
	expect(stranger.status?.containerStatuses?.[0]?.state?.waiting?.reason).toMatch(/ErrImagePull|ImagePullBackOff/);
});

test("the module of the guide runs, and what it prints is its pod's log", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 1 });
	for (const file of files) await cluster.inner.loadImages(file);
	await cluster.apply(`apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: wasm }
handler: wasmtime
---
apiVersion: v1
kind: Pod
metadata: { name: hello, namespace: default }
spec: { restartPolicy: Never, runtimeClassName: wasm, containers: [{ name: hello, image: you/hello-wasm }] }
`);
	const phase = async () => (await cluster.get<api.Pod>("Pod", "hello")).status?.phase;
	await cluster.runUntil(async () => (await phase()) === "Succeeded", { within: "60s" });
	const runtime = cluster.inner.fleet.runtimeOf("node-1");
	const [container] = runtime?.containers() ?? [];
	expect(
		runtime
			?.log(container?.id ?? "")
			.file.bytes()
			.toString(),
	).toMatch(/ stdout F Hello from WebAssembly\n$/);
});
