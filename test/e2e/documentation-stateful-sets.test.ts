/**
 * https://kubernetes.io/docs/tutorials/stateful-application/basic-stateful-set/ from its top to its end, six times as fast as real time: its
 * manifests, its commands in its order, what kubectl prints, and the rows that its second terminal (`get pods -w`) shows.
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { expectAlong, rowsOf, rowsUntil, shows, steps } from "../tools/documentation.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

// What waits for rollouts in real time waits longer on a machine that has more to do.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(6) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** https://k8s.io/examples/application/web/web.yaml, and web-parallel.yaml */
const manifest = (policy = "") => `
apiVersion: v1
kind: Service
metadata:
  name: nginx
  labels:
    app: nginx
spec:
  ports:
  - port: 80
    name: web
  clusterIP: None
  selector:
    app: nginx
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
spec:
  serviceName: "nginx"
  ${policy}
  replicas: 2
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.21
        ports:
        - containerPort: 80
          name: web
        volumeMounts:
        - name: www
          mountPath: /usr/share/nginx/html
  volumeClaimTemplates:
  - metadata:
      name: www
    spec:
      accessModes: [ "ReadWriteOnce" ]
      resources:
        requests:
          storage: 1Gi
`;

const patch = (spec: unknown) => cluster.kubectl.run(["patch", "statefulset", "web", "-p", JSON.stringify({ spec })]);
const patchImage = (value: string) =>
	cluster.kubectl.run([
		"patch",
		"statefulset",
		"web",
		"--type=json",
		`-p=${JSON.stringify([{ op: "replace", path: "/spec/template/spec/containers/0/image", value }])}`,
	]);

const imageOf = (name: string) =>
	cluster.kubectl.run(["get", "pod", name, "--template", "{{range $i, $c := .spec.containers}}{{$c.image}}{{end}}"]);
const imagesOf = (...names: readonly string[]) => Promise.all(names.map(imageOf));

/**
 * kubectl waits for a pod's end by its name. On a machine that is slow it may look when the next of that name is there already, and
 * wait for that one's end: the tests wait by themselves.
 */
const deletePods = "delete pod -l app=nginx --wait=false";

/** The second terminal. */
const watchPods = () => RunningTool.watching(cluster.kubectl, "get pods --watch-only --no-headers -l app=nginx");

const coming = (name: string) => [`${name} 0/1 Pending 0`, `${name} 0/1 ContainerCreating 0`, `${name} 1/1 Running 0`];
/** Since printers tell of a pod that has come to its end while it is being deleted what it came to. */
const going = (name: string) => [`${name} 1/1 Terminating 0`, `${name} 0/1 Completed 0`];
const podTable = (...names: readonly string[]) => ["NAME READY STATUS RESTARTS AGE", ...names.map((name) => `${name} 1/1 Running 0 AGE`)];

/** What the web servers answer, by pod. */
const pages = (...names: readonly string[]) => Promise.all(names.map((name) => run(`exec ${name} -- curl -s http://localhost/`)));

test("Ordered Pod creation", async () => {
	await using watch = await watchPods();
	expect(await run("apply -f -", manifest())).toBe("service/nginx created\nstatefulset.apps/web created\n");
	expect(maskedLines(await run("get service nginx"))).toEqual([
		"NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
		"nginx ClusterIP None <none> 80/TCP AGE",
	]);
	expectAlong(steps(await run("rollout status statefulset/web")), [
		"Waiting for 2 pods to be ready...",
		"Waiting for 1 pods to be ready...",
		"partitioned roll out complete: 2 new pods have been updated...",
	]);
	expect(maskedLines(await run("get statefulset web"))).toEqual(["NAME READY AGE", "web 2/2 AGE"]);
	expect(await rowsUntil(watch, "web-1 1/1 Running 0")).toEqual([...coming("web-0"), ...coming("web-1")]);
});

test("Pods in a StatefulSet: ordinals, stable network identities", async () => {
	expect(maskedLines(await run("get pods -l app=nginx"))).toEqual(podTable("web-0", "web-1"));
	for (const name of ["web-0", "web-1"]) expect(await cluster.kubectl.run(["exec", name, "--", "sh", "-c", "hostname"])).toBe(`${name}\n`);
	const lookUp = ["run", "-i", "--image", "busybox:1.28", "dns-test", "--restart=Never", "--rm", "-q", "--", "nslookup", "web-0.nginx"];
	const address = await run("get pod web-0 -o jsonpath={.status.podIP}");
	const answer = await cluster.kubectl.run(lookUp);
	expect(answer).toContain("web-0.nginx");
	expect(answer).toContain(address);
	await using watch = await watchPods();
	expect(await run(deletePods)).toBe('pod "web-0" deleted from default namespace\npod "web-1" deleted from default namespace\n');
	const rows = await rowsUntil(watch, "web-1 1/1 Running 0");
	expect(rowsOf(watch, "web-0")).toEqual([...going("web-0"), ...coming("web-0")]);
	// In order again: the second begins when the first is ready.
	expect(rows.slice(rows.indexOf("web-0 1/1 Running 0"))).toEqual(["web-0 1/1 Running 0", ...coming("web-1")]);
	for (const name of ["web-0", "web-1"]) expect(await run(`exec ${name} -- hostname`)).toBe(`${name}\n`);
});

test("Writing to stable storage", async () => {
	expect(maskedLines(await run("get pvc -l app=nginx"))).toEqual([
		"NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE",
		"www-web-0 Bound pvc-UID 1Gi RWO standard <unset> AGE",
		"www-web-1 Bound pvc-UID 1Gi RWO standard <unset> AGE",
	]);
	for (const name of ["web-0", "web-1"]) {
		await cluster.kubectl.run(["exec", name, "--", "sh", "-c", 'echo "$(hostname)" > /usr/share/nginx/html/index.html']);
	}
	expect(await pages("web-0", "web-1")).toEqual(["web-0\n", "web-1\n"]);
	await run(deletePods);
	await shows(cluster, "get pods -l app=nginx", podTable("web-0", "web-1"));
	expect(await pages("web-0", "web-1")).toEqual(["web-0\n", "web-1\n"]);
});

test("Scaling a StatefulSet up and down", async () => {
	await using up = await watchPods();
	expect(await run("scale sts web --replicas=5")).toBe("statefulset.apps/web scaled\n");
	expect(await rowsUntil(up, "web-4 1/1 Running 0")).toEqual(["web-2", "web-3", "web-4"].flatMap(coming));
	await using down = await watchPods();
	expect(await patch({ replicas: 3 })).toBe("statefulset.apps/web patched\n");
	expect(await rowsUntil(down, "web-3 0/1 Completed 0")).toEqual(["web-4", "web-3"].flatMap(going));
	await shows(cluster, "get pods -l app=nginx", podTable("web-0", "web-1", "web-2"));
	expect((await run("get pvc -l app=nginx -o name")).split("\n").slice(0, -1)).toEqual(
		[0, 1, 2, 3, 4].map((ordinal) => `persistentvolumeclaim/www-web-${ordinal}`),
	);
});

test("Rolling update: from the highest ordinal to the lowest", async () => {
	await using watch = await watchPods();
	expect(await patchImage("registry.k8s.io/nginx-slim:0.24")).toBe("statefulset.apps/web patched\n");
	const told = steps(await run("rollout status sts/web"));
	// Between two pods it waits for the one that has just been made.
	expectAlong(
		told.filter((line) => line !== "Waiting for 1 pods to be ready..."),
		[
			"Waiting for partitioned roll out to finish: 0 out of 3 new pods have been updated...",
			"Waiting for partitioned roll out to finish: 1 out of 3 new pods have been updated...",
			"Waiting for partitioned roll out to finish: 2 out of 3 new pods have been updated...",
			"partitioned roll out complete: 3 new pods have been updated...",
		],
	);
	const rows = await rowsUntil(watch, "web-0 1/1 Running 0");
	expect(rows).toEqual(["web-2", "web-1", "web-0"].flatMap((name) => [...going(name), ...coming(name)]));
	expect(await imagesOf("web-0", "web-1", "web-2")).toEqual(Array(3).fill("registry.k8s.io/nginx-slim:0.24"));
});

test("Staging an update, a canary, and a phased roll out", async () => {
	const partition = (ordinal: number) => patch({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: ordinal } } });
	const [before, after] = ["registry.k8s.io/nginx-slim:0.24", "registry.k8s.io/nginx-slim:0.27"];
	expect(await partition(3)).toBe("statefulset.apps/web patched\n");
	expect(await patchImage(after)).toBe("statefulset.apps/web patched\n");
	expect(await run("delete pod web-2 --wait=false")).toBe('pod "web-2" deleted from default namespace\n');
	await shows(cluster, "get pods -l app=nginx", podTable("web-0", "web-1", "web-2"));
	expect(await imageOf("web-2")).toBe(before);
	await using canary = await watchPods();
	await partition(2);
	expect(await rowsUntil(canary, "web-2 1/1 Running 0")).toEqual([...going("web-2"), ...coming("web-2")]);
	expect(steps(await run("rollout status sts/web"))).toEqual(["partitioned roll out complete: 1 new pods have been updated..."]);
	expect(await run("delete pod web-1 --wait=false")).toBe('pod "web-1" deleted from default namespace\n');
	await shows(cluster, "get pods -l app=nginx", podTable("web-0", "web-1", "web-2"));
	expect(await imagesOf("web-0", "web-1", "web-2")).toEqual([before, before, after]);
	await using phased = await watchPods();
	await partition(0);
	const rows = await rowsUntil(phased, "web-0 1/1 Running 0");
	expect(rows).toEqual(["web-1", "web-0"].flatMap((name) => [...going(name), ...coming(name)]));
	expect(await imagesOf("web-0", "web-1", "web-2")).toEqual([after, after, after]);
});

test("OnDelete leaves it to the user", async () => {
	await patch({ updateStrategy: { type: "OnDelete", rollingUpdate: null } });
	await patchImage("registry.k8s.io/nginx-slim:0.24");
	expect(await cluster.kubectl.fail("rollout status sts/web")).toBe(
		"error: rollout status is only available for RollingUpdate strategy type\n",
	);
	const generation = await run("get sts web -o jsonpath={.metadata.generation}");
	await run(`wait sts/web --for=jsonpath={.status.observedGeneration}=${generation}`);
	expect(new Set(await imagesOf("web-0", "web-1", "web-2"))).toEqual(new Set(["registry.k8s.io/nginx-slim:0.27"]));
	await run("delete pod web-1 --wait=false");
	await shows(cluster, "get pods -l app=nginx", podTable("web-0", "web-1", "web-2"));
	expect(await imagesOf("web-0", "web-1")).toEqual(["registry.k8s.io/nginx-slim:0.27", "registry.k8s.io/nginx-slim:0.24"]);
});

test("Non-cascading delete, and what the next StatefulSet of the name takes up", async () => {
	expect(await run("delete statefulset web --cascade=orphan")).toBe('statefulset.apps "web" deleted from default namespace\n');
	expect(maskedLines(await run("get pods -l app=nginx"))).toEqual(podTable("web-0", "web-1", "web-2"));
	expect(await run("delete pod web-0")).toBe('pod "web-0" deleted from default namespace\n');
	expect(maskedLines(await run("get pods -l app=nginx"))).toEqual(podTable("web-1", "web-2"));
	await using watch = await watchPods();
	expect(await run("apply -f -", manifest())).toBe("service/nginx unchanged\nstatefulset.apps/web created\n");
	await rowsUntil(watch, "web-2 0/1 Completed 0");
	expectAlong(rowsOf(watch, "web-0"), coming("web-0"));
	expect(rowsOf(watch, "web-2").slice(-2)).toEqual(going("web-2"));
	await run("rollout status sts/web");
	expect(await pages("web-0", "web-1")).toEqual(["web-0\n", "web-1\n"]);
});

test("Cascading delete: pods go, claims and what is on them stay", async () => {
	await using watch = await watchPods();
	expect(await run("delete statefulset web")).toBe('statefulset.apps "web" deleted from default namespace\n');
	await rowsUntil(watch, "web-0 0/1 Completed 0");
	await rowsUntil(watch, "web-1 0/1 Completed 0");
	for (const name of ["web-0", "web-1"]) expect(rowsOf(watch, name)).toEqual(going(name));
	await shows(cluster, "get pods -l app=nginx -o name", [""]);
	expect(await run("delete service nginx")).toBe('service "nginx" deleted from default namespace\n');
	expect(await run("apply -f -", manifest())).toBe("service/nginx created\nstatefulset.apps/web created\n");
	await run("rollout status sts/web");
	expect(await pages("web-0", "web-1")).toEqual(["web-0\n", "web-1\n"]);
	await run("delete service nginx");
	await run("delete statefulset web");
	await shows(cluster, "get pods -l app=nginx -o name", [""]);
});

test("Parallel Pod management", async () => {
	await using watch = await watchPods();
	expect(await run("apply -f -", manifest('podManagementPolicy: "Parallel"'))).toBe(
		"service/nginx created\nstatefulset.apps/web created\n",
	);
	await rowsUntil(watch, "web-0 1/1 Running 0");
	const rows = await rowsUntil(watch, "web-1 1/1 Running 0");
	for (const name of ["web-0", "web-1"]) expectAlong(rowsOf(watch, name), coming(name));
	// The second is there before the first is ready.
	expect(rows.findIndex((row) => row.startsWith("web-1"))).toBeLessThan(rows.indexOf("web-0 1/1 Running 0"));
	await using more = await watchPods();
	expect(await run("scale statefulset/web --replicas=5")).toBe("statefulset.apps/web scaled\n");
	const scaled = await Promise.all(["web-2", "web-3", "web-4"].map((name) => rowsUntil(more, `${name} 1/1 Running 0`)));
	const firstReady = scaled.at(-1)?.findIndex((row) => row.includes("1/1")) ?? 0;
	expect(
		new Set(
			scaled
				.at(-1)
				?.slice(0, firstReady)
				.map((row) => row.slice(0, 5)),
		),
	).toEqual(new Set(["web-2", "web-3", "web-4"]));
	expect(await run("delete sts web")).toBe('statefulset.apps "web" deleted from default namespace\n');
	await shows(cluster, "get pods -l app=nginx -o name", [""]);
	expect(await run("delete pvc www-web-0 www-web-1 www-web-2 www-web-3 www-web-4")).toBe(
		[0, 1, 2, 3, 4].map((ordinal) => `persistentvolumeclaim "www-web-${ordinal}" deleted from default namespace\n`).join(""),
	);
	await shows(cluster, "get pv -o name", [""]);
});
