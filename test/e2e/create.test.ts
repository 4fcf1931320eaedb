/** `kubectl create` of every kind it knows, `run` and `expose`, and what `describe` then shows of each. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedText } from "../tools/masked-text.ts";

let test: TestCluster;
const run = (args: string | readonly string[], input?: string) => test.kubectl.run(args, input);
const fail = (args: string | readonly string[], input?: string) => test.kubectl.fail(args, input);
const describeOf = async (what: string) => maskedText(await run(`describe ${what}`));
/** Writes a file of the test's own and gives its path. */
function file(name: string, content: string): string {
	const path = join(test.directory, name);
	writeFileSync(path, content);
	return path;
}

beforeAll(async () => {
	test = await startTestCluster({ loadBalancerPool: "none" });
});
afterAll(() => test[Symbol.asyncDispose]());

describe("workloads", () => {
	it("creates a deployment that becomes available, and describes it and its replica set", async () => {
		expect(await run("create deployment web --image=nginx:1.27 --replicas=3 --port=80")).toBe("deployment.apps/web created\n");
		await run("wait --for=condition=Available deployment/web --timeout=20s");
		expect(await describeOf("deployment web")).toBe(`Name: web
Namespace: default
CreationTimestamp: TIME
Labels: app=web
Annotations: deployment.kubernetes.io/revision: 1
Selector: app=web
Replicas: 3 desired | 3 updated | 3 total | 3 available | 0 unavailable
StrategyType: RollingUpdate
MinReadySeconds: 0
RollingUpdateStrategy: 25% max unavailable, 25% max surge
Pod Template:
 Labels: app=web
 Containers:
 nginx:
 Image: nginx:1.27
 Port: 80/TCP
 Host Port: 0/TCP
 Environment: <none>
 Mounts: <none>
 Volumes: <none>
 Node-Selectors: <none>
 Tolerations: <none>
Conditions:
 Type Status Reason
 ---- ------ ------
 Available True MinimumReplicasAvailable
 Progressing True NewReplicaSetAvailable
OldReplicaSets: <none>
NewReplicaSet: web-HASH (3/3 replicas created)
Events:
 Type Reason Age From Message
 ---- ------ ---- ---- -------
 Normal ScalingReplicaSet AGE deployment-controller Scaled up replica set web-HASH from 0 to 3
`);
		expect(await describeOf("replicaset -l app=web")).toBe(`Name: web-HASH
Namespace: default
Selector: app=web,pod-template-hash=HASH
Labels: app=web
 pod-template-hash=HASH
Annotations: deployment.kubernetes.io/desired-replicas: 3
 deployment.kubernetes.io/max-replicas: 4
 deployment.kubernetes.io/revision: 1
Controlled By: Deployment/web
Replicas: 3 current / 3 desired
Pods Status: 3 Running / 0 Waiting / 0 Succeeded / 0 Failed
Pod Template:
 Labels: app=web
 pod-template-hash=HASH
 Containers:
 nginx:
 Image: nginx:1.27
 Port: 80/TCP
 Host Port: 0/TCP
 Environment: <none>
 Mounts: <none>
 Volumes: <none>
 Node-Selectors: <none>
 Tolerations: <none>
Events:
 Type Reason Age From Message
 ---- ------ ---- ---- -------
 Normal SuccessfulCreate AGE replicaset-controller Created pod: web-HASH-RANDOM
 Normal SuccessfulCreate AGE replicaset-controller Created pod: web-HASH-RANDOM
 Normal SuccessfulCreate AGE replicaset-controller Created pod: web-HASH-RANDOM
`);
	});

	it("tells a pod's life in the order in which it happened", async () => {
		await run("run story --image=httpd:2.4 --env=COLOUR=blue --labels=app=story,tier=front");
		await run("wait --for=condition=Ready pod/story --timeout=20s");
		const text = (await describeOf("pod story"))
			.replace(/node-\d\/172\.18\.0\.\d+/, "<node>")
			.replaceAll(/node-\d/g, "<node>")
			.replace(/in \d+ms \(\d+ms including waiting\)\. Image size: \d+ bytes/, "in <duration>");
		expect(text).toBe(`Name: story
Namespace: default
Priority: 0
Service Account: default
Node: <node>
Start Time: TIME
Labels: app=story
 tier=front
Annotations: <none>
Status: Running
IP: POD-IP
IPs:
 IP: POD-IP
Containers:
 story:
 Container ID: containerd://ID
 Image: httpd:2.4
 Image ID: docker.io/library/httpd@sha256:DIGEST
 Port: <none>
 Host Port: <none>
 State: Running
 Started: TIME
 Ready: True
 Restart Count: 0
 Environment:
 COLOUR: blue
 Mounts:
 /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-RANDOM (ro)
Conditions:
 Type Status
 PodReadyToStartContainers True
 Initialized True
 Ready True
 ContainersReady True
 PodScheduled True
Volumes:
 kube-api-access-RANDOM:
 Type: Projected (a volume that contains injected data from multiple sources)
 TokenExpirationSeconds: 3607
 ConfigMapName: kube-root-ca.crt
 Optional: false
 DownwardAPI: true
QoS Class: BestEffort
Node-Selectors: <none>
Tolerations: node.kubernetes.io/not-ready:NoExecute op=Exists for AGE
 node.kubernetes.io/unreachable:NoExecute op=Exists for AGE
Events:
 Type Reason Age From Message
 ---- ------ ---- ---- -------
 Normal Scheduled AGE default-scheduler Successfully assigned default/story to <node>
 Normal Pulling AGE kubelet spec.containers{story}: Pulling image "httpd:2.4"
 Normal Pulled AGE kubelet spec.containers{story}: Successfully pulled image "httpd:2.4" in <duration>.
 Normal Created AGE kubelet spec.containers{story}: Container created
 Normal Started AGE kubelet spec.containers{story}: Container started
`);
	});

	it("creates jobs and cron jobs", async () => {
		expect(await run("create job hello --image=busybox -- echo hi")).toBe("job.batch/hello created\n");
		expect(await run(["create", "cronjob", "tick", "--image=busybox", "--schedule=*/5 * * * *", "--", "date"])).toBe(
			"cronjob.batch/tick created\n",
		);
		expect(await run("create job manual --from=cronjob/tick")).toBe("job.batch/manual created\n");
		expect(await run(["get", "job", "manual", "-o", "jsonpath={.metadata.ownerReferences[0].kind}/{.metadata.annotations}"])).toBe(
			'CronJob/{"cronjob.kubernetes.io/instantiate":"manual"}',
		);
		expect(await fail(["create", "cronjob", "bad", "--image=busybox", "--schedule=*/5 * * *"])).toBe(
			'error: failed to create cronjob: CronJob.batch "bad" is invalid: spec.schedule: Invalid value: "*/5 * * *": expected exactly 5 fields, found 4: [*/5 * * *]\n',
		);
		expect(maskedText(await run("get cronjob tick"))).toBe(
			"NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE\ntick */5 * * * * <none> False 0 <none> AGE\n",
		);
		expect(await describeOf("job hello")).toContain(`Name: hello
Namespace: default
Selector: batch.kubernetes.io/controller-uid=UID
Labels: batch.kubernetes.io/controller-uid=UID
 batch.kubernetes.io/job-name=hello
 controller-uid=UID
 job-name=hello
Annotations: <none>
Parallelism: 1
Completions: 1
Completion Mode: NonIndexed
Suspend: false
Backoff Limit: 6
`);
	});

	it("runs a pod, with a service or as a dry run", async () => {
		expect(await run("run once --image=busybox --restart=Never -- echo hi")).toBe("pod/once created\n");
		expect(await run("run front --image=nginx --port=80 --expose")).toBe("service/front created\npod/front created\n");
		await run(["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/once", "--timeout=20s"]);
		expect(await run("logs once")).toBe("hi\n");
		expect(await fail("run once --image=busybox")).toBe('Error from server (AlreadyExists): pods "once" already exists\n');
		expect(await run("run draft --image=nginx --dry-run=client -o yaml")).toBe(`apiVersion: v1
kind: Pod
metadata:
  labels:
    run: draft
  name: draft
spec:
  containers:
  - image: nginx
    name: draft
    resources: {}
  dnsPolicy: ClusterFirst
  restartPolicy: Always
status: {}
`);
	});

	it("fills in every default in a dry run on the server, and stores nothing", async () => {
		const text = maskedText(await run("create deployment dry --image=nginx:1.27 --dry-run=server -o yaml"));
		expect(text).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
 creationTimestamp: "TIME"
 generation: 1
 labels:
 app: dry
 name: dry
 namespace: default
 uid: UID
spec:
 progressDeadlineSeconds: 600
 replicas: 1
 revisionHistoryLimit: 10
 selector:
 matchLabels:
 app: dry
 strategy:
 rollingUpdate:
 maxSurge: 25%
 maxUnavailable: 25%
 type: RollingUpdate
 template:
 metadata:
 labels:
 app: dry
 spec:
 containers:
 - image: nginx:1.27
 imagePullPolicy: IfNotPresent
 name: nginx
 resources: {}
 terminationMessagePath: /dev/termination-log
 terminationMessagePolicy: File
 dnsPolicy: ClusterFirst
 restartPolicy: Always
 schedulerName: default-scheduler
 securityContext: {}
 terminationGracePeriodSeconds: 30
status: {}
`);
		expect(await fail("get deployment dry")).toBe('Error from server (NotFound): deployments.apps "dry" not found\n');
	});
});

describe("configuration", () => {
	it("makes config maps of literals, files and env files", async () => {
		const greeting = file("greeting.txt", "hello\nworld\n");
		const env = file("app.env", "# a comment\nCOLOUR=blue\nSIZE=5\n");
		await run("create configmap literal --from-literal=a=1 --from-literal=b=two");
		await run(`create configmap files --from-file=${greeting} --from-file=renamed=${env}`);
		await run(`create configmap from-env --from-env-file=${env}`);
		expect(await run("get configmap literal -o jsonpath={.data}")).toBe('{"a":"1","b":"two"}');
		expect(await run("get configmap from-env -o jsonpath={.data}")).toBe('{"COLOUR":"blue","SIZE":"5"}');
		expect(await describeOf("configmap files")).toBe(`Name: files
Namespace: default
Labels: <none>
Annotations: <none>

Data
====
greeting.txt:
----
hello
world


renamed:
----
# a comment
COLOUR=blue
SIZE=5



BinaryData
====

Events: <none>
`);
		expect(await fail("create configmap literal")).toBe('error: failed to create configmap: configmaps "literal" already exists\n');
	});

	it("makes secrets of each type and hides what is in them", async () => {
		const key = join(test.directory, "tls.key");
		const crt = join(test.directory, "tls.crt");
		const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-days", "30"];
		execFileSync("openssl", [...request, "-keyout", key, "-out", crt], { stdio: "ignore" });
		await run("create secret generic plain --from-literal=password=hunter2");
		await run(`create secret tls cert --cert=${crt} --key=${key}`);
		await run("create secret docker-registry pull --docker-server=r.example.com --docker-username=u --docker-password=p");
		expect(maskedText(await run("get secrets plain cert pull"))).toBe(`NAME TYPE DATA AGE
plain Opaque 1 AGE
cert kubernetes.io/tls 2 AGE
pull kubernetes.io/dockerconfigjson 1 AGE
`);
		expect(await describeOf("secret plain")).toBe(`Name: plain
Namespace: default
Labels: <none>
Annotations: <none>

Type: Opaque

Data
====
password: 7 bytes
`);
		expect(await run("get secret plain -o jsonpath={.data.password}")).toBe(Buffer.from("hunter2").toString("base64"));
		expect(await fail("create secret generic bad --type=kubernetes.io/tls --from-literal=a=b")).toBe(
			'error: failed to create secret Secret "bad" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]\n',
		);
	});

	it("creates namespaces with their own service account and root certificate", async () => {
		expect(await run("create namespace team")).toBe("namespace/team created\n");
		await run("wait --for=create serviceaccount/default configmap/kube-root-ca.crt -n team --timeout=10s");
		expect(await describeOf("namespace team")).toBe(`Name: team
Labels: kubernetes.io/metadata.name=team
Annotations: <none>
Status: Active

No resource quota.

No LimitRange resource.
`);
		expect(await fail("create namespace A_b")).toBe(
			"The Namespace \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n",
		);
	});

	it("creates service accounts and tokens for them", async () => {
		await run("create serviceaccount bot");
		expect(await describeOf("serviceaccount bot")).toBe(
			"Name: bot\nNamespace: default\nLabels: <none>\nAnnotations: <none>\nImage pull secrets: <none>\nEvents: <none>\n",
		);
		const [, payload = ""] = (await run("create token bot --duration=1h")).split(".");
		expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({ sub: "system:serviceaccount:default:bot" });
		expect(await fail("create token nobody")).toBe('error: failed to create token: serviceaccounts "nobody" not found\n');
		expect(await fail("create token bot --duration=1m")).toBe(
			'error: failed to create token: TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes\n',
		);
	});

	it("creates a quota", async () => {
		await run("create quota small --hard=pods=5,cpu=2");
		expect(await run("get quota small -o jsonpath={.spec.hard}")).toBe('{"cpu":"2","pods":"5"}');
		expect(await fail("create quota bad --hard=pods=-1")).toBe(
			'error: failed to create quota: ResourceQuota "bad" is invalid: spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0\n',
		);
		// What else is created here says nothing of its needs.
		await run("delete quota small");
	});

	it("creates a disruption budget and a priority class", async () => {
		await run("create pdb keep --selector=app=web --min-available=1");
		expect(await describeOf("pdb keep")).toContain("Name: keep\nNamespace: default\nMin available: 1\nSelector: app=web\nStatus:\n");
		await run(["create", "priorityclass", "high", "--value=1000", "--description=matters"]);
		expect(await describeOf("priorityclass high")).toBe(
			"Name: high\nValue: 1000\nGlobalDefault: false\nPreemptionPolicy: PreemptLowerPriority\nDescription: matters\nAnnotations: <none>\nEvents: <none>\n",
		);
		await run('run important --image=nginx --overrides={"spec":{"priorityClassName":"high"}}');
		expect(await run("get pod important -o jsonpath={.spec.priority}")).toBe("1000");
		expect(await fail('run lost --image=nginx --overrides={"spec":{"priorityClassName":"none"}}')).toBe(
			'Error from server (Forbidden): pods "lost" is forbidden: no PriorityClass with name none was found\n',
		);
	});
});

describe("RBAC", () => {
	it("creates roles and bindings", async () => {
		await run("create role reader --verb=get,list --resource=pods,deployments.apps");
		await run("create rolebinding readers --role=reader --serviceaccount=default:default --user=jane");
		await run("create clusterrole metrics --verb=get --resource=nodes --non-resource-url=/metrics");
		await run("create clusterrolebinding scrapers --clusterrole=metrics --group=monitoring");
		expect(await describeOf("role reader")).toBe(`Name: reader
Labels: <none>
Annotations: <none>
PolicyRule:
 Resources Non-Resource URLs Resource Names Verbs
 --------- ----------------- -------------- -----
 pods [] [] [get list]
 deployments.apps [] [] [get list]
`);
		expect(await describeOf("rolebinding readers")).toBe(`Name: readers
Labels: <none>
Annotations: <none>
Role:
 Kind: Role
 Name: reader
Subjects:
 Kind Name Namespace
 ---- ---- ---------
 User jane
 ServiceAccount default default
`);
		expect(await describeOf("clusterrole metrics")).toContain("[/metrics] [] [get]\n nodes [] [] [get]\n");
		expect(await describeOf("clusterrolebinding scrapers")).toContain(" Group monitoring\n");
		expect(await fail("create clusterrole metrics --verb=get --resource=nodes")).toBe(
			'Error from server (AlreadyExists): clusterroles.rbac.authorization.k8s.io "metrics" already exists\n',
		);
	});
});

describe("services", () => {
	it("creates each type", async () => {
		await run("create service clusterip inside --tcp=80:8080 --clusterip=10.96.0.50");
		await run("create service nodeport outside --tcp=80:8080 --node-port=30080");
		await run("create service externalname elsewhere --external-name=example.com");
		await run("create service clusterip headless --tcp=80 --clusterip=None");
		await run("create service loadbalancer cloud --tcp=80");
		expect(
			maskedText(await run("get service inside outside elsewhere headless cloud")).replace(/80:3\d{4}(?=\/TCP AGE\n$)/, "80:<port>"),
		).toBe(
			`NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE
inside ClusterIP CLUSTER-IP <none> 80/TCP AGE
outside NodePort CLUSTER-IP <none> 80:30080/TCP AGE
elsewhere ExternalName <none> example.com <none> AGE
headless ClusterIP None <none> 80/TCP AGE
cloud LoadBalancer CLUSTER-IP <pending> 80:<port>/TCP AGE
`,
		);
	});

	it("refuses addresses and ports that are taken or out of range", async () => {
		expect(await fail("create service nodeport second --tcp=80 --node-port=30080")).toBe(
			'error: failed to create NodePort service: Service "second" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated\n',
		);
		expect(await fail("create service nodeport low --tcp=80 --node-port=80")).toBe(
			'error: failed to create NodePort service: Service "low" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767\n',
		);
		expect(await fail("create service clusterip second --tcp=80 --clusterip=10.96.0.50")).toBe(
			'error: failed to create ClusterIP service: Service "second" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.50"]: failed to allocate IP 10.96.0.50: provided IP is already allocated\n',
		);
		expect(await fail("create service clusterip far --tcp=80 --clusterip=10.1.0.50")).toBe(
			'error: failed to create ClusterIP service: Service "far" is invalid: spec.clusterIPs: Invalid value: ["10.1.0.50"]: failed to allocate IP 10.1.0.50: the provided network does not match the current range\n',
		);
		await run("delete service outside inside");
		await run("create service nodeport second --tcp=80 --node-port=30080");
		await run("create service clusterip third --tcp=80 --clusterip=10.96.0.50");
	});

	it("exposes a deployment, a pod and a service", async () => {
		await run("create deployment shop --image=nginx --replicas=2");
		await run("run stall --image=nginx --labels=app=stall");
		expect(await run("expose deployment shop --port=80")).toBe("service/shop exposed\n");
		expect(await run("expose pod stall --port=8080 --target-port=80 --type=NodePort --name=market")).toBe("service/market exposed\n");
		expect(await run("expose service shop --port=81 --target-port=80 --name=shop2")).toBe("service/shop2 exposed\n");
		expect(await fail("expose deployment shop --port=80")).toBe('Error from server (AlreadyExists): services "shop" already exists\n');
		await run("rollout status deployment/shop --timeout=20s");
		await run(["wait", "--for=jsonpath={.subsets[0].addresses[1].ip}", "endpoints/shop", "--timeout=10s"]);
		expect(await describeOf("service shop")).toBe(`Name: shop
Namespace: default
Labels: app=shop
Annotations: <none>
Selector: app=shop
Type: ClusterIP
IP Family Policy: SingleStack
IP Families: IPv4
IP: CLUSTER-IP
IPs: CLUSTER-IP
Port: <unset> 80/TCP
TargetPort: 80/TCP
Endpoints: POD-IP:80,POD-IP:80
Session Affinity: None
Internal Traffic Policy: Cluster
Events: <none>
`);
		expect(maskedText(await run("get endpoints shop"))).toContain("shop POD-IP:80,POD-IP:80 AGE\n");
		await run("create ingress door --class=nginx --rule=shop.example.com/=shop:80,tls=cert --annotation=a=b");
		expect(await describeOf("ingress door")).toBe(`Name: door
Labels: <none>
Namespace: default
Address:
Ingress Class: nginx
Default backend: <default>
TLS:
 cert terminates shop.example.com
Rules:
 Host Path Backends
 ---- ---- --------
 shop.example.com
 / shop:80 (POD-IP:80,POD-IP:80)
Annotations: a: b
Events: <none>
`);
	});
});

describe("create -f", () => {
	const generated = "apiVersion: v1\nkind: ConfigMap\nmetadata: { generateName: gen- }\n";

	it("creates what a file, a directory or stdin says, once", async () => {
		const path = file(
			"pair.yaml",
			"apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: one } }\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: two } }\n",
		);
		expect(await run(`create -f ${path}`)).toBe("configmap/one created\nconfigmap/two created\n");
		expect(await fail(`create -f ${path}`)).toBe(
			`Error from server (AlreadyExists): error when creating "${path}": configmaps "one" already exists\n` +
				`Error from server (AlreadyExists): error when creating "${path}": configmaps "two" already exists\n`,
		);
		const json = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "three" }, data: { a: "b" } });
		expect(await run("create -f -", json)).toBe("configmap/three created\n");
	});

	it("generates names", async () => {
		expect(await run("create -f -", generated)).toMatch(/^configmap\/gen-[bcdfghjklmnpqrstvwxz2456789]{5} created\n$/);
		expect(await fail("apply -f -", generated)).toBe("error: from gen-: cannot use generate name with apply\n");
	});

	it("says what is wrong with a manifest, and takes it without the check", async () => {
		const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd, lables: { a: b } }\ndaat: {}\n";
		expect(await fail("create -f -", text)).toBe(
			'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "daat", unknown field "metadata.lables"\n',
		);
		const warned = await test.kubectl.try(["create", "-f", "-", "--validate=warn"], text);
		expect(warned).toEqual({
			stdout: "configmap/odd created\n",
			stderr: 'Warning: unknown field "daat"\nWarning: unknown field "metadata.lables"\n',
			exitCode: 0,
		});
		expect(await fail("create -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { n: 5 }\n")).toBe(
			'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string\n',
		);
		expect(await fail("create -f -", "apiVersion: v1\nkind: Foo\nmetadata: { name: x }\n")).toBe(
			'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Foo" in version "v1"\nensure CRDs are installed first\n',
		);
		expect(await fail("create -n nowhere -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n")).toBe(
			'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n',
		);
	});
});

describe("nodes", () => {
	it("describes a node down to its pods", async () => {
		const text = (await describeOf("node node-3"))
			.replaceAll(/[0-9a-f]{32}/g, "ID")
			.replace(/172\.18\.0\.\d+/, "NODE-IP")
			.replace(/v1\.36\.\d+/, "v1.36.N");
		const [head = "", rest = ""] = text.split("Non-terminated Pods:");
		expect(head).toBe(`Name: node-3
Roles: <none>
Labels: beta.kubernetes.io/arch=amd64
 beta.kubernetes.io/os=linux
 kubernetes.io/arch=amd64
 kubernetes.io/hostname=node-3
 kubernetes.io/os=linux
Annotations: volumes.kubernetes.io/controller-managed-attach-detach: true
CreationTimestamp: TIME
Taints: <none>
Unschedulable: false
Lease:
 HolderIdentity: node-3
 AcquireTime: <unset>
 RenewTime: TIME
Conditions:
 Type Status LastHeartbeatTime LastTransitionTime Reason Message
 ---- ------ ----------------- ------------------ ------ -------
 MemoryPressure False TIME TIME KubeletHasSufficientMemory kubelet has sufficient memory available
 DiskPressure False TIME TIME KubeletHasNoDiskPressure kubelet has no disk pressure
 PIDPressure False TIME TIME KubeletHasSufficientPID kubelet has sufficient PID available
 Ready True TIME TIME KubeletReady kubelet is posting ready status
Addresses:
 InternalIP: NODE-IP
 Hostname: node-3
Capacity:
 cpu: 4
 ephemeral-storage: 100Gi
 hugepages-1Gi: 0
 hugepages-2Mi: 0
 memory: 8Gi
 pods: 110
Allocatable:
 cpu: 4
 ephemeral-storage: 100Gi
 hugepages-1Gi: 0
 hugepages-2Mi: 0
 memory: 8Gi
 pods: 110
System Info:
 Machine ID: ID
 System UUID: UID
 Boot ID: UID
 Kernel Version: 6.12.41+deb13-amd64
 OS Image: Debian GNU/Linux 13 (trixie)
 Operating System: linux
 Architecture: amd64
 Container Runtime Version: containerd://2.1.4
 Kubelet Version: v1.36.N
 Kube-Proxy Version:
PodCIDR: POD-IP/24
PodCIDRs: POD-IP/24
`);
		expect(rest).toContain(" (Total limits may be over 100 percent, i.e., overcommitted.)\n");
	});
});
