/** A store with its etcd API as a process: `node bench/etcd-server.ts DIRECTORY PORT`. */
import { WallClock } from "../src/apimachinery/clock/wall-clock.ts";
import { serveEtcdApi } from "../src/store/etcd-api/index.ts";
import { openLevelStore } from "../src/store/index.ts";

const [directory = "", port = ""] = process.argv.slice(2);
const clock = new WallClock();
const store = await openLevelStore({ directory, clock });
await serveEtcdApi({ store, clock, port: Number(port) });
