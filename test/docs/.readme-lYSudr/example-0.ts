import { type api, createCluster } from "kubesim";

await using cluster = await createCluster({ clock: "virtual", seed: 42, nodes: 5 });

await cluster.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "nginx:1.27" }] }
`);
const isReady = async () => (await cluster.get<api.Deployment>("deployment", "web")).status?.readyReplicas === 3;
await cluster.runUntil(isReady, { within: "2m" }); // of the cluster's time: a moment of yours
await cluster.advance("24h");

const { entries } = cluster.timeline; // every change: when, by whom, before and after
console.log(entries.some(({ kind, actor }) => kind === "Pod" && actor === "system:kube-scheduler")); // true
