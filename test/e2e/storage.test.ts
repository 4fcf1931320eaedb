/** Claims and volumes with the real kubectl, as the documentation's tasks show them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster();
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** Events of an object, without counts, each once. */
async function eventsOf(name: string): Promise<readonly string[]> {
	const path = "{range .items[*]}{.type} {.reason} {.source.component} {.message}{'\\n'}{end}";
	const text = await cluster.kubectl.run(["get", "events", `--field-selector=involvedObject.name=${name}`, `-o=jsonpath=${path}`]);
	return text.trimEnd().split("\n");
}

test("a fresh cluster has a default class", async () => {
	expect(maskedLines(await run("get storageclass"))).toEqual([
		"NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
		"standard (default) disk.csi.kubesim.io Delete WaitForFirstConsumer true AGE",
	]);
	expect(maskedLines(await run("get csidrivers")).at(1)).toBe("disk.csi.kubesim.io true false false <unset> false Persistent AGE");
	expect(maskedLines(await run("get csinodes"))).toEqual(["NAME DRIVERS AGE", "node-1 1 AGE", "node-2 1 AGE", "node-3 1 AGE"]);
});

// https://kubernetes.io/docs/tasks/configure-pod-container/configure-persistent-volume-storage/
test("a Pod uses a PersistentVolume for storage", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: PersistentVolume
metadata: { name: task-pv-volume, labels: { type: local } }
spec:
  storageClassName: manual
  capacity: { storage: 10Gi }
  accessModes: [ReadWriteOnce]
  hostPath: { path: /mnt/data }
`,
	);
	await run("wait pv/task-pv-volume --for=jsonpath={.status.phase}=Available");
	const columns = "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE";
	expect(maskedLines(await run("get pv task-pv-volume"))).toEqual([columns, "task-pv-volume 10Gi RWO Retain Available manual <unset> AGE"]);
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: task-pv-claim }
spec: { storageClassName: manual, accessModes: [ReadWriteOnce], resources: { requests: { storage: 3Gi } } }
`,
	);
	await run("wait pvc/task-pv-claim --for=jsonpath={.status.phase}=Bound");
	expect(maskedLines(await run("get pv task-pv-volume"))).toEqual([
		columns,
		"task-pv-volume 10Gi RWO Retain Bound default/task-pv-claim manual <unset> AGE",
	]);
	expect(maskedLines(await run("get pvc task-pv-claim"))).toEqual([
		"NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE",
		"task-pv-claim Bound task-pv-volume 10Gi RWO manual <unset> AGE",
	]);
	// The node of the hostPath: what kubectl debug or ssh would do.
	const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  nodeName: node-1
  volumes: [{ name: storage, persistentVolumeClaim: { claimName: task-pv-claim } }]
  containers:
  - name: task-pv-container
    image: nginx
    ports: [{ containerPort: 80, name: http-server }]
    volumeMounts: [{ mountPath: /usr/share/nginx/html, name: storage }]
`;
	await run("apply -f -", pod("task-pv-pod"));
	await run("wait pod/task-pv-pod --for=condition=Ready");
	await cluster.kubectl.run([
		"exec",
		"task-pv-pod",
		"--",
		"sh",
		"-c",
		"echo 'Hello from Kubernetes storage' > /usr/share/nginx/html/index.html",
	]);
	expect(await run("exec task-pv-pod -- curl -s http://localhost/")).toBe("Hello from Kubernetes storage\n");
	expect(maskedText(await run("describe pvc task-pv-claim"))).toContain(
		[
			"Name: task-pv-claim",
			"Namespace: default",
			"StorageClass: manual",
			"Status: Bound",
			"Volume: task-pv-volume",
			"Labels: <none>",
			"Annotations: pv.kubernetes.io/bind-completed: yes",
			" pv.kubernetes.io/bound-by-controller: yes",
			"Finalizers: [kubernetes.io/pvc-protection]",
			"Capacity: 10Gi",
			"Access Modes: RWO",
			"VolumeMode: Filesystem",
			"Used By: task-pv-pod",
		].join("\n"),
	);
	await run("delete pod task-pv-pod --grace-period=1");
	await run("apply -f -", pod("again"));
	await run("wait pod/again --for=condition=Ready");
	expect(await run("exec again -- curl -s http://localhost/")).toBe("Hello from Kubernetes storage\n");
	await run("delete pod again --grace-period=1");
	await run("delete pvc task-pv-claim");
	await run("wait pv/task-pv-volume --for=jsonpath={.status.phase}=Released");
	expect(maskedText(await run("describe pv task-pv-volume"))).toContain(
		["StorageClass: manual", "Status: Released", "Claim: default/task-pv-claim", "Reclaim Policy: Retain"].join("\n"),
	);
	await run("delete pv task-pv-volume");
});

// https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/
test("a claim without more gets a disk of the default class when its pod comes", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: claim1 }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`,
	);
	expect(maskedLines(await run("get pvc claim1")).at(1)).toBe("claim1 Pending standard <unset> AGE");
	expect((await eventsOf("claim1")).at(0)).toBe(
		"Normal WaitForFirstConsumer persistentvolume-controller waiting for first consumer to be created before binding",
	);
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: user }
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{ name: data, persistentVolumeClaim: { claimName: claim1 } }]
  containers: [{ name: c, image: busybox, command: [sleep, "3600"], volumeMounts: [{ name: data, mountPath: /data }] }]
`,
	);
	await run("wait pod/user --for=condition=Ready");
	const volume = await run("get pvc claim1 -o jsonpath={.spec.volumeName}");
	const events = await eventsOf("claim1");
	expect(events).toContainEqual(
		expect.stringMatching(
			/^Normal Provisioning disk\.csi\.kubesim\.io_\S+ External provisioner is provisioning volume for claim "default\/claim1"$/,
		),
	);
	expect(events).toContainEqual(expect.stringMatching(/^Normal ProvisioningSucceeded \S+ Successfully provisioned volume pvc-[-0-9a-f]+$/));
	expect(await eventsOf("user")).toContain(
		`Normal SuccessfulAttachVolume attachdetach-controller AttachVolume.Attach succeeded for volume "${volume}" `,
	);
	expect(maskedLines(await run("get volumeattachments")).at(1)).toMatch(
		/^csi-[0-9a-f]{64} disk\.csi\.kubesim\.io pvc-UID node-\d true AGE$/,
	);

	// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
	await cluster.kubectl.run(["patch", "pvc", "claim1", "-p", '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
	await run("wait pvc/claim1 --for=jsonpath={.status.capacity.storage}=2Gi");
	expect(maskedLines(await run(`get pv ${volume}`)).at(1)).toBe("pvc-UID 2Gi RWO Delete Bound default/claim1 standard <unset> AGE");
	expect(await eventsOf("claim1")).toContain(
		`Normal Resizing external-resizer disk.csi.kubesim.io External resizer is resizing volume ${volume}`,
	);

	await run("delete pod user");
	await run("delete pvc claim1");
	await run(`wait pv/${volume} --for=delete --timeout=30s`);
});

test("a pod whose claim is not there says so", async () => {
	await run(
		"apply -f -",
		`
apiVersion: v1
kind: Pod
metadata: { name: lonely }
spec:
  volumes: [{ name: data, persistentVolumeClaim: { claimName: nowhere } }]
  containers: [{ name: c, image: busybox, command: [sleep, "3600"] }]
`,
	);
	await run("wait pod/lonely --for=jsonpath={.status.conditions[0].reason}=Unschedulable");
	expect(await run("get pod lonely -o jsonpath={.status.conditions[0].message}")).toBe(
		'0/3 nodes are available: persistentvolumeclaim "nowhere" not found. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
	);
});
