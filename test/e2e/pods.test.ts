/** The life of pods, as the real kubectl tells it. Cluster time runs 20 times as fast as ours. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(20) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** kubectl with arguments that have blanks in them. */
const runWith = (...args: readonly string[]) => cluster.kubectl.run(args);

/** The statuses that `get pods -w` shows of a pod, each once for as long as it lasts: READY STATUS. */
function story(watched: string, name: string): string[] {
	const lines = maskedLines(watched).filter((line) => line.startsWith(`${name} `));
	const told = lines.map((line) => line.split(" ").slice(1, 3).join(" "));
	return told.filter((status, at) => status !== told[at - 1]);
}

test("get pods -w: Pending, ContainerCreating, Running, Terminating, Completed, and gone", async () => {
	await using watching = await RunningTool.watching(cluster.kubectl, "get pods -w --output-watch-events");
	await run("run usual --image=nginx");
	await watching.sees(/usual +1\/1 +Running/);
	await run("delete pod usual");
	await watching.sees(/DELETED +usual/);
	const lines = maskedLines(watching.stdout);
	expect(lines[0]).toBe("EVENT NAME READY STATUS RESTARTS AGE");
	expect(lines.at(1)).toBe("ADDED usual 0/1 Pending 0 AGE");
	expect(lines.at(-1)).toBe("DELETED usual 0/1 Completed 0 AGE");
	expect(story(watching.stdout.replace(/^\w+ +/gm, ""), "usual")).toEqual([
		"0/1 Pending",
		"0/1 ContainerCreating",
		"1/1 Running",
		"1/1 Terminating",
		"0/1 Completed",
	]);
	expect(await cluster.kubectl.fail("get pod usual")).toBe('Error from server (NotFound): pods "usual" not found\n');
});

test("a container that fails again and again: Error, CrashLoopBackOff, its logs and what describe says", async () => {
	await using watching = await RunningTool.watching(cluster.kubectl, "get pods -w");
	await runWith("run", "crash", "--image=busybox", "--", "sh", "-c", "echo oops; exit 3");
	await watching.sees(/crash +0\/1 +CrashLoopBackOff +2 \(/);
	const told = story(watching.stdout, "crash");
	expect(told.slice(0, 3)).toEqual(["0/1 Pending", "0/1 ContainerCreating", expect.stringMatching(/^1\/1 Running|0\/1 Error$/)]);
	expect(told).toContain("0/1 CrashLoopBackOff");
	expect(maskedLines(await run("get pod crash"))[1]).toMatch(/^crash [01]\/1 (CrashLoopBackOff|Running|Error) \d \(AGE ago\) AGE$/);
	expect(await run("logs crash")).toBe("oops\n");
	expect(await run("logs crash --previous")).toBe("oops\n");
	// It runs for a moment now and then.
	const described = await eventually(async () => {
		const text = maskedText(await run("describe pod crash"));
		return text.includes("State: Waiting\n") ? text : undefined;
	});
	expect(described).toMatch(
		/ Args:\n sh\n -c\n echo oops; exit 3\n State: Waiting\n Reason: CrashLoopBackOff\n Last State: Terminated\n Reason: Error\n Exit Code: 3\n Started: TIME\n Finished: TIME\n Ready: False\n Restart Count: \d\n/,
	);
	expect(described).toContain(" kubelet spec.containers{crash}: Back-off restarting failed container crash in pod crash_default(UID)\n");
	await run("delete pod crash --now");
});

test("a pod that ends: Completed, and its restart policies", async () => {
	await runWith("run", "done", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo bye");
	await run("wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=20s");
	expect(maskedLines(await run("get pod done"))[1]).toBe("done 0/1 Completed 0 AGE");
	await runWith("run", "failed", "--image=busybox", "--restart=Never", "--", "false");
	await run("wait --for=jsonpath={.status.phase}=Failed pod/failed --timeout=20s");
	expect(maskedLines(await run("get pod failed"))[1]).toBe("failed 0/1 Error 0 AGE");
	await runWith("run", "nocommand", "--image=busybox", "--restart=Never", "--", "/nope");
	await run("wait --for=jsonpath={.status.phase}=Failed pod/nocommand --timeout=20s");
	expect(maskedLines(await run("get pod nocommand"))[1]).toBe("nocommand 0/1 StartError 0 AGE");
	expect(await run("get pods --field-selector=status.phase=Failed -o name")).toBe("pod/failed\npod/nocommand\n");
	await run("delete pod done failed nocommand");
});

test("an image that cannot be pulled, or named, or need not be pulled", async () => {
	await run("run absent --image=nginx:doesnotexist");
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: misnamed }, spec: { containers: [{ name: main, image: NGINX }] } }",
	);
	await run("run never --image=redis --image-pull-policy=Never");
	const reason = (pod: string) => run(`get pod ${pod} -o jsonpath={.status.containerStatuses[0].state.waiting.reason}`);
	await eventually(async () => ((await reason("absent")) === "ImagePullBackOff" ? true : undefined));
	await eventually(async () => ((await reason("misnamed")) === "InvalidImageName" ? true : undefined));
	await eventually(async () => ((await reason("never")) === "ErrImageNeverPull" ? true : undefined));
	// It is tried again now and then.
	await eventually(async () =>
		(await cluster.kubectl.fail("logs absent")) ===
		'Error from server (BadRequest): container "absent" in pod "absent" is waiting to start: trying and failing to pull image\n'
			? true
			: undefined,
	);
	const described = await eventually(async () => {
		const lines = maskedLines(await run("describe pod absent"));
		return lines.includes(" Reason: ImagePullBackOff") ? lines : undefined;
	});
	expect(described).toEqual(
		expect.arrayContaining([
			" State: Waiting",
			" Reason: ImagePullBackOff",
			expect.stringMatching(
				/^ Normal BackOff AGE( \(xN over AGE\))? kubelet spec\.containers\{absent\}: Back-off pulling image "nginx:doesnotexist"$/,
			),
		]),
	);
	await run("delete pod absent misnamed never");
});

test("init containers run one after the other, before the others; a failing one holds the pod back", async () => {
	await using watching = await RunningTool.watching(cluster.kubectl, "get pods -w");
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: ready-steady }
spec:
  initContainers:
  - { name: one, image: busybox, command: [sh, -c, "echo 1 > /work/count; sleep 2"], volumeMounts: [{ name: work, mountPath: /work }] }
  - { name: two, image: busybox, command: [sh, -c, "echo 2 >> /work/count; sleep 2"], volumeMounts: [{ name: work, mountPath: /work }] }
  containers:
  - { name: go, image: busybox, command: [sh, -c, "cat /work/count; sleep 1000"], volumeMounts: [{ name: work, mountPath: /work }] }
  volumes: [{ name: work, emptyDir: {} }]
`,
	);
	await watching.sees(/ready-steady +1\/1 +Running/);
	// Between the last init container and the first other one, and often too short to be reported.
	const isBrief = (status: string) => status === "0/1 PodInitializing";
	expect(story(watching.stdout, "ready-steady").filter((status) => !isBrief(status))).toEqual([
		"0/1 Pending",
		"0/1 Init:0/2",
		"0/1 Init:1/2",
		"1/1 Running",
	]);
	expect(await run("logs ready-steady")).toBe("1\n2\n");
	expect(await run("logs ready-steady -c one")).toBe("");
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: stuck }, spec: { initContainers: [{ name: never, image: busybox, command: ['false'] }], containers: [{ name: go, image: nginx }] } }",
	);
	await watching.sees(/stuck +0\/1 +Init:CrashLoopBackOff/);
	expect(story(watching.stdout, "stuck")).toContain("0/1 Init:0/1");
	expect(await cluster.kubectl.fail("logs stuck -c go")).toBe(
		'Error from server (BadRequest): container "go" in pod "stuck" is waiting to start: PodInitializing\n',
	);
	await run("delete pod ready-steady stuck --now");
});

test("a sidecar starts before the container and stays with it", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: sidecar }
spec:
  initContainers: [{ name: helper, image: nginx, restartPolicy: Always }]
  containers: [{ name: main, image: busybox, command: [sh, -c, "wget -qO- http://localhost | grep title; sleep 1000"] }]
`,
	);
	await run("wait --for=condition=Ready pod/sidecar --timeout=20s");
	expect(maskedLines(await run("get pod sidecar"))[1]).toBe("sidecar 2/2 Running 0 AGE");
	expect(await run("logs sidecar -c main")).toBe("<title>Welcome to nginx!</title>\n");
	await run("delete pod sidecar --now");
});

test("probes: not ready keeps a pod out of the endpoints, not alive restarts the container", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: probed, labels: { app: probed } }
spec:
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "touch /tmp/alive; sleep 100000"]
    readinessProbe: { exec: { command: [cat, /tmp/ready] }, periodSeconds: 5 }
    livenessProbe: { exec: { command: [cat, /tmp/alive] }, periodSeconds: 1, failureThreshold: 3 }
---
apiVersion: v1
kind: Service
metadata: { name: probed }
spec: { selector: { app: probed }, ports: [{ port: 80 }] }
`,
	);
	await run("wait --for=jsonpath={.status.phase}=Running pod/probed --timeout=20s");
	const ready = "get endpointslices -l kubernetes.io/service-name=probed -o jsonpath={.items[*].endpoints[*].conditions.ready}";
	await eventually(async () => ((await run(ready)) === "false" ? true : undefined));
	expect(maskedLines(await run("get pod probed"))[1]).toBe("probed 0/1 Running 0 AGE");
	expect(maskedText(await run("describe service probed"))).toContain("Endpoints:\n");
	await eventually(async () => (/Unhealthy/.test(await run("events --for pod/probed")) ? true : undefined));
	expect(maskedText(await run("events --for pod/probed --no-headers"))).toMatch(
		/Warning Unhealthy Pod\/probed Readiness probe failed: cat: can't open '\/tmp\/ready': No such file or directory/,
	);
	await run("exec probed -- touch /tmp/ready");
	await run("wait --for=condition=Ready pod/probed --timeout=20s");
	await eventually(async () => ((await run(ready)) === "true" ? true : undefined));
	expect(maskedText(await run("describe service probed"))).toContain("Endpoints: POD-IP:80\n");
	await run("exec probed -- rm /tmp/alive");
	await run("wait --for=jsonpath={.status.containerStatuses[0].restartCount}=1 pod/probed --timeout=30s");
	const events = maskedText(await run("events --for pod/probed --no-headers"));
	expect(events).toMatch(/Warning Unhealthy Pod\/probed Liveness probe failed: cat: can't open '\/tmp\/alive': No such file or directory/);
	expect(events).toMatch(/Normal Killing Pod\/probed Container main failed liveness probe, will be restarted/);
	expect(maskedText(await run("describe pod probed"))).toContain(
		" Liveness: exec [cat /tmp/alive] delay=0s timeout=1s period=1s #success=1 #failure=3\n Readiness: exec [cat /tmp/ready] delay=0s timeout=1s period=5s #success=1 #failure=3\n",
	);
	await run("delete pod/probed service/probed --now");
});

test("environment and files from ConfigMaps, Secrets and the pod itself", async () => {
	await run("create configmap settings --from-literal=colour=blue --from-literal=app.properties=size=7");
	await run("create secret generic password --from-literal=password=sesame");
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: told, labels: { app: told } }
spec:
  containers:
  - name: main
    image: busybox
    command: [sleep, "100000"]
    resources: { limits: { memory: 64Mi } }
    env:
    - { name: COLOUR, valueFrom: { configMapKeyRef: { name: settings, key: colour } } }
    - { name: PASSWORD, valueFrom: { secretKeyRef: { name: password, key: password } } }
    - { name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
    - { name: LIMIT, valueFrom: { resourceFieldRef: { resource: limits.memory } } }
    - { name: GREETING, value: "$(POD) is $(COLOUR)" }
    envFrom: [{ prefix: SET_, configMapRef: { name: settings } }]
    volumeMounts:
    - { name: settings, mountPath: /etc/settings }
    - { name: password, mountPath: /etc/password, readOnly: true }
    - { name: about, mountPath: /etc/about }
  volumes:
  - { name: settings, configMap: { name: settings } }
  - { name: password, secret: { secretName: password, defaultMode: 256 } }
  - { name: about, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
`,
	);
	await run("wait --for=condition=Ready pod/told --timeout=20s");
	expect(await runWith("exec", "told", "--", "sh", "-c", 'echo "$COLOUR $PASSWORD $POD $LIMIT $GREETING $SET_colour"')).toBe(
		"blue sesame told 67108864 told is blue blue\n",
	);
	expect(
		await runWith(
			"exec",
			"told",
			"--",
			"sh",
			"-c",
			"cat /etc/settings/app.properties; echo; cat /etc/password/password; echo; cat /etc/about/labels; echo; ls /etc/settings",
		),
	).toBe('size=7\nsesame\napp="told"\napp.properties\ncolour\n');
	expect(await runWith("exec", "told", "--", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/namespace")).toBe("default");
	const described = maskedText(await run("describe pod told"));
	expect(described).toContain(
		[
			" Environment Variables from:",
			" settings ConfigMap with prefix 'SET_' Optional: false",
			" Environment:",
			" COLOUR: <set to the key 'colour' of config map 'settings'> Optional: false",
			" PASSWORD: <set to the key 'password' in secret 'password'> Optional: false",
			" POD: told (v1:metadata.name)",
			" LIMIT: 67108864 (limits.memory)",
			" GREETING: $(POD) is $(COLOUR)",
			" Mounts:",
			" /etc/about from about (rw)",
			" /etc/password from password (ro)",
			" /etc/settings from settings (rw)",
		].join("\n"),
	);
	await runWith("patch", "configmap", "settings", "-p", '{"data":{"colour":"green"}}');
	await eventually(async () => ((await run("exec told -- cat /etc/settings/colour")) === "green" ? true : undefined));
	expect(await runWith("exec", "told", "--", "printenv", "COLOUR")).toBe("blue\n");
	await run("delete pod told --now");
});

test("a ConfigMap that is missing holds a pod back until it is there", async () => {
	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: lacking }, spec: { containers: [{ name: main, image: nginx, env: [{ name: A, valueFrom: { configMapKeyRef: { name: later, key: a } } }] }] } }",
	);
	await eventually(async () => (/CreateContainerConfigError/.test(await run("get pod lacking")) ? true : undefined));
	expect(maskedText(await run("events --for pod/lacking --types=Warning --no-headers"))).toMatch(
		/Warning Failed Pod\/lacking Error: configmap "later" not found/,
	);
	await run("create configmap later --from-literal=a=1");
	await run("wait --for=condition=Ready pod/lacking --timeout=20s");
	await run("delete pod/lacking configmap/later --now");
});

test("Services are in the environment and in the pods' network, by name and by address", async () => {
	await run("create deployment site --image=nginx --replicas=2");
	await run("expose deployment site --port=8080 --target-port=80");
	await run("rollout status deployment/site");
	const ip = await run("get service site -o jsonpath={.spec.clusterIP}");
	await eventually(async () =>
		(await run("get endpointslices -l kubernetes.io/service-name=site -o jsonpath={.items[*].endpoints[*].conditions.ready}")) ===
		"true true"
			? true
			: undefined,
	);
	await run("run client --image=busybox -- sleep 100000");
	await run("wait --for=condition=Ready pod/client --timeout=20s");
	expect(await run("exec client -- printenv SITE_SERVICE_HOST SITE_SERVICE_PORT SITE_PORT_8080_TCP")).toBe(
		`${ip}\n8080\ntcp://${ip}:8080\n`,
	);
	for (const host of ["site", "site.default", "site.default.svc.cluster.local", ip]) {
		expect(await run(`exec client -- wget -qO- http://${host}:8080`)).toContain("<h1>Welcome to nginx!</h1>");
	}
	expect(await cluster.kubectl.fail("exec client -- wget -qO- http://nowhere")).toBe(
		"wget: bad address 'nowhere'\ncommand terminated with exit code 1\n",
	);
	expect(await cluster.kubectl.fail("exec client -- wget -qO- -T 2 http://site:81")).toMatch(
		/^wget: (can't connect to remote host|download timed out)/,
	);
	expect(await run("exec client -- nslookup site.default.svc.cluster.local")).toBe(
		`Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\nName:\tsite.default.svc.cluster.local\nAddress: ${ip}\n\n\n`,
	);
	await run("scale deployment site --replicas=0");
	await eventually(async () =>
		(await cluster.kubectl.try(["exec", "client", "--", "wget", "-qO-", "http://site:8080"])).exitCode === 1 ? true : undefined,
	);
	await run("delete deployment/site service/site pod/client --now");
});

test("a pod has the time to stop that it asks for: preStop, SIGTERM, then SIGKILL", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: gentle }
spec:
  terminationGracePeriodSeconds: 1200
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'echo term; exit 0' TERM; echo started; while true; do sleep 1; done"]
    lifecycle: { preStop: { exec: { command: [sh, -c, "echo preparing > /proc/1/fd/1; until [ -e /tmp/go ]; do sleep 1; done"] } } }
`,
	);
	await run("wait --for=condition=Ready pod/gentle --timeout=20s");
	await using logs = new RunningTool(cluster.kubectl, "logs -f gentle");
	await logs.sees(/started/);
	await run("delete pod gentle --wait=false");
	expect(maskedLines(await run("get pod gentle"))[1]).toBe("gentle 1/1 Terminating 0 AGE");
	expect(maskedText(await run("describe pod gentle"))).toMatch(/^Status: Terminating \(lasts \w+\)\nTermination Grace Period: AGE$/m);
	await run("exec gentle -- touch /tmp/go");
	await run("wait --for=delete pod/gentle --timeout=20s");
	await logs.ended();
	expect(logs.stdout).toBe("started\npreparing\nterm\n");

	await run(
		"apply -f -",
		"{ apiVersion: v1, kind: Pod, metadata: { name: deaf }, spec: { terminationGracePeriodSeconds: 20, containers: [{ name: main, image: busybox, command: [sh, -c, \"trap '' TERM; while true; do sleep 1; done\"] }] } }",
	);
	await run("wait --for=condition=Ready pod/deaf --timeout=20s");
	await using watching = await RunningTool.watching(
		cluster.kubectl,
		"get pod deaf -w -o jsonpath={.status.containerStatuses[0].state.terminated.exitCode}:",
	);
	await run("delete pod deaf");
	await watching.sees(/137/);
	await run("run hasty --image=nginx");
	await run("wait --for=condition=Ready pod/hasty --timeout=20s");
	const forced = await cluster.kubectl.try(["delete", "pod", "hasty", "--force", "--grace-period=0"]);
	expect(forced.stdout).toBe('pod "hasty" force deleted from default namespace\n');
	expect(forced.stderr).toBe(
		"Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n",
	);
	expect(await run("get pods hasty --ignore-not-found")).toBe("");
});
