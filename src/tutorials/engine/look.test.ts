import { expect, test } from "vitest";
import { parseLook } from "./look.ts";

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
