import { expect, test } from "vitest";
import { Timeline } from "./timeline.ts";

const configMaps = { group: "", kind: "ConfigMap", resource: "configmaps" };
const place = { group: "", version: "v1", resource: "configmaps", namespace: "default" };
const user = { name: "jane", groups: [] };

function mapOf(name: string, revision: number) {
	return { metadata: { namespace: "default", name, resourceVersion: String(revision) } };
}

test("a change belongs to the request that made it, unless that would have been answered long since", () => {
	let nowMs = 0;
	const timeline = new Timeline(() => nowMs);
	const change = (revision: number, name: string) =>
		timeline.changed(configMaps, { revision, type: "DELETED", object: mapOf(name, revision), previous: undefined });
	const deleted = (name: string) => timeline.carriedOut(user, { ...place, verb: "delete", name }, { kind: "Status", metadata: {} });
	change(2, "a");
	deleted("a");
	// Its lease ended: nobody asked for it.
	change(3, "b");
	nowMs += 60_001;
	change(4, "c");
	deleted("b");
	deleted("c");
	expect(timeline.entries.map(({ name, actor }) => [name, actor])).toEqual([
		["a", "jane"],
		["b", undefined],
		["c", "jane"],
	]);
});

test("who reacts and is answered first has not made what he reacted to", () => {
	const timeline = new Timeline(() => 0);
	const change = (revision: number) =>
		timeline.changed(configMaps, { revision, type: "MODIFIED", object: mapOf("a", revision), previous: undefined });
	const answered = (name: string, revision: number) =>
		timeline.carriedOut(
			{ name, groups: [] },
			{ ...place, verb: "patch", name: "a", patchType: "application/merge-patch+json", body: {} },
			mapOf("a", revision),
		);
	change(2);
	change(3);
	answered("joe", 3);
	answered("jane", 2);
	expect(timeline.entries.map(({ revision, actor }) => [revision, actor])).toEqual([
		[2, "jane"],
		[3, "joe"],
	]);
});
