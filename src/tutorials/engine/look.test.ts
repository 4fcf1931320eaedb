import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Cluster } from "../../cluster/index.ts";
import { openLocalGroup } from "../../store/index.ts";
import { type Lookout, parseLook, see } from "./look.ts";

test("what is looked at is written as kubectl get takes it", () => {
	const usual = { name: undefined, namespace: undefined, isEverywhere: false, labelSelector: undefined };
	expect(parseLook("nodes")).toEqual({ ...usual, text: "nodes", kind: "nodes" });
	expect(parseLook("pods web -n shop")).toEqual({ ...usual, text: "pods web -n shop", kind: "pods", name: "web", namespace: "shop" });
	expect(parseLook("events -A")).toMatchObject({ kind: "events", isEverywhere: true });
	expect(parseLook("pods -l app=web,tier!=db")).toMatchObject({ kind: "pods", labelSelector: "app=web,tier!=db" });
});

test.each([
	["", "it names no kind"],
	["-n shop", "it names no kind"],
	["pods a b", "it names more than one object"],
	["store control-plane", "store stands alone: it is the list of its members"],
	["pods -n", "nothing follows -n"],
	["pods -o yaml", "there is no -o here, only -n NAMESPACE, -A and -l SELECTOR"],
])("%j is none", (text, message) => {
	expect(() => parseLook(text)).toThrow(message);
});

test("the members of the store are there as kubesim store status has them, with what is wrong with their links", async () => {
	const clock = new VirtualClock();
	const group = await openLocalGroup({ clock, members: 3, random: new SeededRandom("look") });
	const cluster: Pick<Cluster, "ownStore" | "storeGroup"> = { ownStore: group.store, storeGroup: group };
	const members = () => see(parseLook("store"), { cluster: cluster as Cluster } as Lookout);
	await clock.advance(1000);
	expect(await members()).toMatchObject([
		{ name: "control-plane", state: "leader", term: 2, revision: 1, faults: [] },
		{ name: "control-plane-2", state: "follower", term: 2, revision: 1, faults: [] },
		{ name: "control-plane-3", state: "follower", term: 2, revision: 1, faults: [] },
	]);
	group.isolateMember("control-plane-3");
	group.setLink("control-plane-2", "control-plane", { isCut: true });
	await clock.advance(3000);
	expect(await members()).toMatchObject([
		{ name: "control-plane", faults: [] },
		{ name: "control-plane-2", faults: ["control-plane-2 > control-plane: cut"] },
		{ name: "control-plane-3", state: "candidate", term: 2, faults: ["control-plane-3: isolated"] },
	]);
	const stopped = group.stopMember("control-plane-3");
	await clock.advance(3000);
	await stopped;
	expect(await members()).toMatchObject([{}, {}, { state: "stopped", term: 0, index: 0, applied: 0, revision: 0 }]);
	const closed = group.store.close();
	await clock.advance(3000);
	await closed;
});
