/** `kubectl explain`, `api-resources`, `api-versions` and `get --raw`: what a cluster says of itself. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { send } from "../tools/https.ts";

let cluster: TestCluster;
beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const run = (args: string) => cluster.run(args);
const raw = async (path: string) => JSON.parse(await run(`get --raw ${path}`)) as Record<string, unknown>;

describe("kubectl explain", () => {
	it("tells what a kind is and which fields it has", async () => {
		const text = await run("explain pods");
		expect(text).toMatch(
			/^KIND: {7}Pod\nVERSION: {4}v1\n\nDESCRIPTION:\n {4}Pod is a collection of containers that can run on a host\. This resource is\n {4}created by clients and scheduled onto hosts\.\n {4}\nFIELDS:\n {2}apiVersion\t<string>\n/,
		);
		expect(text.match(/^ {2}\w+\t.*$/gm)).toEqual([
			"  apiVersion\t<string>",
			"  kind\t<string>",
			"  metadata\t<ObjectMeta>",
			"  spec\t<PodSpec>",
			"  status\t<PodStatus>",
		]);
	});

	it("tells of one field", async () => {
		expect(await run("explain deployments.spec.replicas")).toBe(`GROUP:      apps
KIND:       Deployment
VERSION:    v1

FIELD: replicas <integer>


DESCRIPTION:
    Number of desired pods. This is a pointer to distinguish between explicit
    zero and not specified. Defaults to 1.
    

`);
		expect((await run("explain deployments.spec")).match(/^ {2}\w+\t.*$/gm)).toEqual([
			"  minReadySeconds\t<integer>",
			"  paused\t<boolean>",
			"  progressDeadlineSeconds\t<integer>",
			"  replicas\t<integer>",
			"  revisionHistoryLimit\t<integer>",
			"  selector\t<LabelSelector> -required-",
			"  strategy\t<DeploymentStrategy>",
			"  template\t<PodTemplateSpec> -required-",
		]);
	});

	it.each([
		["pods", 800, "      livenessProbe\t<Probe>\n        exec\t<ExecAction>\n          command\t<[]string>\n"],
		[
			"hpa",
			120,
			"    metrics\t<[]MetricSpec>\n      containerResource\t<ContainerResourceMetricSource>\n        container\t<string> -required-\n",
		],
		["cronjob.spec.jobTemplate", 700, "  spec\t<JobSpec>\n    activeDeadlineSeconds\t<integer>\n"],
		["networkpolicies", 60, "        ipBlock\t<IPBlock>\n          cidr\t<string> -required-\n          except\t<[]string>\n"],
		["customresourcedefinition", 60, "        openAPIV3Schema\t<JSONSchemaProps>\n          $ref\t<string>\n"],
	])("--recursive draws the tree of %s", async (resource, lines, part) => {
		const text = await run(`explain ${resource} --recursive`);
		expect(text.split("\n").length).toBeGreaterThan(lines);
		expect(text).toContain(part);
	});

	it("takes the version that it is told", async () => {
		expect(await run("explain hpa.spec --api-version autoscaling/v1")).toMatch(
			/^GROUP: {6}autoscaling\nKIND: {7}HorizontalPodAutoscaler\nVERSION: {4}v1\n/,
		);
		expect(await run("explain hpa.spec --api-version autoscaling/v1")).toContain("  targetCPUUtilizationPercentage\t<integer>\n");
		expect(await run("explain hpa.spec")).toContain("  metrics\t<[]MetricSpec>\n");
	});

	it("reads OpenAPI v2 as well", async () => {
		expect(await run("explain services.spec.sessionAffinity --output plaintext-openapiv2")).toMatch(
			/^KIND: {5}Service\nVERSION: {2}v1\n\nFIELD: {4}sessionAffinity <string>\n\nDESCRIPTION:\n {5}Supports "ClientIP" and "None"\./,
		);
	});

	it("does not know what is not there", async () => {
		expect(await cluster.kubectl.fail("explain nonsense")).toBe('the server doesn\'t have a resource type "nonsense"\n');
		expect(await cluster.kubectl.fail("explain pods.spec.nonsense")).toBe('error: field "nonsense" does not exist\n');
	});
});

describe("kubectl api-resources", () => {
	it("lists everything", async () => {
		await expect(await run("api-resources -o wide")).toMatchFileSnapshot("api-resources.txt");
	});

	it("chooses by scope, group, verb and category", async () => {
		expect(await run("api-resources --namespaced=false --api-group=networking.k8s.io --no-headers -o name")).toBe(
			"ingressclasses.networking.k8s.io\nipaddresses.networking.k8s.io\nservicecidrs.networking.k8s.io\n",
		);
		expect(await run("api-resources --namespaced=true --api-group=batch")).toBe(
			"NAME       SHORTNAMES   APIVERSION   NAMESPACED   KIND\ncronjobs   cj           batch/v1     true         CronJob\njobs                    batch/v1     true         Job\n",
		);
		expect(await run("api-resources --categories=all -o name")).toBe(
			"pods\nreplicationcontrollers\nservices\ndaemonsets.apps\ndeployments.apps\nreplicasets.apps\nstatefulsets.apps\nhorizontalpodautoscalers.autoscaling\ncronjobs.batch\njobs.batch\n",
		);
		const created = (await run("api-resources --verbs=create -o name")).trim().split("\n");
		const listed = (await run("api-resources --verbs=create,list -o name")).trim().split("\n");
		expect(created.filter((name) => !listed.includes(name))).toEqual([
			"bindings",
			"selfsubjectreviews.authentication.k8s.io",
			"tokenreviews.authentication.k8s.io",
			"localsubjectaccessreviews.authorization.k8s.io",
			"selfsubjectaccessreviews.authorization.k8s.io",
			"selfsubjectrulesreviews.authorization.k8s.io",
			"subjectaccessreviews.authorization.k8s.io",
		]);
	});

	it("has the versions that 1.36 serves", async () => {
		expect((await run("api-versions")).trim().split("\n")).toEqual([
			"admissionregistration.k8s.io/v1",
			"apiextensions.k8s.io/v1",
			"apiregistration.k8s.io/v1",
			"apps/v1",
			"authentication.k8s.io/v1",
			"authorization.k8s.io/v1",
			"autoscaling/v1",
			"autoscaling/v2",
			"batch/v1",
			"certificates.k8s.io/v1",
			"coordination.k8s.io/v1",
			"discovery.k8s.io/v1",
			"events.k8s.io/v1",
			"flowcontrol.apiserver.k8s.io/v1",
			"metrics.k8s.io/v1beta1",
			"networking.k8s.io/v1",
			"node.k8s.io/v1",
			"policy/v1",
			"rbac.authorization.k8s.io/v1",
			"resource.k8s.io/v1",
			"scheduling.k8s.io/v1",
			"storage.k8s.io/v1",
			"v1",
		]);
	});
});

describe("kubectl get --raw", () => {
	it("says who is there", async () => {
		expect(await raw("/api")).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
		expect(await raw("/apis/apps")).toEqual({
			kind: "APIGroup",
			apiVersion: "v1",
			name: "apps",
			versions: [{ groupVersion: "apps/v1", version: "v1" }],
			preferredVersion: { groupVersion: "apps/v1", version: "v1" },
		});
		expect((await raw("/apis/autoscaling")).preferredVersion).toEqual({ groupVersion: "autoscaling/v2", version: "v2" });
		const { resources } = (await raw("/apis/apps/v1")) as { readonly resources: readonly { readonly name: string }[] };
		expect(resources.map(({ name }) => name)).toEqual([
			"controllerrevisions",
			"daemonsets",
			"daemonsets/status",
			"deployments",
			"deployments/scale",
			"deployments/status",
			"replicasets",
			"replicasets/scale",
			"replicasets/status",
			"statefulsets",
			"statefulsets/scale",
			"statefulsets/status",
		]);
		const { paths } = (await raw("/")) as { readonly paths: readonly string[] };
		expect(paths).toEqual(expect.arrayContaining(["/api/v1", "/apis/apps/v1", "/healthz", "/metrics", "/openapi/v2", "/version"]));
	});

	it("aggregates discovery for who asks for it", async () => {
		const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
		const { headers, text } = await send(cluster, "/apis", { headers: { accept } });
		expect(headers["content-type"]).toBe("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
		const { kind, items } = JSON.parse(text) as {
			readonly kind: string;
			readonly items: readonly { readonly metadata: { readonly name: string } }[];
		};
		expect(kind).toBe("APIGroupDiscoveryList");
		expect(items.map(({ metadata }) => metadata.name)).toContain("apps");
		const again = await send(cluster, "/apis", { headers: { accept, "if-none-match": headers.etag ?? "" } });
		expect(again).toMatchObject({ code: 304, text: "" });
	});

	it("documents itself in OpenAPI", async () => {
		expect(await raw("/openapi/v2")).toMatchObject({ swagger: "2.0", info: { title: "Kubernetes" } });
		const { paths } = (await raw("/openapi/v3")) as { readonly paths: Record<string, { readonly serverRelativeURL: string }> };
		expect(await raw(paths["apis/apps/v1"]?.serverRelativeURL ?? "")).toMatchObject({ openapi: "3.0.0", info: { title: "Kubernetes" } });
	});

	it("is well", async () => {
		const hooks = [
			"poststarthook/priority-and-fairness-config-consumer",
			"poststarthook/start-system-namespaces-controller",
			"poststarthook/rbac/bootstrap-roles",
			"poststarthook/scheduling/bootstrap-system-priority-classes",
			"poststarthook/priority-and-fairness-config-producer",
			"poststarthook/bootstrap-controller",
			"poststarthook/kube-apiserver-autoregistration",
			"autoregister-completion",
		]
			.map((name) => `[+]${name} ok\n`)
			.join("");
		for (const path of ["/healthz", "/livez", "/readyz", "/readyz/etcd"]) expect(await run(`get --raw ${path}`)).toBe("ok");
		expect(await run("get --raw /livez?verbose")).toBe(`[+]ping ok\n[+]etcd ok\n${hooks}livez check passed\n`);
		expect(await run("get --raw /readyz?verbose")).toBe(
			`[+]ping ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n${hooks}[+]shutdown ok\nreadyz check passed\n`,
		);
	});

	it("counts requests", async () => {
		expect(await run("get --raw /metrics")).toMatch(/^apiserver_request_total\{code="200",.*resource="",.*verb="GET".*\} [1-9]\d*$/m);
	});

	it("reads objects", async () => {
		expect(await raw("/api/v1/namespaces/default")).toMatchObject({ kind: "Namespace", metadata: { name: "default" } });
		expect(await raw("/api/v1/namespaces?limit=1")).toMatchObject({ kind: "NamespaceList", metadata: { remainingItemCount: 3 } });
	});
});
