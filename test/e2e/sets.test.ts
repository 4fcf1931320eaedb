/** StatefulSets and DaemonSets with the real kubectl, in a cluster whose time runs 30 times as fast as ours. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(30) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** https://kubernetes.io/docs/tutorials/stateful-application/basic-stateful-set/ */
const statefulSet = (name: string, replicas: number, spec = "", claims = "") => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, labels: { app: ${name} } }
spec: { clusterIP: None, selector: { app: ${name} }, ports: [{ port: 80, name: web }] }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: ${name} }
spec:
  serviceName: ${name}
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  ${spec}
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
      - { name: nginx, image: "nginx:1.27", ports: [{ containerPort: 80, name: web }]${claims === "" ? "" : ", volumeMounts: [{ name: www, mountPath: /data }]"} }
  ${claims}
`;

const claims = `volumeClaimTemplates:
  - metadata: { name: www }
    spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }`;

const daemonSet = (name: string, spec = "") => `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  selector: { matchLabels: { app: ${name} } }
  ${spec}
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: agent, image: "nginx:1.27" }] }
`;

/** Events of an object, oldest first. */
async function eventsOf(kind: string, name: string): Promise<readonly string[]> {
	const path = "{range .items[*]}{.type} {.reason} {.source.component} {.message}{'\\n'}{end}";
	const args = ["get", "events", `--field-selector=involvedObject.kind=${kind},involvedObject.name=${name}`, `-o=jsonpath=${path}`];
	return (await cluster.kubectl.run(args)).trimEnd().split("\n");
}

/** Waits until kubectl prints this. */
async function becomes(args: string, expected: string): Promise<void> {
	let printed = "";
	const look = async () => {
		printed = await run(args);
		return printed === expected || undefined;
	};
	await eventually(look, { limitMs: 30_000, what: () => `kubectl ${args} prints ${printed}` });
}

const imagesOf = (app: string) => `get pods -l app=${app} -o custom-columns=N:.metadata.name,I:.spec.containers[0].image --no-headers`;

test("a StatefulSet brings its pods in order, with names, labels, host names and claims of their own", async () => {
	await run("apply -f -", statefulSet("web", 3, "", claims));
	expect(await run("rollout status statefulset/web")).toMatch(
		/^(Waiting for statefulset spec update to be observed\.\.\.\n)?(Waiting for [123] pods to be ready\.\.\.\n)*partitioned roll out complete: 3 new pods have been updated\.\.\.\n$/,
	);
	expect(maskedLines(await run("get statefulsets -o wide"))).toEqual(["NAME READY AGE CONTAINERS IMAGES", "web 3/3 AGE nginx nginx:1.27"]);
	expect(maskedLines(await run("get pods -l app=web --show-labels"))).toEqual([
		"NAME READY STATUS RESTARTS AGE LABELS",
		...[0, 1, 2].map(
			(ordinal) =>
				`web-${ordinal} 1/1 Running 0 AGE app=web,apps.kubernetes.io/pod-index=${ordinal},controller-revision-hash=web-HASH,statefulset.kubernetes.io/pod-name=web-${ordinal}`,
		),
	]);
	expect(await run("exec web-1 -- hostname")).toBe("web-1\n");
	expect(await run("exec web-0 -- curl -s http://web-1.web")).toContain("<title>Welcome to nginx!</title>");
	expect(maskedLines(await run("get pvc -l app=web"))).toEqual([
		"NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE",
		...[0, 1, 2].map((ordinal) => `www-web-${ordinal} Bound pvc-UID 1Gi RWO standard <unset> AGE`),
	]);
	expect(await eventsOf("StatefulSet", "web")).toEqual(
		[0, 1, 2].flatMap((ordinal) => [
			`Normal SuccessfulCreate statefulset-controller create Claim www-web-${ordinal} Pod web-${ordinal} in StatefulSet web success`,
			`Normal SuccessfulCreate statefulset-controller create Pod web-${ordinal} in StatefulSet web successful`,
		]),
	);
	expect(maskedText(await run("describe statefulset web"))).toContain(
		[
			"Replicas: 3 desired | 3 total",
			"Update Strategy: RollingUpdate",
			" Partition: 0",
			"Pods Status: 3 Running / 0 Waiting / 0 Succeeded / 0 Failed",
		].join("\n"),
	);
	const created = "get pods -l app=web --sort-by=.metadata.creationTimestamp -o name";
	expect(await run(created)).toBe("pod/web-0\npod/web-1\npod/web-2\n");
});

test("a StatefulSet is updated from the top; history tells of it, undo goes back, restart makes all anew", async () => {
	await run("apply -f -", statefulSet("roll", 2));
	await run("rollout status statefulset/roll");
	expect(maskedLines(await run("get controllerrevisions -l app=roll"))).toEqual([
		"NAME CONTROLLER REVISION AGE",
		"roll-HASH statefulset.apps/roll 1 AGE",
	]);
	await run("annotate statefulset/roll kubernetes.io/change-cause=second");
	expect(await run("set image statefulset/roll nginx=nginx:1.28")).toBe("statefulset.apps/roll image updated\n");
	expect(await run("rollout status statefulset/roll")).toMatch(/partitioned roll out complete: 2 new pods have been updated\.\.\.\n$/);
	const deletions = (await eventsOf("StatefulSet", "roll")).filter((event) => event.includes("SuccessfulDelete"));
	expect(deletions).toEqual(
		[1, 0].map((ordinal) => `Normal SuccessfulDelete statefulset-controller delete Pod roll-${ordinal} in StatefulSet roll successful`),
	);
	expect(await run("rollout history statefulset/roll")).toBe(
		"statefulset.apps/roll \nREVISION  CHANGE-CAUSE\n1         <none>\n2         second\n\n",
	);
	expect(maskedText(await run("rollout history statefulset/roll --revision=1"))).toContain(
		"statefulset.apps/roll with revision #1\nPod Template:\n Labels: app=roll\n Containers:\n nginx:\n Image: nginx:1.27\n",
	);
	expect(await run("rollout undo statefulset/roll")).toBe("statefulset.apps/roll rolled back\n");
	await run("rollout status statefulset/roll");
	expect(await run(imagesOf("roll"))).toBe("roll-0   nginx:1.27\nroll-1   nginx:1.27\n");
	expect(await run("rollout history statefulset/roll")).toBe(
		"statefulset.apps/roll \nREVISION  CHANGE-CAUSE\n2         second\n3         <none>\n\n",
	);
	expect(await run("rollout undo statefulset/roll --to-revision=3")).toBe(
		"statefulset.apps/roll skipped rollback (current template already matches revision 3)\n",
	);
	const uids = () => run("get pods -l app=roll -o jsonpath={.items[*].metadata.uid}");
	const before = (await uids()).split(" ");
	expect(await run("rollout restart statefulset/roll")).toBe("statefulset.apps/roll restarted\n");
	await run("rollout status statefulset/roll");
	expect((await uids()).split(" ").filter((uid) => before.includes(uid))).toEqual([]);
});

test("a partition holds a rollout back, OnDelete leaves it to the user", async () => {
	await run("apply -f -", statefulSet("part", 2, "updateStrategy: { type: RollingUpdate, rollingUpdate: { partition: 1 } }"));
	await run("rollout status statefulset/part");
	await run("set image statefulset/part nginx=nginx:1.28");
	expect(await run("rollout status statefulset/part")).toMatch(/partitioned roll out complete: 1 new pods have been updated\.\.\.\n$/);
	expect(await run(imagesOf("part"))).toBe("part-0   nginx:1.27\npart-1   nginx:1.28\n");
	await cluster.kubectl.run(["patch", "statefulset", "part", "-p", '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}']);
	expect(await cluster.kubectl.fail(["rollout", "status", "statefulset/part"])).toBe(
		"error: rollout status is only available for RollingUpdate strategy type\n",
	);
	// kubectl waits by name, and at this speed the next of the name may be there before it looks.
	await run("delete pod part-0 --wait=false");
	await becomes(imagesOf("part"), "part-0   nginx:1.28\npart-1   nginx:1.28\n");
});

test("scaling goes in order", async () => {
	await run("apply -f -", statefulSet("size", 1));
	await run("rollout status statefulset/size");
	expect(await run("scale statefulset/size --replicas=3")).toBe("statefulset.apps/size scaled\n");
	await run("rollout status statefulset/size");
	expect(await run("scale statefulset/size --replicas=1")).toBe("statefulset.apps/size scaled\n");
	await run("wait pod/size-1 --for=delete --timeout=60s");
	const deletions = (await eventsOf("StatefulSet", "size")).filter((event) => event.includes("SuccessfulDelete"));
	expect(deletions.map((event) => /size-\d/.exec(event)?.[0])).toEqual(["size-2", "size-1"]);
});

test("a deleted StatefulSet takes its pods and its history along, or leaves them to the next of its name", async () => {
	await run("apply -f -", statefulSet("heir", 1));
	await run("rollout status statefulset/heir");
	const uid = () => run("get pod heir-0 -o jsonpath={.metadata.uid}");
	const before = await uid();
	await run("delete statefulset heir --cascade=orphan");
	expect(await run("get pod heir-0 -o jsonpath={.metadata.ownerReferences}")).toBe("");
	await run("apply -f -", statefulSet("heir", 1));
	await run("rollout status statefulset/heir");
	expect(await uid()).toBe(before);
	expect(await run("get pod heir-0 -o jsonpath={.metadata.ownerReferences[0].kind}")).toBe("StatefulSet");
	await run("delete statefulset heir");
	await run("wait pod/heir-0 --for=delete --timeout=60s");
	await becomes("get controllerrevisions -l app=heir -o name", "");
});

test("a pod that is evicted comes again under its name, on another node", async () => {
	await run("apply -f -", statefulSet("moved", 1));
	await run("rollout status statefulset/moved");
	const placed = "get pod moved-0 -o jsonpath={.spec.nodeName}";
	const node = await run(placed);
	expect(await run(`drain ${node} --ignore-daemonsets --force --pod-selector=app=moved`)).toContain("pod/moved-0 evicted\n");
	await run("rollout status statefulset/moved");
	expect(await run(placed)).not.toBe(node);
	await run(`uncordon ${node}`);
});

test("claims go with the set or with the pod, as the retention policy says", async () => {
	const policy = "persistentVolumeClaimRetentionPolicy: { whenDeleted: Delete, whenScaled: Delete }";
	await run("apply -f -", statefulSet("kept", 2, policy, claims));
	await run("rollout status statefulset/kept");
	expect(await run("get pvc www-kept-1 -o jsonpath={.metadata.ownerReferences[*].kind}")).toBe("StatefulSet");
	await run("scale statefulset/kept --replicas=1");
	await run("wait pvc/www-kept-1 --for=delete --timeout=60s");
	expect(await run("get pvc -l app=kept -o name")).toBe("persistentvolumeclaim/www-kept-0\n");
	await run("delete statefulset kept");
	await run("wait pvc/www-kept-0 --for=delete --timeout=60s");
});

test("a DaemonSet has a pod on every node, also on one that is cordoned, and drain leaves it alone", async () => {
	await run("apply -f -", daemonSet("agent"));
	expect(await run("rollout status daemonset/agent")).toMatch(
		/^(Waiting for daemon set spec update to be observed\.\.\.\n)?(Waiting for daemon set "agent" rollout to finish: [0-2] of 3 updated pods are available\.\.\.\n)*daemon set "agent" successfully rolled out\n$/,
	);
	expect(maskedLines(await run("get daemonsets agent -o wide"))).toEqual([
		"NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE CONTAINERS IMAGES SELECTOR",
		"agent 3 3 3 3 3 <none> AGE agent nginx:1.27 app=agent",
	]);
	const placed = "get pods -l app=agent --sort-by=.spec.nodeName -o custom-columns=N:.spec.nodeName --no-headers";
	expect(await run(placed)).toBe("node-1\nnode-2\nnode-3\n");
	expect(maskedText(await run("describe daemonset agent"))).toContain(
		[
			"Desired Number of Nodes Scheduled: 3",
			"Current Number of Nodes Scheduled: 3",
			"Number of Nodes Scheduled with Up-to-date Pods: 3",
			"Number of Nodes Scheduled with Available Pods: 3",
			"Number of Nodes Misscheduled: 0",
			"Pods Status: 3 Running / 0 Waiting / 0 Succeeded / 0 Failed",
		].join("\n"),
	);
	expect((await eventsOf("DaemonSet", "agent")).map((event) => event.replace(/agent-\w{5}$/, "agent-RANDOM"))).toEqual(
		Array(3).fill("Normal SuccessfulCreate daemonset-controller Created pod: agent-RANDOM"),
	);
	expect(await run("get pods -l app=agent -o jsonpath={.items[0].metadata.labels.pod-template-generation}")).toBe("1");
	const { stderr, stdout } = await cluster.kubectl.try(["drain", "node-1", "--ignore-daemonsets", "--force", "--delete-emptydir-data"]);
	expect(stderr).toMatch(/Warning: ignoring DaemonSet-managed Pods: .*default\/agent-\w{5}/);
	expect(stdout).toContain("node/node-1 drained\n");
	await run("delete pod -l app=agent --field-selector=spec.nodeName=node-1");
	await becomes(placed, "node-1\nnode-2\nnode-3\n");
	await run("uncordon node-1");
	await run("delete daemonset agent");
	await becomes("get pods,controllerrevisions -l app=agent -o name", "");
});

test("a DaemonSet follows labels and taints of nodes", async () => {
	const selector = "{ nodeSelector: { disk: ssd }, containers: [{ name: agent, image: nginx }] }";
	await run("apply -f -", daemonSet("picky").replace('{ containers: [{ name: agent, image: "nginx:1.27" }] }', selector));
	const placed = "get pods -l app=picky -o custom-columns=N:.spec.nodeName --no-headers";
	expect(maskedLines(await run("get daemonset picky"))[1]).toBe("picky 0 0 0 0 0 disk=ssd AGE");
	await run("label node node-2 disk=ssd");
	await becomes(placed, "node-2\n");
	await run("taint node node-2 k=v:NoExecute");
	await becomes(placed, "");
	await run("taint node node-2 k:NoExecute-");
	await becomes(placed, "node-2\n");
	await run("label node node-2 disk-");
	await becomes(placed, "");
	await run("delete daemonset picky");
});

test.each(["maxUnavailable: 1", "maxUnavailable: 0, maxSurge: 1"])("a DaemonSet is updated, and taken back, with %s", async (limits) => {
	const name = limits.includes("maxSurge") ? "surge" : "plain";
	await run("apply -f -", daemonSet(name, `updateStrategy: { type: RollingUpdate, rollingUpdate: { ${limits} } }`));
	await run(`rollout status daemonset/${name}`);
	await run(`annotate daemonset/${name} kubernetes.io/change-cause=second`);
	expect(await run(`set image daemonset/${name} agent=nginx:1.28`)).toBe(`daemonset.apps/${name} image updated\n`);
	expect(await run(`rollout status daemonset/${name}`)).toMatch(/daemon set "\w+" successfully rolled out\n$/);
	expect(maskedLines(await run(`get daemonset ${name}`))[1]).toBe(`${name} 3 3 3 3 3 <none> AGE`);
	expect(await run(`rollout history daemonset/${name}`)).toBe(
		`daemonset.apps/${name} \nREVISION  CHANGE-CAUSE\n1         <none>\n2         second\n\n`,
	);
	expect(await run(`rollout undo daemonset/${name}`)).toBe(`daemonset.apps/${name} rolled back\n`);
	await run(`rollout status daemonset/${name}`);
	// Of the pods that are going, the last may still be there.
	await becomes(`get pods -l app=${name} -o jsonpath={.items[*].spec.containers[0].image}`, "nginx:1.27 nginx:1.27 nginx:1.27");
	expect(await run(`rollout history daemonset/${name}`)).toBe(
		`daemonset.apps/${name} \nREVISION  CHANGE-CAUSE\n2         second\n3         <none>\n\n`,
	);
	expect(await run(`rollout undo daemonset/${name} --to-revision=3`)).toBe(
		`daemonset.apps/${name} skipped rollback (current template already matches revision 3)\n`,
	);
	expect(await run(`get daemonset ${name} -o jsonpath={.metadata.annotations.deprecated\\.daemonset\\.template\\.generation}`)).toBe("3");
});
