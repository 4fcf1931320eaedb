/** Rollouts with the real kubectl, in a cluster whose time runs 30 times as fast as ours. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(30) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const fail = (args: string) => cluster.kubectl.fail(args);

const deployment = (name: string, replicas: number, more = "", spec = "") => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  ${spec}
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: nginx, image: "nginx:1.27", ports: [{ containerPort: 80 }] ${more} }]
`;

test("status tells how far it is, history what there was, undo goes back", async () => {
	await run("apply -f -", deployment("web", 4, "", "minReadySeconds: 20"));
	const first = await run("rollout status deployment/web");
	expect(first).toMatch(
		/^(Waiting for deployment spec update to be observed\.\.\.\n)?(Waiting for deployment "web" rollout to finish: [0-3] (of|out of) 4 (updated replicas are available|new replicas have been updated)\.\.\.\n)+deployment "web" successfully rolled out\n$/,
	);
	await run("annotate deployment/web kubernetes.io/change-cause=first");
	expect(await run("set image deployment/web nginx=nginx:1.28")).toBe("deployment.apps/web image updated\n");
	await run("annotate deployment/web kubernetes.io/change-cause=second --overwrite");
	const second = await run("rollout status deployment/web");
	expect(second).toContain('Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...\n');
	expect(second).toMatch(/deployment "web" successfully rolled out\n$/);
	await cluster.kubectl.run(["patch", "deployment", "web", "-p", '{"spec":{"minReadySeconds":0}}']);
	expect(await run("rollout history deployment/web")).toBe(
		"deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         first\n2         second\n\n",
	);
	expect(maskedText(await run("rollout history deployment/web --revision=1"))).toBe(
		[
			"deployment.apps/web with revision #1",
			"Pod Template:",
			" Labels: app=web",
			" pod-template-hash=HASH",
			" Annotations: kubernetes.io/change-cause: first",
			" Containers:",
			" nginx:",
			" Image: nginx:1.27",
			" Port: 80/TCP",
			" Host Port: 0/TCP",
			" Environment: <none>",
			" Mounts: <none>",
			" Volumes: <none>",
			" Node-Selectors: <none>",
			" Tolerations: <none>",
			"",
			"",
		].join("\n"),
	);
	expect(await fail("rollout history deployment/web --revision=9")).toBe("error: unable to find the specified revision\n");
	expect(await fail("rollout undo deployment/web --to-revision=9")).toBe("error: unable to find specified revision 9 in history\n");
	expect(await run("rollout undo deployment/web --dry-run=server")).toMatch(
		/^deployment\.apps\/web (rolled back \(server dry run\)|Pod Template:)/,
	);
	expect(await run("rollout undo deployment/web")).toBe("deployment.apps/web rolled back\n");
	await run("rollout status deployment/web");
	expect(await run("rollout history deployment/web")).toBe(
		"deployment.apps/web \nREVISION  CHANGE-CAUSE\n2         second\n3         first\n\n",
	);
	expect(await run("rollout undo deployment/web --to-revision=2")).toBe("deployment.apps/web rolled back\n");
	await run("rollout status deployment/web");
	expect(await run("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}")).toBe("nginx:1.28");
	expect(await run("rollout undo deployment/web --to-revision=4")).toBe(
		"deployment.apps/web skipped rollback (current template already matches revision 4)\n",
	);
	expect(await fail("rollout status deployment/web --revision=2")).toBe(
		"error: desired revision (2) is different from the running revision (4)\n",
	);
});

test("restart stamps the template; nothing restarts while paused, and a resumed rollout makes one revision", async () => {
	await run("apply -f -", deployment("halt", 2));
	await run("rollout status deployment/halt");
	expect(await run("rollout restart deployment/halt")).toBe("deployment.apps/halt restarted\n");
	await run("rollout status deployment/halt");
	const stamped = "get deployment halt -o jsonpath={.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}";
	expect(await run(stamped)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
	expect(await run("rollout pause deployment/halt")).toBe("deployment.apps/halt paused\n");
	expect(await fail("rollout pause deployment/halt")).toBe('error: deployments.apps "halt" is already paused\n');
	expect(await fail("rollout restart deployment/halt")).toBe(
		'error: deployments.apps "halt" can\'t restart paused deployment (run rollout resume first)\n',
	);
	expect(await fail("rollout undo deployment/halt")).toBe(
		"error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again\n",
	);
	await run("set image deployment/halt nginx=nginx:1.28");
	await run("set image deployment/halt nginx=nginx:1.29");
	await run("wait deployment/halt --for=jsonpath={.status.observedGeneration}=5");
	expect(await run("get rs -l app=halt --no-headers")).not.toMatch(/\n.*\n.*\n/);
	expect(await run('get deployment halt -o jsonpath={.status.conditions[?(@.type=="Progressing")].reason}')).toBe("DeploymentPaused");
	expect(await run("rollout resume deployment/halt")).toBe("deployment.apps/halt resumed\n");
	expect(await fail("rollout resume deployment/halt")).toBe('error: deployments.apps "halt" is not paused\n');
	await run("rollout status deployment/halt");
	expect(await run("rollout history deployment/halt")).toBe(
		"deployment.apps/halt \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n3         <none>\n\n",
	);
});

test("a rolling update keeps 8 of 10 pods available and never has more than 13", async () => {
	await run("apply -f -", deployment("wide", 10));
	await run("rollout status deployment/wide");
	const columns = '{.metadata.name} {.metadata.deletionTimestamp} {.status.conditions[?(@.type=="Ready")].status} {.status.phase}{"\\n"}';
	await using watching = new RunningTool(cluster.kubectl, [
		"get",
		"pods",
		"-l",
		"app=wide",
		"-w",

		"-o",
		`jsonpath=${columns}`,
	]);
	await watching.sees(/(wide-.*\n){10}/);
	await run("set image deployment/wide nginx=nginx:1.28");
	await run("rollout status deployment/wide");
	const pods = new Map<string, { readonly going: boolean; readonly ready: boolean }>();
	let fewest = Number.POSITIVE_INFINITY;
	let most = 0;
	for (const line of watching.stdout.trimEnd().split("\n")) {
		const name = /wide-\S+/.exec(line)?.[0] ?? "";
		pods.set(name, { going: /\d{4}-\d\d-\d\dT/.test(line), ready: / True /.test(line) });
		const alive = [...pods.values()].filter(({ going }) => !going);
		if (pods.size < 10) continue;
		fewest = Math.min(fewest, alive.filter(({ ready }) => ready).length);
		most = Math.max(most, alive.length);
	}
	expect(pods.size).toBe(20);
	expect(fewest).toBe(8);
	expect(most).toBe(13);
});

test("Recreate stops all old pods before it starts a new one", async () => {
	await run("apply -f -", deployment("anew", 2, "", "strategy: { type: Recreate }"));
	await run("rollout status deployment/anew");
	await using watching = new RunningTool(cluster.kubectl, "get rs -l app=anew -w --no-headers");
	await watching.sees(/ 2 +2 +2 /);
	await run("set image deployment/anew nginx=nginx:1.28");
	await run("rollout status deployment/anew");
	await watching.sees(/ 2 +2 +2 [\s\S]* 2 +2 +2 /);
	const sizes = new Map<string, number>();
	for (const line of watching.stdout.trimEnd().split("\n")) {
		const [name = "", , current = ""] = line.split(/ +/);
		sizes.set(name, Number(current));
		expect([...sizes.values()].filter((size) => size > 0).length).toBeLessThanOrEqual(1);
	}
	expect(maskedLines(await run("describe deployment anew")).slice(-6)).toEqual([
		"Events:",
		" Type Reason Age From Message",
		" ---- ------ ---- ---- -------",
		" Normal ScalingReplicaSet AGE deployment-controller Scaled up replica set anew-HASH from 0 to 2",
		" Normal ScalingReplicaSet AGE deployment-controller Scaled down replica set anew-HASH from 2 to 0",
		" Normal ScalingReplicaSet AGE deployment-controller Scaled up replica set anew-HASH from 0 to 2",
	]);
});

test("an image that is not there: the old pods stay, the deadline passes, undo mends it", async () => {
	await run("apply -f -", deployment("broken", 4));
	await run("rollout status deployment/broken");
	await cluster.kubectl.run(["patch", "deployment", "broken", "-p", '{"spec":{"progressDeadlineSeconds":45}}']);
	await run("set image deployment/broken nginx=nginx:doesnotexist");
	const failed = await cluster.kubectl.try(["rollout", "status", "deployment/broken"]);
	expect(failed.exitCode).toBe(1);
	expect(failed.stdout).toMatch(/^Waiting for deployment "broken" rollout to finish: 2 out of 4 new replicas have been updated\.\.\.\n$/m);
	expect(failed.stderr).toBe('error: deployment "broken" exceeded its progress deadline\n');
	expect(maskedLines(await run("get deployment broken"))).toEqual(["NAME READY UP-TO-DATE AVAILABLE AGE", "broken 3/4 2 3 AGE"]);
	const waiting = await run(
		"get pods -l app=broken -o jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason} --sort-by=.metadata.creationTimestamp",
	);
	expect(waiting).toMatch(/^(ErrImagePull|ImagePullBackOff) (ErrImagePull|ImagePullBackOff)$/);
	expect(maskedText(await run("describe deployment broken"))).toContain(
		[
			"Conditions:",
			" Type Status Reason",
			" ---- ------ ------",
			" Available True MinimumReplicasAvailable",
			" Progressing False ProgressDeadlineExceeded",
			"OldReplicaSets: broken-HASH (3/3 replicas created)",
			"NewReplicaSet: broken-HASH (2/2 replicas created)",
		].join("\n"),
	);
	const warnings = maskedLines(await run("events --types=Warning --no-headers")).filter((line) => line.includes("broken"));
	expect(new Set(warnings.map((line) => line.replace(/^.*Warning/, "Warning").replace(/Pod\/\S+/, "Pod")))).toEqual(
		new Set([
			'Warning Failed Pod Failed to pull image "nginx:doesnotexist": rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:doesnotexist": failed to resolve reference "docker.io/library/nginx:doesnotexist": docker.io/library/nginx:doesnotexist: not found',
			"Warning Failed Pod Error: ErrImagePull",
			"Warning Failed Pod Error: ImagePullBackOff",
		]),
	);
	await run("rollout undo deployment/broken");
	expect(await run("rollout status deployment/broken")).toMatch(/deployment "broken" successfully rolled out\n$/);
});

test("wait: conditions, fields, creation, deletion, and running out of time", async () => {
	const waiting = run("wait --for=create pod/late --timeout=20s");
	await run("run late --image=nginx");
	expect(await waiting).toBe("pod/late condition met\n");
	expect(await run("wait --for=condition=Ready pod/late --timeout=20s")).toBe("pod/late condition met\n");
	expect(await run("wait --for=condition=ready=true pod/late")).toBe("pod/late condition met\n");
	expect(await run("wait --for=jsonpath={.status.phase}=Running pod/late")).toBe("pod/late condition met\n");
	expect(await run("wait --for=jsonpath={.status.podIP} pod/late")).toBe("pod/late condition met\n");
	expect(await fail("wait --for=jsonpath={.status.phase}=Failed pod/late --timeout=300ms")).toBe(
		"error: timed out waiting for the condition on pods/late\n",
	);
	expect(await fail("wait --for=condition=Ready pod/nobody --timeout=1s")).toBe('Error from server (NotFound): pods "nobody" not found\n');
	await using gone = await RunningTool.watching(cluster.kubectl, "wait --for=delete pod/late --timeout=20s");
	await run("delete pod late --wait=false");
	expect(await gone.ended()).toBe(0);
	expect(gone.stdout).toBe("pod/late condition met\n");
	expect(await run("wait --for=condition=Available deployment --all --timeout=30s")).toContain("deployment.apps/web condition met\n");
});

test("events: for one object, by type, watched, sorted", async () => {
	await using watching = new RunningTool(cluster.kubectl, "events -w --for pod/told --no-headers");
	await run("run told --image=nginx --restart=Never");
	await run("wait --for=condition=Ready pod/told --timeout=20s");
	await watching.sees(/Started/);
	const story = [
		"AGE Normal Scheduled Pod/told Successfully assigned default/told to node-N",
		'AGE Normal Pulling Pod/told Pulling image "nginx"',
		'AGE Normal Pulled Pod/told Successfully pulled image "nginx" in TOOK (TOOK including waiting). Image size: 72319283 bytes.',
		"AGE Normal Created Pod/told Container created",
		"AGE Normal Started Pod/told Container started",
	];
	const told = (text: string) => maskedLines(text).map((line) => line.replace(/node-\d/, "node-N").replaceAll(/\b[\d.]+m?s\b/g, "TOOK"));
	expect(told(watching.stdout)).toEqual(story);
	// Sorted by time, but only the scheduler's events know fractions of a second.
	const [header, ...rows] = told(await run("events --for pod/told"));
	expect(header).toBe("LAST SEEN TYPE REASON OBJECT MESSAGE");
	expect(rows.toSorted()).toEqual(story.toSorted());
	expect((await cluster.kubectl.try(["events", "--for", "pod/told", "--types=Warning"])).stderr).toBe(
		"No events found in default namespace.\n",
	);
	const sorted = await run(
		"get events --field-selector involvedObject.name=told --sort-by=.metadata.creationTimestamp -o jsonpath={.items[*].reason}",
	);
	expect(sorted).toBe("Scheduled Pulling Pulled Created Started");
	const described = maskedLines(await run("describe pod told"));
	expect(described.slice(described.indexOf("Events:") + 3).map((line) => line.trim().split(" ")[1])).toEqual([
		"Scheduled",
		"Pulling",
		"Pulled",
		"Created",
		"Started",
	]);
});
