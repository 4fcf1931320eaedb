/** `kubesim image` on a cluster that runs: an image of the user's own, and a private registry, with the real kubectl beside it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KubesimHome } from "../tools/kubesim.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const shop = `apiVersion: kubesim.dev/v1alpha1
kind: Registry
metadata: { name: registry.example.com }
spec:
  contents: known
  accounts: [{ username: jane, password: secret }]
---
apiVersion: kubesim.dev/v1alpha1
kind: Image
metadata: { name: registry.example.com/shop }
spec:
  tags: ["1.0"]
  size: 31400k
  programs:
    - path: /shop
      logs: [{ text: "shop $(HOSTNAME) opens" }]
      listen:
        - { port: 8080, http: [{ path: /, body: "welcome\\n" }] }
`;

test("an image that a file describes runs, from a registry that wants to know who pulls", async () => {
	await home.run("start --nodes 1 --etcd-port 0 --speed 10");
	const file = join(home.directory, "shop.yaml");
	writeFileSync(file, shop);
	expect(await home.run(["image", "load", file])).toBe("registry.example.com/shop loaded\nregistry.example.com loaded\n");
	expect(await home.run("image list")).toMatch(/^registry\.example\.com\/shop +1\.0 +31\.4MB +loaded/m);

	await home.kubectl("run shop --image=registry.example.com/shop:1.0");
	await home.kubectl("wait pod/shop --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull --timeout=60s");
	expect(await home.kubectl("describe pod shop")).toContain("authorization failed: no basic auth credentials");
	await home.kubectl(
		"create secret docker-registry regcred --docker-server=registry.example.com --docker-username=jane --docker-password=secret",
	);
	await home.kubectl('patch serviceaccount default -p {"imagePullSecrets":[{"name":"regcred"}]}');
	await home.kubectl("replace --force -f -", await manifestOf("shop"));
	await home.kubectl("wait pod/shop --for=condition=Ready --timeout=60s");
	expect(await home.kubectl("logs shop")).toBe("shop shop opens\n");
	expect(await home.run("image list --node node-1")).toMatch(/^registry\.example\.com\/shop:1\.0 +[0-9a-f]{13} +31\.4MB$/m);

	await home.kubectl("run other --image=registry.example.com/other");
	await home.kubectl("wait pod/other --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull --timeout=60s");
	expect(await home.kubectl("describe pod other")).toContain("registry.example.com/other:latest: not found");

	await home.run("stop");
	await home.run("start");
	expect(await home.run("image list")).toMatch(/^registry\.example\.com\/shop +1\.0/m);
}, 180_000);

test("a file that is wrong changes nothing, and every mistake is told", async () => {
	await home.run("start --nodes 0 --ephemeral --etcd-port 0");
	const file = join(home.directory, "bad.yaml");
	writeFileSync(file, shop.replace("port: 8080", "port: 0").replace("contents: known", "contents: none"));
	const { stderr, exitCode } = await home.try(["image", "load", file]);
	expect(exitCode).toBe(1);
	expect(stderr).toBe(`error: Registry registry.example.com: spec.contents: Unsupported value: "none": supported values: "anything", "known"
Image registry.example.com/shop: spec.programs[0].listen[0].port: Invalid value: 0: must be between 1 and 65535
`);
	expect(await home.run("image list")).not.toContain("registry.example.com");
	expect((await home.try("image list --node node-9")).stderr).toBe("error: this server runs no node node-9\n");
	expect((await home.try(["image", "load", join(home.directory, "nothing.yaml")])).stderr).toContain("can't read");
}, 90_000);

/** What it takes to make a pod anew as somebody else would: without what its service account gave it. */
async function manifestOf(pod: string): Promise<string> {
	const image = await home.kubectl(["get", "pod", pod, "-o", "jsonpath={.spec.containers[0].image}"]);
	return `apiVersion: v1\nkind: Pod\nmetadata: { name: ${pod} }\nspec:\n  containers: [{ name: ${pod}, image: "${image}" }]\n`;
}
