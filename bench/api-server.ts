/** The server of bench/api.ts: a cluster without nodes. */
import { createCluster } from "../src/cluster/index.ts";
import { report } from "./reported-server.ts";

const [, , dataDir = ""] = process.argv;
const cluster = await createCluster({ dataDir, nodes: 0 });
const { port } = await cluster.listen();
report({ port, credentials: cluster.adminCredentials() });
