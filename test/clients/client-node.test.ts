/** The official JavaScript client against a cluster: typed and generic APIs, informers, watches, apply and streams. */
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import {
	ApiException,
	AppsV1Api,
	AuthorizationV1Api,
	CoreV1Api,
	Exec,
	KubeConfig,
	KubernetesObjectApi,
	Log,
	makeInformer,
	PatchStrategy,
	PortForward,
	setHeaderOptions,
	type V1ConfigMap,
	type V1Status,
	VersionApi,
	Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";

const namespace = "default";

let test: TestCluster;
let config: KubeConfig;
let core: CoreV1Api;

beforeAll(async () => {
	test = await startTestCluster();
	config = new KubeConfig();
	config.loadFromFile(test.kubeconfig);
	core = config.makeApiClient(CoreV1Api);
	await test.run("run web --image=nginx --port=80");
	await test.run("wait --for=condition=Ready pod/web");
});
afterAll(() => test[Symbol.asyncDispose]());

const configMap = (name: string, data: Record<string, string>, labels?: Record<string, string>): V1ConfigMap => ({
	apiVersion: "v1",
	kind: "ConfigMap",
	metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
	data,
});

describe("typed APIs", () => {
	it("create, read, list by pages, replace, patch in every way and delete", async () => {
		for (const name of ["typed-1", "typed-2", "typed-3"]) {
			await core.createNamespacedConfigMap({ namespace, body: configMap(name, { a: "1" }, { of: "typed" }) });
		}
		const first = await core.listNamespacedConfigMap({ namespace, labelSelector: "of=typed", limit: 2 });
		const rest = await core.listNamespacedConfigMap({
			namespace,
			labelSelector: "of=typed",
			limit: 2,
			_continue: first.metadata?._continue ?? "",
		});
		expect([...first.items, ...rest.items].map(({ metadata }) => metadata?.name)).toEqual(["typed-1", "typed-2", "typed-3"]);

		const target = { namespace, name: "typed-1" };
		const read = await core.readNamespacedConfigMap(target);
		expect(read.metadata?.creationTimestamp).toBeInstanceOf(Date);
		const replaced = await core.replaceNamespacedConfigMap({ ...target, body: { ...read, data: { a: "2" } } });
		expect(replaced.data).toEqual({ a: "2" });
		await expect(core.replaceNamespacedConfigMap({ ...target, body: { ...read, data: {} } })).rejects.toMatchObject({ code: 409 });

		const patch = (strategy: string, body: unknown) =>
			core.patchNamespacedConfigMap({ ...target, body: body as object, fieldManager: "me" }, setHeaderOptions("Content-Type", strategy));
		expect((await patch(PatchStrategy.JsonPatch, [{ op: "add", path: "/data/b", value: "3" }])).data).toEqual({ a: "2", b: "3" });
		expect((await patch(PatchStrategy.MergePatch, { data: { a: null } })).data).toEqual({ b: "3" });
		expect((await patch(PatchStrategy.StrategicMergePatch, { data: { c: "4" } })).data).toEqual({ b: "3", c: "4" });

		const deleted = await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "of=typed" });
		expect(deleted.status ?? "Success").toBe("Success");
		await expect(core.readNamespacedConfigMap(target)).rejects.toMatchObject({ code: 404 });
	});

	it("tell errors as Status", async () => {
		const error: unknown = await core.readNamespacedPod({ namespace, name: "nobody" }).catch((reason: unknown) => reason);
		if (!(error instanceof ApiException)) throw new Error(`an ApiException was expected, not ${String(error)}`);
		expect(JSON.parse(String(error.body))).toMatchObject({ kind: "Status", reason: "NotFound", message: 'pods "nobody" not found' });
	});

	it("reach subresources, reviews and the version", async () => {
		const apps = config.makeApiClient(AppsV1Api);
		await test.run("create deployment scaled --image=nginx --replicas=0");
		const target = { namespace, name: "scaled" };
		const scale = await apps.readNamespacedDeploymentScale(target);
		await apps.replaceNamespacedDeploymentScale({ ...target, body: { ...scale, spec: { replicas: 1 } } });
		await eventually(async () => ((await apps.readNamespacedDeploymentStatus(target)).status?.readyReplicas === 1 ? true : undefined));
		const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
			body: { spec: { resourceAttributes: { verb: "delete", resource: "nodes" } } },
		});
		expect(review.status?.allowed).toBe(true);
		expect((await config.makeApiClient(VersionApi).getCode()).gitVersion).toMatch(/^v1\.36\./);
	});
});

describe("KubernetesObjectApi", () => {
	it("finds any kind by discovery, and applies", async () => {
		const objects = KubernetesObjectApi.makeApiClient(config);
		const apply = (data: Record<string, string>, manager: string, force = false) =>
			objects.patch(configMap("applied", data), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
		await apply({ a: "1", b: "1" }, "one");
		await expect(apply({ a: "2" }, "two")).rejects.toMatchObject({ code: 409 });
		await apply({ a: "2" }, "two", true);
		expect((await apply({ b: "2" }, "one")).data).toEqual({ a: "2", b: "2" });
		const list = await objects.list("v1", "ConfigMap", namespace);
		expect(list.items.map(({ metadata }) => metadata?.name)).toContain("applied");
		await objects.delete(configMap("applied", {}));
		await expect(objects.read({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied", namespace } })).rejects.toMatchObject({
			code: 404,
		});
	});
});

describe("watching", () => {
	it("tells changes from a resourceVersion on, bookmarks and the end", async () => {
		const { metadata } = await core.listNamespacedConfigMap({ namespace });
		const told: string[] = [];
		const ended = Promise.withResolvers<unknown>();
		const query = { resourceVersion: metadata?.resourceVersion, timeoutSeconds: 2, labelSelector: "of=watch" };
		await new Watch(config).watch(
			`/api/v1/namespaces/${namespace}/configmaps`,
			query,
			(phase, object: V1ConfigMap) => told.push(`${phase} ${object.metadata?.name} ${object.data?.a}`),
			(error) => ended.resolve(error),
		);
		await core.createNamespacedConfigMap({ namespace, body: configMap("watched", { a: "1" }, { of: "watch" }) });
		await core.replaceNamespacedConfigMap({ namespace, name: "watched", body: configMap("watched", { a: "2" }, { of: "watch" }) });
		await core.deleteNamespacedConfigMap({ namespace, name: "watched" });
		await ended.promise;
		expect(told).toEqual(["ADDED watched 1", "MODIFIED watched 2", "DELETED watched 2"]);
	});

	it("is the base of informers", async () => {
		await core.createNamespacedConfigMap({ namespace, body: configMap("informed-1", { a: "1" }, { of: "informer" }) });
		const labelSelector = "of=informer";
		const list = () => core.listNamespacedConfigMap({ namespace, labelSelector });
		const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, labelSelector);
		const told: string[] = [];
		informer.on("add", ({ metadata }) => told.push(`add ${metadata?.name}`));
		informer.on("update", ({ metadata, data }) => told.push(`update ${metadata?.name} ${data?.a}`));
		informer.on("delete", ({ metadata }) => told.push(`delete ${metadata?.name}`));
		const errors: unknown[] = [];
		informer.on("error", (error) => errors.push(error));
		await informer.start();
		await core.createNamespacedConfigMap({ namespace, body: configMap("informed-2", { a: "1" }, { of: "informer" }) });
		await core.replaceNamespacedConfigMap({ namespace, name: "informed-1", body: configMap("informed-1", { a: "2" }, { of: "informer" }) });
		await core.deleteNamespacedConfigMap({ namespace, name: "informed-2" });
		await eventually(() => (told.includes("delete informed-2") ? true : undefined), { what: () => told.join(", ") });
		await informer.stop();
		expect([told, errors]).toEqual([["add informed-1", "add informed-2", "update informed-1 2", "delete informed-2"], []]);
		expect(informer.get("informed-1", namespace)?.data).toEqual({ a: "2" });
	});
});

describe("streams", () => {
	/** Runs a command in the pod and gives what it wrote, and its Status. */
	async function exec(command: readonly string[], stdin: Readable | null = null) {
		const [stdout, stderr] = [new PassThrough(), new PassThrough()];
		const status = Promise.withResolvers<V1Status>();
		const socket = await new Exec(config).exec(namespace, "web", "web", [...command], stdout, stderr, stdin, false, status.resolve);
		socket.on("close", () => {
			stdout.end();
			stderr.end();
		});
		const result = await status.promise;
		socket.close();
		return { stdout: await text(stdout), stderr: await text(stderr), result };
	}

	it("exec: output, errors and exit codes", async () => {
		expect(await exec(["sh", "-c", "echo out; echo err >&2"])).toMatchObject({
			stdout: "out\n",
			stderr: "err\n",
			result: { status: "Success" },
		});
		expect((await exec(["sh", "-c", "exit 3"])).result).toMatchObject({
			status: "Failure",
			reason: "NonZeroExitCode",
			details: { causes: [{ reason: "ExitCode", message: "3" }] },
		});
	});

	it("port-forward", async () => {
		const [answer, input] = [new PassThrough(), new PassThrough()];
		await new PortForward(config).portForward(namespace, "web", [80], answer, null, input);
		input.write("GET / HTTP/1.0\r\nHost: web\r\n\r\n");
		let seen = "";
		answer.on("data", (chunk: Buffer) => {
			seen += chunk.toString();
		});
		await eventually(() => (seen.includes("Welcome to nginx!") ? true : undefined), { what: () => seen });
		expect(seen).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
	});

	it("logs, to the end and followed", async () => {
		const log = new PassThrough();
		await new Log(config).log(namespace, "web", "web", log, { tailLines: 1 });
		expect(await text(log)).toMatch(/\n$/);
		// Until the container ends: this client cannot be told to stop without an uncaught error.
		const followed = new PassThrough();
		const controller = await new Log(config).log(namespace, "web", "web", followed, { follow: true, tailLines: 0 });
		await exec(["curl", "-s", "http://localhost/"]);
		await test.run("delete pod web --now");
		expect(await text(followed)).toMatch(/"GET \/ HTTP\/1.1" 200/);
		expect(controller.signal.aborted).toBe(false);
	});
});
