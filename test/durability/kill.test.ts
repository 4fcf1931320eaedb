/**
 * kill -9 of the server at any moment, then `kubesim start`: what was acknowledged over HTTPS is there, exactly; what
 * was not may be there or not, but whole; revisions only grow; a watch goes on from where it was, without a gap.
 */
import { afterAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { ConfigMap } from "../../src/apimachinery/schema/generated/types.ts";
import { Client, HttpTransport, loadKubeconfig, resources } from "../../src/client/index.ts";
import { KubesimHome, kill } from "../tools/kubesim.ts";
import { History } from "./history.ts";
import { WatchLog } from "./watch-log.ts";
import { Writer } from "./writer.ts";

const rounds = 6;
const writers = 8;
/** Names a writer chooses from: few, so that objects are changed, deleted and made again. */
const namesPerWriter = 4;

const home = new KubesimHome();
afterAll(() => home[Symbol.asyncDispose]());

test(`${writers} writers, ${rounds} kills`, async () => {
	const random = new SeededRandom(`kill -9 ${process.env.KUBESIM_SEED ?? "1"}`);
	const history = new History();
	await home.run("start --nodes 1");
	const watchLog = new WatchLog((await connect()).list.metadata?.resourceVersion ?? "");
	for (let round = 0; round < rounds; round++) {
		const { client, transport } = await connect();
		const { pid } = await home.status();
		const abort = new AbortController();
		const watching = watchLog.follow(client);
		const names = (writer: number) => Array.from({ length: namesPerWriter }, (_, index) => `w${writer}-${index}`);
		const writing = Array.from({ length: writers }, (_, writer) =>
			new Writer({ client, history, random: random.fork(`${round}/${writer}`), names: names(writer) }).run(abort.signal),
		);
		await history.afterAcknowledged(1 + random.int(400));
		kill(pid);
		abort.abort();
		await Promise.all([...writing, watching]);
		transport.close();

		await home.run("start");
		const after = await connect();
		history.check(after.list.items);
		expect(Number(after.list.metadata?.resourceVersion)).toBeGreaterThanOrEqual(history.newestRevision);
		await watchLog.catchUp(after.client, after.list.metadata?.resourceVersion ?? "");
		watchLog.check(after.list.items);
		history.adopt(after.list.items);
		after.transport.close();
	}
	expect(history.acknowledged).toBeGreaterThan(rounds);
	// Every acknowledged change was seen by the watch, once, across all crashes.
	for (const revision of history.acknowledgedRevisions) expect(watchLog.revisions.has(revision)).toBe(true);
}, 120_000);

async function connect() {
	const transport = new HttpTransport(loadKubeconfig(home.kubeconfig));
	const client = new Client(transport);
	const list = await client.resource(resources.configMaps).list("default", { labelSelector: "test=durability" });
	return {
		transport,
		client,
		list: list as { readonly metadata?: { readonly resourceVersion?: string }; readonly items: readonly ConfigMap[] },
	};
}
